"""SRTP in own buffers: long packets pass, forged and repeated ones do not, wrong keys are named."""

from __future__ import annotations

import os

import pytest

from bridge.errors import NegotiationError
from bridge.rtp import rtcp
from bridge.rtp.packet import build
from bridge.rtp.srtp import MAX_PACKET_BYTES, Opener, Profile, Sealer


def pair(profile: Profile) -> tuple[Sealer, Opener]:
    key = os.urandom(profile.key_bytes)
    return Sealer.with_key(profile, key), Opener.with_key(profile, key)


def carry(opener: Opener, sealed: memoryview | None) -> int:
    assert sealed is not None
    opener.view[0 : len(sealed)] = sealed
    return len(sealed)


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("size", [13, 172, 1356, 1472, MAX_PACKET_BYTES])
def test_what_was_sealed_opens_whole(profile: Profile, size: int) -> None:
    sealer, opener = pair(profile)
    packet = build(os.urandom(size - 12), payload_type=96, sequence=1, timestamp=2, ssrc=3)
    sealed = sealer.rtp(packet)
    assert sealed is not None
    assert bytes(sealed[12:]) != packet[12:]
    assert opener.rtp(carry(opener, sealed)) == packet


@pytest.mark.parametrize("profile", list(Profile))
def test_rtcp_has_its_own_seal(profile: Profile) -> None:
    sealer, opener = pair(profile)
    packet = rtcp.picture_loss(1, 2)
    assert opener.rtcp(carry(opener, sealer.rtcp(packet))) == packet
    assert opener.rtp(carry(opener, sealer.rtcp(packet))) is None


def test_a_changed_bit_and_a_replay_are_refused() -> None:
    sealer, opener = pair(Profile.AEAD_AES_128_GCM)
    packet = build(b"payload", payload_type=96, sequence=1, timestamp=2, ssrc=3)
    sealed = bytes(sealer.rtp(packet) or b"")
    forged = bytearray(sealed)
    forged[14] ^= 1
    assert opener.rtp(carry(opener, memoryview(forged))) is None
    assert opener.rtp(carry(opener, memoryview(sealed))) == packet
    assert opener.rtp(carry(opener, memoryview(sealed))) is None


def test_the_same_packet_may_be_sealed_again_for_a_retransmission() -> None:
    sealer, _ = pair(Profile.AES_CM_128_HMAC_SHA1_80)
    packet = build(b"payload", payload_type=96, sequence=1, timestamp=2, ssrc=3)
    assert bytes(sealer.rtp(packet) or b"1") == bytes(sealer.rtp(packet) or b"2")


def test_too_long_a_packet_is_refused_not_cut() -> None:
    sealer, _ = pair(Profile.AEAD_AES_256_GCM)
    assert sealer.rtp(bytes(MAX_PACKET_BYTES + 1)) is None
    assert sealer.rtcp(bytes(MAX_PACKET_BYTES + 1)) is None


def test_a_key_of_the_wrong_length_is_named() -> None:
    with pytest.raises(NegotiationError, match=r"AEAD_AES_128_GCM wants .* 28 bytes, not 5"):
        Sealer.with_key(Profile.AEAD_AES_128_GCM, b"short")
