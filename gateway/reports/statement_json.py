"""A statement as JSON values, for the API: amounts as exact decimal text, times with their offset."""

from __future__ import annotations

from typing import Any

from gateway.reports.names import Names
from gateway.reports.statement import Entry, Statement, VisitItem


def statement_values(statement: Statement, names: Names) -> dict[str, Any]:
    s = statement
    return {
        "account": s.account_id,
        "kind": s.kind,
        "currency": s.currency,
        "month": f"{s.period.first:%Y-%m}",
        "timezone": s.period.zone.key,
        "since": s.period.since.isoformat(),
        "until": s.period.until.isoformat(),
        "made_at": s.made_at.isoformat(timespec="seconds"),
        "opening_balance": s.opening.amount,
        "deposits": s.deposits.amount,
        "charges": s.charges.amount,
        "given_back": s.given_back.amount,
        "paid_out": s.paid_out.amount,
        "closing_balance": s.closing.amount,
        "visits": [_visit(each, names) for each in s.visits],
        "entries": [_entry(each) for each in s.entries],
    }


def _visit(visit: VisitItem, names: Names) -> dict[str, Any]:
    return {
        "visit_id": visit.visit_id,
        "cdr_id": visit.cdr_id,
        "at": visit.at.isoformat(timespec="seconds"),
        "ended_at": visit.ended_at.isoformat(timespec="seconds"),
        "facility": visit.facility,
        "facility_name": names.facility(visit.facility),
        "station": visit.station,
        "contact": visit.contact,
        "medium": visit.medium,
        "privileged": visit.privileged,
        "reason": visit.reason,
        "duration_s": visit.duration_s,
        "used_s": visit.used_s,
        "not_charged": [{"why": str(each.why), "seconds": each.seconds} for each in visit.not_charged],
        "lines": [
            {"kind": each.kind, "label": each.label, "quantity": each.quantity, "amount": each.amount.amount}
            for each in visit.lines
        ],
        "total": visit.total.amount,
        "percent": visit.percent,
        "amount": visit.amount.amount,
        "given_back": visit.given_back.amount,
        "cap_lowered": visit.cap_lowered.amount,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "kind": str(entry.kind),
        "at": entry.at.isoformat(timespec="seconds"),
        "amount": entry.amount.amount,
        "balance": entry.balance.amount,
        "reason": entry.reason,
        "visit_id": entry.visit_id,
    }
