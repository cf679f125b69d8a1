"""A recorder that is fed by hand, and what is in the files it leaves."""

from __future__ import annotations

import io
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import yaml

from bridge.legs.leg import SenderReport
from bridge.recording.film import Part, Written
from bridge.recording.recorder import Recorder
from bridge.recording.sealing import SealedReader
from bridge.types import Codec, Kind, Side
from tests.support.flash_and_beep import PICTURES, SOUND, Sent

KEY = bytes(range(32))
DEMO = Path(__file__).parents[2] / "dialplans" / "demo.yaml"


@dataclass
class Desk:
    """One recorder with the writer's thread played by the test: `play` lets time pass as the packets come."""

    folder: Path
    answers: bool = True  # a part that is asked for is given
    parts: list[Part] = field(default_factory=list)
    written: tuple[Written, ...] = ()
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.recorder = Recorder(want_part=self._give, failed=self.failures.append, ended=self._end)

    def carry(self, *names: str) -> None:
        """The station's codecs, then the family's: sound, picture, sound, picture; "" for none."""
        for (side, kind), name in zip(((s, k) for s in Side for k in (Kind.AUDIO, Kind.VIDEO)), names, strict=False):
            self.turn(kind, side, name)

    def turn(self, kind: Kind, side: Side, name: str) -> None:
        codec: Codec | None = (SOUND | PICTURES)[name] if name else None
        self.recorder.line_changed(kind, side, codec)

    def play(self, sent: list[Sent]) -> None:
        """A turn of the writer every 100 ms."""
        due_s = 0.0
        for each in sent:
            if each.at_s >= due_s:
                self.recorder.work(each.at_s)
                due_s = each.at_s + 0.1
            if isinstance(each.what, SenderReport):
                self.recorder.report(each.kind, each.side, each.what)
            else:
                self.recorder.packet(each.kind, each.side, each.what, each.at_s)
        if sent:
            self.recorder.work(sent[-1].at_s + 0.1)

    def finish(self) -> tuple[Written, ...]:
        self.recorder.finish()
        turns = 0
        while self.recorder.work(1e6 + turns):
            turns += 1
            assert turns < 10
        return self.written

    def plain(self, part: int = 1) -> bytes:
        return opened(self.parts[part - 1].path)

    def _give(self, number: int) -> None:
        assert number == len(self.parts) + 1
        self.parts.append(Part(f"r-{number}", self.folder / f"r-{number}.kbr", KEY))
        if self.answers:
            self.recorder.give(self.parts[-1])

    def _end(self, written: tuple[Written, ...]) -> None:
        self.written = written


def recorded_dialplan(folder: Path, privileged: str = "") -> Path:
    """The demo's dialplan at a facility that records. privileged: a number whose visits are."""
    document = yaml.safe_load(DEMO.read_text())
    for facility in document["facilities"]:
        facility["recording"] = {"retention_days": 90}
    if privileged:
        families = next(each for each in document["rules"] if each["name"] == "family")
        rule = families | {"name": "privileged", "dialled": privileged, "privileged": True}
        document["rules"].insert(0, rule)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recorded.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def opened(path: Path, key: bytes = KEY) -> bytes:
    """What stands in a sealed file, as far as it opens."""
    with path.open("rb") as file:
        return b"".join(SealedReader(file, key).data())


def probe(plain: bytes | Path) -> dict[str, Any]:
    """What ffprobe says of it, each frame read; an AssertionError with its complaint when it has one."""
    command = ["ffprobe", "-v", "error", "-show_streams", "-count_frames", "-of", "json"]
    source, data = ("pipe:0", plain) if isinstance(plain, bytes) else (str(plain), None)
    done = subprocess.run([*command, source], input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    found["complaints"] = done.stderr.decode()
    return found


def flashes(plain: bytes, stream: int) -> list[float]:
    """When a picture turns white, in seconds."""
    with av.open(io.BytesIO(plain)) as container:
        found, was_dark = [], True
        for frame in container.decode(container.streams[stream]):
            bright = bool(np.mean(frame.to_ndarray(format="gray")) > 140)
            if bright and was_dark:
                assert frame.time is not None
                found.append(float(frame.time))
            was_dark = not bright
    return found


def beeps(plain: bytes, stream: int) -> list[float]:
    """When sound begins after silence, in seconds."""
    with av.open(io.BytesIO(plain)) as container:
        found, last_loud_s = [], -1.0
        for frame in container.decode(container.streams[stream]):
            assert frame.time is not None
            samples = frame.to_ndarray().astype(np.float64)
            scale = 1.0 if samples.max(initial=0) <= 1.0 else 32768.0
            loud = np.nonzero(np.abs(samples[0]) / scale > 0.2)[0]
            for index in loud:
                at_s = float(frame.time) + index / frame.sample_rate
                if at_s - last_loud_s > 0.3:
                    found.append(at_s)
                last_loud_s = at_s
    return found
