"""The call-detail record: its fields, its canonical JSON, its hash.

The dataclass below is the one definition: the JSON, the CSV columns and the table in docs/cdr.md are made from it.
A record's hash is SHA-256 over the previous record's hash, a newline, and the canonical JSON without the two hashes:
UTF-8, keys sorted, no spaces, amounts as decimal text, no floating-point number anywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, get_type_hints

from gateway.money import Money

SCHEMA = 4
READABLE = frozenset({1, 2, 3, SCHEMA})
FLOWS = tuple((kind, source) for kind in ("audio", "video") for source in ("sip", "web"))
HASHES = ("previous_hash", "hash")


@dataclass(frozen=True, slots=True)
class CdrLine:
    """One line of the charge. kind: as in docs/tariffs.md, or `credit`; quantity: 1, or seconds; credits are negative.

    label: the tariff's name of a tax or a share, a cap's id, the reason of a credit, else the band whose price it is.
    """

    kind: str
    quantity: int
    amount: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class CdrPayer:
    """One of those who paid. percent: of the charge, as agreed. amount: what it came to, of hold_amount."""

    account: str
    percent: int
    amount: str
    hold_id: str
    hold_amount: str


@dataclass(frozen=True, slots=True)
class CdrFlow:
    """One kind of media in one direction. source: `sip` (the station) or `web` (the family).

    path: `relay`, `transcode` or `none`. lost: on the way to us; far_lost: what the far side says it misses. jitter_us:
    RFC 3550, microseconds. rtt_us: to the far side and back, 0 where unknown. frozen_ms: nothing new went out although
    it was due. mos_hundredths: 100 to 450, of sound, 0 where unknown. frames_decoded: 0 on a relayed path.
    """

    kind: str
    source: str
    path: str
    source_codec: str
    target_codec: str
    packets: int
    lost: int
    jitter_us: int
    frames_decoded: int
    far_lost: int = 0
    rtt_us: int = 0
    frozen_ms: int = 0
    mos_hundredths: int = 0


@dataclass(frozen=True, slots=True)
class CdrRecording:
    """One file. state: `complete`, `cut` (it ends early, what there is plays), `failed` (nothing is there), or `open`.

    started_at, ended_at: as all times here. bytes, sha256: of the file as it lies in the archive, encrypted.
    """

    recording_id: str
    state: str
    started_at: str
    ended_at: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdr:
    """One visit, or one attempt at a visit. Times are aware UTC, whole milliseconds; None: it never came to that.

    What has a default here is not in every older record.
    """

    schema: Annotated[int, "version of this list of fields"]
    node: Annotated[str, "the node that had the visit"]
    sequence: Annotated[int, "1, 2, 3 ... without a gap on each node: the export cursor"]
    cdr_id: Annotated[str, "unique for ever: the idempotency key for whoever imports"]
    visit_id: Annotated[str, "the visit; a correction shares it with the record it corrects"]
    corrects: Annotated[str, "cdr_id of the record that this one corrects, else empty"]
    facility: Annotated[str, "facility id"]
    timezone: Annotated[str, "the facility's IANA zone, for reports in local time; all times here are UTC"]
    trunk: Annotated[str, "SIP trunk"]
    sip_call_id: Annotated[str, "Call-ID of the SIP leg, to find the visit in the carrier's records"]
    out_trunk: Annotated[str, "SIP trunk that the family's telephone was called over last; empty: none was called"] = ""
    out_sip_call_id: Annotated[str, "Call-ID of the telephone's SIP leg, to find it in that carrier's records"] = ""
    station: Annotated[str, "calling station, as the trunk named it"]
    resident: Annotated[str, "id of the resident who called; empty where the dialplan does not ask who calls"] = ""
    dialled: Annotated[str, "what the station dialled"]
    contact: Annotated[str, "contact id that it meant; empty when no rule matched"]
    rule: Annotated[str, "rule of the dialplan that decided"]
    medium: Annotated[str, "`audio` or `video`, as asked for"]
    privileged: Annotated[bool, "no recording and no monitoring was possible"]
    setup_at: Annotated[datetime, "the INVITE came"]
    ring_at: Annotated[datetime | None, "the family was rung"]
    answer_at: Annotated[datetime | None, "the family accepted"]
    media_start_at: Annotated[datetime | None, "media first went both ways: the meter started"]
    media_end_at: Annotated[datetime | None, "media last went both ways"]
    end_at: Annotated[datetime, "the visit was over; after a crash, the last proof of life"]
    recorded_at: Annotated[datetime, "this record was written"]
    duration_ms: Annotated[int, "from answer_at to end_at; 0 when nobody answered"]
    billable_s: Annotated[int, "whole seconds of usable media: what the charge is reckoned from"]
    unusable_s: Annotated[int, "seconds between media start and end that were not usable and not charged"]
    one_way_s: Annotated[
        int, "seconds in which sound came from one side only; among them some that were not charged"
    ] = 0
    reason: Annotated[str, "why it ended, from the closed list below"]
    fault: Annotated[str, "whose doing that was: station, family, officer, policy, money, network, gateway"]
    sip_code: Annotated[int, "final SIP status the station got instead of a visit; 0: the visit was answered"]
    account: Annotated[str, "who paid, the first of them; empty: the visit was free"]
    payers: Annotated[tuple[CdrPayer, ...], "all who paid, in which parts; the amounts add up to `total`"] = ()
    tariff_id: Annotated[str, "tariff; empty when it did not come to one"]
    tariff_version: Annotated[int, "version of the tariff; 0 when there is none"]
    rate_per_minute: Annotated[str, "decimal text, in `currency`"]
    rounding: Annotated[str, "the tariff's rounding rule, as in `down to 0.01`"]
    band: Annotated[
        str, "the tariff's hours of the week whose prices were agreed; empty: it has none, or none fitted"
    ] = ""
    cap_id: Annotated[str, "rate cap that bound the visit; empty: none"] = ""
    tier: Annotated[str, "the facility's tier under that cap"] = ""
    cap_per_minute: Annotated[str, "the most that an actual minute may cost, taxes apart; empty: no cap"] = ""
    free_s: Annotated[int, "seconds that the tariff's free allowance paid for"] = 0
    lines: Annotated[tuple[CdrLine, ...], "the lines of the charge; they add up to `total`"]
    total: Annotated[str, "what was charged, credits taken off: decimal text, never a float"]
    currency: Annotated[str, "ISO 4217; `XXX` (no currency) when it did not come to a tariff"]
    cap_lowered: Annotated[str, "how much the cap took off the charge, taxes apart: decimal text"] = "0.00"
    credited: Annotated[str, "how much of the charge was given back, in all: decimal text"] = "0.00"
    credit_reason: Annotated[
        str, "why it was given back, the last time: a code of the list below, or staff's words"
    ] = ""
    hold_id: Annotated[str, "the reservation that paid, the first of them; empty when none was taken"]
    hold_amount: Annotated[str, "what was reserved in all; `total` is never above it, unless a correction was dearer"]
    movement_id: Annotated[str, "the ledger movement of this record; empty when no money moved"]
    correction_reason: Annotated[str, "why this record corrects another; empty when it does not"] = ""
    corrected_by: Annotated[str, "by whose hand; empty when it does not"] = ""
    flows: Annotated[tuple[CdrFlow, ...], "codecs, path and quality, each way"]
    recording: Annotated[str, "`none`, or how it came out: `complete`, `cut`, `failed`, `open` (not finished yet)"] = (
        "none"
    )
    recordings: Annotated[tuple[CdrRecording, ...], "the files, in order; another one begins when a codec changes"] = ()
    previous_hash: Annotated[str, "hash of the node's record before this one; 64 zeros for the first"]
    hash: Annotated[str, "SHA-256 over previous_hash and this record"]

    @property
    def charged(self) -> Money:
        return Money.parse(self.total, self.currency)


def storable_text(text: str) -> str:
    """SIP and SDP allow what no text column and no UTF-8 takes (NUL, lone surrogates); it becomes U+FFFD."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def time_text(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds: `2026-01-05T15:00:00.000Z`."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def whole_ms(at: datetime) -> datetime:
    """What a record can hold of a time."""
    return at - timedelta(microseconds=at.microsecond % 1000)


def maybe_whole_ms(at: datetime | None) -> datetime | None:
    return None if at is None else whole_ms(at)


def as_json(cdr: Cdr) -> dict[str, Any]:
    """The record as JSON values, in the order of the fields."""
    return {each.name: _json_value(getattr(cdr, each.name)) for each in fields(Cdr)}


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, tuple):
        return [{each.name: getattr(item, each.name) for each in fields(item)} for item in value]
    return value


def from_json(values: Mapping[str, Any]) -> Cdr:
    """The inverse of `as_json`; an older record keeps its schema. Raises ValueError for what is no record."""
    if values.get("schema") not in READABLE:
        raise ValueError(f"a record of schema {values.get('schema')!r}; this version reads up to {SCHEMA}")
    given = dict(values)
    for name in ("setup_at", "ring_at", "answer_at", "media_start_at", "media_end_at", "end_at", "recorded_at"):
        given[name] = None if given[name] is None else datetime.fromisoformat(given[name])
    given["lines"] = tuple(CdrLine(**each) for each in given["lines"])
    given["payers"] = tuple(CdrPayer(**each) for each in given.get("payers", ()))
    given["flows"] = tuple(CdrFlow(**each) for each in given["flows"])
    given["recordings"] = tuple(CdrRecording(**each) for each in given.get("recordings", ()))
    return Cdr(**given)


def canonical(cdr: Cdr) -> str:
    """What is stored and hashed: everything but the two hashes."""
    return _canonical({name: value for name, value in as_json(cdr).items() if name not in HASHES})


def canonical_as(cdr: Cdr, document: str) -> str:
    """`canonical` with those fields that `document` has: the first records lack what came later."""
    return _canonical(_within(as_json(cdr), json.loads(document)))


def _canonical(values: Any) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _within(values: Any, pattern: Any) -> Any:
    if isinstance(values, dict):
        return {name: _within(values[name], each) for name, each in pattern.items()}
    if isinstance(values, list):
        return [_within(value, each) for value, each in zip(values, pattern, strict=True)]
    return values


def chain_hash(previous_hash: str, document: str) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(f"{previous_hash}\n{document}".encode()).hexdigest()


def chained(cdr: Cdr, previous_hash: str) -> Cdr:
    """The record with its place in the chain."""
    return replace(cdr, previous_hash=previous_hash, hash=chain_hash(previous_hash, canonical(cdr)))


def from_document(document: str, previous_hash: str, own_hash: str) -> Cdr:
    """A record from what is stored of it. Raises ValueError when the document is none."""
    return from_json({**json.loads(document), "previous_hash": previous_hash, "hash": own_hash})


def field_table() -> str:
    """The fields as a Markdown table, for docs/cdr.md."""
    hints = get_type_hints(Cdr, include_extras=True)
    rows = [f"| `{name}` | {_TYPE_WORDS[hint.__origin__]} | {hint.__metadata__[0]} |" for name, hint in hints.items()]
    return "\n".join(["| Field | Type | Meaning |", "|---|---|---|", *rows])


_TYPE_WORDS: dict[Any, str] = {
    str: "text",
    int: "integer",
    bool: "true or false",
    datetime: "time",
    datetime | None: "time or null",
    tuple[CdrLine, ...]: "list of {kind, quantity, amount, label}",
    tuple[CdrPayer, ...]: "list of {account, percent, amount, hold_id, hold_amount}",
    tuple[CdrFlow, ...]: "list of flows",
    tuple[CdrRecording, ...]: "list of {recording_id, state, started_at, ended_at, bytes, sha256}",
}
