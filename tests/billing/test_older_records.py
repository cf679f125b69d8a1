"""Records of the first version, which knew less of a visit, in the chain of today."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.billing.audit import _faults
from gateway.billing.cdr import chain_hash
from gateway.store import CdrRow, ChainEnd
from tests.billing.stage import accounting_on, granted, summary, usd

LATER = ("one_way_s", "recording", "recordings")
LATER_OF_FLOWS = ("far_lost", "rtt_us", "frozen_ms", "mos_hundredths")


@pytest.fixture
async def row(tmp_path: Path) -> CdrRow:
    async with accounting_on(f"sqlite:///{tmp_path}/k.db") as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5"), key="k")
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 60))
        (found,) = await accounting._store.read(lambda work: work.records.since("node1", 0, 2))
    return found


def as_first_written(row: CdrRow) -> CdrRow:
    values = json.loads(row.document)
    assert values["flows"]
    for name in LATER:
        del values[name]
    for flow in values["flows"]:
        for name in LATER_OF_FLOWS:
            del flow[name]
    return written(row, json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def written(row: CdrRow, document: str) -> CdrRow:
    return replace(row, document=document, hash=chain_hash(row.previous_hash, document))


def faults(row: CdrRow) -> list[str]:
    return list(_faults(row, ChainEnd(0, row.previous_hash)))


async def test_a_record_of_the_first_version_is_sound_after_an_upgrade(row: CdrRow) -> None:
    assert faults(row) == []
    assert faults(as_first_written(row)) == []


async def test_what_is_not_canonical_is_still_named(row: CdrRow) -> None:
    for each in (row, as_first_written(row)):
        values = json.loads(each.document)
        assert faults(written(each, json.dumps(values, sort_keys=True))) == ["is not in canonical form"]
        values["end_at"] = values["end_at"].replace("Z", "+00:00")
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert faults(written(each, text)) == ["is not in canonical form"]
        del values["total"]
        assert faults(written(each, json.dumps(values, sort_keys=True))) == ["cannot be read"]
