"""The gate before the stack: whose requests go on, and what happens to the others. Pure; the clock is handed in.

    request -> from a trunk?  yes -> not too many a second -> the stack
                              no  -> nothing, or 403; counted

It sees every request before the library does anything with it, so a flood costs a look at its first lines and no more.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from sip.trust import Trust
from sip.types import SipSettings, Strangers

METHODS = frozenset({"INVITE", "OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE", "BYE", "CANCEL", "REFER"})
_OTHER = "OTHER"
_CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_AGENT = re.compile(rb"^user-agent[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_SOURCES = 4096  # that are remembered at once; the oldest are forgotten
_ANSWERS_PER_S = 20.0
"""So many strangers get their 403: one whose address is forged must not be flooded by us in its place."""


class Why(StrEnum):
    """Why a request was not let through."""

    STRANGER = "stranger"  # from an address of no trunk
    SCANNER = "scanner"  # its User-Agent is one of `sip.scanners`
    TRUNK_RATE = "trunk-rate"  # more than the trunk's `invites_per_s`
    SOURCE_RATE = "source-rate"  # more than `source_requests_per_s` from one address


PASS, DROP = 0, -1
"""What `judge` says beside a SIP status to answer with."""

FORBIDDEN, UNAVAILABLE = 403, 503


class Bucket:
    """Tokens that come back at `per_s`; twice as many may be spent at once."""

    __slots__ = ("_at_s", "_left", "_most", "_per_s")

    def __init__(self, per_s: float, now_s: float) -> None:
        self._per_s = per_s
        self._most = self._left = max(1.0, 2 * per_s)
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        self._left = min(self._most, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Gate:
    """is_ours(call_id): whether a call of ours has it; requests within it may come from another address."""

    def __init__(self, settings: SipSettings, trust: Trust, is_ours: Callable[[str], bool], now_s: float) -> None:
        self._trust = trust
        self._is_ours = is_ours
        self._silent = settings.strangers is Strangers.SILENT
        self._scanners = tuple(each.lower().encode() for each in settings.scanners if each)
        self._trunks = {each.name: Bucket(each.invites_per_s, now_s) for each in settings.trunks}
        self._per_source_s = settings.source_requests_per_s
        self._sources: dict[str, Bucket] = {}
        self._known: dict[str, str] = {}
        self._answers = Bucket(_ANSWERS_PER_S, now_s)
        self.refused: Counter[tuple[Why, str, str]] = Counter()

    def judge(self, host: str, request: bytes, now_s: float) -> int:
        """PASS, DROP, or the status to answer with. host: where it came from, without a port."""
        method = request.partition(b" ")[0].decode("ascii", "replace")
        trunk = self._trunk_of(host)
        if self._is_of_ours(request) or (trunk and method == "ACK"):
            return PASS
        if not trunk:
            return self._turn_away(Why.STRANGER, method, "", now_s)
        if self._is_scanner(request):
            return self._turn_away(Why.SCANNER, method, trunk, now_s)
        if not self._of_source(host, now_s).take(now_s):
            return self._refuse(Why.SOURCE_RATE, method, trunk, UNAVAILABLE)
        if method == "INVITE" and not self._trunks[trunk].take(now_s):
            return self._refuse(Why.TRUNK_RATE, method, trunk, UNAVAILABLE)
        return PASS

    def take_counts(self) -> Counter[tuple[Why, str, str]]:
        """How many were refused since the last time, by reason, method and trunk."""
        counts, self.refused = self.refused, Counter()
        return counts

    def _turn_away(self, why: Why, method: str, trunk: str, now_s: float) -> int:
        """An ACK belongs to an answer of ours: it is no attempt of its own, and nothing may answer it."""
        if method == "ACK":
            return DROP
        answered = not self._silent and self._answers.take(now_s)
        return self._refuse(why, method, trunk, FORBIDDEN if answered else DROP)

    def _refuse(self, why: Why, method: str, trunk: str, verdict: int) -> int:
        self.refused[why, method if method in METHODS else _OTHER, trunk] += 1
        return verdict

    def _trunk_of(self, host: str) -> str:
        trunk = self._known.get(host)
        if trunk is None:
            if len(self._known) >= _SOURCES:
                self._known.clear()
            trunk = self._known[host] = self._trust.trunk_of_host(host)
        return trunk

    def _of_source(self, host: str, now_s: float) -> Bucket:
        bucket = self._sources.get(host)
        if bucket is None:
            if len(self._sources) >= _SOURCES:
                self._sources.pop(next(iter(self._sources)))
            bucket = self._sources[host] = Bucket(self._per_source_s, now_s)
        return bucket

    def _is_of_ours(self, request: bytes) -> bool:
        found = _CALL_ID.search(request)
        return found is not None and self._is_ours(found[1].decode("utf-8", "replace"))

    def _is_scanner(self, request: bytes) -> bool:
        found = _AGENT.search(request)
        if found is None:
            return False
        agent = found[1].lower()
        return any(each in agent for each in self._scanners)
