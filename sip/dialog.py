"""A SIP dialog as the gateway sees it: methods go out, events come in, SDP crosses as text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from sip.events import DialogEvent


class Dialog(Protocol):
    """One call with the far side, incoming or outgoing.

    Every method raises DialogGone when the dialog has ended and AgentDied when its agent has.
    Methods return when the agent has handed the message to the SIP stack, not when the far side has seen it.
    """

    @property
    def handle(self) -> str: ...

    @property
    def sip_call_id(self) -> str: ...

    def events(self) -> AsyncIterator[DialogEvent]:
        """The dialog's events in order, once; ends after Ended. The queue is bounded and never drops Ended."""
        ...

    async def ring(self, code: int = 180, sdp: str | None = None) -> None:
        """Provisional response to an incoming INVITE; 183 with sdp for early media."""
        ...

    async def answer(self, sdp: str) -> None:
        """200 OK. sdp is the answer, or our offer when the INVITE had none."""
        ...

    async def reject(self, code: int, reason: str = "", *, retry_after_s: int = 0) -> None:
        """Final error (300 to 699) to an incoming INVITE that was not answered yet.

        retry_after_s: when another call may have more luck (RFC 3261 section 20.33); 0: nothing is said of that.
        """
        ...

    async def answer_offer(self, sdp: str) -> None:
        """Answer the latest Offered."""
        ...

    async def refuse_offer(self, code: int = 488) -> None:
        """Refuse the latest Offered; the session stays as it was."""
        ...

    async def offer(self, sdp: str) -> None:
        """re-INVITE with a new offer; its answer comes as Answered."""
        ...

    async def send_info(self, content_type: str, body: str) -> None:
        """INFO in the dialog (RFC 6086), for instance a keyframe request (RFC 5168)."""
        ...

    async def hang_up(self, code: int = 0, reason: str = "") -> None:
        """BYE when confirmed, CANCEL or a final error before (code, or 603). Idempotent."""
        ...
