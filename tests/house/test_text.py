"""The repository speaks of itself alone, and its documents lead somewhere."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from tests.house.checkout import ROOT, committed_texts

# Written apart, so that this file does not name them either.
FOREIGN = re.compile(
    "|".join(
        re.escape("".join(parts))
        for parts in (
            ("pypi", ".org"),
            ("python", "hosted.org"),
            ("npm", "js.org"),
            ("npm", "js.com"),
            ("deb.", "debian.org"),
            ("security.", "debian.org"),
            ("docker", ".io/"),
            ("/wo", "rk/"),
            ("/tm", "p/kin"),
            ("/ro", "ot/"),
            ("/opt/", "wheels"),
        )
    ),
    re.IGNORECASE,
)
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def test_no_text_names_a_registry_or_a_path_of_some_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in committed_texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (match := FOREIGN.search(line))
    ]
    assert not found, "\n".join(found)


def test_no_lock_file_with_addresses_is_committed() -> None:
    locks = {"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "uv.lock", "poetry.lock"}
    assert not [path for path in committed_texts() if path.name in locks]


def test_every_requirement_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert len(pins) > 40
    assert not [line for line in pins if not re.match(r"[a-z0-9][a-z0-9.-]*==\S+( ;.*)?$", line)]


def documents() -> list[Path]:
    return [path for path in committed_texts() if path.suffix == ".md"]


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = [link for link in LINK.findall(text) if "://" not in link and not leads_somewhere(document, link)]
    assert not broken, f"{document.relative_to(ROOT)} links to {broken}"


def leads_somewhere(document: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    if not target.exists():
        return False
    if not anchor or target.suffix != ".md":
        return True
    return anchor in {slug(each) for each in HEADING.findall(target.read_text(encoding="utf-8"))}


def slug(heading: str) -> str:
    """As forges make anchors of headings: lower case, hyphens for spaces, no other punctuation."""
    kept = string.ascii_lowercase + string.digits + "-_ "
    return "".join(each for each in heading.lower() if each in kept).replace(" ", "-")
