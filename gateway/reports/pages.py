"""Pages: HTML by Jinja2, PDF of the same HTML by WeasyPrint. The only file that knows either.

Whatever comes from a record is escaped where it is written, and the PDF may fetch nothing but our own fonts: a name
that looks like markup is a name, and no address in it is ever visited.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gateway.reports.names import Names
from gateway.reports.statement import Line, Statement, VisitItem
from gateway.reports.words import Language, Words

TEMPLATES = Path(__file__).parent / "templates"
_FONTS = files("font_roboto") / "files"
_FACES = (("Regular", 400), ("Medium", 500))


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart. words: what it shows, for whoever cannot see it."""

    name: str
    title: str
    svg: bytes
    words: str

    @property
    def address(self) -> str:
        """As a data address: an image cannot run what is in it."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _style() -> Markup:
    return Markup((TEMPLATES / "paper.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of our own


def statement_page(statement: Statement, names: Names, language: Language) -> str:
    """The statement as one HTML page that needs nothing else."""
    w = Words(language)
    unfinished = statement.made_at < statement.period.until
    count = len(statement.visits)
    said = w.say("statement.visit_count_one") if count == 1 else w.say("statement.visit_count", count=w.count(count))
    return _render(
        "statement.html",
        w=w,
        s=statement,
        month=w.month(statement.period.first).capitalize(),
        names=_NamesOf(names, statement.account_id),
        unfinished=unfinished,
        end_day=statement.made_at.date() if unfinished else statement.period.last,
        visit_count=said,
        ended="reason" if statement.kind == "prepaid" else "ended",  # only a family's own letter says `you hung up`
        line_name=lambda line: _line_name(w, line),
        capped=_has_line_of_cap,
        reason_of=lambda entry: _credit_reason(w, entry.reason),
    )


def report_page(name: str, language: Language, figures: Sequence[Figure], **values: Any) -> str:
    return _render(name, w=Words(language), figures=figures, **values)


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(css=_style(), **values)


@dataclass(frozen=True, slots=True)
class _NamesOf:
    names: Names
    account_id: str

    @property
    def owners(self) -> tuple[str, ...]:
        return self.names.owners(self.account_id)

    def facility(self, facility: str) -> str:
        return self.names.facility(facility)

    def station(self, facility: str, station: str) -> str:
        return self.names.station(facility, station)


def _line_name(w: Words, line: Line) -> str:
    """Taxes and shares by the tariff's own label; a band or a cap by our words and its name."""
    if line.kind in ("tax", "facility_share") and line.label:
        return line.label
    said = w.say(f"line.{line.kind}")
    if line.kind == "credit":
        return f"{said} ({_credit_reason(w, line.label)})" if line.label else said
    return f"{said} ({line.label})" if line.label and line.kind in ("usage", "cap") else said


def _has_line_of_cap(visit: VisitItem) -> bool:
    return any(each.kind == "cap" for each in visit.lines)


def _credit_reason(w: Words, reason: str) -> str:
    """A code of ours in the reader's words; staff's own words as they are."""
    return w.say(f"credit.{reason}") if w.knows(f"credit.{reason}") else reason


def pdf_of(page: str) -> bytes:
    """Letter pages with numbers. It is work for the processor, a second and more: never in the gateway's process."""
    from weasyprint import CSS, HTML  # noqa: PLC0415 - half a second that HTML alone does not need
    from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415 - likewise
    from weasyprint.urls import URLFetcher  # noqa: PLC0415 - likewise

    for noisy in ("weasyprint", "fontTools"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    faces = [(weight, Path(str(_FONTS / f"Roboto-{name}.ttf")).as_uri()) for name, weight in _FACES]
    allowed = {address for _, address in faces}

    class OwnFontsOnly(URLFetcher):  # type: ignore[misc] # WeasyPrint has no types
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url not in allowed and not url.startswith("data:image/svg+xml;base64,"):
                raise ValueError("a statement fetches nothing")
            return super().fetch(url, headers)

    fetcher = OwnFontsOnly()
    fonts = FontConfiguration()
    rules = (f"@font-face {{ font-family: Roboto; font-weight: {weight}; src: url({at}) }}" for weight, at in faces)
    css = CSS(string="".join(rules), font_config=fonts, url_fetcher=fetcher)
    made = HTML(string=page, url_fetcher=fetcher, base_url=None).write_pdf(
        stylesheets=[css], font_config=fonts, pdf_variant=None
    )
    return bytes(made)
