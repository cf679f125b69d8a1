"""The gateway's end of the process that forks codec workers (`bridge.codecs.worker`)."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys


class Nursery:
    """One process for all workers of a media plane, started with the first, started anew should it ever die."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def fork(self, kind: bytes) -> socket.socket:
        """Our end of the socket of a new worker for post.SOUND or post.PICTURES.

        Returns at once: what is written waits until the worker is there.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            self._send(theirs, kind)
        return ours

    def close(self) -> None:
        """Ends the process and, as its children, all workers. Waits for it."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _send(self, theirs: socket.socket, kind: bytes) -> None:
        requests = self._requests or self._start()
        try:
            socket.send_fds(requests, [kind], [theirs.fileno()])
        except OSError:  # it died
            self.close()
            socket.send_fds(self._start(), [kind], [theirs.fileno()])

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        path = os.pathsep.join(each for each in sys.path if each)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, with our own module
                [sys.executable, "-m", "bridge.codecs.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C reaches the gateway, which ends the visits first
                # the array library would start a thread for each core, and a fork copies none of them
                env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        self._requests = ours
        return ours

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # at interpreter exit anything may be gone already
            self.close()
