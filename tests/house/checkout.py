"""The checkout under test: its root, its committed files, and how a checker is run in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NOT_TEXT = {".png", ".jpg", ".wav", ".ogg", ".pcap", ".ico", ".webp", ".woff2"}


def committed_texts() -> list[Path]:
    """Every committed text file; in an unpacked archive without git, every file that is not made by a build."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode == 0:
        files = [ROOT / each for each in listing.stdout.decode().split("\0") if each]
    else:
        made = {".venv", "node_modules", "__pycache__", "demo-out", "run-out", "bench-out"}
        files = [each for each in ROOT.rglob("*") if each.is_file() and not made & set(each.parts)]
    return [each for each in files if each.is_file() and each.suffix not in _NOT_TEXT]


def run_checker(name: str, *arguments: str) -> None:
    """Runs a checker of the environment; its complaints are the test's message."""
    command = [str(Path(sys.executable).parent / name), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{name} {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
