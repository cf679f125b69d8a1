"""What `kinbridge doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it runs, but someone should look
    FAULT = "fault"  # the gateway cannot do its work


@dataclass(frozen=True, slots=True)
class Finding:
    """remedy: what to do, empty when all is well."""

    verdict: Verdict
    what: str
    remedy: str = ""
