"""Our records beside a carrier's: every kind of disagreement once, found, summed and written down."""

from __future__ import annotations

import asyncio
import csv
import random
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from gateway.billing.accounting import Accounting
from gateway.call.summary import Legs
from gateway.cli import app
from gateway.clock import ManualClock
from gateway.config import load_config
from gateway.desk import load_policy
from gateway.exports.lane import lane_of
from gateway.exports.mapping import columns_of, load_mapping
from gateway.store import Store
from tests.billing.stage import START, WHOLE_VISITS, granted, summary, usd

DIALPLANS = Path(__file__).parents[2] / "dialplans"
MAPPING = """\
key: {ours: sip_call_id, theirs: Call-ID}
compare:
  - {ours: duration_s, theirs: billsec, tolerance: "2"}
  - {ours: answer_at, theirs: answer, format: "%m/%d/%Y %H:%M:%S", timezone: America/Chicago, tolerance: "3"}
  - {ours: total, theirs: charge, tolerance: "0.01"}
  - {ours: dialled, theirs: dst}
only: {disposition: [ANSWERED]}
"""
HEAD = "Call-ID,billsec,answer,charge,dst,disposition\n"
# A visit of n seconds is answered at 09:00:04 in Chicago, lasts n + 1, and costs 0.16 a minute.
SAME = "v1@pbx,61,01/05/2026 09:00:04,0.16,5552368001,ANSWERED\n"
NEAR = "v2@pbx,63,01/05/2026 09:00:06,0.17,5552368001,ANSWERED\n"
LONGER = "v3@pbx,64,01/05/2026 09:00:04,0.16,5552368001,ANSWERED\n"
ELSEWHERE = "v4@pbx,61,01/05/2026 09:00:04,0.16,5550000000,ANSWERED\n"
THEIRS_ALONE = "=1+1@pbx,10,01/05/2026 09:00:04,0.02,5552368001,ANSWERED\n"
BROKEN = "v9@pbx,long,01/05/2026 09:00:04,0.02,5552368001,ANSWERED\n"
BUSY = "v8@pbx,0,01/05/2026 09:00:04,0,5552368001,BUSY\n"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five visits of a minute each, v1 to v5; v6 was not answered."""
    path = tmp_path_factory.mktemp("node") / "kinbridge.yaml"
    tariffs, caps = [str(DIALPLANS / "tariffs" / "demo.yaml")], [str(DIALPLANS / "caps" / "us-fcc.yaml")]
    path.write_text(yaml.safe_dump({"dialplan": str(DIALPLANS / "demo.yaml"), "tariffs": tariffs, "caps": caps}))
    asyncio.run(_visits(path))
    return path


async def _visits(path: Path) -> None:
    config = load_config(path)
    async with Store(config.store.url) as store:
        books = Accounting(store, load_policy(config)[1], node="node1", clock=ManualClock(START), rules=WHOLE_VISITS)
        await books.open_account("family-1")
        await books.deposit("family-1", usd("20"), key="k")
        for number in range(1, 6):
            await granted(books, f"v{number}", facility="demo-jail", trunk="south" if number == 5 else "pbx")
            legs = Legs(out_trunk="carrier", out_sip_call_id="5@carrier") if number == 5 else Legs()
            await books.close(summary(f"v{number}", 60, legs=legs))
        await granted(books, "v6", facility="demo-jail")
        await books.close(summary("v6", 0, answer_at=None, media_start_at=None, media_end_at=None))


def compared(config: Path, folder: Path, text: str, *words: str, mapping: str = MAPPING) -> Result:
    (folder / "carrier.csv").write_text(text)
    (folder / "mapping.yaml").write_text(mapping)
    command = ["cdr", "reconcile", str(folder / "carrier.csv"), "--mapping", str(folder / "mapping.yaml")]
    period = ["--from", "2026-01-01", "--until", "2026-02-01"]
    return CliRunner().invoke(app, [*command, *period, *words, "--config", str(config)])


def test_both_sides_agree(config: Path, tmp_path: Path) -> None:
    done = compared(
        config, tmp_path, HEAD + "".join(SAME.replace("v1", f"v{n}") for n in range(1, 5)), "--trunk", "pbx"
    )
    assert done.exit_code == 0, (done.output, done.exception)
    assert done.output.splitlines() == ["matched: 4; duration_s 244 ours, 244 theirs; total 0.64 ours, 0.64 theirs"]


def test_the_carrier_of_a_familys_telephone_has_a_call_id_of_its_own(config: Path, tmp_path: Path) -> None:
    mapping = MAPPING.replace("ours: sip_call_id", "ours: out_sip_call_id")
    done = compared(config, tmp_path, HEAD + SAME.replace("v1@pbx", "5@carrier"), "--trunk", "carrier", mapping=mapping)
    assert (done.exit_code, [line.split(";")[0] for line in done.output.splitlines()]) == (0, ["matched: 1"])


def test_every_kind_of_disagreement_is_counted_summed_and_written_down(config: Path, tmp_path: Path) -> None:
    report = tmp_path / "differences.csv"
    text = HEAD + SAME + NEAR + LONGER + ELSEWHERE + THEIRS_ALONE + BROKEN + BUSY + SAME
    done = compared(config, tmp_path, text, "--report", str(report))

    assert done.exit_code == 1
    assert [line.split(";")[0] for line in done.output.splitlines()] == [
        "matched: 1", "tolerance: 1", "different: 2", "missing here: 1", "missing there: 1", "duplicate: 1",
        "unreadable: 1",
    ]  # fmt: skip
    assert "missing here: 1; duration_s 0 ours, 10 theirs; total 0 ours, 0.02 theirs" in done.output
    with report.open(newline="", encoding="utf-8") as file:
        rows = {(row["verdict"], row["key"]): row for row in csv.DictReader(file)}
    assert set(rows) == {
        ("tolerance", "v2@pbx"), ("different", "v3@pbx"), ("different", "v4@pbx"), ("missing_here", "'=1+1@pbx"),
        ("missing_there", "v5@pbx"), ("duplicate", "v1@pbx"), ("unreadable", ""),
    }  # fmt: skip
    near = rows["tolerance", "v2@pbx"]
    assert (near["cdr_id"], near["line"], near["ours_duration_s"], near["theirs_duration_s"]) == (
        "cdr:v2",
        "3",
        "61",
        "63",
    )
    assert (near["ours_answer_at"], near["theirs_answer_at"]) == (
        "2026-01-05T15:00:04.000Z",
        "2026-01-05T15:00:06.000Z",
    )
    assert rows["different", "v4@pbx"]["theirs_dialled"] == "5550000000"
    assert (rows["unreadable", ""]["line"], rows["unreadable", ""]["what"]) == (
        "7",
        "column 'billsec': 'long' is no number",
    )
    assert rows["duplicate", "v1@pbx"]["line"] == "9"


NEAR_MAPPING = """\
key: {ours: sip_call_id, theirs: Call-ID}
near: {number: dst, time: answer, format: "%m/%d/%Y %H:%M:%S", timezone: America/Chicago, window_s: "5"}
numbers: {last_digits: 10}
compare:
  - {ours: duration_s, theirs: billsec, tolerance: "2"}
  - {ours: dialled, theirs: dst}
"""


def test_what_no_key_finds_is_found_by_number_and_time(config: Path, tmp_path: Path) -> None:
    """Two calls of the carrier's have no Call-ID: one is ours, the other was ten minutes later."""
    report = tmp_path / "differences.csv"
    keyed = "".join(SAME.replace("v1", f"v{n}") for n in range(1, 4))
    bare = ",62,01/05/2026 09:00:07,0.16,sip:+15552368001@trunk;user=phone,ANSWERED\n"
    later = ",61,01/05/2026 09:10:07,0.16,+1 (555) 236-8001,ANSWERED\n"
    done = compared(
        config, tmp_path, HEAD + keyed + later + bare, "--trunk", "pbx", "--report", str(report), mapping=NEAR_MAPPING
    )
    assert [line.split(";")[0] for line in done.output.splitlines()] == [
        "matched: 3", "tolerance: 1", "missing here: 1",
    ]  # fmt: skip
    with report.open(newline="", encoding="utf-8") as file:
        rows = {row["verdict"]: row for row in csv.DictReader(file)}
    assert (rows["tolerance"]["cdr_id"], rows["tolerance"]["line"]) == ("cdr:v4", "6")
    assert rows["tolerance"]["what"] == "by number and time"
    assert rows["missing_here"]["line"] == "5"


def test_those_nearest_in_time_belong_together(config: Path, tmp_path: Path) -> None:
    """Without any key: four visits at one time, and three rows near it; each row is paired once."""
    mapping = NEAR_MAPPING.replace("key: {ours: sip_call_id, theirs: Call-ID}\n", "")
    text = HEAD + "".join(f"x,61,01/05/2026 09:00:0{second},0.16,5552368001,ANSWERED\n" for second in (9, 4, 5))
    done = compared(config, tmp_path, text, "--trunk", "pbx", mapping=mapping)
    assert [line.split(";")[0] for line in done.output.splitlines()] == ["matched: 3", "missing there: 1"]


@pytest.mark.parametrize(
    ("unit", "written"), [("s", "61"), ("ms", "61000"), ("min", "1.016667"), ("h:m:s", "00:01:01"), ("h:m:s", "1:01")]
)
def test_durations_in_the_carriers_unit(config: Path, tmp_path: Path, unit: str, written: str) -> None:
    mapping = MAPPING.replace('billsec, tolerance: "2"', f'billsec, unit: "{unit}", tolerance: "0.001"')
    done = compared(config, tmp_path, HEAD + SAME.replace(",61,", f",{written},"), "--trunk", "pbx", mapping=mapping)
    assert done.output.splitlines()[0].partition(":")[0] == ("tolerance" if unit == "min" else "matched")


def test_a_figure_too_large_for_any_bill_is_unreadable(config: Path, tmp_path: Path) -> None:
    done = compared(config, tmp_path, HEAD + SAME.replace(",61,", ",99999999999999999999,"), "--trunk", "none")
    assert done.output.splitlines()[0].startswith("unreadable: 1")


def test_only_the_visits_of_a_trunk(config: Path, tmp_path: Path) -> None:
    done = compared(config, tmp_path, HEAD + SAME, "--trunk", "none")
    assert done.output.splitlines() == ["missing here: 1; duration_s 0 ours, 61 theirs; total 0 ours, 0.16 theirs"]


@pytest.mark.parametrize(
    ("text", "mapping", "complaint"),
    [
        (HEAD.replace("billsec", "seconds"), MAPPING, "carrier.csv:1: there is no column 'billsec'; it has: Call"),
        (HEAD + SAME + 'v2@pbx,"61\n', MAPPING, "carrier.csv:2: cannot be read as a carrier's CSV"),
        (HEAD, MAPPING.partition("\n")[2], "give key, near or both: nothing says which row is which visit"),
        (HEAD, MAPPING.replace("duration_s", "length"), "mapping.yaml:3: compare[0].ours:"),
        (HEAD, MAPPING.replace("America/Chicago", "America/Chikago"), "there is no time zone 'America/Chikago'"),
        (HEAD, MAPPING.replace('"2"', "-2"), "mapping.yaml:3: compare[0].tolerance: -2 is negative"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(config: Path, tmp_path: Path, text: str, mapping: str, complaint: str) -> None:
    done = compared(config, tmp_path, text, mapping=mapping)
    assert done.exit_code == 1
    assert complaint in str(done.exception)


PLAIN = """\
key: {ours: sip_call_id, theirs: Call-ID}
compare:
  - {ours: duration_s, theirs: billsec, tolerance: "2"}
  - {ours: answer_at, theirs: answer, tolerance: "3"}
  - {ours: total, theirs: charge, tolerance: "0.01"}
only: {disposition: [ANSWERED, ""]}
near: {number: dst, time: answer, window_s: "5"}
"""
ODDITIES = {
    "Call-ID": ["v1@pbx", " v2@pbx ", "v3@pbx", "v4@pbx", "v5@pbx", "v6@pbx", "", "x@pbx"],
    "billsec": ["61", "61.0", "63", "64", "-61", "1e1", "long", " 61", "61.1234567", "99999999999999"],
    "answer": ["2026-01-05T15:00:04.000Z", "2026-01-05 15:00:06Z", "2026-01-05T15:00:04", "2026-13-05T15:00:04Z",
               "2026-01-05T09:00:04-06:00", "never"],
    "charge": ["0.16", "0.160000", "0.17", "0.2", "", "0.1600001"],
    "dst": ["5552368001", "5550000000"],
    "disposition": ["ANSWERED", "ANSWERED", "ANSWERED", "BUSY", ""],
}  # fmt: skip


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_column_by_column_and_row_by_row_find_the_same(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, ending: str
) -> None:
    """The fast lane is only that. Some files are plain throughout, most have odd rows among the plain ones."""
    chance = random.Random(seed)
    odd = chance.choice([0.0, 0.1, 0.5])
    rows = [
        ",".join(chance.choice(each) if chance.random() < odd else each[0] for each in list(ODDITIES.values())[1:])
        for _ in range(chance.randint(0, 12))
    ]
    text = ",".join(ODDITIES) + ending + "".join(f"{chance.choice(ODDITIES['Call-ID'])},{row}{ending}" for row in rows)
    mapping = PLAIN if chance.random() < 0.5 else "\n".join(PLAIN.splitlines()[:-1])
    found = []
    for lane in (True, False):
        if not lane:
            monkeypatch.setattr("gateway.exports.carrier.lane_of", lambda *_: None)
        done = compared(config, tmp_path, text, "--report", str(tmp_path / "report.csv"), mapping=mapping)
        found.append((done.exit_code, done.output, sorted((tmp_path / "report.csv").read_text().splitlines())))
    assert found[0] == found[1]


def test_a_plain_file_has_a_lane_and_others_have_none(tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(PLAIN)
    mapping = load_mapping(tmp_path / "mapping.yaml")
    head = ",".join(ODDITIES) + "\n"
    row = "v1@pbx,61,2026-01-05T15:00:04.000Z,0.16,5552368001,ANSWERED\n"
    odd = "v2@pbx,long,2026-01-05T15:00:04.000Z,0.16,5552368001,ANSWERED\n"
    for text, wanted in (
        (head + row + odd, (1, 1)),
        (head + row + row, (0, 2)),
        (head + row.replace("v1@pbx", '"v1@pbx"'), None),
        (head + row + "\n" + odd, None),
        (head + row + "too,few\n", None),
        ("", None),
    ):
        (tmp_path / "carrier.csv").write_text(text)
        lane = lane_of(tmp_path / "carrier.csv", mapping, columns_of(mapping))
        assert (lane and (len(lane.rows), len(lane.left))) == wanted, text


def test_two_keys_with_one_hash_are_still_two_keys(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HEAD + SAME + NEAR + LONGER + THEIRS_ALONE
    expected = compared(config, tmp_path, text).output
    monkeypatch.setattr("gateway.exports.lane._hashes", lambda keys: np.zeros(len(keys), np.int64))
    assert compared(config, tmp_path, text).output == expected
