"""Proof that the records are whole: sequence without gap, chain unbroken, keys equal to what was signed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial

from gateway.billing.cdr import Cdr, canonical_as, chain_hash, from_document
from gateway.store import FIRST_HASH, CdrRow, ChainEnd, Store, Work

PAGE = 500


@dataclass(frozen=True, slots=True)
class ChainReport:
    """records: how many of the node were read. problems: in words, the first hundred; empty when all is well."""

    node: str
    records: int
    problems: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not self.problems


async def verify_chain(store: Store, node: str) -> ChainReport:
    """Reads every record of `node`, a page at a time."""
    expected = ChainEnd(0, FIRST_HASH)
    problems: list[str] = []
    count = 0
    async for row in _rows(store, node):
        problems += [f"record {row.sequence}: {each}" for each in _faults(row, expected)]
        expected = ChainEnd(row.sequence, row.hash)
        count += 1
    end = await store.read(lambda work: work.records.chain_end(node))
    if end.sequence < expected.sequence or (end.sequence == expected.sequence and end != expected):
        problems.append("the chain's end names another last record")
    if end.sequence > expected.sequence and not await _grown(store, node, expected.sequence):
        problems.append(f"records after {expected.sequence} are missing; the chain ends at {end.sequence}")
    return ChainReport(node, count, tuple(problems[:100]))


def unpaid(work: Work) -> list[str]:
    """Visits, the first hundred, whose ledger and whose last record disagree."""
    return [
        f"visit {visit_id} has cost {taken} micro-units by the ledger, its last record says {total}"
        for visit_id, total, taken in work.records.differing(100)
    ]


async def _grown(store: Store, node: str, sequence: int) -> bool:
    """Whether records were appended while the chain was read."""
    return bool(await store.read(lambda work: work.records.since(node, sequence, 1)))


async def _rows(store: Store, node: str) -> AsyncIterator[CdrRow]:
    since = 0
    while page := await store.read(partial(_page, node=node, since=since)):
        for row in page:
            yield row
        since = page[-1].sequence


def _page(work: Work, node: str, since: int) -> tuple[CdrRow, ...]:
    return work.records.since(node, since, PAGE)


def _faults(row: CdrRow, before: ChainEnd) -> Iterator[str]:
    if row.sequence != before.sequence + 1:
        yield f"follows {before.sequence}: there is a gap"
    if row.previous_hash != before.hash:
        yield "does not name the record before it"
    if row.hash != chain_hash(row.previous_hash, row.document):
        yield "was changed after it was written"
    try:
        cdr = from_document(row.document, row.previous_hash, row.hash)
    except (ValueError, TypeError, KeyError):
        yield "cannot be read"
        return
    if canonical_as(cdr, row.document) != row.document:
        yield "is not in canonical form"
    if _keys(row) != _signed(cdr):
        yield "has keys that differ from what was signed"


def _keys(row: CdrRow) -> tuple[object, ...]:
    return (
        row.node,
        row.sequence,
        row.cdr_id,
        row.visit_id,
        row.corrects or "",
        row.facility,
        row.account_id,
        row.end_at,
        row.reason,
        row.total,
    )


def _signed(cdr: Cdr) -> tuple[object, ...]:
    return (
        cdr.node,
        cdr.sequence,
        cdr.cdr_id,
        cdr.visit_id,
        cdr.corrects,
        cdr.facility,
        cdr.account,
        cdr.end_at,
        cdr.reason,
        cdr.charged,
    )
