"""The endpoint's side of one agent process: start it, talk to it, notice that it died, start it again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from sip import description, wire
from sip.dialog import Dialog
from sip.errors import AgentDied, DialogGone, SipBusy, SipConfigError, SipError, SipPortTaken
from sip.events import AgentRestarted, DialogEvent, Ended, EndpointEvent, Offered
from sip.mailbox import Mailbox
from sip.types import EndedBy, Invite

_log = logging.getLogger(__name__)

_START_S = 15.0
_STOP_S = 5.0
_RETRY_FIRST_S, _RETRY_MOST_S = 0.1, 5.0
_PINGS = 4
"""So many in a row stay without an answer before an agent counts as hung."""


class AgentDialog:
    """A Dialog whose SIP half lives in an agent process."""

    def __init__(self, agent: Agent, handle: str, sip_call_id: str, offer: str | None) -> None:
        self._agent = agent
        self._handle = handle
        self.call_id = sip_call_id
        self._offer = offer
        self._mailbox = Mailbox()
        self._agent_died = False

    @property
    def handle(self) -> str:
        return self._handle

    @property
    def sip_call_id(self) -> str:
        return self.call_id

    def events(self) -> AsyncIterator[DialogEvent]:
        return self._mailbox.read()

    async def ring(self, code: int = 180, sdp: str | None = None) -> None:
        checked = None if sdp is None else description.ours(sdp, self._offer)
        await self._send(wire.Ring(self._handle, code, checked))

    async def answer(self, sdp: str) -> None:
        await self._send(wire.Answer(self._handle, description.ours(sdp, self._offer)))

    async def reject(self, code: int, reason: str = "", *, retry_after_s: int = 0) -> None:
        await self._send(wire.HangUp(self._handle, code, reason, reject=True, retry_after_s=retry_after_s))

    async def answer_offer(self, sdp: str) -> None:
        await self._send(wire.AnswerOffer(self._handle, description.ours(sdp, self._offer)))

    async def refuse_offer(self, code: int = 488) -> None:
        await self._send(wire.RefuseOffer(self._handle, code))

    async def offer(self, sdp: str) -> None:
        await self._send(wire.Offer(self._handle, description.ours(sdp)))

    async def send_info(self, content_type: str, body: str) -> None:
        await self._send(wire.SendInfo(self._handle, content_type, body))

    async def hang_up(self, code: int = 0, reason: str = "") -> None:
        with contextlib.suppress(DialogGone, AgentDied):
            await self._send(wire.HangUp(self._handle, code, reason))

    def came(self, event: DialogEvent) -> None:
        if isinstance(event, Offered):
            self._offer = event.sdp
        if isinstance(event, Ended) and event.by is EndedBy.AGENT:
            self._agent_died = True
        self._mailbox.put(event)

    async def _send(self, command: wire.Command) -> None:
        if self._agent_died:
            raise AgentDied(f"the agent of dialog {self._handle} is gone")
        if self._mailbox.ended:
            raise DialogGone(f"dialog {self._handle} has ended")
        await self._agent.send(command)


@dataclass(frozen=True, slots=True)
class Listener:
    """Where an agent's news go. `invited` is False when nobody can take the call."""

    invited: Callable[[Invite, Dialog], bool]
    noticed: Callable[[EndpointEvent], None]


class Agent:
    """One agent process after another on the same ports. `run` is its life; `ready` is set while it takes calls."""

    def __init__(self, start: wire.Start, listener: Listener) -> None:
        self._start = start
        self._listener = listener
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._dialogs: dict[str, AgentDialog] = {}
        self._placing: dict[str, asyncio.Future[wire.Placed]] = {}
        self._placed = 0
        self._stopping = False
        self._unanswered = 0
        self._run: asyncio.Task[None] | None = None
        self.addresses: tuple[wire.Address, ...] = ()
        self.ready = False

    @property
    def index(self) -> int:
        return self._start.agent

    @property
    def process_id(self) -> int:
        """0 when there is no process."""
        return self._process.pid if self._process else 0

    @property
    def free_calls(self) -> int:
        return self._start.settings.calls_per_agent - len(self._dialogs) if self.ready else 0

    async def start(self) -> None:
        """The first start. Raises SipPortTaken, SipConfigError or AgentDied; later ones are tried again and again."""
        reader = await self._spawn()
        self._run = asyncio.create_task(self._live(reader), name=f"sip agent {self.index}")

    async def stop(self) -> None:
        """Its calls get BYE, its registrations are withdrawn; what takes longer than five seconds is killed."""
        self._stopping = True
        if self._process and self.ready:
            with contextlib.suppress(OSError, AgentDied):
                await self.send(wire.Stop())
        if self._run:
            try:
                async with asyncio.timeout(_STOP_S):
                    await asyncio.shield(self._run)
            except TimeoutError:
                self._run.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._run
        await self._bury()

    async def send(self, command: wire.Command) -> None:
        if not self.ready or self._writer is None:
            raise AgentDied(f"agent {self.index} is not running")
        try:
            self._writer.write(wire.frame(command))
            await self._writer.drain()
        except OSError:
            raise AgentDied(f"agent {self.index} is gone") from None

    async def place(self, target: str, sdp: str | None, trunk: str, from_user: str) -> AgentDialog:
        self._placed += 1
        handle = f"a{self.index}.{self._start.generation}-o{self._placed}"
        dialog = AgentDialog(self, handle, "", None)
        answer: asyncio.Future[wire.Placed] = asyncio.get_running_loop().create_future()
        self._dialogs[handle] = dialog
        self._placing[handle] = answer
        try:
            await self.send(wire.Place(handle, target, sdp, trunk, from_user))
            placed = await answer
        except BaseException:
            self._dialogs.pop(handle, None)
            raise
        finally:
            self._placing.pop(handle, None)
        if not placed.sip_call_id:
            self._dialogs.pop(handle, None)
            raise (SipBusy if "PJ_ETOOMANY" in placed.text else SipConfigError)(f"trunk {trunk!r}: {placed.text}")
        dialog.call_id = placed.sip_call_id
        return dialog

    # its life

    async def _live(self, reader: asyncio.StreamReader) -> None:
        while True:
            watching = asyncio.create_task(self._watch(), name=f"sip agent {self.index} watch")
            try:
                await self._read(reader)
            finally:
                watching.cancel()
            exit_code = await self._bury()
            lost = self._lose_dialogs()
            if self._stopping:
                return
            _log.error("agent %d died with exit code %d; %d dialogs lost", self.index, exit_code, lost)
            reader = await self._respawn()
            self._listener.noticed(AgentRestarted(self.index, exit_code, lost))

    async def _watch(self) -> None:
        """End a process that hangs: to its callers it is dead, but its port and its calls stay taken.

        Pings are counted, not seconds: a gateway that was itself stopped for a while must not blame its agents.
        """
        self._unanswered = 0
        while self._process and self._writer:
            if self._unanswered >= _PINGS:
                _log.error("agent %d has not answered %d times; it is killed", self.index, self._unanswered)
                self._process.kill()
                return
            self._unanswered += 1
            self._writer.write(wire.frame(wire.Ping()))
            await asyncio.sleep(self._start.settings.agent_silence_s / _PINGS)

    async def _respawn(self) -> asyncio.StreamReader:
        """The port may be busy for a moment; a gateway that gives up here would stay deaf."""
        wait_s = _RETRY_FIRST_S
        while True:
            self._start = replace(self._start, generation=self._start.generation + 1)
            try:
                return await self._spawn()
            except SipError as error:
                _log.error("agent %d does not start again: %s", self.index, type(error).__name__)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _RETRY_MOST_S)

    async def _spawn(self) -> asyncio.StreamReader:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "sip.agent",
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,  # the library prints there before it can be told not to
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C reaches the gateway, which ends the visits first
                env={**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
            )
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._writer.write(wire.frame(self._start))
        try:
            async with asyncio.timeout(_START_S):
                first = await _next(reader)
        except TimeoutError:
            first = None
        if isinstance(first, wire.Started):
            self.addresses = first.addresses
            self.ready = True
            return reader
        exit_code = await self._bury()
        if isinstance(first, wire.Failed):
            raise (SipPortTaken if first.port_taken else SipConfigError)(first.text)
        raise AgentDied(f"agent {self.index} did not start (exit code {exit_code})")

    async def _bury(self) -> int:
        """End the process if it still lives, and collect it."""
        self.ready = False
        if self._writer:
            self._writer.close()
            self._writer = None
        if self._process is None:
            return 0
        process, self._process = self._process, None
        try:
            async with asyncio.timeout(_STOP_S):
                return await process.wait()
        except TimeoutError:
            process.kill()
            return await process.wait()

    def _lose_dialogs(self) -> int:
        for answer in self._placing.values():
            if not answer.done():
                answer.set_exception(AgentDied(f"agent {self.index} is gone"))
        lost, self._dialogs = self._dialogs, {}
        for dialog in lost.values():
            dialog.came(Ended(EndedBy.AGENT, 0, "agent died"))
        return len(lost)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while (report := await _next(reader)) is not None:
            self._unanswered = 0  # whatever it says, it lives
            match report:
                case wire.Pong():
                    pass
                case wire.Incoming(invite=invite):
                    await self._invited(invite)
                case wire.Happened(handle=handle, event=event):
                    self._happened(handle, event)
                case wire.Placed(handle=handle):
                    answer = self._placing.get(handle)
                    if answer and not answer.done():
                        answer.set_result(report)
                case wire.Noticed(event=notice):
                    self._listener.noticed(notice)
                case _:
                    _log.error("agent %d said %s out of turn", self.index, type(report).__name__)

    async def _invited(self, invite: Invite) -> None:
        dialog = AgentDialog(self, invite.handle, invite.sip_call_id, invite.sdp)
        self._dialogs[invite.handle] = dialog
        if not self._listener.invited(invite, dialog):
            with contextlib.suppress(SipError):  # it died meanwhile: its end is on the way
                await dialog.reject(503)

    def _happened(self, handle: str, event: DialogEvent) -> None:
        dialog = self._dialogs.get(handle)
        if dialog is None:
            return
        if isinstance(event, Ended):
            del self._dialogs[handle]
        dialog.came(event)


async def _next(reader: asyncio.StreamReader) -> wire.Command | wire.Report | None:
    """The next value; None at the end."""
    try:
        (size,) = wire.HEADER.unpack(await reader.readexactly(wire.HEADER.size))
        return wire.value_of(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, OSError):
        return None
