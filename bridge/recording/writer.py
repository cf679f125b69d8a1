"""The thread that writes all recordings of a process.

It looks at each recorder four times a second, so that the loop hands a packet over by an append and wakes nobody.
Between two recorders it lets go of the interpreter: a packet that waits on the loop waits for one turn at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bridge.recording.film import Written
from bridge.recording.recorder import Recorder

_TURN_S = 0.25
_LAST_TURN_S = 0.05
_LAST_TURNS_S = 5.0


class Writer:
    """`start` before the first recorder, `close` after the last; what is open then is ended."""

    def __init__(self) -> None:
        self._recorders: list[Recorder] = []
        self._lock = threading.Lock()
        self._stopping = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="kinbridge-recording", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def recorder(
        self,
        *,
        want_part: Callable[[int], None],
        failed: Callable[[str], None],
        ended: Callable[[tuple[Written, ...]], None],
    ) -> Recorder:
        made = Recorder(want_part=want_part, failed=failed, ended=ended, wake=self._wake.set)
        with self._lock:
            self._recorders.append(made)
        return made

    def close(self, within_s: float = _LAST_TURNS_S + 1.0) -> None:
        """Waits for what is under way, some seconds at most; what is not ended then reads as one that was cut.

        A disk that answers nothing any more keeps the thread, but not the node, which has visits to end.
        """
        with self._lock:
            for each in self._recorders:
                each.finish()
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(within_s)

    def __len__(self) -> int:
        """How many recordings are under way."""
        return len(self._recorders)

    def _serve(self) -> None:
        while not self._stopping:
            self._wake.wait(_TURN_S)
            self._wake.clear()
            self._turn()
        until_s = time.monotonic() + _LAST_TURNS_S
        while self._turn() and time.monotonic() < until_s:
            time.sleep(_LAST_TURN_S)

    def _turn(self) -> bool:
        """Whether anything is left to be written."""
        with self._lock:
            present = tuple(self._recorders)
        for each in present:
            if not self._work(each):
                with self._lock:
                    self._recorders.remove(each)
            time.sleep(0)
        return bool(self._recorders)

    @staticmethod
    def _work(recorder: Recorder) -> bool:
        try:
            return recorder.work(time.monotonic())
        except Exception as error:  # noqa: BLE001 - one recording's bug must not end the others
            recorder.abandon(error)
            return True
