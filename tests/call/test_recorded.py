"""What call control does about recordings: when they begin and end, what the record says of them, and when never."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bridge import Media
from gateway.call.facts import FactKind
from gateway.call.summary import RecordingSummary
from gateway.policy.decision import Allowed, Decision, Terms, VisitRequest
from gateway.store import Recording, Store
from tests.call.stage import Node, stage


class Tape:
    """Plays the archive: one file for each recording, and its row."""

    def __init__(self, node: Node, store: Store) -> None:
        self.node, self.store = node, store
        self.begun: list[str] = []
        self.stopped = 0
        self.fail: Callable[[str], None] = lambda word: None
        self.answers = True

    def begin(self, visit_id: str, terms: Terms, media: Media, failed: Callable[[str], None]) -> Tape | None:
        self.begun.append(visit_id)
        self.fail = failed
        self.row = Recording(
            recording_id="r-1", node="node1", facility=terms.facility, visit_id=visit_id, part=1, file_name="r-1.kbr",
            key_id="k", wrapped_key="00", retention_days=terms.retention_days, started_at=self.node.clock.now(),
        )  # fmt: skip
        return self if self.answers else None

    def stop(self) -> None:
        self.stopped += 1
        assert not self.node.media.closed, "the tap goes before the media does"

    async def finished(self) -> tuple[RecordingSummary, ...]:
        await self.store.write(lambda work: work.recordings.add(self.row))
        now = self.node.clock.now()
        return (RecordingSummary("r-1", "complete", now - timedelta(seconds=9), now, 4711, "ab" * 32, 3),)


def tape_for(node: Node, **of_terms: Any) -> Tape:
    """From now on visits are as `of_terms` says, and recorded on this."""
    tools = node.visits._tools
    tape = Tape(node, node.accounting._store)

    async def decided(request: VisitRequest, visit_id: str) -> Decision:
        decision = await tools.decide(request, visit_id)
        return (
            replace(decision, terms=replace(decision.terms, **of_terms)) if isinstance(decision, Allowed) else decision
        )

    node.visits._tools = replace(tools, decide=decided, recordings=tape)
    return tape


async def test_a_recording_begins_with_the_first_sound_and_stands_in_the_record(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        tape = tape_for(node, recorded=True, retention_days=30)
        far, ring = await node.talks()
        assert ring.recorded
        assert "play recorded to sip" in node.media.own
        assert tape.begun == [ring.visit_id]
        node.media.stop()
        node.media.flow()
        far.bye()
        cdr = await node.record()
        assert tape.begun == [ring.visit_id]
        assert tape.stopped == 1
        assert cdr.recording == "complete"
        (told,) = cdr.recordings
        assert (told.recording_id, told.state, told.bytes, told.sha256) == ("r-1", "complete", 4711, "ab" * 32)
        (row,) = await node.accounting._store.read(lambda work: work.recordings.find())
        assert (row.sha256, row.bytes, row.dropped) == ("ab" * 32, 4711, 3)
        assert row.ended_at is not None
        assert row.retain_until == row.ended_at + timedelta(days=30)


async def test_nobody_talked_so_nothing_is_recorded(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        tape = tape_for(node, recorded=True, retention_days=30)
        node.station_calls()
        ring = await node.rung()
        await node.visits.decline(ring.visit_id, ring.contact)
        assert (await node.record()).recording == "none"
        assert tape.begun == []


async def test_what_is_not_to_be_recorded_is_not(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        tape = tape_for(node)
        far, ring = await node.talks()
        assert not ring.recorded
        assert "play recorded to sip" not in node.media.own
        far.bye()
        assert (await node.record()).recording == "none"
        assert tape.begun == []


async def test_a_privileged_visits_media_is_made_without_a_place_for_a_tap(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        tape_for(node, privileged=True)
        far, _ = await node.talks()
        assert node.media.sealed
        far.bye()
        await node.record()
        tape_for(node, privileged=False)
        far, _ = await node.talks()
        assert not node.media.sealed
        far.bye()
        await node.record(2)


async def test_a_recording_that_fails_is_told_and_the_visit_goes_on(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        tape = tape_for(node, recorded=True, retention_days=30)
        far, _ = await node.talks()
        tape.fail("disk")
        told = await node.fact(FactKind.RECORDING_FAILED)
        assert (told.detail, told.state) == ({"word": "disk"}, "talking")
        far.bye()
        await node.record()


async def test_a_recording_that_cannot_begin_is_told_and_the_record_says_so(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        tape = tape_for(node, recorded=True, retention_days=30)
        tape.answers = False
        far, _ = await node.talks()
        assert (await node.fact(FactKind.RECORDING_FAILED)).detail == {"word": "refused"}
        far.bye()
        cdr = await node.record()
        assert (cdr.recording, cdr.recordings) == ("failed", ())
