"""Everything a station may change in the middle of a visit, three times over, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import os

from bridge import sdp
from bridge.plane import MediaPlane
from bridge.rtp import packet as rtp
from bridge.types import Flow, MediaSettings
from tests.support import raw_peer
from tests.support.bridge_stage import IDR, Stage, Terminal, until
from tests.support.raw_peer import AUDIO_SSRC, VIDEO_SSRC, RawPeer
from tests.support.rtp_station import RtpStation


class Talk:
    """Both sides of a visit; each word has a length of its own, for its bytes may be translated on the way."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.terminal = stage.terminal
        self._length = 20
        self._numbers = {AUDIO_SSRC: 0, VIDEO_SSRC: 0}
        self._gone: list[RtpStation] = []

    def family_says(self, payload: bytes, payload_type: int, ssrc: int) -> None:
        self._numbers[ssrc] += 1
        number = self._numbers[ssrc]
        packet = rtp.build(payload, payload_type=payload_type, sequence=number, timestamp=160 * number, ssrc=ssrc)
        self.stage.browser.send(packet)

    async def turn(self, description: str) -> sdp.Session:
        answer = await self.stage.bridge.change(description)
        return self.terminal.aim(answer)

    async def is_heard_by_the_family(self) -> None:
        self._length += 1
        self.terminal.sound.say(b"\xd5" * self._length)
        await self.stage.browser.until(
            lambda: any(len(each) == 12 + self._length for each in self.stage.browser.packets)
        )

    async def hears_the_family(self) -> None:
        self._length += 1
        self.family_says(b"\xff" * self._length, raw_peer.PCMU, AUDIO_SSRC)
        while len(await self.terminal.sound.heard()) != 12 + self._length:
            pass

    async def both_ways(self) -> None:
        await self.is_heard_by_the_family()
        await self.hears_the_family()

    async def pictures(self) -> None:
        self._length += 1
        picture = IDR + bytes(200 + self._length)
        self.terminal.picture.say(picture)
        await self.stage.browser.until(lambda: any(each[12:] == picture for each in self.stage.browser.packets))
        self.family_says(picture, raw_peer.H264, VIDEO_SSRC)
        while (await self.terminal.picture.heard())[12:] != picture:
            pass

    async def hold(self) -> None:
        for flow, address, ours in (
            ("sendonly", "", Flow.RECVONLY),
            ("inactive", "", Flow.INACTIVE),
            ("sendrecv", "0.0.0.0", Flow.RECVONLY),
            ("inactive", "0.0.0.0", Flow.INACTIVE),
            ("sendrecv", "::", Flow.RECVONLY),
        ):
            answer = await self.turn(self.describe(flow=flow, address=address))
            assert [each.flow for each in answer.media] == [ours, ours]
            assert self.stage.bridge.held()
            sent = self.sent_packets()
            self.family_says(b"\xff" * 160, raw_peer.PCMU, AUDIO_SSRC)
            await self.is_heard_by_the_family()  # music on hold
            assert self.sent_packets() == sent
        assert [each.flow for each in (await self.turn(self.describe())).media] == [Flow.SENDRECV] * 2
        await self.both_ways()
        await self.pictures()

    async def drop_and_add_the_picture(self) -> None:
        dropped = self.describe().replace(f"m=video {self.terminal.picture.port}", "m=video 0")
        assert [bool(each.port) for each in (await self.turn(dropped)).media] == [True, False]
        await self.both_ways()
        assert all(each.port for each in (await self.turn(self.describe())).media)
        await self.pictures()

    async def move(self) -> None:
        """Another address for both, as when a PBX takes itself out of the way."""
        self._gone += [self.terminal.sound, self.terminal.picture]
        self.terminal.sound = RtpStation(0, ssrc=0x51 + len(self._gone))
        self.terminal.picture = RtpStation(96, ssrc=0x97 + len(self._gone), step=3000)
        await self.turn(self.describe())
        await self.both_ways()
        await self.pictures()

    async def change_the_codec(self) -> None:
        for number in (8, 0):
            self.terminal.sound.payload_type = number
            answer = await self.turn(self.describe().replace("RTP/AVP 0 101", f"RTP/AVP {number} 101"))
            assert answer.media[0].codecs[0].payload_type == number
            await self.both_ways()

    def describe(self, *, flow: str = "sendrecv", address: str = "") -> str:
        text = self.terminal.describe(flow=flow, address=address)
        return text.replace("IN IP4 ::", "IN IP6 ::")

    def sent_packets(self) -> int:
        return sum(each.sent_packets for each in self.stage.bridge.stats().flows if each.source == "web")

    def close(self) -> None:
        for each in self._gone:
            each.close()


def handles() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


async def test_hold_picture_address_and_codec_change_three_times_in_one_visit() -> None:
    async with Stage() as stage:
        await stage.join()
        talk = Talk(stage)
        timers, tasks, ports = [], [], []
        for _ in range(3):
            await talk.hold()
            await talk.drop_and_add_the_picture()
            await talk.move()
            await talk.change_the_codec()
            timers.append(len(stage.plane._timer))
            tasks.append(len(asyncio.all_tasks()))
            ports.append(handles())
        assert timers[1:] == timers[:1] * 2
        assert tasks[1:] == tasks[:1] * 2
        assert [count - 4 * round_ for round_, count in enumerate(ports)] == [ports[0]] * 3, "four of the test's own"
        assert stage.bridge.stats().flows[0].lost_packets == 0
        talk.close()


async def test_two_hundred_short_visits_leave_no_socket_timer_or_task() -> None:
    terminal = Terminal()
    peer = RawPeer()
    web_offer = await peer.offer()
    async with MediaPlane(MediaSettings()) as plane:
        described = terminal.describe()
        counts = []
        for number in range(200):
            bridge = plane.bridge()
            await bridge.join(described, web_offer)
            await bridge.change(described.replace(f"m=video {terminal.picture.port}", "m=video 0"))
            await bridge.close()
            if number in (9, 199):
                await until(lambda: not any("bridge" in task.get_name() for task in asyncio.all_tasks()))
                counts.append((handles(), len(plane._timer), len(asyncio.all_tasks())))
        assert counts[0] == counts[1]
        assert len(plane) == 0
    await peer.close()
    terminal.close()
