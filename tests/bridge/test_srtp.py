"""SRTP in own buffers: long packets pass, forged and repeated ones do not, wrong keys are named."""

from __future__ import annotations

import hashlib
import hmac
import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

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


def _counter_mode(key: bytes, counter: int, text: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CTR(counter.to_bytes(16, "big"))).encryptor()
    return encryptor.update(text)


def _by_the_book(packet: bytes, key_and_salt: bytes, tag_bytes: int) -> bytes:
    """RFC 3711 sections 4.1 and 4.3, and RFC 6188 for the longer key, with rollover counter 0 and a 12-byte header."""
    key, salt = key_and_salt[:-14], int.from_bytes(key_and_salt[-14:], "big")
    cipher_key, auth_key, session_salt = (
        _counter_mode(key, (salt ^ label << 48) << 16, bytes(size)) for label, size in ((0, len(key)), (1, 20), (2, 14))
    )
    ssrc, sequence = int.from_bytes(packet[8:12], "big"), int.from_bytes(packet[2:4], "big")
    counter = int.from_bytes(session_salt, "big") << 16 ^ ssrc << 64 ^ sequence << 16
    sealed = packet[:12] + _counter_mode(cipher_key, counter, packet[12:])
    return sealed + hmac.new(auth_key, sealed + bytes(4), hashlib.sha1).digest()[:tag_bytes]


@pytest.mark.parametrize(
    ("profile", "tag_bytes"),
    [
        (Profile.AES_CM_128_HMAC_SHA1_80, 10),
        (Profile.AES_CM_128_HMAC_SHA1_32, 4),
        (Profile.AES_256_CM_HMAC_SHA1_80, 10),
    ],
)
def test_the_profiles_of_telephones_are_sealed_as_their_standards_say(profile: Profile, tag_bytes: int) -> None:
    key = os.urandom(profile.key_bytes)
    packet = build(os.urandom(160), payload_type=0, sequence=4711, timestamp=2, ssrc=0xDECAFBAD)
    sealed = Sealer.with_key(profile, key).rtp(packet)
    assert sealed is not None
    assert bytes(sealed) == _by_the_book(packet, key, tag_bytes)
