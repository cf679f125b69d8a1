"""A link: one small step of a pipeline. It takes something, hands something on, and can print itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

T_contra = TypeVar("T_contra", contravariant=True)


class Link(Protocol[T_contra]):
    """push() never raises for bad media: it counts and drops. close() is idempotent."""

    def push(self, item: T_contra) -> None: ...

    def close(self) -> None: ...

    def __str__(self) -> str: ...


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A whole compressed picture (H.264 Annex B, VP8 frame) or a block of compressed sound.

    rtp_timestamp: of the line it came from or goes to, in that codec's clock.
    """

    data: bytes
    rtp_timestamp: int
    keyframe: bool = False

    def __reduce__(self) -> tuple[type[EncodedFrame], tuple[bytes, int, bool]]:
        """Pickled some hundred times a second: by its constructor, which costs a third of the state of slots."""
        return EncodedFrame, (self.data, self.rtp_timestamp, self.keyframe)
