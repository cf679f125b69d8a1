"""The bench measures what it says: a second of it in every test run, all of it by `make bench`."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from gateway.exports.formats import Format
from tests.bench import __main__ as bench
from tests.bench.deciding import measure as measure_deciding
from tests.bench.exporting import measure as measure_exporting
from tests.bench.reconciling import measure as measure_reconciling
from tests.bench.recording import measure as measure_recording
from tests.bench.setup import measure
from tests.bench.transcode import codecs_alone
from tests.bench.transcode import measure as measure_transcoding
from tests.bench.watching import measure as measure_watching


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["bench", *arguments])
    bench.main()


def test_one_visit_for_a_second_gives_all_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(
        monkeypatch, "--visits", "1", "--seconds", "1", "--out", str(tmp_path), "--without-setup",
        "--transcoded", "", "--watched", "0", "--recorded", "0", "--quotes", "2000", "--reconciled", "0",
        "--closed", "20", "--records", "0", "--decisions", "0",
    )  # fmt: skip
    numbers = json.loads((tmp_path / "bench.json").read_text())
    assert all(isinstance(value, int | float) for value in numbers.values())
    for name in ("us_per_packet", "floor_us_per_packet", "added_ms_p50", "added_ms_p99"):
        assert numbers[f"relay.visits_1.{name}"] > 0
    assert numbers["relay.visits_1.packets"] > 100
    assert numbers["quote.per_s"] > 0
    assert numbers["close.sqlite.visits_per_s"] > 0
    assert numbers["close.postgresql.visits_per_s"] > 0
    assert "us/packet" in capsys.readouterr().out


def test_decisions_of_a_large_plan_are_measured() -> None:
    numbers = measure_deciding(500, rules=100, residents=1_000)
    assert numbers.keys() == {"decide.per_s", "decide.load_s"}
    assert all(value > 0 for value in numbers.values())


def test_an_export_is_measured_beside_duckdb(tmp_path: Path) -> None:
    numbers = measure_exporting(2000, tmp_path, (Format.JSONL,))
    assert numbers.keys() == {"export.jsonl.rows_per_s", "export.jsonl.peer_rows_per_s", "export.peak_mib"}
    assert all(value > 0 for value in numbers.values())
    with sqlite3.connect(tmp_path / "2000.db") as database:
        assert database.execute("SELECT count(*), max(sequence) FROM cdrs").fetchone() == (2000, 2000)


@pytest.mark.bench
def test_a_reconciliation_is_measured_beside_duckdb_and_both_find_the_same() -> None:
    numbers = measure_reconciling(2000)
    assert numbers.keys() == {"reconcile.rows_per_s", "reconcile.peer_rows_per_s", "reconcile.peak_mib"}
    assert all(value > 0 for value in numbers.values())


@pytest.mark.bench
def test_a_transcoded_visit_is_measured_beside_its_codecs() -> None:
    cost = measure_transcoding("audio", 1, 1.0)
    assert cost.cpu_ms_per_s > cost.loop_ms_per_s > 0
    assert cost.frames_per_s > 20
    assert cost.beside_ms_p99 > 0
    alone = codecs_alone(1, 0.5)
    assert set(alone) == {"H264 to VP8", "VP8 to H264", "PCMU to OPUS", "OPUS to PCMU"}
    assert all(value > 0 for value in alone.values())


@pytest.mark.bench
@pytest.mark.timeout(60)
def test_an_officer_at_a_visit_is_measured_beside_the_visit_alone() -> None:
    found = measure_watching(1, 1.0)
    assert found.alone_us > 0
    assert found.watched_us > 0
    assert found.shown > 0.3


@pytest.mark.bench
@pytest.mark.timeout(60)
def test_a_recorded_visit_is_measured_beside_the_visit_alone() -> None:
    found = measure_recording(1, 1.0, rounds=1)
    assert found.alone_ms_per_s > 0
    assert found.recorded_ms_per_s > 0
    assert found.bytes_per_s > 50_000


@pytest.mark.timeout(120)
def test_the_time_to_the_first_picture_is_taken_from_a_whole_visit() -> None:
    numbers = measure(runs=1)
    assert 0 < numbers["setup.first_picture_ms_p50"] <= numbers["setup.first_picture_ms_p95"]


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_the_whole_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch)
    numbers = json.loads(Path("bench-out/bench.json").read_text())
    assert {f"relay.visits_{visits}.us_per_packet" for visits in (1, 10, 40, 100)} <= numbers.keys()
    assert {"setup.first_picture_ms_p50", "setup.first_picture_ms_p95"} <= numbers.keys()
    assert "watching.overhead_ratio" in numbers
    assert "recording.overhead_ratio" in numbers
    assert {"transcode.video_audio.cpu_ms_per_s", "transcode.video_audio.codecs_ms_per_s"} <= numbers.keys()
    for name in ("relay", "audio_transcode", "full_transcode"):
        assert numbers[f"capacity.{name}.visits_per_core"] > 0
