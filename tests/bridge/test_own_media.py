"""Prompts and slates, judged at the far side: what it hears and sees, and that nothing tears when they take turns."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bridge.codecs import AudioDecoder, AudioEncoder, VideoDecoder, VideoEncoder, Workers
from bridge.links.counters import PipelineCounters
from bridge.links.depacketize import Depacketize
from bridge.links.link import EncodedFrame
from bridge.links.packetize import payloader
from bridge.links.rewrite import Rewrite
from bridge.own import Prompt, Slate
from bridge.own.draw import draw
from bridge.own.program import Programme, StandIn
from bridge.own.studio import SoundOrder, Studio
from bridge.rtp.packet import parse
from bridge.rtp.sequence import timestamp_distance
from bridge.rtp.timer import TICK_S, Timer
from bridge.tapping import TappableWiring
from bridge.types import Codec, Kind, Side
from tests.support.lines import G722, H264, H264_MODE_0, OPUS, PCMA, PCMU, VP8, FarSource, MemoryLine, route
from tests.support.moving import bars, psnr_db, tone

BLOCK = {"PCMU": 160, "PCMA": 160, "G722": 160, "OPUS": 960}
TITLES = (("Reconnecting", "The other side lost the connection. Please wait."),)


class Floor:
    """A wiring of four lines, and time that passes only when the test lets it."""

    def __init__(self, studio: Studio, sound: Codec = PCMU, picture: Codec = H264) -> None:
        self.now_s = 1000.0
        # relays read the time themselves: here theirs is the test's too
        assert Rewrite.__init__.__kwdefaults__ is not None
        self._patched = pytest.MonkeyPatch()
        self._patched.setitem(Rewrite.__init__.__kwdefaults__, "clock", lambda: self.now_s)
        self.timer = Timer(lambda: self.now_s)
        self.workers = Workers(1)
        self.wiring = TappableWiring(self.workers, lambda _kind, _side: None)
        self.programme = Programme(self.wiring, studio, self.timer, lambda: self.now_s)
        self.lines = {(codec, side): MemoryLine(codec, side) for codec in (sound, picture) for side in Side}
        self.sound, self.picture = sound, picture
        self.arrived: dict[MemoryLine, list[float]] = {each: [] for each in self.lines.values()}
        for line in self.lines.values():
            self._note_arrivals(line)
        self.voice = FarSource(self.line(Kind.AUDIO, Side.WEB))
        self.camera = FarSource(self.line(Kind.VIDEO, Side.WEB))
        self.lay()

    def line(self, kind: Kind, side: Side) -> MemoryLine:
        return self.lines[self.sound if kind is Kind.AUDIO else self.picture, side]

    def lay(self) -> None:
        lines = [self.line(kind, side) for kind in Kind for side in Side]
        routes = tuple(
            route(self.line(kind, side), self.line(kind, Side.WEB if side is Side.SIP else Side.SIP))
            for kind in Kind
            for side in Side
        )
        self.wiring.lay(routes, lines)
        self.programme.follow()

    def passes(self, seconds: float, payload: bytes | None = None) -> None:
        """Time in steps of the timer's tick; the browser says `payload` in each, if there is one."""
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            self.timer.tick()
            if payload is not None:
                self.voice.sends(payload, step=BLOCK[self.sound.name])

    def shoots(self, encoder: VideoEncoder, number: int, *, keyframe: bool = False) -> None:
        cut = payloader(self.picture)
        for frame in encoder.encode(bars(encoder.width, encoder.height, number), self.camera.timestamp, keyframe):
            pieces = cut(frame.data)
            for piece in pieces:
                self.line(Kind.VIDEO, Side.WEB).received(self.camera.packet(piece, marker=piece is pieces[-1]))
        self.camera.timestamp += 6000

    def describe(self) -> list[str]:
        return sorted([*self.wiring.describe().splitlines(), *self.programme.describe()])

    def _note_arrivals(self, line: MemoryLine) -> None:
        send = line.send

        def noted(packet: bytes) -> None:
            self.arrived[line].append(self.now_s)
            send(packet)

        line.send = noted  # type: ignore[method-assign]

    def close(self) -> None:
        self.programme.close()
        self.wiring.close()
        self.workers.close()
        self._patched.undo()


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    made = Studio()
    yield made
    made.close()


@pytest.fixture
def floor(studio: Studio) -> Iterator[Floor]:
    made = Floor(studio)
    yield made
    made.close()


async def until(condition: Callable[[], bool], what: str) -> None:
    """The studio works in a thread of its own, in real time."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is ready begins to play, and says nothing
            await asyncio.sleep(0.002)
    assert condition(), what


async def plays(floor: Floor, kind: Kind = Kind.AUDIO, side: Side = Side.SIP) -> None:
    await until(lambda: any(each.startswith(f"{kind} ->{side}: ") for each in floor.programme.describe()), "it plays")


def heard(line: MemoryLine) -> np.ndarray:
    decoder = AudioDecoder(line.codec.name)
    blocks = [decoder.decode(EncodedFrame(each, 0)) for each in line.payloads()]
    return np.concatenate(blocks).astype(float)


def likeness(heard: np.ndarray, wanted: np.ndarray) -> float:
    """The peak of the normalised correlation, wherever in `heard` it is."""
    wanted = wanted.astype(float)
    size = len(heard) + len(wanted)
    products = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size)), size)
    return float(products.max() / (np.linalg.norm(wanted) ** 2))


def whole(line: MemoryLine) -> None:
    """One stream: numbers without a gap, timestamps that only grow."""
    headers = line.headers()
    assert {(b.sequence - a.sequence) & 0xFFFF for a, b in itertools.pairwise(headers)} == {1}
    assert all(timestamp_distance(b.timestamp, a.timestamp) >= 0 for a, b in itertools.pairwise(headers))


# -- prompts


@pytest.mark.parametrize("codec", [PCMU, PCMA, G722, OPUS], ids=lambda codec: codec.name)
async def test_a_prompt_is_heard_in_the_lines_own_codec(studio: Studio, codec: Codec) -> None:
    floor = Floor(studio, codec)
    quiet = AudioEncoder(codec.name)
    block = quiet.encode(np.zeros(quiet.block, np.int16), 0)[0].data
    floor.passes(0.5, block)
    floor.programme.play(Side.SIP, Prompt.ONE_MINUTE)
    await plays(floor)
    assert f"audio ->sip: Prompt(one-minute, {codec.name}) -> SipLeg" in floor.describe()
    assert f"audio web->sip: {codec.name} -> Parked" in floor.describe()
    floor.passes(4.0, block)
    assert f"audio web->sip: {codec.name} -> Parked" not in floor.describe()

    line = floor.line(Kind.AUDIO, Side.SIP)
    rate_hz = AudioDecoder(codec.name).rate_hz
    assert likeness(heard(line), studio.samples(Prompt.ONE_MINUTE, rate_hz)) > 0.8
    assert likeness(heard(line), studio.samples(Prompt.HELD, rate_hz)) < 0.5
    whole(line)
    steps = {timestamp_distance(b.timestamp, a.timestamp) for a, b in itertools.pairwise(line.headers())}
    assert steps <= set(range(BLOCK[codec.name], 2 * BLOCK[codec.name] + 1)), "no block is said into another one"
    at_s = floor.arrived[line]
    assert max(b - a for a, b in itertools.pairwise(at_s)) < 0.041
    floor.close()


async def test_a_prompt_takes_as_long_as_it_is_however_the_timer_ticks(floor: Floor, studio: Studio) -> None:
    floor.programme.play(Side.SIP, Prompt.TIME_OVER)
    await plays(floor)
    began_s = floor.now_s
    line = floor.line(Kind.AUDIO, Side.SIP)
    while floor.programme.describe():
        floor.now_s += 0.0213  # a tick that is late each time
        floor.timer.tick()
    assert len(line.sent) == len(studio.make_sound(SoundOrder(Prompt.TIME_OVER, "PCMU")))
    assert floor.now_s - began_s == pytest.approx(len(line.sent) * TICK_S, abs=0.05)


async def test_a_loop_that_stood_still_does_not_say_all_at_once(floor: Floor) -> None:
    floor.programme.play(Side.SIP, Prompt.RECORDED)
    await plays(floor)
    floor.passes(0.2)
    line = floor.line(Kind.AUDIO, Side.SIP)
    before = len(line.sent)
    floor.now_s += 1.5
    floor.timer.tick()
    assert len(line.sent) == before + 1
    last, new = line.headers()[-2:]
    assert timestamp_distance(new.timestamp, last.timestamp) == pytest.approx(8 * 1500, abs=320)


async def test_another_prompt_takes_the_first_ones_place(floor: Floor) -> None:
    floor.programme.play(Side.SIP, Prompt.RECORDED)
    await plays(floor)
    floor.passes(0.3)
    floor.programme.play(Side.SIP, Prompt.TIME_OVER)
    await until(lambda: "time-over" in "".join(floor.describe()), "the second one")
    floor.passes(4.0)
    assert floor.programme.describe() == []
    whole(floor.line(Kind.AUDIO, Side.SIP))


async def test_both_sides_are_told_at_once(floor: Floor) -> None:
    for side in Side:
        floor.programme.play(side, Prompt.ONE_MINUTE)
    await plays(floor, side=Side.SIP)
    await plays(floor, side=Side.WEB)
    floor.passes(1.0)
    assert len(floor.line(Kind.AUDIO, Side.SIP).sent) == len(floor.line(Kind.AUDIO, Side.WEB).sent) == 51


async def test_every_language_is_spoken_one_after_the_other() -> None:
    both, english, spanish = Studio(("en", "es")), Studio(("en",)), Studio(("es",))
    said = both.samples(Prompt.HELD, 8000)
    first, second = english.samples(Prompt.HELD, 8000), spanish.samples(Prompt.HELD, 8000)
    assert np.array_equal(said[: len(first)], first)
    assert np.array_equal(said[-len(second) :], second)
    assert len(said) % 160 == 0


@pytest.mark.parametrize("prompt", list(Prompt))
@pytest.mark.parametrize("language", ["en", "es"])
def test_each_prompt_is_there_is_loud_and_begins_and_ends_without_a_click(prompt: Prompt, language: str) -> None:
    samples = Studio((language,)).samples(prompt, 16_000).astype(float)
    assert 0.3 < len(samples) / 16_000 < 8.0
    assert np.abs(samples).max() > 8000
    assert np.abs(samples[:160]).max() < 700
    assert np.abs(samples[-160:]).max() < 700


async def test_a_house_may_speak_with_its_own_voice(tmp_path: Path) -> None:
    import wave

    (tmp_path / "en").mkdir()
    with wave.open(str(tmp_path / "en" / "held.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(tone(8000, 440, 1.0).tobytes())
    studio = Studio(("en",), str(tmp_path))
    assert len(studio.samples(Prompt.HELD, 8000)) == 8000
    assert len(studio.samples(Prompt.TIME_OVER, 8000)) > 8000, "what it has not recorded is ours"


# -- slates


def seen(line: MemoryLine) -> list[np.ndarray]:
    """Every picture that a decoder which was there from the beginning shows."""
    frames: list[EncodedFrame] = []
    depay = Depacketize(line.codec, frames.append, lambda: None, PipelineCounters())
    decoder = VideoDecoder(line.codec.name)
    pictures: list[np.ndarray] = []
    for packet in line.sent:
        depay.push(packet)
        while frames:
            pictures += [each.yuv for each in decoder.decode(frames.pop(0))]
    return pictures


@pytest.mark.parametrize("codec", [H264, H264_MODE_0, VP8], ids=["H264", "H264 mode 0", "VP8"])
async def test_a_slate_shows_what_was_drawn(studio: Studio, codec: Codec) -> None:
    floor = Floor(studio, picture=codec)
    floor.programme.show(Side.SIP, StandIn(Slate.RECONNECTING))
    await plays(floor, Kind.VIDEO)
    floor.passes(3.0)
    assert f"video ->sip: Slate(reconnecting, {codec.name} 640x360) -> SipLeg" in floor.describe()
    line = floor.line(Kind.VIDEO, Side.SIP)
    pictures = seen(line)
    assert len(pictures) == pytest.approx(15, abs=2)
    drawn = draw(TITLES, 640, 360)
    assert min(psnr_db(drawn, each) for each in pictures) > 33
    assert psnr_db(draw((("On hold", "Please stay. This time is not charged."),), 640, 360), pictures[-1]) < 30
    assert max(map(len, line.sent)) <= 1212
    whole(line)
    floor.close()


async def test_a_small_receiver_gets_a_small_slate(studio: Studio) -> None:
    floor = Floor(studio, picture=Codec("H264", 97, 90000, fmtp=(("profile-level-id", "42e00b"),)))
    floor.programme.show(Side.SIP, StandIn(Slate.HELD))
    await plays(floor, Kind.VIDEO)
    assert "video ->sip: Slate(held, H264 352x288) -> SipLeg" in floor.describe()
    assert seen(floor.line(Kind.VIDEO, Side.SIP))[0].shape == (288 * 3 // 2, 352)
    floor.close()


async def test_whoever_asks_for_a_picture_gets_the_slate_anew(floor: Floor) -> None:
    floor.programme.show(Side.SIP, StandIn(Slate.HELD))
    await plays(floor, Kind.VIDEO)
    line = floor.line(Kind.VIDEO, Side.SIP)
    floor.passes(1.0)
    taken = len(line.sent)
    assert line.hears_wishes is not None
    line.hears_wishes.keyframe_wanted()
    line.hears_wishes.keyframe_wanted()
    floor.passes(1.0)
    late = MemoryLine(H264, Side.SIP)
    late.sent = line.sent[taken:]
    assert len(seen(late)) == 5, "it begins with a keyframe"
    assert floor.line(Kind.VIDEO, Side.WEB).keyframe_requests == 1, "the browser was asked when it was joined, no more"


async def test_the_picture_comes_back_with_its_keyframe_and_no_frame_is_broken(floor: Floor) -> None:
    encoder = VideoEncoder("H264", 320, 240, 15, 500_000)
    line, camera = floor.line(Kind.VIDEO, Side.SIP), floor.line(Kind.VIDEO, Side.WEB)
    for number in range(5):
        floor.shoots(encoder, number, keyframe=number == 0)
        floor.passes(0.06)
    floor.programme.show(Side.SIP, StandIn(Slate.RECONNECTING))
    await plays(floor, Kind.VIDEO)
    floor.passes(1.0)
    floor.shoots(encoder, 5)
    asked = camera.keyframe_requests
    floor.programme.clear(Side.SIP)
    assert "video web->sip: H264 -> Awaited" in floor.describe()
    assert camera.keyframe_requests == asked + 1
    for number in (6, 7):  # these need one that was never sent: the slate stays
        floor.shoots(encoder, number)
        floor.passes(0.2)
    assert "video ->sip: Slate(reconnecting, H264 640x360) -> SipLeg" in floor.describe()
    for number in (8, 9, 10):
        floor.shoots(encoder, number, keyframe=number == 8)
        floor.passes(0.06)
    assert floor.programme.describe() == []

    drawn = draw(TITLES, 640, 360)
    kinds = []
    for picture in seen(line):
        if picture.shape == drawn.shape:
            assert psnr_db(drawn, picture) > 33
            kinds.append("slate")
        else:
            best = max(range(16), key=lambda number: psnr_db(bars(320, 240, number), picture))
            assert psnr_db(bars(320, 240, best), picture) > 25
            kinds.append(best)
    slates = [index for index, each in enumerate(kinds) if each == "slate"]
    assert kinds[: slates[0]] == [0, 1, 2, 3, 4]
    assert slates == list(range(slates[0], slates[-1] + 1))
    assert kinds[slates[-1] + 1 :] == [8, 9, 10]
    whole(line)
    assert max(b - a for a, b in itertools.pairwise(floor.arrived[line])) < 0.3


async def test_a_slate_that_waits_for_the_picture_gives_way_by_itself(floor: Floor) -> None:
    encoder = VideoEncoder("H264", 320, 240, 15, 500_000)
    floor.programme.show(Side.SIP, StandIn(Slate.PLEASE_WAIT, until_picture=True))
    await plays(floor, Kind.VIDEO)
    floor.passes(1.0)
    floor.shoots(encoder, 1, keyframe=True)
    assert floor.programme.describe() == []
    assert floor.programme.showing(Side.SIP) is None


async def test_a_picture_that_comes_before_the_slate_is_drawn_is_shown(studio: Studio) -> None:
    floor = Floor(Studio())
    encoder = VideoEncoder("H264", 320, 240, 15, 500_000)
    floor.programme.show(Side.SIP, StandIn(Slate.PLEASE_WAIT, until_picture=True))
    floor.shoots(encoder, 1, keyframe=True)
    assert not [each for each in floor.describe() if "Slate" in each or "Awaited" in each]
    assert [each.shape for each in seen(floor.line(Kind.VIDEO, Side.SIP))] == [(360, 320)]
    floor.close()


async def test_who_is_calling_stands_on_the_slate(studio: Studio) -> None:
    assert studio.texts(Slate.CALLING, "Terry Example") == (("Terry Example", "The picture comes in a moment."),)
    long = draw((("A name that is far longer than anybody's name should ever have to be", "Please wait"),), 176, 144)
    assert long.shape == (216, 176)


# -- both, while somebody is away


async def test_whoever_waits_hears_the_prompt_then_quiet_then_the_prompt_again(floor: Floor, studio: Studio) -> None:
    floor.programme.show(Side.SIP, StandIn(Slate.RECONNECTING, Prompt.RECONNECTING))
    await plays(floor)
    await plays(floor, Kind.VIDEO)
    assert [each for each in floor.describe() if "->sip" in each] == [
        "audio ->sip: Prompt(reconnecting, PCMU) -> SipLeg",
        "audio web->sip: PCMU -> Parked",
        "video ->sip: Slate(reconnecting, H264 640x360) -> SipLeg",
        "video web->sip: H264 -> Parked",
    ]
    prompt = studio.samples(Prompt.RECONNECTING, 8000)
    floor.passes(len(prompt) / 8000 + 9.9)
    line = floor.line(Kind.AUDIO, Side.SIP)
    first = heard(line)
    assert np.abs(first[len(prompt) :]).max() < 50
    floor.passes(len(prompt) / 8000 + 0.2)
    assert likeness(heard(line)[len(first) :], prompt) > 0.9
    assert max(b - a for a, b in itertools.pairwise(floor.arrived[line])) < 0.041


async def test_sound_comes_back_with_its_first_packet_and_what_was_being_said_is_not_said_again(floor: Floor) -> None:
    floor.programme.show(Side.SIP, StandIn(Slate.RECONNECTING, Prompt.RECONNECTING))
    await plays(floor)
    floor.passes(1.0)
    floor.programme.clear(Side.SIP)
    assert "audio web->sip: PCMU -> Awaited" in floor.describe()
    floor.passes(30.0)
    line = floor.line(Kind.AUDIO, Side.SIP)
    assert np.abs(heard(line)[-20 * 8000 :]).max() < 50, "the far side is back, and merely silent"
    floor.passes(1.0, b"\x11" * 160)
    assert set(line.payloads()[-45:]) == {b"\x11" * 160}
    assert "audio ->sip" not in "".join(floor.describe())
    whole(line)
    assert max(b - a for a, b in itertools.pairwise(floor.arrived[line])) < 0.041


async def test_a_warning_is_heard_also_while_a_stand_in_speaks(floor: Floor) -> None:
    floor.programme.show(Side.SIP, StandIn(Slate.RECONNECTING, Prompt.RECONNECTING))
    await plays(floor)
    floor.passes(1.0)
    floor.programme.play(Side.SIP, Prompt.ONE_MINUTE)
    await until(lambda: "one-minute" in "".join(floor.describe()), "the warning")
    floor.passes(4.0)
    assert "audio ->sip: Prompt(reconnecting, PCMU) -> SipLeg" in floor.describe()
    whole(floor.line(Kind.AUDIO, Side.SIP))


async def test_a_stand_in_outlives_the_lines_of_a_browser_that_left(floor: Floor) -> None:
    floor.programme.show(Side.WEB, StandIn(Slate.HELD, Prompt.HELD))
    await plays(floor, Kind.VIDEO, Side.WEB)
    floor.wiring.lift_side(Side.WEB)
    floor.programme.follow()
    assert floor.programme.describe() == []
    gone = floor.line(Kind.VIDEO, Side.WEB)
    sent = len(gone.sent)
    floor.passes(1.0)
    assert len(gone.sent) == sent
    for codec in (PCMU, H264):
        floor.lines[codec, Side.WEB] = MemoryLine(codec, Side.WEB)
    floor.lay()
    await plays(floor, Kind.VIDEO, Side.WEB)
    floor.passes(1.0)
    assert len(seen(floor.line(Kind.VIDEO, Side.WEB))) == pytest.approx(5, abs=1)


async def test_whoever_records_hears_the_parties_and_never_us(floor: Floor) -> None:
    class Recorder:
        def __init__(self) -> None:
            self.changes: list[object] = []
            self.packets: list[bytes] = []

        def line_changed(self, kind: Kind, source: Side, codec: Codec | None) -> None:
            self.changes.append((kind, source, codec))

        def sink(self, _kind: Kind, _source: Side) -> Callable[[bytes], None]:
            return self.packets.append

        def report(self, *_: object) -> None: ...

        def __str__(self) -> str:
            return "recording"

    recorder = Recorder()
    floor.wiring.tap(recorder)
    changes = list(recorder.changes)
    floor.programme.play(Side.SIP, Prompt.ONE_MINUTE)
    await plays(floor)
    assert "audio web->sip: PCMU -> Tap(recording) -> Parked" in floor.describe()
    floor.passes(4.0, b"\x22" * 160)
    headers = [parse(each) for each in recorder.packets]
    assert [each.sequence for each in headers if each] == list(range(100, 300)), "also what nobody could hear"
    assert {each[12:] for each in recorder.packets} == {b"\x22" * 160}
    assert recorder.changes == changes
