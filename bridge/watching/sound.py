"""The mixed sound of a visit: one mix and one encoder for all watchers who take a codec.

tap -> Ear of each side -> every 60 ms: MixTurn -> Mix (here, or in a worker) -> packets to each watcher
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bridge.codecs import Chain, Workers
from bridge.codecs.table import AUDIO
from bridge.errors import CodecFailed
from bridge.legs.leg import MediaLine
from bridge.links.rewrite import Numbering
from bridge.rtp.packet import HEADER_BYTES, VERSION_BITS, build, parse
from bridge.rtp.sequence import timestamp_distance
from bridge.types import Codec, Side
from bridge.watching.mix import TURN_MS, Heard, LawMix, Mix, MixRecipe, MixTurn

_MOST_BEHIND = 3  # turns; a loop that was stopped for longer goes on from now
_HALF_ROUND = 1 << 31
_MOST_FRAMES = 50  # of one side in one turn: a flood is no speech


class Ear:
    """Keeps what one side says until the next turn."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self._payload_type = codec.payload_type
        self._frames: list[Heard] = []

    def push_all(self, packets: Sequence[bytes]) -> None:
        frames, payload_type = self._frames, self._payload_type
        for packet in packets:
            if len(packet) < HEADER_BYTES or packet[1] & 0x7F != payload_type or len(frames) >= _MOST_FRAMES:
                continue
            start, end = HEADER_BYTES, len(packet)
            if packet[0] != VERSION_BITS:
                header = parse(packet)
                start, end = (header.payload_start, header.payload_end) if header else (0, 0)
            if start < end:
                frames.append((int.from_bytes(packet[4:8], "big"), packet[start:end]))

    def drain(self) -> tuple[Heard, ...]:
        """In the order of their timestamps: what was swapped on the way is put right."""
        frames = self._frames
        if not frames:
            return ()
        self._frames = []
        first = frames[0][0]
        frames.sort()
        if frames[-1][0] - frames[0][0] > _HALF_ROUND:  # the timestamps came round
            frames.sort(key=lambda each: timestamp_distance(each[0], first))
        return tuple(frames)


class MixedSound:
    """One mix and one encoder."""

    def __init__(self, target: Codec, workers: Workers) -> None:
        self.codec = target
        self.dropped_turns = 0
        self._workers = workers
        self._targets: dict[MediaLine, Numbering] = {}
        self._recipe: MixRecipe | None = None
        self._here: Mix | LawMix | None = None
        self._away: Chain[MixTurn, tuple[bytes, ...]] | None = None

    def __len__(self) -> int:
        return len(self._targets)

    def __str__(self) -> str:
        return str(self._recipe)

    def add(self, target: MediaLine) -> None:
        self._targets[target] = Numbering()

    def remove(self, target: MediaLine) -> None:
        self._targets.pop(target, None)

    def hear(self, ears: Mapping[Side, Ear]) -> None:
        """The voices there are now, each as its side encodes it."""
        names = {side: ear.codec.name for side, ear in ears.items() if ear.codec.name in AUDIO}
        recipe = MixRecipe(names.get(Side.SIP, ""), names.get(Side.WEB, ""), self.codec.name)
        if recipe == self._recipe:
            return
        self._stop()
        self._recipe = recipe
        if recipe.all_g711:
            self._here = recipe.make()
        else:
            self._away = self._workers.chain(recipe, urgent=True, done=self._send, failed=self._failed)

    def turn(self, item: MixTurn) -> None:
        """Mixes 60 ms and sends them to everybody, now or when the worker is done."""
        try:
            if self._here is not None:
                self._send(self._here.turn(item))
            elif self._away is not None and not self._away.submit(item):
                self.dropped_turns += 1
        except CodecFailed:
            self.dropped_turns += 1

    def close(self) -> None:
        self._stop()
        self._targets.clear()

    def _stop(self) -> None:
        if self._away is not None:
            self._away.close()
        self._here = self._away = None

    def _failed(self, _error: Exception) -> None:
        self.dropped_turns += 1

    def _send(self, payloads: tuple[bytes, ...]) -> None:
        if self._recipe is None:
            return
        ticks = self.codec.clock_hz * self._recipe.payload_ms // 1000
        for payload in payloads:
            for target, numbering in self._targets.items():
                numbering.sequence = (numbering.sequence + 1) & 0xFFFF
                numbering.timestamp = (numbering.timestamp + ticks) & 0xFFFFFFFF
                target.send(
                    build(
                        payload,
                        payload_type=target.send_payload_type,
                        sequence=numbering.sequence,
                        timestamp=numbering.timestamp,
                        ssrc=target.send_ssrc,
                    )
                )


class Sounds:
    """The ears of a visit, and a mix for each codec that somebody takes.

    `tick` is to be called every 60 ms or so; turns keep the time of `clock`, not that of the ticks.
    """

    def __init__(self, workers: Workers, clock: Callable[[], float]) -> None:
        self._workers = workers
        self._clock = clock
        self._ears: dict[Side, Ear] = {}
        self._mixes: dict[str, MixedSound] = {}
        self._began_s: float | None = None
        self._turns = 0

    def __len__(self) -> int:
        return len(self._mixes)

    def describe(self) -> list[str]:
        return [str(each) for each in self._mixes.values()]

    def ear(self, side: Side, codec: Codec) -> Ear:
        """What this side says from now on."""
        found = self._ears.get(side)
        if found is None or found.codec != codec:
            found = self._ears[side] = Ear(codec)
            for each in self._mixes.values():
                each.hear(self._ears)
        return found

    def add(self, target: MediaLine) -> None:
        """Raises CodecMissing."""
        mix = self._mixes.get(target.codec.name)
        if mix is None:
            mix = MixedSound(target.codec, self._workers)
            mix.hear(self._ears)
            self._mixes[target.codec.name] = mix
        mix.add(target)

    def remove(self, target: MediaLine) -> None:
        mix = self._mixes.get(target.codec.name)
        if mix is None:
            return
        mix.remove(target)
        if not len(mix):
            del self._mixes[target.codec.name]
            mix.close()

    def tick(self) -> None:
        if not self._mixes:
            self._began_s = None
            return
        for _ in range(self._due()):
            item = MixTurn(*(self._ears[side].drain() if side in self._ears else () for side in Side))
            for mix in self._mixes.values():
                mix.turn(item)

    def close(self) -> None:
        for each in self._mixes.values():
            each.close()
        self._mixes.clear()

    def _due(self) -> int:
        """How many turns are due now."""
        now_s = self._clock()
        if self._began_s is None:
            self._began_s, self._turns = now_s, 0
        due = int((now_s - self._began_s) * 1000 / TURN_MS) - self._turns
        if due > _MOST_BEHIND:
            self._began_s, self._turns, due = now_s, 0, 1
        self._turns += due
        return due
