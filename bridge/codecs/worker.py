"""The far side of codec work: `python -m bridge.codecs.worker FD`, a nursery that forks workers.

The nursery imports the media library once and then does nothing but fork: a worker is there in some milliseconds, when
one is needed first and when one died, and its memory is mostly the nursery's. It has no threads, so a fork is safe.

A worker runs one job after another. It ends with its socket, and is killed with the nursery.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
import time
import traceback
from collections import deque
from typing import Any

from bridge.codecs import post
from bridge.codecs.machine import Machine
from bridge.errors import CodecFailed, CodecMissing

_PRELOADED = ("bridge.links.picture", "bridge.links.sound")
_PR_SET_PDEATHSIG = 1
_BEHIND = 2  # two thirds of the usual share, and only while others want the processor too


class Broken:
    """Stands where a machine could not be made: each turn says why."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def turn(self, _item: object) -> None:
        raise self._error

    def obey(self, _order: object) -> None:
        """There is nothing to obey."""


class Desk:
    """Machines by chain, and what waits for them. together: all that waits is done before anybody is told."""

    def __init__(self, *, together: bool) -> None:
        self._together = together
        self._machines: dict[int, Machine[Any, Any]] = {}
        self._waiting: deque[post.Order] = deque()

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def take(self, order: post.Order) -> None:
        what, chain = order[0], order[1]
        if what == post.TURN:
            self._waiting.append(order)
        elif what == post.MAKE:
            self._make(chain, order[2])
        elif what == post.OBEY:
            self._obey(chain, order[2])
        else:
            self._machines.pop(chain, None)

    def work(self) -> list[post.Outcome]:
        """Orders that come meanwhile are looked at between pictures; blocks of sound are too short for that."""
        count = len(self._waiting) if self._together else min(1, len(self._waiting))
        turns = [self._waiting.popleft() for _ in range(count)]
        return [outcome for order in turns if (outcome := self._turn(order))]

    def _make(self, chain: int, recipe: Any) -> None:
        try:
            self._machines[chain] = recipe.make()
        except Exception as error:  # noqa: BLE001 - whatever a recipe raises, the worker serves other visits too
            self._machines[chain] = Broken(error)

    def _obey(self, chain: int, order: object) -> None:
        machine = self._machines.get(chain)
        if machine is not None:
            with contextlib.suppress(CodecFailed):  # the next turn says it again
                machine.obey(order)

    def _turn(self, order: post.Order) -> post.Outcome | None:
        _, chain, item, at_s = order
        machine = self._machines.get(chain)
        if machine is None:
            return None
        wait_s = time.monotonic() - at_s
        try:
            return post.WON, chain, machine.turn(item), wait_s
        except (CodecFailed, CodecMissing) as error:
            return post.LOST, chain, error, wait_s
        except Exception:  # noqa: BLE001 - see above
            return post.BROKE, chain, traceback.format_exc(), wait_s


def serve(connection: socket.socket, *, together: bool) -> None:
    """Until the gateway closes its end."""
    reader, desk = post.Reader(), Desk(together=together)
    connection.sendall(post.frame((post.HELLO, os.getpid())))
    while True:
        try:
            messages = reader.read(connection, socket.MSG_DONTWAIT if desk.busy else 0)
            if messages is None:
                return
        except BlockingIOError:
            messages = []
        for orders in messages:
            for order in orders:
                desk.take(order)
        outcomes = desk.work()
        if outcomes:
            connection.sendall(post.frame((post.REPORT, outcomes, time.process_time())))


def nurse(requests: socket.socket) -> None:
    """Forks a worker for each socket that arrives, until the gateway closes its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children: the kernel is to bury them
    for name in _PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection would copy the pages that all workers share
    while True:
        data, descriptors, _, _ = socket.recv_fds(requests, 1, 1)
        if not data:
            return
        for descriptor in descriptors:
            if os.fork() == 0:
                requests.close()
                _become_worker(descriptor, kind=data)
            os.close(descriptor)


def _become_worker(descriptor: int, *, kind: bytes) -> None:
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if kind == post.PICTURES:
            os.nice(_BEHIND)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the gateway went
            serve(socket.socket(fileno=descriptor), together=kind == post.SOUND)
        status = 0
    except BaseException:  # noqa: BLE001 - said here, or by nobody: the process ends without the interpreter's help
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    nurse(socket.socket(fileno=int(sys.argv[1])))
