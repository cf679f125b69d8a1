"""The end of a visit: charge, ledger, release of the hold and CDR, inside one transaction.

    intent + hold + tariff as agreed  --\\
    summary (or last proof of life)   ---+-->  charge -> movement -> CDR n+1, chained to CDR n

The charge is reckoned from min(summary.billable_s, seconds granted), so it can be neither above the hold nor for more
than was used. A visit that has its record keeps it: closing again returns the same receipt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.billing import accounts
from gateway.billing.cdr import (
    SCHEMA,
    Cdr,
    CdrFlow,
    CdrLine,
    CdrPayer,
    CdrRecording,
    canonical,
    chained,
    from_document,
    maybe_whole_ms,
    storable_text,
    time_text,
    whole_ms,
)
from gateway.billing.credits import MOSTLY_UNUSABLE, credited, given_back
from gateway.billing.rating import Charge, LineKind, Tariff, charge
from gateway.billing.rules import AccountRules
from gateway.billing.tariff import ANY_CURRENCY, thaw
from gateway.call.summary import FlowSummary, Receipt, VisitIntent, VisitSummary
from gateway.call.termination import Fault, Reason, Termination
from gateway.errors import BillingError
from gateway.money import Money
from gateway.store import CdrRow, Hold, RecordingState, Visit, Work

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class _Bill:
    """What the visit costs and how that came about. tariff None: policy refused before there was one."""

    tariff: Tariff | None
    holds: tuple[Hold, ...]
    charge: Charge
    movement_id: str = ""
    shares: tuple[accounts.PaidShare, ...] = ()


def close(work: Work, summary: VisitSummary, now: datetime, rules: AccountRules) -> Receipt:
    """Raises BillingError when the visit was neither authorised nor attempted."""
    visit = work.visits.get(summary.visit_id)
    if visit is None:
        raise BillingError(f"visit {summary.visit_id} was never authorised")
    if visit.cdr_id is not None:
        return _receipt(_recorded(work, visit.cdr_id), _balance(visit.intent.account, visit, work))
    cdr_id = f"cdr:{summary.visit_id}"
    recordings = _finished(work, summary)
    bill = _settled(work, _bill(work, visit, summary, rules), visit, cdr_id, now)
    end = work.records.chain_end(visit.intent.node)
    unnumbered = replace(
        _cdr(visit, summary, bill, cdr_id, now), recording=_outcome(summary, recordings), recordings=recordings
    )
    cdr = chained(replace(unnumbered, sequence=end.sequence + 1), end.hash)
    work.records.append(row_of(cdr))
    account = work.books.account(visit.intent.account) if visit.intent.account else None
    work.visits.set_recorded(
        summary.visit_id,
        cdr_id,
        None if account is None else account.balance.micros,
        media_start_at=summary.media_start_at,
        ended_at=summary.ended_at,
    )
    return _receipt(cdr, None if account is None else account.balance)


def crashed(visit: Visit) -> VisitSummary:
    """What is sure of a visit whose node died: everything up to its last proof of life, nothing after it."""
    last = visit.alive_at or visit.intent.setup_at
    return VisitSummary(
        visit_id=visit.intent.visit_id,
        ended_at=last,
        ring_at=visit.ring_at,
        answer_at=visit.answer_at,
        media_start_at=visit.media_start_at,
        media_end_at=last if visit.media_start_at else None,
        billable_s=visit.billable_s,
        unusable_s=visit.unusable_s,
        termination=Termination(Reason.NODE_CRASH, Fault.GATEWAY),
        legs=visit.legs,
    )


def _finished(work: Work, summary: VisitSummary) -> tuple[CdrRecording, ...]:
    """Finishes the visit's recordings in this transaction; those that a crash left were finished before."""
    for each in summary.recordings:
        work.recordings.finish(
            each.recording_id,
            started_at=each.started_at,
            ended_at=each.ended_at,
            size=each.bytes,
            sha256=each.sha256,
            state=RecordingState(each.state),
            dropped=each.dropped,
        )
    return tuple(
        CdrRecording(
            recording_id=each.recording_id,
            state=str(each.state),
            started_at=time_text(each.started_at) or "",
            ended_at=time_text(each.ended_at) or "",
            bytes=each.bytes,
            sha256=each.sha256,
        )
        for each in work.recordings.of_visit(summary.visit_id)
    )


def _outcome(summary: VisitSummary, recordings: tuple[CdrRecording, ...]) -> str:
    """One word for all files: the worst, but what is there in part is `cut`."""
    states = {each.state for each in recordings}
    if not states:
        return str(RecordingState.FAILED) if summary.recording_begun else "none"
    if RecordingState.OPEN in states:
        return str(RecordingState.OPEN)
    return states.pop() if len(states) == 1 else str(RecordingState.CUT)


def _bill(work: Work, visit: Visit, summary: VisitSummary, rules: AccountRules) -> _Bill:
    seconds = max(0, min(summary.billable_s, visit.grant.granted_s))
    tariff = thaw(visit.grant.tariff_json) if visit.grant.tariff_json else None
    holds = work.books.holds(summary.visit_id)
    if holds and tariff is not None:
        full = charge(tariff, seconds, visit.grant.free_s)
        return _Bill(tariff, holds, _taken_back(full, summary, rules))
    currency = tariff.currency if tariff else ANY_CURRENCY
    return _Bill(tariff, (), Charge(seconds, 0, (), Money(0, currency)))


def _taken_back(full: Charge, summary: VisitSummary, rules: AccountRules) -> Charge:
    percent, at_most_s = rules.credit_unusable_percent, rules.credit_at_most_s
    return credited(full, summary.unusable_s, percent=percent, at_most_s=at_most_s)


def _settled(work: Work, bill: _Bill, visit: Visit, cdr_id: str, now: datetime) -> _Bill:
    if visit.grant.free_s:
        work.visits.set_free_used(visit.intent.visit_id, bill.charge.free_s)
    if not bill.holds:
        return bill
    settled = accounts.settle(work, bill.holds, bill.charge, visit, cdr_id=cdr_id, at=now)
    return replace(bill, movement_id=settled.movement_id, shares=settled.shares)


def _cdr(visit: Visit, summary: VisitSummary, bill: _Bill, cdr_id: str, now: datetime) -> Cdr:
    intent = visit.intent
    return Cdr(
        schema=SCHEMA,
        node=intent.node,
        sequence=0,
        cdr_id=cdr_id,
        visit_id=intent.visit_id,
        corrects="",
        facility=intent.facility,
        timezone=intent.timezone,
        trunk=intent.trunk,
        sip_call_id=summary.legs.sip_call_id or intent.sip_call_id,
        out_trunk=summary.legs.out_trunk,
        out_sip_call_id=summary.legs.out_sip_call_id,
        station=intent.station,
        resident=intent.resident,
        dialled=intent.dialled,
        contact=summary.contact or intent.contact,
        rule=intent.rule,
        medium=str(intent.medium),
        privileged=intent.privileged,
        setup_at=intent.setup_at,
        ring_at=maybe_whole_ms(summary.ring_at),
        answer_at=maybe_whole_ms(summary.answer_at),
        media_start_at=maybe_whole_ms(summary.media_start_at),
        media_end_at=maybe_whole_ms(summary.media_end_at),
        end_at=whole_ms(summary.ended_at),
        recorded_at=whole_ms(now),
        duration_ms=_duration_ms(summary),
        billable_s=bill.charge.seconds,
        unusable_s=summary.unusable_s,
        one_way_s=_whole(summary.one_way_s),
        reason=summary.termination.word,
        fault=str(summary.termination.fault),
        sip_code=summary.termination.sip_code,
        account=intent.account,
        flows=tuple(_flow(each) for each in summary.flows),
        previous_hash="",
        hash="",
        **_money(intent, bill),
    )


def _money(intent: VisitIntent, bill: _Bill) -> dict[str, Any]:
    """The fields of the record that say what it cost, by which prices, and who paid."""
    held = sum((each.amount for each in bill.holds), Money(0, bill.charge.total.currency))
    payers = (
        CdrPayer(each.account, each.percent, each.amount.amount, each.hold_id, each.held.amount) for each in bill.shares
    )
    back = given_back(bill.charge)
    return priced(bill.tariff, bill.charge) | {
        "credited": back.amount,
        "credit_reason": MOSTLY_UNUSABLE if back.micros else "",
        "tariff_id": intent.tariff,
        "payers": tuple(payers),
        "hold_id": bill.holds[0].hold_id if bill.holds else "",
        "hold_amount": held.amount,
        "movement_id": bill.movement_id,
    }


def priced(tariff: Tariff | None, charged: Charge) -> dict[str, Any]:
    """The fields of a record that its prices and its charge give. tariff None: it did not come to one."""
    cap = tariff.cap if tariff else None
    currency = charged.total.currency
    return {
        "tariff_version": tariff.version if tariff else 0,
        "rate_per_minute": tariff.per_minute.amount if tariff else "0.00",
        "rounding": str(tariff.rounding) if tariff else "",
        "band": tariff.band if tariff else "",
        "cap_id": cap.cap_id if cap else "",
        "tier": cap.tier if cap else "",
        "cap_per_minute": cap.per_minute.amount if cap else "",
        "free_s": charged.free_s,
        "lines": tuple(
            CdrLine(str(each.kind), each.quantity, each.amount.amount, each.label) for each in charged.lines
        ),
        "cap_lowered": Money(charged.lowered_micros, currency).amount,
        "total": charged.total.amount,
        "currency": currency,
    }


def _duration_ms(summary: VisitSummary) -> int:
    if summary.answer_at is None:
        return 0
    return max(0, (whole_ms(summary.ended_at) - whole_ms(summary.answer_at)) // MILLISECOND)


def _flow(flow: FlowSummary) -> CdrFlow:
    return CdrFlow(
        kind=str(flow.kind),
        source=str(flow.source),
        path=str(flow.path),
        source_codec=storable_text(flow.source_codec),
        target_codec=storable_text(flow.target_codec),
        packets=flow.packets,
        lost=flow.lost,
        jitter_us=_whole(flow.jitter_ms * 1000),
        frames_decoded=flow.frames_decoded,
        far_lost=flow.far_lost,
        rtt_us=_whole((flow.rtt_ms or 0.0) * 1000),
        frozen_ms=_whole(flow.frozen_s * 1000),
        mos_hundredths=_whole((flow.mos or 0.0) * 100),
    )


def _whole(figure: float) -> int:
    """Figures of the network are measured, not signed: what is none becomes 0 before it can spoil a record."""
    return round(figure) if math.isfinite(figure) else 0


def row_of(cdr: Cdr) -> CdrRow:
    return CdrRow(
        node=cdr.node,
        sequence=cdr.sequence,
        cdr_id=cdr.cdr_id,
        visit_id=cdr.visit_id,
        corrects=cdr.corrects or None,
        facility=cdr.facility,
        account_id=cdr.account,
        end_at=cdr.end_at,
        reason=cdr.reason,
        total=cdr.charged,
        document=canonical(cdr),
        previous_hash=cdr.previous_hash,
        hash=cdr.hash,
    )


def _recorded(work: Work, cdr_id: str) -> Cdr:
    row = work.records.by_id(cdr_id)
    if row is None:
        raise BillingError(f"record {cdr_id} is missing from the database")
    return from_document(row.document, row.previous_hash, row.hash)


def _balance(account_id: str, visit: Visit, work: Work) -> Money | None:
    """The balance as it was right after this visit was closed."""
    account = work.books.account(account_id)
    if account is None or visit.balance_after_micros is None:
        return None
    return Money(visit.balance_after_micros, account.currency)


def _receipt(cdr: Cdr, balance: Money | None) -> Receipt:
    return Receipt(
        visit_id=cdr.visit_id,
        cdr_id=cdr.cdr_id,
        sequence=cdr.sequence,
        duration_s=cdr.duration_ms // 1000,
        billable_s=cdr.billable_s,
        charged=cdr.charged,
        balance=balance,
        reason=cdr.reason,
        cap=cdr.cap_id if any(each.kind == LineKind.CAP for each in cdr.lines) else "",
    )
