"""Keeps Python's garbage collector from stopping all media at once.

A full collection walks every object of the process. After the imports of a gateway that are 60,000 and more, and the
walk was measured at 30 to 170 ms on a busy machine: eight lost audio packets in every visit, with no visible cause.
"""

from __future__ import annotations

import gc
import sys

_THREAD_TURN_S = 0.001
_YOUNG_OBJECTS = 10_000  # Python's own 700 starts a walk every few packets while a visit is being set up


def keep_pauses_short() -> None:
    """To be called once, when everything is imported and started: what exists now is never walked again.

    What visits create afterwards (some 400 objects each) is still collected. Threads (those of the database) give the
    interpreter back to the loop after a millisecond instead of five.
    """
    sys.setswitchinterval(_THREAD_TURN_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)
