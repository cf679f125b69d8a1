"""What a pipeline counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class PipelineCounters:
    """Plain counters; read at any time on the loop's thread, written only there.

    frames_dropped: whole pictures or sound blocks left out, for loss or for overload. undecodable: what the codec
    refused. frames_thinned: pictures left out evenly, for a slow receiver or for load. foreign_packets: of a payload
    type that is not the route's. late_packets: came after their turn.
    concealed_ms: of sound that was lost and was filled in.
    """

    frames_decoded: int = 0
    frames_encoded: int = 0
    frames_dropped: int = 0
    undecodable: int = 0
    frames_thinned: int = 0
    foreign_packets: int = 0
    malformed_packets: int = 0
    empty_packets: int = 0
    duplicate_packets: int = 0
    late_packets: int = 0
    missing_packets: int = 0
    keyframes_wanted: int = 0
    limits_ignored: int = 0
    concealed_ms: int = 0
