"""One agent: a child process that is one SIP endpoint of at most four calls.

Started by sip.agents as `python -m sip.agent FD`, FD being its end of a socket pair. One thread turns between the SIP
stack and that socket. End of file on it means that the gateway is gone, and so is the agent then.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import sys
import time
from collections import deque

from sip import wire
from sip.errors import SipConfigError, SipError, SipPortTaken
from sip.stack import Stack

_log = logging.getLogger(__name__)

_BUSY_MS, _IDLE_MS = 8, 25
"""The longest a command waits while the stack waits for the network, with calls and without (a turn costs 0.14 ms)."""


class Channel:
    """The socket to the endpoint: reports go out at once, commands come in order."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._reader = wire.Reader()
        self._commands: deque[wire.Command] = deque()
        self.closed = False

    def report(self, report: wire.Report) -> None:
        if not self.closed:
            try:
                self._socket.sendall(wire.frame(report))
            except OSError:
                self.closed = True

    def take(self) -> list[wire.Command]:
        """What has come, without waiting."""
        self._receive(0)
        commands = list(self._commands)
        self._commands.clear()
        return commands

    def wait(self) -> wire.Command | None:
        while not self._commands and not self.closed:
            self._receive(1)
        return self._commands.popleft() if self._commands else None

    def reply_to(self, handle: str, seconds: float) -> wire.AnswerOffer | wire.RefuseOffer | None:
        """The endpoint's word on the offer just reported; None when it is late. Other commands keep their order."""
        deadline = time.monotonic() + seconds
        while True:
            for command in self._commands:
                if isinstance(command, wire.AnswerOffer | wire.RefuseOffer) and command.handle == handle:
                    self._commands.remove(command)
                    return command
                if isinstance(command, wire.HangUp) and command.handle == handle:
                    return None
            left = deadline - time.monotonic()
            if left <= 0 or self.closed:
                return None
            self._receive(left)

    def _receive(self, seconds: float) -> None:
        if self.closed or not select.select([self._socket], [], [], seconds)[0]:
            return
        data = b""
        with contextlib.suppress(OSError):
            data = self._socket.recv(65536)
        self.closed = not data
        self._commands.extend(self._reader.feed(data))  # type: ignore[arg-type]  # only commands come this way


def serve(channel: Channel, stack: Stack) -> None:
    while not channel.closed:
        stack.poll(_BUSY_MS if stack.busy else _IDLE_MS)
        for command in channel.take():
            if isinstance(command, wire.Stop):
                return
            if isinstance(command, wire.Ping):
                channel.report(wire.Pong())
            else:
                stack.execute(command)


def main(descriptor: int) -> int:
    for each in (signal.SIGINT, signal.SIGTERM):  # the endpoint says when to stop, after the visits have ended
        signal.signal(each, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    channel = Channel(socket.socket(fileno=descriptor))
    start = channel.wait()
    if not isinstance(start, wire.Start):
        return 0
    stack = Stack(start, channel.report, channel)
    try:
        channel.report(wire.Started(stack.start()))
    except (SipPortTaken, SipConfigError) as error:
        channel.report(wire.Failed(isinstance(error, SipPortTaken), str(error)))
        return 2
    except SipError:
        return 3
    serve(channel, stack)
    stack.stop()
    return 0


if __name__ == "__main__":
    code = 1
    try:
        code = main(int(sys.argv[1]))
    except Exception as error:  # noqa: BLE001 - whatever it was, the endpoint starts another agent
        _log.critical("agent ends: %s", type(error).__name__)
    finally:
        sys.stderr.flush()
        os._exit(code)  # the bindings' destructors would run after the library is gone, answer calls 480, and abort
