"""What people see: the page and the PDF of it, with names as bad as names get, in both languages."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader

from gateway.policy.decision import Medium
from gateway.reports.charts import charts_of
from gateway.reports.making import Form, read_report, report_as, statement_as
from gateway.reports.names import Names
from gateway.reports.pages import pdf_of, statement_page
from gateway.reports.period import month
from gateway.reports.report import Kind
from gateway.reports.vocabulary import VOCABULARY
from gateway.reports.words import Language, Words
from gateway.store import AccountKind
from tests.billing.stage import usd
from tests.reports.stage import AFTERWARDS, CHICAGO, Books, books_on, local
from tests.reports.test_reports_add_up import HOURS

MINUS = "\N{MINUS SIGN}"
HOSTILE = '<script>alert("1")</script>'
ARABIC = "محمد"
NAMES = Names(
    facilities={"north": f'North "<b>Jail</b>" {HOSTILE}'},
    stations={("north", "3101"): "Pod {{ 7 * 7 }} $\\frac{1}{0}$ ' onload='x"},
    owners_of={"family-1": ("Ada " + "Featherstonehaugh-" * 12, ARABIC, '<img src="http://x.example/a.png">')},
)


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    async with books_on() as books:
        await books.open()
        await books.deposit(local(1, 9), "20.00")
        yield books


class Seen(HTMLParser):
    """The elements of a page and the text that is shown of it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self._text: list[str] = []
        self._style = False
        self.feed(page)
        self.text = re.sub(r"[\s\xa0]+", " ", "".join(self._text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._style = tag == "style"
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "onload", "style")]

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self._text.append(data)


def text_of(pdf: bytes) -> str:
    return re.sub(r"[\s\xa0]+", " ", " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


async def test_a_statement_is_read_from_the_paper_as_from_the_page(books: Books) -> None:
    visit = await books.visit(local(6, 14, 15), 372, unusable_s=12)
    await books.credit(local(7), visit, "0.20")
    page = statement_page(await books.statement(), Names(facilities={"north": "North Jail"}), Language.EN)
    for text in (Seen(page).text, text_of(pdf_of(page))):
        for words in (
            "October 2026", "Your balance at the end of the month", "$19.21", "Money you put in", "+$20.00",
            "Tue, Oct 6", "2:15 PM CDT", "North Jail", "Lasted 6 min 27 s, counted 6 min 12 s", "you hung up",
            "3 s waiting for the connection; 12 s sound or picture was missing", "6 min 12 s of time $0.99",
            "$0.20 given back this month", "Given back for the visit of Tue, Oct 6",
            "most of the visit could not be seen or heard",
        ):  # fmt: skip
            assert words in text, f"{words!r} in {text}"


async def test_a_spanish_statement_is_spanish(books: Books) -> None:
    await books.visit(local(6, 14, 15), 372)
    text = Seen(statement_page(await books.statement(), Names(), Language.ES)).text
    for words in ("Octubre de 2026", "Su saldo al final del mes", "mar 6 oct", "2:15 p. m.", "usted colgó", "$19.01"):
        assert words in text
    english = {both[0] for both in VOCABULARY.values() if len(both[0]) > 12 and "{" not in both[0]}
    assert not [each for each in english if each in text]


async def test_whoever_did_not_hang_up_is_not_told_so(books: Books) -> None:
    await books.open("resident-7", AccountKind.DEBIT)
    await books.deposit(local(2), "5.00", "resident-7")
    await books.visit(local(3), 60, account="resident-7", contact="family-1")
    text = Seen(statement_page(await books.statement(account="resident-7"), Names(), Language.EN)).text
    assert "family hung up" in text
    assert "you hung up" not in text


async def test_a_name_that_looks_like_markup_is_a_name(books: Books) -> None:
    visit = await books.visit(local(6), 60)
    await books.credit(local(7), visit, "0.01", reason=f"{HOSTILE}\u202e{ARABIC}")
    page = statement_page(await books.statement(), NAMES, Language.EN)
    seen = Seen(page)
    assert not seen.tags & {"script", "img", "b", "iframe", "a", "link"}
    assert seen.addresses == []
    assert HOSTILE in seen.text
    assert "Pod {{ 7 * 7 }}" in seen.text
    assert ARABIC in seen.text
    assert "Featherstonehaugh" in text_of(pdf_of(page))


async def test_no_address_is_visited_to_set_a_page(tmp_path: Path) -> None:
    """Even a page that asks for it: a PDF is made of our fonts and charts and of nothing else."""
    secret = tmp_path / "secret.txt"
    secret.write_text("from the disk")
    page = f'<p>hello</p><img src="{secret.as_uri()}" alt="no picture"><link rel=attachment href="{secret.as_uri()}">'
    reader = PdfReader(io.BytesIO(pdf_of(page)))
    assert "hello" in reader.pages[0].extract_text()
    assert not reader.attachments


async def test_many_visits_go_over_pages_with_their_heads_and_numbers(books: Books) -> None:
    await books.deposit(local(1, 10), "50.00")
    for day in range(2, 32):
        await books.visit(local(day, 18), 61)
    reader = PdfReader(io.BytesIO(statement_as(await books.statement(), Form.PDF, Names(), Language.EN)))
    pages = [re.sub(r"[\s\xa0]+", " ", page.extract_text()) for page in reader.pages]
    assert len(pages) >= 3
    for number, text in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in text
        assert "When" in text or number == len(pages)
    assert sum(text.count("Video visit") for text in pages) == 30


async def test_amounts_in_parts_of_a_cent_come_with_a_note(books: Books) -> None:
    whole = Seen(statement_page(await books.statement(), Names(), Language.EN)).text
    await books.visit(local(2), 100)
    parts = Seen(statement_page(await books.statement(), Names(), Language.EN)).text
    assert "exact to a millionth" not in whole
    assert "began with 0.00 USD and ended with 19.733334 USD" in parts


async def test_an_empty_month_says_so(books: Books) -> None:
    page = statement_page(await books.statement("2026-11"), Names(), Language.EN)
    assert "There were no visits in this month." in Seen(page).text
    assert "No money moved in this month." in text_of(pdf_of(page))


async def test_a_report_has_its_charts_and_hostile_words_stay_words(books: Books) -> None:
    await books.visit(local(2), 300, trunk=f"$\\frac{{1}}{{0}}$ {HOSTILE}", facility=f"{HOSTILE} {ARABIC} $x^2$")
    await books.visit(local(3), 300, tariff="county-audio", medium=Medium.AUDIO)
    await books.attempt(local(4), HOURS)
    report = await read_report(books.store, Kind.CARRIER, "", month("2026-10", CHICAGO), AFTERWARDS)
    charts = charts_of(report, Words(Language.EN))
    assert [each.name for each in charts] == [
        "hours", "days", "money-USD", "facilities", "refusals", "reasons", "quality",
    ]  # fmt: skip
    for each in charts:
        tags = {element.tag.partition("}")[2] for element in ElementTree.fromstring(each.svg).iter()}
        assert "script" not in tags
        assert len(each.svg) < 200_000
    page = report_as(report, Form.HTML, NAMES, Language.EN).decode()
    seen = Seen(page)
    assert "script" not in seen.tags
    assert HOSTILE in seen.text
    assert {each.partition(",")[0] for each in seen.addresses} == {"data:image/svg+xml;base64"}
    assert "busiest: Fri at 18:00, 1 visits" in page
    assert "outside the hours: 1" in page


async def test_a_report_of_nothing_has_no_empty_charts(books: Books) -> None:
    report = await read_report(books.store, Kind.FACILITY, "empty", month("2026-10", CHICAGO), AFTERWARDS)
    assert charts_of(report, Words(Language.EN)) == ()
    assert "no visit and no attempt" in Seen(report_as(report, Form.HTML, Names(), Language.EN).decode()).text


def test_every_word_is_there_in_both_languages_with_the_same_gaps() -> None:
    for key, (english, spanish) in VOCABULARY.items():
        assert english, key
        assert spanish, key
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", spanish)), key


def test_every_reason_and_refusal_has_its_words() -> None:
    from gateway.billing.rating import LineKind
    from gateway.call.termination import Reason
    from gateway.policy.decision import Refusal
    from gateway.store import MovementKind

    wanted = {f"reason.{each}" for each in Reason} | {f"ended.{each}" for each in Reason}
    wanted |= {f"rule.{each}" for each in Refusal} | {f"line.{each}" for each in LineKind}
    wanted |= {f"entry.{each}" for each in MovementKind}
    assert not {each for each in wanted if each not in VOCABULARY}


@pytest.mark.parametrize(
    ("amount", "shown", "signed"),
    [
        ("2.72", "$2.72", "+$2.72"), ("-2.72", MINUS + "$2.72", MINUS + "$2.72"), ("0", "$0.00", "$0.00"),
        ("1234567.891", "$1,234,567.89", "+$1,234,567.89"), ("0.005", "$0.00", "$0.00"), ("0.015", "$0.02", "+$0.02"),
        ("-0.001", "$0.00", "$0.00"),
    ],
)  # fmt: skip
def test_amounts_as_people_read_them(amount: str, shown: str, signed: str) -> None:
    w = Words(Language.EN)
    assert (w.money(usd(amount)), w.signed(usd(amount))) == (shown, signed)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (725, "12 min 5 s"), (3720, "1 h 2 min")]
)
def test_lengths_as_people_read_them(seconds: int, shown: str) -> None:
    assert Words(Language.ES).length(seconds).replace("\xa0", " ") == shown
