"""Writing down what both sides of a visit send: RTP packets in, encrypted Matroska out, nothing encoded again.

Tap -> Recorder (on the loop: one append) -> Writer's thread: Reorder -> frames -> clusters -> sealed chunks -> file

writer = Writer()
recorder = writer.recorder(want_part=..., failed=..., ended=...)
tapping = bridge.tap(recorder)
... tapping.close(); recorder.finish()
"""

from bridge.recording.film import Part, Written
from bridge.recording.matroska import last_time_ms, with_duration
from bridge.recording.recorder import Recorder
from bridge.recording.sealing import KEY_BYTES, ChunkBroken, NotSealed, Opened, SealedReader, whole_bytes
from bridge.recording.writer import Writer

__all__ = [
    "Writer",
    "Recorder",
    "Part",
    "Written",
    "SealedReader",
    "Opened",
    "ChunkBroken",
    "NotSealed",
    "KEY_BYTES",
    "whole_bytes",
    "with_duration",
    "last_time_ms",
]
