"""Agents as processes: one dies, the others go on; what cannot start says why."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sip import (
    AgentDied,
    AgentRestarted,
    Answered,
    BadDescription,
    Dialog,
    Ended,
    EndedBy,
    SipConfigError,
    SipEndpoint,
    SipPortTaken,
    SipSettings,
    TlsFiles,
    Transport,
    Trunk,
)
from tests.sip.descriptions import GATEWAY, STATION, description
from tests.sip.stations import PATIENCE_S, next_of, stage
from tests.support.baresip import free_port

FACILITY = Trunk("facility", sources=("127.0.0.1",))


async def test_a_killed_agent_takes_its_calls_along_and_no_others() -> None:
    settings = SipSettings(port=free_port(span=8), agents=2, trunks=(FACILITY,))
    async with SipEndpoint(settings) as gateway:
        trunks = tuple(
            Trunk(f"agent{index}", sources=("127.0.0.1",), server=f"127.0.0.1:{settings.port + 2 * index}")
            for index in range(2)
        )
        async with SipEndpoint(SipSettings(port=0, trunks=trunks)) as station:
            calls = [await _call(station, gateway, trunk.name) for trunk in trunks]
            dying, living = calls
            dying_events, living_events = dying[1].events(), living[1].events()
            os.kill(gateway.agent_processes()[0], signal.SIGKILL)
            assert await next_of(dying_events, Ended) == Ended(EndedBy.AGENT, 0, "agent died")
            with pytest.raises(AgentDied):
                await dying[1].send_info("text/plain", "too late")
            async with asyncio.timeout(PATIENCE_S):
                assert await anext(gateway.events()) == AgentRestarted(0, -9, 1)
            await living[1].send_info("text/plain", "still here")
            again = await _call(station, gateway, "agent0")
            assert again[1].handle.startswith("a0.1-")
            await living[0].hang_up()
            await next_of(living_events, Ended)


async def test_an_agent_that_hangs_is_replaced() -> None:
    settings = SipSettings(port=free_port(span=8), trunks=(FACILITY,), agent_silence_s=1.0)
    async with SipEndpoint(settings) as gateway:
        trunk = Trunk("agent0", sources=("127.0.0.1",), server=f"127.0.0.1:{settings.port}")
        async with SipEndpoint(SipSettings(port=0, trunks=(trunk,))) as station:
            there, here = await _call(station, gateway, "agent0")
            os.kill(gateway.agent_processes()[0], signal.SIGSTOP)
            assert await next_of(here.events(), Ended) == Ended(EndedBy.AGENT, 0, "agent died")
            async with asyncio.timeout(PATIENCE_S):
                assert await anext(gateway.events()) == AgentRestarted(0, -9, 1)
            await there.hang_up()
            again = await _call(station, gateway, "agent0")
            assert again[1].handle.startswith("a0.1-")


async def _call(station: SipEndpoint, gateway: SipEndpoint, trunk: str) -> tuple[Dialog, Dialog]:
    there = await station.invite("1001", STATION, trunk=trunk)
    async with asyncio.timeout(PATIENCE_S):
        _, here = await anext(gateway.invites())
    await here.answer(GATEWAY)
    await next_of(there.events(), Answered)
    return there, here


async def test_outgoing_calls_go_round_the_agents() -> None:
    trunk = Trunk("facility", sources=("127.0.0.1",), server=f"127.0.0.1:{free_port()}")
    async with SipEndpoint(SipSettings(port=free_port(span=8), agents=2, trunks=(trunk,))) as gateway:
        dialogs = [await gateway.invite("station7", GATEWAY, trunk="facility") for _ in range(4)]
        assert [dialog.handle.partition(".")[0] for dialog in dialogs] == ["a0", "a1", "a0", "a1"]
        assert gateway.free_calls() == 4


async def test_agents_end_with_the_gateway(tmp_path: Path) -> None:
    program = (
        "import asyncio, os\n"
        "from sip import SipEndpoint, SipSettings\n"
        "async def main():\n"
        "    async with SipEndpoint(SipSettings(port=0)) as endpoint:\n"
        "        print(endpoint.agent_processes()[0], flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    gateway = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert gateway.stdout is not None
    agent = int(await gateway.stdout.readline())
    watch = os.pidfd_open(agent)
    gateway.kill()
    await gateway.wait()
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(watch, gone.set)
    async with asyncio.timeout(PATIENCE_S):
        await gone.wait()
    asyncio.get_running_loop().remove_reader(watch)
    os.close(watch)


@pytest.mark.parametrize(
    ("transport", "kind"), [(Transport.UDP, socket.SOCK_DGRAM), (Transport.TCP, socket.SOCK_STREAM)]
)
async def test_a_taken_port_is_named(transport: Transport, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        port = free_port()
        other.bind(("127.0.0.1", port))
        if kind is socket.SOCK_STREAM:
            other.listen()
        with pytest.raises(SipPortTaken, match=f"{transport} 127.0.0.1:{port} is taken"):
            async with SipEndpoint(SipSettings(port=port, transports=(transport,))):
                pass


async def test_a_foreign_host_is_named() -> None:
    with pytest.raises(SipConfigError, match=r"check sip\.host"):
        async with SipEndpoint(SipSettings(host="192.0.2.1", port=free_port())):
            pass


def _certificate(folder: Path, name: str = "sip") -> TlsFiles:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return TlsFiles(str(certificate), str(key))


async def test_a_call_over_tls(tmp_path: Path) -> None:
    tls = _certificate(tmp_path)
    everything = (Transport.UDP, Transport.TLS)
    async with SipEndpoint(SipSettings(port=0, transports=everything, tls=tls, trunks=(FACILITY,))) as gateway:
        transport, host, port = gateway.addresses()[1]
        assert transport is Transport.TLS
        trunk = Trunk("gateway", sources=("127.0.0.1",), server=f"{host}:{port}", transport=Transport.TLS)
        async with SipEndpoint(SipSettings(port=0, transports=everything, tls=tls, trunks=(trunk,))) as station:
            there = await station.invite("1001", STATION, trunk="gateway")
            async with asyncio.timeout(PATIENCE_S):
                invite, here = await anext(gateway.invites())
            assert invite.transport is Transport.TLS
            events = there.events()
            await here.answer(GATEWAY)
            await next_of(events, Answered)
            await here.hang_up()
            assert (await next_of(events, Ended)) == Ended(EndedBy.REMOTE, 200, "OK")


def test_wrong_tls_files_are_named(tmp_path: Path) -> None:
    def settings(files: TlsFiles | None) -> SipSettings:
        return SipSettings(port=0, transports=(Transport.TLS,), tls=files)

    good, other = _certificate(tmp_path), _certificate(tmp_path, "other")
    with pytest.raises(SipConfigError, match=r"sip\.tls names no certificate"):
        SipEndpoint(settings(None))
    with pytest.raises(SipConfigError, match=r"sip\.tls\.certificate: there is no file"):
        SipEndpoint(settings(TlsFiles(str(tmp_path / "absent.pem"), good.private_key)))
    with pytest.raises(SipConfigError, match="no matching pair"):
        SipEndpoint(settings(TlsFiles(good.certificate, other.private_key)))


@pytest.mark.parametrize(
    ("trunk", "word"),
    [
        (Trunk("pbx", sources=("10.1.2",)), "CIDR"),
        (Trunk("pbx", register=True), "needs a server"),
        (Trunk("pbx", server="pbx.example", transport=Transport.TLS), r"sip\.transports"),
    ],
)
def test_a_trunk_that_cannot_work_is_named(trunk: Trunk, word: str) -> None:
    with pytest.raises(SipConfigError, match=f"'pbx'.*{word}"):
        SipEndpoint(SipSettings(trunks=(trunk,)))


async def test_a_description_that_would_end_the_agent_never_reaches_it() -> None:
    async with stage("real") as (gateway, station):
        await station.call(STATION)
        _, dialog = await anext(gateway.invites())
        opus_only = GATEWAY.replace("AVP 0 101", "AVP 96").replace("0 PCMU/8000", "96 opus/48000/2")
        for broken in ("", "v=0\r\n", description(30000, video=False), opus_only, GATEWAY.replace("m=audio", "m=")):
            with pytest.raises(BadDescription):
                await dialog.answer(broken)
        await dialog.answer(GATEWAY)
        await station.answered()
