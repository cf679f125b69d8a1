"""Records in the order of Asterisk's Master.csv, as its module cdr_csv writes them (cdr/cdr_csv.c).

accountcode, src, dst, dcontext, clid, channel, dstchannel, lastapp, lastdata, start, answer, end, duration, billsec,
disposition, amaflags, uniqueid, userfield. No header; text in quotes, a quote inside doubled; the numbers of seconds
without. Times are UTC, as with `usegmtime = yes`. What such a row cannot hold stands in the other formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FORMULA = re.compile(r"[\x00-\x20]*[=+\-@\t＝＋－＠]")  # noqa: RUF001 - as in the CSV
NO_ANSWER = frozenset({"no_answer", "not_accepted", "inmate_hung_up", "family_left"})
BUSY = frozenset({"rejected", "busy"})
CONGESTED = frozenset({"refused_overload", "refused_draining", "refused_unavailable", "trunk_error"})


def rows(records: Iterable[Mapping[str, Any]]) -> str:
    """One line each, LF. records: the fields of Cdr by name, times as text."""
    return "".join(_row(each) for each in records)


def disposition(record: Mapping[str, Any]) -> str:
    """ANSWERED, NO ANSWER, BUSY, FAILED or CONGESTION."""
    if record["answer_at"]:
        return "ANSWERED"
    if record["reason"] in CONGESTED:
        return "CONGESTION"
    if record["reason"] in BUSY:
        return "BUSY"
    return "NO ANSWER" if record["reason"] in NO_ANSWER else "FAILED"


def _row(record: Mapping[str, Any]) -> str:
    answer, end = record["answer_at"], record["end_at"]
    texts = (
        record["account"],
        record["station"],
        record["dialled"],
        record["facility"],
        f'"{record["station"]}" <{record["station"]}>',
        f"PJSIP/{record['trunk']}",
        _far_channel(record),
        "Dial" if record["ring_at"] else "",
        record["contact"],
        _time(record["setup_at"]),
        _time(answer),
        _time(end),
    )
    seconds = (_seconds(record["setup_at"], end), record["billable_s"])
    rest = (disposition(record), "BILLING", record["cdr_id"], record["visit_id"])
    cells = [*map(_quoted, texts), *map(str, seconds), *map(_quoted, rest)]
    return ",".join(cells) + "\n"


def _far_channel(record: Mapping[str, Any]) -> str:
    if out := record.get("out_trunk"):
        return f"PJSIP/{out}"
    return f"WebRTC/{record['contact']}" if record["contact"] else ""


def _time(text: str | None) -> str:
    """`2026-01-05 15:00:04`"""
    return text[:19].replace("T", " ") if text else ""


def _seconds(begin: str, end: str) -> int:
    return max(0, int((datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()))


def _quoted(text: str) -> str:
    """Line ends and other control characters become spaces: readers of Master.csv take a line for a record, and text
    in C ends at a NUL. Formulas are defused as in the CSV.
    """
    flat = _CONTROL.sub(" ", text)
    if _FORMULA.match(text):
        flat = "'" + flat
    return '"' + flat.replace('"', '""') + '"'
