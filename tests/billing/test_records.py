"""The chain of records: complete, unbroken, and loud when somebody changed it."""

import json
from dataclasses import fields

import pytest

from gateway.billing.cdr import Cdr, as_json, canonical, chain_hash, from_json, time_text
from gateway.store import FIRST_HASH
from tests.billing import stage
from tests.billing.stage import accounting_on, accounting_with, at, granted, summary, usd
from tests.support.databases import meddle, without_trigger

pytestmark = pytest.mark.usefixtures("each_database")


async def five_visits(accounting) -> tuple[Cdr, ...]:
    await accounting.open_account("family-1")
    await accounting.deposit("family-1", usd("50"), key="k")
    for number in range(5):
        await granted(accounting, f"v{number}", max_seconds=60)
        await accounting.close(summary(f"v{number}", 10 * number))
    return await accounting.cdrs()


async def test_each_record_names_the_one_before():
    async with accounting_with("0") as accounting:
        cdrs = await five_visits(accounting)
        assert [each.sequence for each in cdrs] == [1, 2, 3, 4, 5]
        assert [each.previous_hash for each in cdrs] == [FIRST_HASH, *(each.hash for each in cdrs[:-1])]
        report = await accounting.verify_chain()
        assert (report.records, report.sound) == (5, True)


async def test_a_record_tells_the_whole_visit():
    async with accounting_with("0") as accounting:
        cdr = (await five_visits(accounting))[3]
        told = as_json(cdr)
        assert {name: told[name] for name in ("setup_at", "ring_at", "answer_at", "media_start_at", "end_at")} == {
            "setup_at": "2026-01-05T15:00:00.000Z",
            "ring_at": "2026-01-05T15:00:01.000Z",
            "answer_at": "2026-01-05T15:00:04.000Z",
            "media_start_at": "2026-01-05T15:00:05.000Z",
            "end_at": "2026-01-05T15:00:35.000Z",
        }
        assert (told["duration_ms"], told["billable_s"], told["total"], told["currency"]) == (31000, 30, "0.08", "USD")
        assert told["lines"] == [{"kind": "usage", "quantity": 30, "amount": "0.08", "label": ""}]
        assert told["flows"][1]["path"] == "transcode"
        quality = ("jitter_us", "far_lost", "rtt_us", "frozen_ms", "mos_hundredths")
        assert [told["flows"][0][name] for name in quality] == [3250, 7, 41500, 2500, 438]
        assert [told["flows"][1][name] for name in quality] == [1500, 0, 0, 0, 0]
        assert told["one_way_s"] == 3
        assert (told["out_trunk"], told["out_sip_call_id"]) == ("", "")
        assert (told["trunk"], told["sip_call_id"], told["timezone"]) == ("pbx", "v3@pbx", "America/Chicago")


async def test_a_record_survives_json_and_anyone_can_check_its_hash():
    async with accounting_with("0") as accounting:
        for cdr in await five_visits(accounting):
            line = json.dumps(as_json(cdr))
            assert from_json(json.loads(line)) == cdr
            values = {name: value for name, value in json.loads(line).items() if name not in ("hash", "previous_hash")}
            text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert text == canonical(cdr)
            assert chain_hash(cdr.previous_hash, text) == cdr.hash


async def test_no_floating_point_number_is_in_a_record():
    async with accounting_with("0") as accounting:
        cdr = (await five_visits(accounting))[4]

        def refuse(text: str) -> None:
            raise AssertionError(f"{text} is a float")

        json.loads(canonical(cdr), parse_float=refuse)


async def test_times_are_cut_to_milliseconds_never_rounded_up():
    assert time_text(at(0.9999)) == "2026-01-05T15:00:00.999Z"


def test_a_record_of_another_schema_is_not_guessed_at():
    with pytest.raises(ValueError, match="schema 99"):
        from_json({"schema": 99})


async def test_reading_on_from_a_sequence_neither_skips_nor_repeats():
    async with accounting_with("0") as accounting:
        everything = await five_visits(accounting)
        pages = [page async for page in accounting.cdr_pages(since=1, page=2)]
        assert [len(page) for page in pages] == [2, 2]
        assert tuple(each for page in pages for each in page) == everything[1:]
        assert await accounting.cdrs(since=5) == ()


def tamper(url: str, *statements: str) -> None:
    """What somebody with the database and without scruples would do."""
    meddle(url, *(without_trigger(url, "cdrs", verb) for verb in ("update", "delete", "replace")))
    assert meddle(url, *statements) == [1] * len(statements)


CHEAPER = """UPDATE cdrs SET document = replace(document, '"total":"0.08"', '"total":"0.01"') WHERE sequence = 4"""


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([CHEAPER], "record 4: was changed after it was written"),
        (["UPDATE cdrs SET total_micros = 1 WHERE sequence = 4"], "record 4: has keys that differ"),
        (["UPDATE cdrs SET reason = 'completed' WHERE sequence = 2"], "record 2: has keys that differ"),
        (["DELETE FROM cdrs WHERE sequence = 3"], "record 4: follows 2: there is a gap"),
        (["DELETE FROM cdrs WHERE sequence = 5"], "records after 4 are missing; the chain ends at 5"),
        (["UPDATE cdrs SET document = 'torn' WHERE sequence = 1"], "record 1: cannot be read"),
        (["UPDATE chains SET sequence = 4"], "the chain's end names another last record"),
    ],
)
async def test_a_changed_or_missing_record_is_found(statements, expected):
    url = stage.new_database()
    async with accounting_on(url) as accounting:
        await five_visits(accounting)
    tamper(url, *statements)
    async with accounting_on(url) as accounting:
        report = await accounting.verify_chain()
        assert not report.sound
        assert any(each.startswith(expected) for each in report.problems), report.problems


async def test_books_that_do_not_add_up_are_found():
    url = stage.new_database()
    async with accounting_on(url) as accounting:
        await five_visits(accounting)
        await granted(accounting, "open")
    meddle(
        url,
        "UPDATE accounts SET balance_micros = balance_micros + 1 WHERE account_id = 'family-1'",
        "UPDATE accounts SET held_micros = 1 WHERE account_id = 'family-1'",
        without_trigger(url, "entries", "update"),
        "UPDATE entries SET amount_micros = amount_micros - 1 WHERE entry_id = 1",
    )
    async with accounting_on(url) as accounting:
        problems = "\n".join(await accounting.verify_books())
        assert "movement deposit:k sums to -1" in problems
        assert "account family-1 shows" in problems
        assert "account family-1 has 1 micro-units held" in problems


def test_every_field_has_a_meaning():
    hints = Cdr.__annotations__
    assert len(hints) == len(fields(Cdr))
    assert all(str(each).startswith("Annotated[") for each in hints.values())
