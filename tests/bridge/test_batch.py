"""Many datagrams for one system call, the same without, and sockets that are served in turns."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import uvloop

from bridge.rtp import batch
from bridge.rtp.batch import MOST, BatchInbox, Inbox, Outbox, PlainInbox, datagrams
from bridge.rtp.srtp import Slot
from bridge.rtp.turns import Turns
from bridge.rtp.udp import Reader

BOTH = pytest.mark.parametrize("batches", [True, False], ids=["batches", "one by one"])


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with bound() as made:
        yield made


def bound(host: str = "127.0.0.1") -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((host, 0))
    made.setblocking(False)
    return made


def as_it_is(slot: Slot, packet: bytes) -> int:
    slot.view[0 : len(packet)] = packet
    return len(packet)


def push(outbox: Outbox, words: bytes, target: object) -> None:
    outbox.push(as_it_is, words, target)


def take_all(inbox: Inbox) -> list[bytes]:
    found: list[bytes] = []
    while came := inbox.receive():
        found += [bytes(slot.view[0:size]) for slot, size, _ in came]
    return found


@BOTH
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_what_is_pushed_arrives_in_order_with_its_source(host: str, batches: bool) -> None:
    with bound(host) as here, bound(host) as there:
        inbox, _ = datagrams(there, lambda: None, batches=batches)
        _, outbox = datagrams(here, lambda: None, batches=batches)
        target = inbox.key_of(there.getsockname())
        assert inbox.address_of(target) == there.getsockname()[:2]
        for number in range(3 * MOST + 5):
            push(outbox, b"packet %d" % number, target)
        outbox.flush()
        came: list[tuple[bytes, object]] = []
        while some := inbox.receive():
            came += [(bytes(slot.view[0:size]), source) for slot, size, source in some]
        assert [words for words, _ in came] == [b"packet %d" % number for number in range(3 * MOST + 5)]
        assert {source for _, source in came} == {inbox.key_of(here.getsockname())}
        assert outbox.unsent_packets == 0


@BOTH
def test_a_target_without_a_way_stops_nobody_else(udp: socket.socket, batches: bool) -> None:
    inbox, outbox = datagrams(udp, lambda: None, batches=batches)
    good, bad = inbox.key_of(udp.getsockname()), inbox.key_of(("127.0.0.1", 0))
    for number in range(20):
        push(outbox, b"%d" % number, bad if number in (0, 1, 7, 19) else good)
    outbox.flush()
    assert take_all(inbox) == [b"%d" % number for number in range(20) if number not in (0, 1, 7, 19)]
    assert outbox.unsent_packets == 4


def test_a_full_buffer_costs_the_rest_of_the_batch_and_nothing_later() -> None:
    """A pair of sockets of the family UNIX: there the far side's queue can be full, which loopback UDP never says."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there, bound() as other:
        here.setblocking(False)
        _, outbox = datagrams(other, lambda: None)
        assert isinstance(outbox, batch.BatchOutbox)
        outbox._udp, outbox._trains = here, None
        for header in range(MOST):
            outbox._room.headers[header].msg_hdr.msg_namelen = 0
        for _ in range(40):
            for _ in range(MOST - 1):
                push(outbox, bytes(1200), bytes(16))
            outbox.flush()
        taken = 0
        there.setblocking(False)
        try:
            while there.recv(2000):
                taken += 1
        except BlockingIOError:
            pass
        assert outbox.unsent_packets > 0
        assert taken + outbox.unsent_packets == 40 * (MOST - 1)
        push(outbox, b"later", bytes(16))
        outbox.flush()
        assert there.recv(2000) == b"later"


def test_packets_of_any_size_keep_their_own(udp: socket.socket) -> None:
    inbox, outbox = datagrams(udp, lambda: None)
    here = inbox.key_of(udp.getsockname())
    sizes = [1, 1500, 4096, 12, 60]
    for number, size in enumerate(sizes):
        push(outbox, bytes([number]) * size, here)
    outbox.flush()
    assert take_all(inbox) == [bytes([number]) * size for number, size in enumerate(sizes)]


@BOTH
def test_bursts_for_several_arrive_as_they_were_pushed(batches: bool) -> None:
    """Of one size with a shorter last one, of mixed sizes, larger than a datagram together, cut by the bound."""
    bursts = [[900] * 5 + [300], [10, 20, 20, 20, 5], [3900] * 18, [60] * (2 * MOST + 3), [1200, 1200, 1201]]
    with bound() as here, bound() as one, bound() as two:
        boxes = [datagrams(each, lambda: None, batches=batches)[0] for each in (one, two)]
        _, outbox = datagrams(here, lambda: None, batches=batches)
        for burst in bursts:
            sent: list[list[bytes]] = [[], []]
            for number, size in enumerate(burst):
                words = bytes([number]) * size
                for which in range(1 + number % 3 % 2):
                    sent[which].append(words)
                    push(outbox, words, boxes[which].key_of((one, two)[which].getsockname()))
            outbox.flush()
            assert [take_all(box) for box in boxes] == sent
        assert outbox.unsent_packets == 0


def test_the_system_takes_a_burst_as_one(udp: socket.socket) -> None:
    inbox, outbox = datagrams(udp, lambda: None)
    assert isinstance(outbox, batch.BatchOutbox)
    asked, call = [], outbox._call

    def counted(descriptor: int, headers: object, count: int, flags: int) -> int:
        asked.append(count)
        return int(call(descriptor, headers, count, flags))

    outbox._call = counted
    for size in (700, 700, 700, 20, 700):
        push(outbox, bytes(size), inbox.key_of(udp.getsockname()))
    outbox.flush()
    assert asked == [2]
    assert [len(each) for each in take_all(inbox)] == [700, 700, 700, 20, 700]


@pytest.mark.parametrize("error", [errno.EIO, errno.EINVAL])
def test_where_the_system_takes_no_burst_its_packets_go_one_by_one(udp: socket.socket, error: int) -> None:
    """EIO: the network card can not cut it apart. EINVAL: a packet is larger than the way is wide."""
    inbox, outbox = datagrams(udp, lambda: None)
    assert isinstance(outbox, batch.BatchOutbox)
    call, heads = outbox._call, outbox._trains
    assert heads is not None

    def refused(descriptor: int, headers: object, count: int, flags: int) -> int:
        if any(headers == heads.heads + each for each in range(MOST)):
            outbox._errors.errno = error
            return -1
        return int(call(descriptor, headers, count, flags))

    outbox._call = refused
    for turn in range(2):
        for number in range(5):
            push(outbox, bytes([number]) * (50 if number else 40), inbox.key_of(udp.getsockname()))
        outbox.flush()
        assert [each[:1] for each in take_all(inbox)] == [bytes([number]) for number in range(5)], turn
        assert (outbox._trains is None) == (error == errno.EIO)
    assert outbox.unsent_packets == 0


def test_a_burst_for_a_target_without_a_way_is_counted_packet_by_packet(udp: socket.socket) -> None:
    inbox, outbox = datagrams(udp, lambda: None)
    good, bad = inbox.key_of(udp.getsockname()), inbox.key_of(("127.0.0.1", 0))
    for target in (good, bad, good):
        for _ in range(3):
            push(outbox, b"words", target)
    outbox.flush()
    assert take_all(inbox) == [b"words"] * 6
    assert outbox.unsent_packets == 3


@BOTH
def test_a_packet_that_can_not_be_sealed_is_counted_and_the_others_go(udp: socket.socket, batches: bool) -> None:
    inbox, outbox = datagrams(udp, lambda: None, batches=batches)
    here = inbox.key_of(udp.getsockname())
    for number in range(6):
        outbox.push((lambda slot, packet: 0) if number % 2 else as_it_is, b"%d" % number, here)
    outbox.flush()
    assert take_all(inbox) == [b"0", b"2", b"4"]
    assert outbox.unsent_packets == 3


@pytest.mark.parametrize("missing", [AttributeError, OSError])
def test_without_the_calls_packets_go_one_by_one(
    udp: socket.socket, monkeypatch: pytest.MonkeyPatch, missing: type[Exception]
) -> None:
    class NoCalls:
        def __init__(self) -> None:
            raise missing

    assert isinstance(datagrams(udp, lambda: None)[0], BatchInbox)
    monkeypatch.setattr(batch, "_Calls", NoCalls)
    inbox, outbox = datagrams(udp, lambda: None)
    assert isinstance(inbox, PlainInbox)
    push(outbox, b"still", inbox.key_of(udp.getsockname()))
    assert take_all(inbox) == [b"still"]


def _heard(group: Sockets, wanted: list[int]) -> bool:
    return [len(each) for each in group.heard] == wanted


class Sockets:
    """Some that are served in turns, and what came to each."""

    def __init__(self, count: int) -> None:
        self.turns = Turns.of_running_loop()
        self.sockets = [bound() for _ in range(count)]
        self.heard: list[list[bytes]] = [[] for _ in range(count)]
        self.came = asyncio.Event()
        for number in range(count):
            self.turns.watch(self.sockets[number].fileno(), self._reader(number))

    def _reader(self, number: int) -> Callable[[], None]:
        def read() -> None:
            self.heard[number].append(self.sockets[number].recv(100))
            self.came.set()

        return read

    def say(self, number: int, words: bytes) -> None:
        self.sockets[0].sendto(words, self.sockets[number].getsockname())

    async def until(self, satisfied: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not satisfied():
                self.came.clear()
                await self.came.wait()

    def close(self) -> None:
        for each in self.sockets:
            self.turns.unwatch(each.fileno())
            each.close()


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_all_sockets_are_served_also_under_load_and_after_it(runner: Callable[..., object]) -> None:
    async def scenario() -> None:
        group = Sockets(5)
        for burst in (1, 40, 150, 1):
            wanted = [len(each) + burst for each in group.heard]
            for each in range(burst):
                for number in range(5):
                    group.say(number, b"%d" % each)
                if each % 20 == 0:
                    await asyncio.sleep(0)
            await group.until(partial(_heard, group, wanted))
            await asyncio.sleep(0.01)
        assert group.heard[1] == group.heard[4]
        group.close()
        assert len(Turns.of_running_loop()) == 0

    runner(scenario())


async def test_packets_that_come_fast_share_turns() -> None:
    group = Sockets(4)
    before = group.turns.turns
    for each in range(200):
        for number in range(4):
            group.say(number, b"%d" % each)
        await asyncio.sleep(0)  # the loop could have served each of them by itself
    await group.until(lambda: sum(map(len, group.heard)) == 800)
    assert group.turns.turns - before < 200
    group.close()


async def test_what_is_gathered_goes_at_the_end_of_the_turn_or_at_once() -> None:
    group, story = Sockets(2), []
    group.turns.at_end(lambda: story.append("at once"))
    await asyncio.sleep(0)
    assert story == ["at once"]
    with bound() as third:

        def read() -> None:
            story.append(third.recv(10).decode())
            group.turns.at_end(lambda: story.append("end"))
            group.came.set()

        group.turns.watch(third.fileno(), read)
        for _ in range(2):
            third.sendto(b"read", third.getsockname())
        await group.until(lambda: story.count("end") == 2)
        assert story[1:] == ["read", "read", "end", "end"]
        group.turns.unwatch(third.fileno())
    group.close()


async def test_a_socket_closed_by_another_one_in_the_same_turn_is_not_read() -> None:
    turns = Turns.of_running_loop()
    one, two = bound(), bound()
    done = asyncio.Event()

    def reader(mine: socket.socket, other: socket.socket) -> Callable[[], None]:
        def read() -> None:
            mine.recv(10)
            turns.unwatch(other.fileno())
            other.close()
            done.set()

        return read

    turns.watch(one.fileno(), reader(one, two))
    turns.watch(two.fileno(), reader(two, one))
    for each in (one, two):
        one.sendto(b"x", each.getsockname())
    await asyncio.wait_for(done.wait(), 5)
    await asyncio.sleep(0)
    assert len(turns) == 1
    left = one if one.fileno() >= 0 else two
    turns.unwatch(left.fileno())
    left.close()


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_the_only_socket_gives_way_to_another_in_its_own_turn(runner: Callable[..., object]) -> None:
    """Again and again, while the loop rests between turns: no descriptor may stay with the loop after it is closed."""

    async def scenario() -> None:
        turns, seen = Turns.of_running_loop(), asyncio.Queue[int]()
        current = bound()

        def read() -> None:
            nonlocal current
            seen.put_nowait(int(current.recv(10)))
            before, current = current, bound()
            turns.unwatch(before.fileno())
            turns.watch(current.fileno(), read)
            before.close()

        turns.watch(current.fileno(), read)
        with bound() as far:
            for number in range(200):
                far.sendto(b"%d" % number, current.getsockname())
                assert await asyncio.wait_for(seen.get(), 5) == number
        turns.unwatch(current.fileno())
        current.close()
        pair = socket.socketpair()  # takes the number of a descriptor that was closed
        readable = asyncio.Event()
        asyncio.get_running_loop().add_reader(pair[0].fileno(), readable.set)
        pair[1].send(b"x")
        await asyncio.wait_for(readable.wait(), 5)
        asyncio.get_running_loop().remove_reader(pair[0].fileno())
        for each in pair:
            each.close()

    runner(scenario())


async def test_a_socket_whose_reader_fails_stops_neither_the_others_nor_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    group, came = Sockets(2), asyncio.Event()
    with bound() as bad:
        failed: list[bytes] = []

        def broken() -> None:
            failed.append(bad.recv(10))
            group.turns.at_end(broken_end)
            came.set()
            raise LookupError

        def broken_end() -> None:
            raise LookupError

        group.turns.watch(bad.fileno(), broken)
        for _ in range(3):
            came.clear()
            bad.sendto(b"x", bad.getsockname())
            group.say(1, b"still")
            await asyncio.wait_for(came.wait(), 5)
        await group.until(lambda: len(group.heard[1]) == 3)
        await asyncio.sleep(0.005)
        assert len(failed) == 3
        assert group.turns.failures == 6
        assert caplog.text.count("could not be served") == 1
        group.turns.unwatch(bad.fileno())
    group.close()


async def test_a_packet_that_provokes_an_exception_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    sockets, came = [bound(), bound()], asyncio.Event()
    heard: list[bytes] = []

    def broken(packet: bytes, source: object) -> None:
        raise ZeroDivisionError

    def sound(packet: bytes, source: object) -> None:
        heard.append(packet)
        came.set()

    readers = [Reader(sockets[0], broken), Reader(sockets[1], sound)]
    for each in (0, 0, 1):
        sockets[0].sendto(b"x", sockets[each].getsockname())
    await asyncio.wait_for(came.wait(), 5)
    assert heard == [b"x"]
    assert 1 <= readers[0].failures <= 2
    assert caplog.text.count("could not be handled") == 1
    for reader in readers:
        reader.close()
        reader.close()
