"""A station with SRTP by SDES: sealed both ways, RTCP too, new keys in the middle, and nobody without the key."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bridge.legs.sip_line import SipLine
from bridge.negotiate import StationLine
from bridge.rtp import packet as rtp
from bridge.rtp import rtcp
from bridge.rtp.srtp import Opener, Profile, Sealer
from bridge.sdes import Sdes
from bridge.types import Codec, Kind
from tests.support.rtp_station import RtpStation
from tests.support.station_stage import H264, PCMU, Stage, describe, on_stage, until

SDES_PROFILES = (
    Profile.AES_CM_128_HMAC_SHA1_80,
    Profile.AES_CM_128_HMAC_SHA1_32,
    Profile.AES_256_CM_HMAC_SHA1_80,
    Profile.AEAD_AES_128_GCM,
    Profile.AEAD_AES_256_GCM,
)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


def keys_of(profile: Profile) -> Sdes:
    return Sdes(profile.name, os.urandom(profile.key_bytes), os.urandom(profile.key_bytes))


class SecureStation:
    """The far end of `keys`; it seals what an `RtpStation` says."""

    def __init__(self, station: RtpStation, keys: Sdes) -> None:
        self.station = station
        self.renew(keys)

    def renew(self, keys: Sdes) -> None:
        self._sealer = Sealer.with_key(Profile[keys.profile], keys.receive_key)
        self._opener = Opener.with_key(Profile[keys.profile], keys.send_key)

    def say(self, payload: bytes = b"\x55" * 160, from_other: RtpStation | None = None) -> bytes:
        station = self.station
        packet = rtp.build(
            payload,
            payload_type=station.payload_type,
            sequence=station.sequence,
            timestamp=station.timestamp,
            ssrc=station.ssrc,
        )
        station.sequence += 1
        station.timestamp += 160
        sealed = self._sealer.rtp(packet)
        assert sealed is not None
        (from_other or station).throw(bytes(sealed))
        return packet

    def report(self, packet: bytes, *, mux: bool = False) -> None:
        sealed = bytes(self._sealer.rtcp(packet) or b"")
        if mux:
            self.station.throw(sealed)
        else:
            self.station.report(sealed)

    async def heard(self) -> bytes | None:
        sealed = await self.station.heard()
        self._opener.view[: len(sealed)] = sealed
        return self._opener.rtp(len(sealed))

    async def told(self, *, mux: bool = False) -> bytes | None:
        sealed = await (self.station.heard() if mux else self.station.told())
        self._opener.view[: len(sealed)] = sealed
        return self._opener.rtcp(len(sealed))


def secured(port: int, keys: Sdes, codec: Codec = PCMU, *, mux: bool = False) -> StationLine:
    kind = Kind.VIDEO if codec is H264 else Kind.AUDIO
    return replace(describe(port, kind, codec, rtcp_mux=mux, proto="RTP/SAVP"), sdes=keys)


def line_of(stage: Stage, station: RtpStation, keys: Sdes, codec: Codec = PCMU, *, mux: bool = False) -> SipLine:
    description = secured(station.port, keys, codec, mux=mux)
    stage.leg.apply([description])
    line = stage.leg.line(description.kind)
    assert line is not None
    line.attach(stage.ear.packets.append, stage.ear)
    line.listen(stage.ear)
    station.aim(line.port)
    return line


@pytest.mark.parametrize("profile", SDES_PROFILES, ids=lambda each: each.name)
async def test_sound_passes_sealed_both_ways(stage: Stage, profile: Profile) -> None:
    keys = keys_of(profile)
    phone = SecureStation(stage.station(), keys)
    line = line_of(stage, phone.station, keys)
    sent = [phone.say(os.urandom(size)) for size in (160, 1, 1460)]
    await until(lambda: len(stage.ear.packets) == 3)
    assert stage.ear.packets == sent
    packet = rtp.build(b"answer", payload_type=0, sequence=1, timestamp=1, ssrc=line.send_ssrc)
    line.send(packet)
    assert await phone.heard() == packet
    assert (line.counters.sent_packets, line.counters.sent_bytes) == (1, 6)


@pytest.mark.parametrize("mux", [False, True], ids=["two ports", "rtcp-mux"])
async def test_reports_and_wishes_are_sealed_too(stage: Stage, mux: bool) -> None:
    keys = keys_of(Profile.AES_CM_128_HMAC_SHA1_32)
    phone = SecureStation(stage.station(96), keys)
    line = line_of(stage, phone.station, keys, H264, mux=mux)
    phone.say()
    await until(lambda: len(stage.ear.packets) == 1)
    phone.report(
        rtcp.receiver_report(rtcp.ReceiverInfo(phone.station.ssrc, ()))
        + rtcp.picture_loss(phone.station.ssrc, line.send_ssrc),
        mux=mux,
    )
    await until(lambda: stage.ear.keyframes_wanted == 1)
    stage.pass_time(1.0)
    clear = await phone.told(mux=mux)
    assert clear is not None
    (report,) = rtcp.parse(clear)
    assert isinstance(report, rtcp.ReceiverInfo)
    assert report.reports[0].ssrc == phone.station.ssrc


async def test_plain_packets_forgeries_and_replays_are_discarded(stage: Stage) -> None:
    keys = keys_of(Profile.AES_CM_128_HMAC_SHA1_80)
    phone = SecureStation(stage.station(), keys)
    line = line_of(stage, phone.station, keys)
    first = phone.say()
    await until(lambda: stage.ear.packets == [first])
    phone.station.say()
    phone.station.throw(bytes(5000))
    phone.station.report(rtcp.bye(phone.station.ssrc))
    SecureStation(phone.station, keys_of(Profile.AES_CM_128_HMAC_SHA1_80)).say()
    await until(lambda: line.counters.discarded_packets == 4)
    assert stage.ear.packets == [first]


async def test_only_who_has_the_key_moves_the_stream(stage: Stage) -> None:
    keys = keys_of(Profile.AES_CM_128_HMAC_SHA1_80)
    phone = SecureStation(stage.station(), keys)
    line = line_of(stage, phone.station, keys)
    for _ in range(20):
        last = phone.say()
    await until(lambda: stage.ear.packets[-1:] == [last])
    stage.pass_time(3.0)
    thief, behind_nat = stage.station().aim(line.port), stage.station().aim(line.port)
    thief.ssrc, thief.sequence = phone.station.ssrc, phone.station.sequence
    thief.say()
    await until(lambda: line.counters.discarded_packets == 1)
    phone.station.ssrc += 1  # even a new stream: the key is proof enough
    last = phone.say(from_other=behind_nat)
    await until(lambda: stage.ear.packets[-1:] == [last])
    line.send(rtp.build(b"answer", payload_type=0, sequence=1, timestamp=1, ssrc=line.send_ssrc))
    phone.station = behind_nat
    assert await phone.heard() is not None


async def test_new_keys_in_the_middle_lose_nothing_that_is_on_its_way(stage: Stage) -> None:
    old, new = keys_of(Profile.AES_CM_128_HMAC_SHA1_80), keys_of(Profile.AES_256_CM_HMAC_SHA1_80)
    phone = SecureStation(stage.station(), old)
    line = line_of(stage, phone.station, old)
    phone.say()
    await until(lambda: len(stage.ear.packets) == 1)
    assert line_of(stage, phone.station, new) is line
    on_its_way = phone.say()
    await until(lambda: stage.ear.packets[-1] == on_its_way)
    before = SecureStation(phone.station, old)
    before.renew(old)
    phone.renew(new)
    for _ in range(60):
        last = phone.say()
    await until(lambda: stage.ear.packets[-1] == last)
    line.send(rtp.build(b"answer", payload_type=0, sequence=1, timestamp=1, ssrc=line.send_ssrc))
    assert await phone.heard() is not None
    before.say()
    await until(lambda: line.counters.discarded_packets == 1)


async def test_the_same_keys_said_again_go_on(stage: Stage) -> None:
    """A hold repeats them; to begin anew would use the key stream twice and lose the rollover counter."""
    keys = keys_of(Profile.AES_CM_128_HMAC_SHA1_80)
    phone = SecureStation(stage.station(), keys)
    line = line_of(stage, phone.station, keys)
    phone.station.sequence = 65_530
    for round_ in range(1, 4):
        for _ in range(10):
            phone.say()
        await until(lambda seen=10 * round_: len(stage.ear.packets) == seen)  # type: ignore[misc]  # bound at once
        packet = rtp.build(b"x", payload_type=0, sequence=round_, timestamp=1, ssrc=line.send_ssrc)
        line.send(packet)
        assert await phone.heard() == packet
        stage.leg.apply([secured(phone.station.port, Sdes(keys.profile, keys.receive_key, keys.send_key))])
    assert line.counters.discarded_packets == 0


async def test_a_station_that_begins_anew_under_its_old_key_is_understood(stage: Stage) -> None:
    """libre makes a new context for each description; its rollover counter is 0 again, ours is not."""
    keys = keys_of(Profile.AES_CM_128_HMAC_SHA1_80)
    phone = SecureStation(stage.station(), keys)
    line = line_of(stage, phone.station, keys)
    phone.station.sequence = 65_500
    for burst in range(1, 11):
        for _ in range(10):
            phone.say()
        await until(lambda seen=10 * burst: len(stage.ear.packets) == seen)  # type: ignore[misc]  # bound at once
    phone.renew(keys)
    phone.say()
    await until(lambda: line.counters.discarded_packets == 1)
    stage.leg.apply([secured(phone.station.port, keys)])
    for burst in range(1, 8):
        for _ in range(10):
            phone.say()
        await until(lambda seen=100 + 10 * burst: len(stage.ear.packets) == seen)  # type: ignore[misc]  # bound at once
    assert line.counters.discarded_packets == 1


async def test_a_key_is_worn_once_its_numbers_may_have_come_round(stage: Stage) -> None:
    keys = keys_of(Profile.AES_CM_128_HMAC_SHA1_80)
    phone = SecureStation(stage.station(), keys)
    line = line_of(stage, phone.station, keys)
    for number in range(29_999):
        line.send(rtp.build(b"", payload_type=0, sequence=number, timestamp=1, ssrc=line.send_ssrc))
    worn = [line.key_is_worn]
    line.send(rtp.build(b"", payload_type=0, sequence=29_999, timestamp=1, ssrc=line.send_ssrc))
    worn.append(line.key_is_worn)
    stage.leg.apply([secured(phone.station.port, replace(keys, send_key=os.urandom(30)))])
    worn.append(line.key_is_worn)
    assert worn == [False, True, False]


async def test_a_line_may_become_plain_and_sealed_again(stage: Stage) -> None:
    keys = keys_of(Profile.AES_CM_128_HMAC_SHA1_80)
    phone = SecureStation(stage.station(), keys)
    line = line_of(stage, phone.station, keys)
    phone.say()
    await until(lambda: len(stage.ear.packets) == 1)
    stage.leg.apply([describe(phone.station.port, Kind.AUDIO, PCMU)])
    plain = phone.station.say()
    await until(lambda: stage.ear.packets[-1] == plain)
    line.send(b"\x80" * 12)
    assert await phone.station.heard() == b"\x80" * 12
    again = keys_of(Profile.AES_CM_128_HMAC_SHA1_80)
    phone.renew(again)
    line_of(stage, phone.station, again)
    sealed = phone.say()
    await until(lambda: stage.ear.packets[-1] == sealed)
