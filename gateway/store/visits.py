"""SQL of visits: the intent, what was granted, proofs of life, and that the record is written."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from gateway.call.summary import Legs, ProofOfLife, VisitIntent
from gateway.errors import StoreError
from gateway.policy.decision import Medium, Payer
from gateway.policy.usage import PastVisit
from gateway.store.engine import for_update
from gateway.store.rows import UNDECIDED, Grant, Visit, from_ms, maybe_ms, maybe_time, to_ms
from gateway.store.tables import visits


class Intents:
    """Visits in one transaction. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, intent: VisitIntent, grant: Grant) -> None:
        self._connection.execute(insert(visits).values(**_values(intent, grant), billable_s=0, unusable_s=0))

    def decide(self, intent: VisitIntent, grant: Grant) -> None:
        """In place of what was written before anything was decided; what is proven of its life stays."""
        where = (visits.c.visit_id == intent.visit_id, visits.c.cdr_id.is_(None))
        self._connection.execute(update(visits).where(*where).values(**_values(intent, grant)))

    def get(self, visit_id: str) -> Visit | None:
        """In a writing transaction nobody else changes it until the end (SQLite has locked the file already)."""
        statement = for_update(self._connection, select(visits).where(visits.c.visit_id == visit_id))
        row = self._connection.execute(statement).first()
        return None if row is None else _visit(row)

    def without_record(self, node: str) -> tuple[Visit, ...]:
        """Visits of a node that began and left no CDR, oldest first."""
        statement = select(visits).where(visits.c.node == node, visits.c.cdr_id.is_(None))
        rows = self._connection.execute(statement.order_by(visits.c.setup_at_ms, visits.c.visit_id))
        return tuple(_visit(row) for row in rows)

    def alive(self, proofs: Iterable[ProofOfLife]) -> None:
        """Older proofs never replace newer ones, and a closed visit takes none."""
        rows = [
            {
                "visit": proof.visit_id,
                "at": to_ms(proof.at),
                "ring": maybe_ms(proof.ring_at),
                "answer": maybe_ms(proof.answer_at),
                "media_start": maybe_ms(proof.media_start_at),
                "billable": proof.billable_s,
                "unusable": proof.unusable_s,
                "call_id": proof.legs.sip_call_id,
                "out_trunk": proof.legs.out_trunk,
                "out_call_id": proof.legs.out_sip_call_id,
            }
            for proof in proofs
        ]
        if rows:
            self._connection.execute(_ALIVE, rows)

    def silent_since(self, before: datetime) -> tuple[Visit, ...]:
        """Visits of any node that left no CDR and gave no sign of life since `before`, oldest first."""
        sign = func.coalesce(visits.c.alive_at_ms, visits.c.setup_at_ms)
        statement = select(visits).where(visits.c.cdr_id.is_(None), sign < to_ms(before))
        rows = self._connection.execute(statement.order_by(visits.c.setup_at_ms, visits.c.visit_id))
        return tuple(_visit(row) for row in rows)

    def set_granted(self, visit_id: str, granted_s: int) -> None:
        self._connection.execute(update(visits).where(visits.c.visit_id == visit_id).values(granted_s=granted_s))

    def set_free_used(self, visit_id: str, free_s: int) -> None:
        """What of the free allowance was set aside for the visit and not used is there for others again."""
        self._connection.execute(update(visits).where(visits.c.visit_id == visit_id).values(free_s=free_s))

    def free_used(self, account_id: str, tariff_id: str, since: datetime) -> int:
        """Seconds of the tariff's free allowance that the account's visits since then used, or may still use."""
        statement = select(func.coalesce(func.sum(visits.c.free_s), 0)).where(
            visits.c.account_id == account_id,
            visits.c.tariff_id == tariff_id,
            visits.c.setup_at_ms >= to_ms(since),
            visits.c.free_s > 0,
        )
        return int(self._connection.execute(statement).scalar_one())

    def before(self, facility: str, station: str, resident: str, since: datetime) -> tuple[PastVisit, ...]:
        """The caller's visits and attempts since then, oldest first: the resident's, or the station's without one."""
        whose = visits.c.resident == resident if resident else visits.c.station == station
        statement = select(visits).where(visits.c.facility == facility, whose, visits.c.setup_at_ms >= to_ms(since))
        rows = self._connection.execute(statement.order_by(visits.c.setup_at_ms, visits.c.visit_id))
        return tuple(_past(row) for row in rows)

    def with_contact(self, facility: str, contact: str, since: datetime) -> tuple[PastVisit, ...]:
        """Visits and attempts of anybody in the facility with the contact since then, oldest first."""
        statement = select(visits).where(
            visits.c.facility == facility, visits.c.contact == contact, visits.c.setup_at_ms >= to_ms(since)
        )
        rows = self._connection.execute(statement.order_by(visits.c.setup_at_ms, visits.c.visit_id))
        return tuple(_past(row) for row in rows)

    def decided(self, visit_ids: Collection[str]) -> frozenset[str]:
        """Those of them whose intent is written, with what was granted or refused."""
        if not visit_ids:
            return frozenset()
        statement = select(visits.c.visit_id).where(visits.c.visit_id.in_(visit_ids), visits.c.refusal != UNDECIDED)
        return frozenset(self._connection.execute(statement).scalars())

    def live(self, facility: str) -> frozenset[str]:
        """The facility's visits that were allowed and have no record yet, on any node."""
        statement = select(visits.c.visit_id).where(
            visits.c.facility == facility, visits.c.cdr_id.is_(None), visits.c.refusal == ""
        )
        return frozenset(self._connection.execute(statement).scalars())

    def set_recorded(
        self,
        visit_id: str,
        cdr_id: str,
        balance_after_micros: int | None,
        *,
        media_start_at: datetime | None,
        ended_at: datetime,
    ) -> None:
        """Raises StoreError when the visit has its record already."""
        statement = update(visits).where(visits.c.visit_id == visit_id, visits.c.cdr_id.is_(None))
        values = {
            "cdr_id": cdr_id,
            "balance_after_micros": balance_after_micros,
            "media_start_at_ms": maybe_ms(media_start_at),
            "end_at_ms": to_ms(ended_at),
        }
        if self._connection.execute(statement.values(values)).rowcount != 1:
            raise StoreError(f"visit {visit_id} has its record already")


_ALIVE = (
    update(visits)
    .where(
        visits.c.visit_id == bindparam("visit"),
        visits.c.cdr_id.is_(None),
        (visits.c.alive_at_ms.is_(None)) | (visits.c.alive_at_ms <= bindparam("at")),
    )
    .values(
        alive_at_ms=bindparam("at"),
        ring_at_ms=bindparam("ring"),
        answer_at_ms=bindparam("answer"),
        media_start_at_ms=bindparam("media_start"),
        billable_s=bindparam("billable"),
        unusable_s=bindparam("unusable"),
        sip_call_id=func.coalesce(func.nullif(bindparam("call_id"), ""), visits.c.sip_call_id),
        out_trunk=bindparam("out_trunk"),
        out_sip_call_id=bindparam("out_call_id"),
    )
)


def _visit(row: Row[Any]) -> Visit:
    return Visit(
        intent=_intent(row),
        grant=Grant(row.tariff_json, row.granted_s, row.refusal, row.refusal_message, row.free_s),
        alive_at=maybe_time(row.alive_at_ms),
        ring_at=maybe_time(row.ring_at_ms),
        answer_at=maybe_time(row.answer_at_ms),
        media_start_at=maybe_time(row.media_start_at_ms),
        billable_s=row.billable_s,
        unusable_s=row.unusable_s,
        cdr_id=row.cdr_id,
        balance_after_micros=row.balance_after_micros,
        legs=Legs(row.sip_call_id, row.out_trunk, row.out_sip_call_id),
    )


def _intent(row: Row[Any]) -> VisitIntent:
    return VisitIntent(
        visit_id=row.visit_id,
        node=row.node,
        facility=row.facility,
        timezone=row.timezone,
        station=row.station,
        dialled=row.dialled,
        contact=row.contact,
        account=row.account_id,
        tariff=row.tariff_id,
        rule=row.rule,
        medium=Medium(row.medium),
        max_seconds=row.max_seconds,
        trunk=row.trunk,
        sip_call_id=row.sip_call_id,
        setup_at=from_ms(row.setup_at_ms),
        privileged=bool(row.privileged),
        payers=_payers(row.payers),
        resident=row.resident,
    )


def _past(row: Row[Any]) -> PastVisit:
    return PastVisit(
        visit_id=row.visit_id,
        setup_at=from_ms(row.setup_at_ms),
        media_start_at=maybe_time(row.media_start_at_ms),
        ended_at=maybe_time(row.end_at_ms),
        allowed=row.refusal == "",
        recorded=row.cdr_id is not None,
        privileged=bool(row.privileged),
    )


def _payers_text(payers: tuple[Payer, ...]) -> str:
    return json.dumps([[each.account, each.percent] for each in payers]) if payers else ""


def _payers(text: str) -> tuple[Payer, ...]:
    return tuple(Payer(account, percent) for account, percent in json.loads(text)) if text else ()


def _values(intent: VisitIntent, grant: Grant) -> dict[str, Any]:
    return {
        "visit_id": intent.visit_id,
        "node": intent.node,
        "facility": intent.facility,
        "timezone": intent.timezone,
        "station": intent.station,
        "dialled": intent.dialled,
        "contact": intent.contact,
        "account_id": intent.account,
        "tariff_id": intent.tariff,
        "rule": intent.rule,
        "medium": intent.medium,
        "max_seconds": intent.max_seconds,
        "trunk": intent.trunk,
        "sip_call_id": intent.sip_call_id,
        "setup_at_ms": to_ms(intent.setup_at),
        "privileged": intent.privileged,
        "tariff_json": grant.tariff_json,
        "granted_s": grant.granted_s,
        "refusal": grant.refusal,
        "refusal_message": grant.refusal_message,
        "payers": _payers_text(intent.payers),
        "free_s": grant.free_s,
        "resident": intent.resident,
    }
