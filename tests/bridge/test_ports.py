"""Ports for media: even and odd, within the range, and an error that says what to widen."""

from __future__ import annotations

import socket

import pytest

from bridge.errors import PortsExhausted
from bridge.rtp.ports import Ports
from tests.support.baresip import free_port


def test_a_pair_is_even_and_odd() -> None:
    pair = Ports("127.0.0.1", (0, 0)).pair()
    assert pair.port % 2 == 0
    assert pair.rtcp.getsockname()[1] == pair.port + 1
    pair.close()


def test_an_odd_start_and_an_even_end_are_not_overstepped() -> None:
    low = free_port(8)
    ports = Ports("127.0.0.1", (low + 1, low + 6))
    pairs = [ports.pair(), ports.pair()]
    assert sorted(each.port for each in pairs) == [low + 2, low + 4]
    with pytest.raises(PortsExhausted, match=rf"{low + 1}-{low + 6} .* widen media.sip_ports"):
        ports.pair()
    for each in pairs:
        each.close()


def test_a_port_taken_by_another_program_is_passed_over() -> None:
    low = free_port(4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", low + 1))
        pair = Ports("127.0.0.1", (low, low + 3)).pair()
    assert pair.port == low + 2
    pair.close()


def test_a_port_given_back_is_the_last_to_be_used_again() -> None:
    low = free_port(6)
    ports = Ports("127.0.0.1", (low, low + 5))
    used = []
    for _ in range(4):
        pair = ports.pair()
        used.append(pair.port)
        pair.close()
    assert used == [low, low + 2, low + 4, low]


def test_single_ports_come_from_the_range() -> None:
    low = free_port(2)
    ports = Ports("127.0.0.1", (low, low + 1), name="media.web_ports")
    taken = [ports.single(), ports.single()]
    assert sorted(each.getsockname()[1] for each in taken) == [low, low + 1]
    with pytest.raises(PortsExhausted, match=r"widen media\.web_ports"):
        ports.single()
    for each in taken:
        each.close()


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(PortsExhausted, match=r"192\.0\.2\.1; is it an address of this machine"):
        Ports("192.0.2.1", (0, 0)).pair()
