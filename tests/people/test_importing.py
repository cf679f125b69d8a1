"""Files of people: every mistake is told with its line and column, and with one nothing is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.documents import DocumentError
from gateway.ivr.values import PinRight
from gateway.people import Kind, Outcome, PeopleDesk, bring_in
from gateway.policy.people import People, Resident, Standing
from gateway.policy.plan import Contact
from gateway.store import Store
from tests.people.test_desk import MONDAY, QUICK

FACILITIES = {"north": 2, "south": None}
RESIDENTS = '''\
facility,id,name,unit,account,language,active,max_minutes,visits_per_day,visits_per_week,monitored,recorded,pin
north,4711,Sam Inside,B2,sam,es,yes,15,1,3,yes,no,2580
north,0042,"O'Neil, ""Kim""",,,,no,,,,,,
south,4711,\u202eתמר,,,,,,,,,,
'''
CONTACTS = """\
id,name,number,account,telephone,also
ann,"=HYPERLINK(""x"")",5553330001,ann,,bob
bob,Bob,5553330002,bob,+13035550142,
"""
LISTS = "facility,resident,contact,standing\nnorth,4711,ann,approved\nnorth,4711,bob,privileged\n"
NUMBERS = "facility,number,act,reason\nnorth,_1900XXXXXXX,block,premium\n,5553339999,watch,order 7\n"


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[PeopleDesk]:
    async with Store(database_url) as store:
        yield PeopleDesk(store, ManualClock(MONDAY), QUICK)


class Files:
    """A folder of files, brought in one after another."""

    def __init__(self, desk: PeopleDesk, folder: Path) -> None:
        self.desk = desk
        self.folder = folder

    async def bring(self, kind: Kind, text: str | bytes, *, dry_run: bool = False) -> Outcome:
        path = self.folder / f"{kind}.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return await bring_in(self.desk, kind, path, FACILITIES, who="badge-1", dry_run=dry_run)

    async def complaints(self, kind: Kind, text: str | bytes) -> list[str]:
        before = await self.desk.snapshot()
        with pytest.raises(DocumentError) as refused:
            await self.bring(kind, text)
        assert await self.desk.snapshot() == before, "nothing is half done"
        return [str(each).removeprefix(f"{self.folder}/") for each in refused.value.problems]


@pytest.fixture
def files(desk: PeopleDesk, tmp_path: Path) -> Files:
    return Files(desk, tmp_path)


async def test_a_house_is_brought_in(files: Files) -> None:
    assert await files.bring(Kind.RESIDENTS, RESIDENTS) == Outcome(3, 0, 0)
    assert await files.bring(Kind.CONTACTS, CONTACTS) == Outcome(2, 0, 0)
    assert await files.bring(Kind.LISTS, LISTS) == Outcome(2, 0, 0)
    assert await files.bring(Kind.NUMBERS, NUMBERS) == Outcome(2, 0, 0)
    people = await files.desk.snapshot()
    sam = people.residents["north", "4711"]
    assert sam == Resident("4711", "north", "Sam Inside", "B2", "sam", "es", True, 15, 1, 3, True, recorded=False)
    assert people.residents["north", "0042"].name == 'O\'Neil, "Kim"'
    assert not people.residents["north", "0042"].active
    assert people.residents["south", "4711"].monitored
    assert people.contacts["ann"] == Contact("ann", '=HYPERLINK("x")', "5553330001", "ann", also=("bob",))
    assert people.standing(sam, "bob") is Standing.PRIVILEGED
    assert people.barrier("north", "19005550000", watched=False)
    assert people.barrier("south", "5553339999", watched=True)
    assert await files.desk.check_pin("north", "4711", "2580") == PinRight("es", ("5553330001", "5553330002"))


async def test_again_changes_nothing_and_a_change_is_one(files: Files) -> None:
    without_pins = RESIDENTS.replace(",2580", ",")
    for kind, text in ((Kind.RESIDENTS, without_pins), (Kind.CONTACTS, CONTACTS), (Kind.LISTS, LISTS)):
        await files.bring(kind, text)
    people = await files.desk.snapshot()
    assert await files.bring(Kind.RESIDENTS, without_pins) == Outcome(0, 0, 3)
    assert await files.bring(Kind.LISTS, LISTS) == Outcome(0, 0, 2)
    assert await files.desk.snapshot() is people, "no change, so nobody reads anything again"
    assert await files.bring(Kind.RESIDENTS, without_pins.replace("B2", "C1")) == Outcome(0, 1, 2)
    assert await files.bring(Kind.LISTS, LISTS.replace("approved", "none")) == Outcome(0, 1, 1)
    assert (await files.desk.snapshot()).residents["north", "4711"].unit == "C1"


async def test_a_dry_run_says_what_would_be_and_changes_nothing(files: Files) -> None:
    assert await files.bring(Kind.RESIDENTS, RESIDENTS, dry_run=True) == Outcome(3, 0, 0)
    assert await files.desk.snapshot() == People()
    assert await files.bring(Kind.RESIDENTS, RESIDENTS) == Outcome(3, 0, 0)


async def test_every_mistake_has_its_line_and_column(files: Files) -> None:
    text = (
        RESIDENTS.replace("north,0042", "nort,0042").replace(",es,yes,15,", ",fr,maybe,0,")
        + "north,4711,Twin,,,,,,,,,,\nnorth,x1,Bad,,,,,,,,,,\nnorth,5\n"
    )
    assert await files.complaints(Kind.RESIDENTS, text) == [
        "residents.csv:2: language: input should be '', 'en' or 'es'",
        "residents.csv:2: active: input should be a valid boolean, unable to interpret input",
        "residents.csv:2: max_minutes: input should be greater than or equal to 1",
        "residents.csv:3: facility: there is no facility 'nort'; did you mean 'north'?",
        "residents.csv:6: id: should be 1 to 20 digits",
        "residents.csv:7: has 2 cells where the header has 13; quote cells that hold commas",
    ]


async def test_a_row_that_stands_twice_names_the_first(files: Files) -> None:
    (said,) = await files.complaints(Kind.LISTS, LISTS + "north,4711,ann,banned\n")
    assert said == "lists.csv:4: says again what line 2 says; take one away"


async def test_lines_are_counted_through_cells_of_several_lines(files: Files) -> None:
    text = 'id,name,number\nann,"Ann\nOutside",5553330001\n\nbob,Bob,\n'
    (said,) = await files.complaints(Kind.CONTACTS, text)
    assert said.startswith("contacts.csv:5: number:")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "contacts.csv:1: id: this column is missing"),
        ("id,nam,number\n", "contacts.csv:1: nam: there is no column 'nam'; did you mean 'name'?"),
        ("id,name,name,number\n", "contacts.csv:1: name: stands twice in the header"),
        (b"id,name,number\nann,\xff,5\n", "contacts.csv: is not UTF-8"),
        ('id,name,number\nann,"Ann,5\n', "contacts.csv:2: is not CSV"),
        ("id;name;number\n", "there is no column 'id;name;number'"),
    ],
)
async def test_what_is_no_such_file(files: Files, text: str | bytes, says: str) -> None:
    assert any(says in each for each in await files.complaints(Kind.CONTACTS, text))


async def test_a_file_that_is_not_there(desk: PeopleDesk, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        await bring_in(desk, Kind.LISTS, tmp_path / "nowhere.csv", FACILITIES, who="badge-1")


async def test_lists_need_people_who_are_there(files: Files) -> None:
    await files.bring(Kind.RESIDENTS, RESIDENTS)
    assert await files.complaints(Kind.LISTS, LISTS) == [
        "lists.csv:2: there is no contact 'ann'",
        "lists.csv:3: there is no contact 'bob'",
    ]


async def test_a_list_has_a_maximum_and_banned_ones_do_not_count(files: Files) -> None:
    await files.bring(Kind.RESIDENTS, RESIDENTS)
    more = "\n".join(f"c{number},C,555000{number:04}" for number in range(4))
    await files.bring(Kind.CONTACTS, f"id,name,number\n{more}\n")
    full = "facility,resident,contact,standing\nnorth,4711,c0,approved\nnorth,4711,c1,pending\n"
    await files.bring(Kind.LISTS, full + "north,4711,c2,banned\n")
    (said,) = await files.complaints(Kind.LISTS, full + "north,4711,c3,pending\n")
    assert "lists.csv:4: the list of resident '4711' is full: 2 contacts" in said
    freed = full.replace("pending", "none") + "north,4711,c3,approved\n"
    assert await files.bring(Kind.LISTS, freed) == Outcome(1, 1, 1)


async def test_a_number_that_another_has_is_a_mistake(files: Files) -> None:
    await files.bring(Kind.CONTACTS, CONTACTS)
    (said,) = await files.complaints(Kind.CONTACTS, "id,name,number\ncleo,Cleo,5553330001\n")
    assert said == "contacts.csv:2: the number of contact 'cleo' is that of contact 'ann'; one number, one contact"


async def test_a_number_is_free_again(files: Files) -> None:
    await files.bring(Kind.NUMBERS, NUMBERS)
    assert await files.bring(Kind.NUMBERS, NUMBERS.replace("block", "free")) == Outcome(0, 1, 1)
    assert not (await files.desk.snapshot()).barrier("north", "19005550000", watched=False)
    (said,) = await files.complaints(Kind.NUMBERS, NUMBERS.replace("_1900XXXXXXX", "_1900["))
    assert "numbers.csv:2: number:" in said
    assert "[1-5]" in said


async def test_a_bad_pin_is_refused_without_being_quoted(files: Files) -> None:
    (said,) = await files.complaints(Kind.RESIDENTS, RESIDENTS.replace("2580", "1234"))
    assert said.startswith("residents.csv:2: pin:")
    assert "1234" not in said


async def test_a_pin_of_a_row_is_a_change(files: Files) -> None:
    await files.bring(Kind.RESIDENTS, RESIDENTS)
    assert await files.bring(Kind.RESIDENTS, RESIDENTS.replace("2580", "8520")) == Outcome(0, 1, 2)
    assert await files.desk.check_pin("north", "4711", "8520") == replace(PinRight("es"), numbers=())
