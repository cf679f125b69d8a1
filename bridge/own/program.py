"""What one visit plays and shows in place of the far side: which prompt, which slate, on which side, since when.

play(side, prompt)         the prompt once, then the far side again
say(side, utterance)       a sequence of clips once, and `ended(side, turn)` when it has been said
hush(side)                 what is being said once is said no further
show(side, stand-in)       a slate, and perhaps a prompt with quiet after it, until `clear`
clear(side)                sound with its next packet, the picture with its next keyframe

LIVE     source -> pipeline -> target
PARKED   source -> nowhere;  player -> target
AWAITED  source -> until media comes;  player -> target; then LIVE, beginning with that packet
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import chain
from typing import Protocol

from bridge.legs.leg import MediaLine
from bridge.links.rewrite import Numbering
from bridge.own.player import PicturePlayer, Refrain, SoundPlayer
from bridge.own.studio import PictureOrder, Pictures, Sound, SoundOrder, Studio, slate_size
from bridge.own.words import Prompt, Slate
from bridge.rtp.timer import Timer
from bridge.types import Codec, Kind, Side

Key = tuple[Kind, Side]
"""Of the line that is sent to."""


class Way(Enum):
    """Where what a source sends goes."""

    LIVE = auto()
    PARKED = auto()
    AWAITED = auto()


@dataclass(frozen=True, slots=True)
class StandIn:
    """prompt: said again and again, with quiet between; None: the far side's sound goes on.

    about: stands on the slate in place of its title, such as who is calling. until_picture: the slate clears itself.
    """

    slate: Slate
    prompt: Prompt | None = None
    about: str = ""
    until_picture: bool = False


@dataclass(frozen=True, slots=True)
class _Shown:
    """awaits: gives way when the far side's picture comes."""

    slate: Slate
    about: str
    awaits: bool


@dataclass(frozen=True, slots=True)
class Utterance:
    """Said once. clips: names of sounds. language empty: all of the house's. turn: told when it has been said."""

    clips: tuple[str, ...]
    language: str = ""
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class _Speech:
    """What a sound player says on a line."""

    said: Utterance | Prompt
    codec: str


@dataclass(frozen=True, slots=True)
class _Said:
    prompt: Prompt
    awaits: bool = False


class Floor(Protocol):
    """What the programme needs of the wiring."""

    def target(self, kind: Kind, side: Side) -> MediaLine | None:
        """The line that sends to this side; None when it has none."""
        ...

    def numbering(self, target: MediaLine) -> Numbering:
        """What everybody who sends on this line goes on from."""
        ...

    def turn(self, kind: Kind, to: Side, way: Way, came: Callable[[], None] | None = None) -> None:
        """The far side's media goes this way from now on. came: called when what is awaited comes, just before it."""
        ...


class Programme:
    """One visit's. It begins nothing before what it sends is ready: until then the far side is heard and seen."""

    def __init__(
        self,
        floor: Floor,
        studio: Studio,
        timer: Timer,
        clock: Callable[[], float] = time.monotonic,
        ended: Callable[[Side, int], None] = lambda _side, _turn: None,
    ) -> None:
        self._floor = floor
        self._told_ended = ended
        self._studio = studio
        self._timer = timer
        self._clock = clock
        self._once: dict[Side, Utterance] = {}
        self._said: dict[Side, _Said] = {}
        self._shown: dict[Side, _Shown] = {}
        self._refrains: dict[Side, Refrain] = {}
        self._players: dict[Key, tuple[MediaLine, SoundPlayer | PicturePlayer, str]] = {}
        self._orders: dict[Key, _Speech | PictureOrder] = {}  # what plays, or will when it is ready
        self._closed = False

    def play(self, side: Side, prompt: Prompt) -> None:
        self.say(side, Utterance((str(prompt),)))

    def say(self, side: Side, what: Utterance) -> None:
        self._once[side] = what
        self._orders.pop((Kind.AUDIO, side), None)  # the same one again is said again
        self._sound(side)

    def hush(self, side: Side) -> None:
        if self._once.pop(side, None) is not None:
            self._stop((Kind.AUDIO, side))
            self._sound(side)

    def move(self, floor: Floor) -> None:
        """Other wiring between the same lines: what plays goes on."""
        self._floor = floor

    def show(self, side: Side, what: StandIn) -> None:
        self._shown[side] = _Shown(what.slate, what.about, what.until_picture)
        if what.prompt is not None:
            self._said[side] = _Said(what.prompt)
        self._sound(side)
        self._picture(side)

    def clear(self, side: Side) -> None:
        said, shown = self._said.pop(side, None), self._shown.pop(side, None)
        if said and (Kind.AUDIO, side) in self._players:
            self._said[side] = replace(said, awaits=True)
        if shown and (Kind.VIDEO, side) in self._players:
            self._shown[side] = replace(shown, awaits=True)
        self._sound(side)
        self._picture(side)

    def stands_in(self, side: Side) -> bool:
        """Whether this side sees something of ours that does not give way by itself."""
        shown = self._shown.get(side)
        return shown is not None and not shown.awaits

    def showing(self, side: Side) -> Slate | None:
        shown = self._shown.get(side)
        return shown.slate if shown else None

    def forget(self, side: Side) -> None:
        """Whoever was there goes; the next one is told nothing of what was meant for the one before."""
        for wishes in (self._once, self._said, self._shown):
            wishes.pop(side, None)
        for kind in Kind:
            self._stop((kind, side))
            self._floor.turn(kind, side, Way.LIVE)

    def follow(self) -> None:
        """Lines came, went or changed their codec."""
        for key, (line, _, _) in tuple(self._players.items()):
            if self._floor.target(*key) is not line or _codec(line) != self._orders[key].codec:
                self._stop(key)
        for side in Side:
            self._sound(side)
            self._picture(side)

    def begin_anew(self, side: Side) -> None:
        """What was sent to this side before it was connected went nowhere."""
        found = self._players.get((Kind.VIDEO, side))
        if found is not None and isinstance(found[1], PicturePlayer):
            found[1].begin_anew()

    def describe(self) -> list[str]:
        return [f"{kind} ->{side}: {name} -> {line.peer}" for (kind, side), (line, _, name) in self._players.items()]

    def close(self) -> None:
        self._closed = True
        for wishes in (self._once, self._said, self._shown, self._refrains):
            wishes.clear()
        for key in tuple(self._players):
            self._stop(key)
        self._orders.clear()

    # -- sound

    def _sound(self, side: Side) -> None:
        key, said = (Kind.AUDIO, side), self._said.get(side)
        target = self._floor.target(*key)
        if target is None:
            self._once.pop(side, None)
        once = self._once.get(side)
        what = once or (said.prompt if said else None)
        if what is None or target is None:
            self._stop(key)
            self._floor.turn(*key, Way.LIVE)
            return
        if key in self._players:
            self._turn_sound(side)
        order = _Speech(what, target.codec.name)
        if order != self._orders.get(key):
            self._orders[key] = order
            if once is None:
                self._studio.sound(SoundOrder(str(what), order.codec), lambda sound: self._refrain(key, order, sound))
            else:
                wanted = [SoundOrder(clip, order.codec, once.language) for clip in once.clips]
                self._studio.sounds(wanted, lambda sounds: self._speak(key, order, chain.from_iterable(sounds)))

    def _refrain(self, key: Key, order: _Speech, sound: Sound) -> None:
        def ready(quiet: Sound) -> None:
            self._refrains[key[1]] = refrain = Refrain(sound, quiet)
            self._speak(key, order, refrain)

        self._studio.sound(SoundOrder(None, order.codec), ready)

    def _speak(self, key: Key, order: _Speech, blocks: Iterator[bytes]) -> None:
        target = self._ready(key, order)
        if target is None:
            return
        self._turn_sound(key[1])
        player = SoundPlayer(
            target,
            blocks,
            self._floor.numbering(target),
            self._timer,
            ended=lambda: self._spoken(key),
            clock=self._clock,
        )
        self._players[key] = (target, player, f"Prompt({_title(order.said)}, {order.codec})")

    def _turn_sound(self, side: Side) -> None:
        said = self._said.get(side)
        if side in self._once or said is None or not said.awaits:
            self._floor.turn(Kind.AUDIO, side, Way.PARKED)
            return
        if side in self._refrains:
            self._refrains[side].fall_quiet()
        self._floor.turn(Kind.AUDIO, side, Way.AWAITED, lambda: self._sound_came(side))

    def _sound_came(self, side: Side) -> None:
        self._said.pop(side, None)
        self._stop((Kind.AUDIO, side))

    def _spoken(self, key: Key) -> None:
        said = self._once.pop(key[1], None)
        self._stop(key)
        self._sound(key[1])
        if said is not None and said.turn is not None:
            self._told_ended(key[1], said.turn)

    # -- pictures

    def _picture(self, side: Side) -> None:
        key, shown = (Kind.VIDEO, side), self._shown.get(side)
        target = self._floor.target(*key)
        if shown is None or target is None:
            self._stop(key)
            self._floor.turn(*key, Way.LIVE)
            return
        codec = _codec(target)
        assert isinstance(codec, Codec)  # noqa: S101 - a line of pictures
        if shown.awaits or key in self._players:
            self._turn_picture(side)
        order = PictureOrder(shown.slate, shown.about, codec, *slate_size(codec))
        if order != self._orders.get(key):
            self._orders[key] = order
            self._studio.pictures(order, lambda pictures: self._film(key, order, pictures))

    def _film(self, key: Key, order: PictureOrder, pictures: Pictures) -> None:
        target = self._ready(key, order)
        if target is None:
            return
        self._turn_picture(key[1])
        player = PicturePlayer(target, pictures, self._floor.numbering(target), self._timer, clock=self._clock)
        name = f"Slate({order.slate}, {order.codec.name} {order.width}x{order.height})"
        self._players[key] = (target, player, name)

    def _turn_picture(self, side: Side) -> None:
        """A slate that waits for the picture gives way to it as soon as it comes, even before it is drawn."""
        if self._shown[side].awaits:
            self._floor.turn(Kind.VIDEO, side, Way.AWAITED, lambda: self._picture_came(side))
        else:
            self._floor.turn(Kind.VIDEO, side, Way.PARKED)

    def _picture_came(self, side: Side) -> None:
        self._shown.pop(side, None)
        self._stop((Kind.VIDEO, side))

    # -- both

    def _ready(self, key: Key, order: _Speech | PictureOrder) -> MediaLine | None:
        """The line to play to, with nobody else of ours on it; None when something else is wanted by now."""
        target = self._floor.target(*key)
        if self._closed or self._orders.get(key) is not order or target is None:
            return None
        self._silence(key)
        return target

    def _stop(self, key: Key) -> None:
        self._silence(key)
        self._orders.pop(key, None)
        if key[0] is Kind.AUDIO:
            self._refrains.pop(key[1], None)

    def _silence(self, key: Key) -> None:
        found = self._players.pop(key, None)
        if found is not None:
            found[1].close()


def _title(said: Utterance | Prompt) -> str:
    """Without what was said of numbers and money."""
    if isinstance(said, Prompt):
        return str(said)
    return said.clips[0] if len(said.clips) == 1 else "speech"


def _codec(line: MediaLine) -> Codec | str:
    """What an order says of it: how a line numbers its codec makes no other sound and no other picture."""
    return line.codec.name if line.kind is Kind.AUDIO else replace(line.codec, payload_type=0, feedback=())
