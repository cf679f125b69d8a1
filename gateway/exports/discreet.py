"""Records as those may see them who are not to know between whom privileged visits were.

Nobody is named, neither by a field nor by the hashes: whoever knows some stations and numbers could try them against
the hash of a record, and that of each record stands in the next one too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from gateway.store import RawRecord

NAMES = ("station", "resident", "dialled", "contact", "rule", "sip_call_id", "out_sip_call_id")
_PRIVILEGED = '"privileged":true'  # in canonical JSON no text holds it: its quotes would be escaped
_NO_HASHES = ',"previous_hash":"","hash":""}'
_HASHES_LENGTH = len(_NO_HASHES) + 128


def privileged(record: RawRecord) -> bool:
    return _PRIVILEGED in record.line


def discreetly(page: Sequence[RawRecord], *, payers: bool) -> tuple[RawRecord, ...]:
    """payers: who paid may be seen, so that amounts can be added up by account."""
    return tuple(
        replace(each, line=_masked(each.line, payers) if privileged(each) else _bare(each.line)) for each in page
    )


def _bare(line: str) -> str:
    return line[:-_HASHES_LENGTH] + _NO_HASHES


def _masked(line: str, payers: bool) -> str:
    values = json.loads(line)
    values |= dict.fromkeys((name for name in (*NAMES, "previous_hash", "hash") if name in values), "")
    if not payers:
        values["account"] = ""
        if "payers" in values:  # not in every older record
            values["payers"] = []
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)
