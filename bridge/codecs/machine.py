"""What runs in a codec worker: machines, and the recipes that make them there.

Values cross to a worker, objects never: a recipe is a small frozen value, a machine is made of it on the far side and
never leaves. What goes in and comes out (compressed frames, counts) must be picklable and of this program alone.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

Item_contra = TypeVar("Item_contra", contravariant=True)
Value_co = TypeVar("Value_co", covariant=True)


class Machine(Protocol[Item_contra, Value_co]):
    """The codecs of one pipeline. One item is one job, from bytes to bytes."""

    def turn(self, item: Item_contra, /) -> Value_co:
        """Raises CodecFailed for what cannot be decoded or encoded; the machine must be able to go on after it."""
        ...

    def obey(self, order: object, /) -> None:
        """What the loop wants of it: a keyframe, a bitrate. Read before the items that wait."""
        ...


class Recipe(Protocol[Item_contra, Value_co]):
    """A frozen, picklable value."""

    def make(self) -> Machine[Item_contra, Value_co]:
        """Raises CodecMissing."""
        ...
