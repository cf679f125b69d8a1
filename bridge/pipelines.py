"""The two recipes that join a line of one leg to a line of the other, in one direction.

    relay       source -> [Reorder] -> [ParameterSets] -> Rewrite -> target       same codec: packets, never decoded
    transcode   source -> Reorder -> Depay -> Decode -> Scale -> Encode -> Pay -> target     pictures
                source -> Reorder -> Depay -> Decode -> [Decimate] -> Blocks -> Encode -> Pay -> target     sound
                source -> Law -> Rewrite -> target                                   PCMU and PCMA: a table of 256 bytes

Decode to Encode run in a worker process, the rest on the loop.

Both are chosen once, at negotiation. A pipeline is also the feedback between its lines, which runs against the media:
keyframe wishes and bitrate limits of the target, sender reports of the source.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bridge.codecs import WorkerDied, Workers
from bridge.codecs.g711 import translation
from bridge.codecs.table import AUDIO
from bridge.errors import CodecFailed, NegotiationError
from bridge.legs.leg import MediaLine, SenderReport
from bridge.links.counters import PipelineCounters
from bridge.links.depacketize import Depacketize, Unwrap
from bridge.links.first_media import FirstMedia
from bridge.links.law import Law
from bridge.links.link import EncodedFrame
from bridge.links.packetize import Packetize
from bridge.links.parameter_sets import ParameterSets, described_sets
from bridge.links.picture import MOST_BPS, KeyframeWanted, LimitBitrate, LimitPace, PictureRecipe, Turn
from bridge.links.reorder import Patience, Reorder
from bridge.links.rewrite import Numbering, Rewrite
from bridge.links.sound import SoundRecipe, SoundTurn
from bridge.links.timeline import Timeline
from bridge.rtp.keyframe import DETECTORS
from bridge.types import Codec, Kind, Peer, Route, Side

_log = logging.getLogger(__name__)

_REPAIR = Patience(400, 400, 400)  # a request and its answer take a round trip, or three; a whole picture ends it
_SWAPS = Patience(20, 50, 80)  # nothing is repaired there, but a network swaps packets
_SOUND = Patience(0, 20, 80)  # the far side's jitter buffer bridges no more


class Pipeline(Protocol):
    """What joins two lines. It attached itself to both when it was made.

    first_media is called once, after the first sound or the first keyframe was passed on; it may be set at any time.
    numbering is what whoever sends to the same line next goes on from.
    """

    counters: PipelineCounters
    first_media: Callable[[], None]
    numbering: Numbering

    def push(self, packet: bytes) -> None: ...

    def close(self) -> None:
        """No packet, wish or report passes any more. The lines keep their references until attached to another."""
        ...

    def __str__(self) -> str: ...

    def keyframe_wanted(self) -> None: ...

    def report_received(self, report: SenderReport) -> None: ...

    def bitrate_limited(self, bps: int) -> None: ...


@runtime_checkable
class LimitsBitrate(Protocol):
    """A line that can tell its far side to send less (REMB, TMMBR)."""

    def limit_bitrate(self, bps: int) -> None: ...


def relay(
    source: MediaLine,
    target: MediaLine,
    route: Route,
    *,
    numbering: Numbering | None = None,
    first_media: Callable[[], None] | None = None,
) -> Pipeline:
    """Joins two lines of one codec. `numbering`: of the line `target`, whoever fed it before."""
    return Relay(_joint(source, target, route, numbering, first_media))


def transcode(
    source: MediaLine,
    target: MediaLine,
    route: Route,
    workers: Workers,
    *,
    numbering: Numbering | None = None,
    first_media: Callable[[], None] | None = None,
    most_bps: int = MOST_BPS,
) -> Pipeline:
    """Joins two lines of different codecs; arguments as of `relay`. Raises CodecMissing.

    most_bps: what a video encoder may use, however much the far side would take.
    """
    joint = _joint(source, target, route, numbering, first_media)
    if route.kind is Kind.VIDEO:
        return VideoTranscode(joint, workers, most_bps)
    if {each.name for each in joint.codecs} == {"PCMU", "PCMA"}:
        return Relay(joint)
    return AudioTranscode(joint, workers)


@dataclass(frozen=True, slots=True)
class Joint:
    """What a pipeline joins. codecs: of source and target."""

    source: MediaLine
    target: MediaLine
    kind: Kind
    codecs: tuple[Codec, Codec]
    numbering: Numbering
    first_media: Callable[[], None]

    @property
    def way(self) -> str:
        return f"{self.kind} {self.source.side}->{self.target.side}: "

    @property
    def target_name(self) -> str:
        return str(self.target.peer)


def _joint(
    source: MediaLine,
    target: MediaLine,
    route: Route,
    numbering: Numbering | None,
    first_media: Callable[[], None] | None,
) -> Joint:
    """Raises NegotiationError for a route that carries nothing."""
    if route.source_codec is None or route.target_codec is None:
        raise NegotiationError(f"no pipeline for the route {route}: both codecs must be agreed")
    codecs = (route.source_codec, route.target_codec)
    return Joint(source, target, route.kind, codecs, numbering or Numbering(), first_media or _nobody)


class Relay:
    """Packets pass with another header."""

    def __init__(self, joint: Joint) -> None:
        source, target = joint.source, joint.target
        codec, target_codec = joint.codecs
        self.counters = PipelineCounters()
        self.numbering = joint.numbering
        self.first_media = joint.first_media
        self._source = source
        self._rewrite = Rewrite(
            codec,
            target.send,
            payload_type=target.send_payload_type,
            ssrc=target.send_ssrc,
            numbering=joint.numbering,
            counters=self.counters,
        )
        self._links: list[Rewrite | ParameterSets | Reorder | Law] = [self._rewrite]
        if codec.name != target_codec.name:
            self._links.insert(
                0, Law(target_codec.name, translation(codec.name, target_codec.name), self._rewrite.push)
            )
        if codec.name == "H264" and (sets := described_sets(codec)):
            self._links.insert(0, ParameterSets(sets, self._rewrite))
        if source.side is Side.WEB or target.peer is Peer.TELEPHONE:  # browsers put things in order, phones may not
            self._links.insert(0, _reorder(joint, self._links[0].push, self.counters))
        self._text = joint.way + " -> ".join([codec.name, *map(str, self._links), joint.target_name])
        self._limit = source.limit_bitrate if isinstance(source, LimitsBitrate) else self._ignore_limit
        self._report = target.send_report
        self._first = FirstMedia(joint.kind, codec, self._links[0].push, self._flows)
        self._head = self._first.push
        self._closed = False
        source.attach(self._head, self)
        target.listen(self)
        if joint.kind is Kind.VIDEO:
            source.request_keyframe()

    def push(self, packet: bytes) -> None:
        self._head(packet)

    def close(self) -> None:
        self._closed = True
        self._first.close()
        for link in self._links:
            link.close()

    def __str__(self) -> str:
        return self._text

    def keyframe_wanted(self) -> None:
        if not self._closed:
            self.counters.keyframes_wanted += 1
            self._source.request_keyframe()

    def report_received(self, report: SenderReport) -> None:
        """The same instant in the target's time base, so that the far side plays sound and lips together."""
        rtp = self._rewrite.translate(report.rtp)
        if rtp is not None and not self._closed:
            self._report(SenderReport(report.ntp, rtp))

    def bitrate_limited(self, bps: int) -> None:
        if not self._closed:
            self._limit(bps)

    def _flows(self) -> None:
        self._head = self._links[0].push
        self._source.attach(self._head, self)
        self.first_media()

    def _ignore_limit(self, _bps: int) -> None:
        self.counters.limits_ignored += 1


class _Transcode:
    """What both kinds of transcoding have in common: Reorder first, Pay last, feedback."""

    def __init__(self, joint: Joint, source_hz: int, target_hz: int) -> None:
        self.counters = PipelineCounters()
        self.numbering = joint.numbering
        self.first_media = joint.first_media
        self._source = joint.source
        self._target = joint.target
        self._kind = joint.kind
        self._timeline = Timeline(source_hz, target_hz, joint.numbering)
        self._pay = Packetize(
            joint.codecs[1],
            joint.kind,
            joint.target.send,
            payload_type=joint.target.send_payload_type,
            ssrc=joint.target.send_ssrc,
            numbering=joint.numbering,
            timeline=self._timeline,
        )
        self._flowing = False
        self._closed = False

    def report_received(self, report: SenderReport) -> None:
        """The same instant in the target's time base; how long the codecs take changes nothing in it."""
        rtp = self._timeline.translate(report.rtp)
        if rtp is not None and not self._closed:
            self._target.send_report(SenderReport(report.ntp, rtp))

    def _pass_on(self, decoded: int, frames: tuple[EncodedFrame, ...]) -> None:
        self.counters.frames_decoded += decoded
        self.counters.frames_encoded += len(frames)
        for frame in frames:
            self._pay.push(frame)
        if frames and not self._flowing:
            self._flowing = True
            self.first_media()

    def _count_failure(self, error: Exception) -> None:
        if isinstance(error, CodecFailed):
            self.counters.undecodable += 1
        elif isinstance(error, WorkerDied):
            self.counters.frames_dropped += 1
        else:
            self.counters.frames_dropped += 1
            _log.error("transcoding of %s failed: %s", self._kind, type(error).__name__, exc_info=error)


class VideoTranscode(_Transcode):
    """Pictures. A keyframe for the target comes from the encoder; the source is asked when the decoder lacks one."""

    def __init__(self, joint: Joint, workers: Workers, most_bps: int) -> None:
        source_codec, target_codec = joint.codecs
        super().__init__(joint, source_codec.clock_hz, target_codec.clock_hz)
        self._depay = Depacketize(source_codec, self._decode_later, self._ask, self.counters)
        self._reorder = _reorder(joint, self._depay.push, self.counters)
        self._recipe = PictureRecipe(source_codec, target_codec, most_bps)
        self._chain = workers.chain(self._recipe, urgent=False, done=self._encoded, failed=self._failed)
        self._limit_bps: int | None = None
        self._workers = workers
        self._way, self._target_name = joint.way, joint.target_name
        joint.source.attach(self._reorder.push, self)
        joint.target.listen(self)
        joint.source.request_keyframe()

    def push(self, packet: bytes) -> None:
        self._reorder.push(packet)

    def close(self) -> None:
        self._closed = True
        self._chain.close()
        for link in (self._reorder, self._depay, self._pay):
            link.close()

    def __str__(self) -> str:
        standing = self._workers.standing
        fps = standing.fps if isinstance(standing, LimitPace) else None
        steps = (self._reorder, self._depay, *self._recipe.links(fps), self._pay)
        return self._way + " -> ".join([*map(str, steps), self._target_name])

    def keyframe_wanted(self) -> None:
        if self._closed:
            return
        self.counters.keyframes_wanted += 1
        self._chain.order(KeyframeWanted())
        if not self._flowing:
            self._source.request_keyframe()

    def bitrate_limited(self, bps: int) -> None:
        if bps != self._limit_bps:
            self._limit_bps = bps
            self._chain.order(LimitBitrate(bps))

    def _ask(self) -> None:
        if not self._closed:
            self._source.request_keyframe()

    def _decode_later(self, frame: EncodedFrame) -> None:
        if not self._closed and not self._chain.submit(frame):
            # overload: what follows needs this picture, so all is left out until a keyframe
            self.counters.frames_dropped += 1
            self._depay.wait_for_keyframe()

    def _encoded(self, turn: Turn) -> None:
        self.counters.frames_thinned += turn.thinned
        self._pass_on(turn.decoded, turn.frames)

    def _failed(self, error: Exception) -> None:
        self._count_failure(error)
        if isinstance(error, WorkerDied) and self._limit_bps is not None:
            self._chain.order(LimitBitrate(self._limit_bps))  # the worker that died took its orders with it
        self._depay.wait_for_keyframe()


class AudioTranscode(_Transcode):
    """Sound in blocks of 20 ms."""

    def __init__(self, joint: Joint, workers: Workers) -> None:
        codecs = joint.codecs
        hertz = [AUDIO[each.name].clock_hz if each.name in AUDIO else each.clock_hz for each in codecs]
        super().__init__(joint, hertz[0], hertz[1])
        recipe = SoundRecipe(codecs[0].name, codecs[1].name)
        self._unwrap = Unwrap(codecs[0], self._transcode_later, self.counters)
        self._reorder = _reorder(joint, self._unwrap.push, self.counters)
        self._chain = workers.chain(recipe, urgent=True, done=self._encoded, failed=self._count_failure)
        steps = [str(self._reorder), str(self._unwrap), *recipe.links(), str(self._pay)]
        self._text = joint.way + " -> ".join([*steps, joint.target_name])
        joint.source.attach(self._reorder.push, self)
        joint.target.listen(self)

    def push(self, packet: bytes) -> None:
        self._reorder.push(packet)

    def close(self) -> None:
        self._closed = True
        self._chain.close()
        for link in (self._reorder, self._unwrap, self._pay):
            link.close()

    def __str__(self) -> str:
        return self._text

    def keyframe_wanted(self) -> None:
        """Sound has no keyframes."""

    def bitrate_limited(self, _bps: int) -> None:
        self.counters.limits_ignored += 1

    def _transcode_later(self, frame: EncodedFrame) -> None:
        if not self._chain.submit(frame):
            self.counters.frames_dropped += 1

    def _encoded(self, turn: SoundTurn) -> None:
        self.counters.concealed_ms += turn.concealed_ms
        self._pass_on(turn.decoded, turn.frames)


def _reorder(joint: Joint, onward: Callable[[bytes], None], counters: PipelineCounters) -> Reorder:
    """With the patience that is worth while: for this kind of media, from this far side."""
    if joint.kind is Kind.AUDIO:
        return Reorder(onward, _SOUND, counters=counters)
    codec, ask = joint.codecs[0], joint.source.request_keyframe
    patience = _REPAIR if "nack" in joint.source.codec.feedback else _SWAPS
    return Reorder(onward, patience, counters=counters, gave_up=ask, begins=DETECTORS.get(codec.name))


def _nobody() -> None:
    """Nobody wants to know."""
