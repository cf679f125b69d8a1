"""Whether something is kept for each thing that was thrown at it."""

from __future__ import annotations

import gc
import resource
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weight:
    """objects: that the collector knows. peak_kb: the most memory that this process ever had."""

    objects: int
    peak_kb: int

    @classmethod
    def now(cls) -> Weight:
        gc.collect()
        return cls(len(gc.get_objects()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def has_grown(before: Weight, after: Weight) -> str:
    """Empty when not. A few objects more are caches that fill; one for each of thousands of packets is a leak."""
    if after.objects > before.objects * 1.02 + 500:
        return f"{after.objects - before.objects} objects more than {before.objects}"
    if after.peak_kb > before.peak_kb * 1.1 + 16_384:
        return f"{after.peak_kb - before.peak_kb} kB more than {before.peak_kb}"
    return ""
