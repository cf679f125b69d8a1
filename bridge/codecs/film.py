"""Recordings turned into what any player shows."""

from bridge.codecs._av_film import side_by_side

__all__ = ["side_by_side"]
