"""The SIP endpoint of an agent: its accounts (one for each trunk) and its calls. One thread; poll() drives it."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from sip import message, wire
from sip._pj import LIBRARY, TICK_BYTES, Account, Call, Endpoint, Log, PjError, account_config, engine_config, listen
from sip.address import identity, target_uri
from sip.capi import Pjsip
from sip.errors import BadDescription
from sip.events import Answered, RequestsRefused
from sip.gate import Gate, Why
from sip.rawrequest import RawRequest
from sip.trust import Trust
from sip.types import SipSettings, Trunk

_log = logging.getLogger(__name__)

_FAREWELL_TURNS = 50
_TURN_S = 1.0
_REPORT_S = 1.0


class Replies(Protocol):
    """Where a callback that must answer at once waits for the endpoint's word."""

    def reply_to(self, handle: str, seconds: float) -> wire.AnswerOffer | wire.RefuseOffer | None: ...


class Stack:
    """One pjsua2 endpoint with its accounts and calls."""

    def __init__(self, start: wire.Start, report: Callable[[wire.Report], None], replies: Replies) -> None:
        self.report = report
        self.replies = replies
        self.pjsip = Pjsip(LIBRARY)
        self._settings: SipSettings = start.settings
        self._start = start
        self._trust = Trust(start.settings.trunks)
        self._trunks = {each.name: each for each in start.settings.trunks}
        self._gate = Gate(start.settings, self._trust, self._is_ours, time.monotonic())
        self._call_ids: set[str] = set()
        self._accounts: dict[str, Account] = {}
        self._calls: dict[str, Call] = {}
        self._ended: list[Call] = []
        self._registered: set[Account] = set()
        self._count = 0
        self._next_ping = 0.0
        self._next_turn = 0.0
        self._next_report = 0.0
        self._prefix = f"a{start.agent}.{start.generation}"
        self._log = Log(self)
        self._endpoint = Endpoint(self)

    # start, turn, stop

    def start(self) -> tuple[wire.Address, ...]:
        """Listen. Raises SipPortTaken or SipConfigError."""
        settings = self._settings
        self._endpoint.libCreate()
        self._endpoint.libInit(engine_config(settings, self._log))
        addresses = tuple(
            listen(self._endpoint, settings, transport, self._start.port) for transport in settings.transports
        )
        self.pjsip.open_no_sound_device(TICK_BYTES)
        self._endpoint.libStart()
        if not self.pjsip.guard(self._judge):
            _log.error("this build of the SIP library is not known: strangers get its own answers, and no rate is kept")
        self.pjsip.tell_the_truth()
        self.pjsip.answer_the_unclaimed()
        self._add_account(None)
        for trunk in settings.trunks:
            self._add_account(trunk)
        return addresses

    @property
    def busy(self) -> bool:
        return bool(self._calls)

    def poll(self, wait_ms: int) -> None:
        self._endpoint.libHandleEvents(wait_ms)
        now_s = time.monotonic()
        if self._ended or now_s >= self._next_turn:  # each re-INVITE takes a place of the mixer too
            self._next_turn = now_s + _TURN_S
            self._ended.clear()  # here no callback of a call is on the C++ stack any more
            self.pjsip.turn()
        if self._gate.refused and now_s >= self._next_report:
            self._next_report = now_s + _REPORT_S
            self._report_refused()
        if self._settings.options_keepalive_s and now_s >= self._next_ping:
            self._next_ping = now_s + self._settings.options_keepalive_s
            self._ping()

    def stop(self) -> None:
        """BYE to every call and unregister, and wait half a second for the answers.

        The library itself is not destroyed: that takes a second, and the process ends with it anyway.
        """
        for call in tuple(self._calls.values()):
            call.give_up()
        for account in tuple(self._registered):
            with contextlib.suppress(PjError):
                account.setRegistration(False)
        for _ in range(_FAREWELL_TURNS):
            if not self._calls and not self._registered:
                break
            self.poll(10)

    def registered(self, account: Account, *, up: bool) -> None:
        (self._registered.add if up else self._registered.discard)(account)

    def _ping(self) -> None:
        """OPTIONS to each server, which keeps NAT bindings open and lets the far side see that we live."""
        for trunk in self._settings.trunks:
            if trunk.server:
                with contextlib.suppress(PjError):
                    self._accounts[trunk.name].ping(target_uri(trunk, ""))

    def _add_account(self, trunk: Trunk | None) -> None:
        account = Account(self, trunk)
        registers = self._start.agent == 0
        account.create(account_config(self._settings, trunk, registers=registers, port=self._start.port))
        self._accounts[trunk.name if trunk else ""] = account

    # what comes in

    def _judge(self, request: RawRequest) -> int:
        return self._gate.judge(request.host, request.text, time.monotonic())

    def _is_ours(self, call_id: str) -> bool:
        return call_id in self._call_ids

    def _report_refused(self) -> None:
        for (why, method, trunk), number in self._gate.take_counts().items():
            self.report(wire.Noticed(RequestsRefused(why, method, trunk, number)))

    def account_of(self, source: str) -> Account:
        return self._accounts[self._trust.trunk_of(source)]

    def came(self, account: Account, call_id: int, rdata: Any) -> None:
        source, received = rdata.srcAddress, message.parse(rdata.wholeMsg)
        trunk = self._trust.trunk_of(source)
        self._count += 1
        call = Call(self, account, f"{self._prefix}-{self._count}", call_id, received.sdp)
        self._calls[call.handle] = call
        if trunk:
            self._remember(call, received.header("call-id"))
            self.report(wire.Incoming(message.invite_of(received, call.handle, self._trunks[trunk], source)))
            call.look_for_conference(received)
        else:  # the gate is not there: see `start`
            self._gate.refused[Why.STRANGER, "INVITE", ""] += 1
            call.stranger = True
            call.end(403, "")

    def _remember(self, call: Call, call_id: str) -> None:
        """Requests within a call may come from another address than its INVITE: the gate knows it by its Call-ID."""
        call.call_id = call_id
        self._call_ids.add(call_id)

    def saw(self, received: message.Message) -> None:
        """An ACK: of interest when it answers the offer that we made in the 200 of a re-INVITE."""
        call_id = received.header("call-id")
        for call in self._calls.values():
            if call.awaits_ack_sdp and call.getInfo().callIdString == call_id:
                call.awaits_ack_sdp = False
                call.report(Answered(received.sdp))

    def forget(self, call: Call) -> None:
        """Keep the object until poll(): its callback is running."""
        self._calls.pop(call.handle, None)
        self._call_ids.discard(call.call_id)
        self._ended.append(call)

    # commands

    def execute(self, command: wire.Command) -> None:
        """A command for a call that has ended meanwhile is dropped: its Ended is on the way."""
        if isinstance(command, wire.Place):
            self._place(command)
            return
        call = self._calls.get(command.handle) if not isinstance(command, wire.Start | wire.Stop | wire.Ping) else None
        if call is None:
            return
        try:
            _obey(call, command)
        except (PjError, BadDescription) as error:
            _log.warning("dialog %s: %s failed: %s", call.handle, type(command).__name__, type(error).__name__)
            if isinstance(command, wire.Answer | wire.HangUp):
                call.give_up()

    def _place(self, command: wire.Place) -> None:
        trunk = next(each for each in self._settings.trunks if each.name == command.trunk)
        call = Call(self, self._accounts[trunk.name], command.handle)
        self._calls[call.handle] = call
        caller = identity(self._settings, trunk, command.from_user) if command.from_user else ""
        try:
            call.place(target_uri(trunk, command.target), caller, command.sdp)
            self._remember(call, call.getInfo().callIdString)
            self.report(wire.Placed(command.handle, call.call_id))
        except (PjError, BadDescription) as error:
            self._calls.pop(call.handle, None)
            text = str(error) if isinstance(error, BadDescription) else f"the SIP stack refused it: {error.reason}"
            self.report(wire.Placed(command.handle, "", text))


def _obey(call: Call, command: wire.Command) -> None:
    match command:
        case wire.Ring(code=code, sdp=sdp):
            call.ring(code, sdp)
        case wire.Answer(sdp=sdp):
            call.accept(sdp)
        case wire.Offer(sdp=sdp):
            call.send_offer(sdp)
        case wire.SendInfo(content_type=content_type, body=body):
            call.send_info(content_type, body)
        case wire.HangUp(code=code, reason=reason, reject=reject, retry_after_s=retry_after_s):
            if not (reject and call.confirmed):
                call.end(code, reason, retry_after_s)
        case _:
            pass  # an answer to an offer that came too late: the far side has had its 488
