"""A family that has nothing but a telephone: baresip is the station, another baresip the phone that the gateway calls.

baresip --SIP, RTP--> gateway (its own process) --SIP, RTP--> baresip
"""

from __future__ import annotations

import shutil
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.support.baresip import Baresip, free_port
from tests.support.gateway_process import ROOT, GatewayProcess
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(90),
    pytest.mark.skipif(not shutil.which("baresip"), reason="needs baresip: make setup"),
]
FAMILY = "5552368001"
TELEPHONE = "+15552368001"
CALLER_ID = "+15555550100"
HEARD = "dump-*-dec.wav"


@dataclass
class Scene:
    gateway: GatewayProcess
    station: Baresip
    phone: Baresip

    async def asked(self) -> None:
        """The phone has answered, and hears us."""
        await self.phone.wait_for("CALL_ESTABLISHED")
        await self.stands_at("accepting")

    async def stands_at(self, state: str) -> None:
        async def there() -> bool:
            return [each["state"] for each in await self.gateway.visits()] == [state]

        await until(there, f"the visit at {state}")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    plan = tmp_path / "plan.yaml"
    text = (ROOT / "dialplans" / "demo.yaml").read_text()
    text = text.replace(f'number: "{FAMILY}"', f'number: "{FAMILY}", telephone: "{TELEPHONE}"', 1)
    plan.write_text(text.replace("trunks: [demo]", "trunks: [demo]\n    out_trunks: [nobody, carrier]", 1))
    async with (
        Baresip(tmp_path / "station", name="terminal-1", video=False) as station,
        Baresip(tmp_path / "phone", name=TELEPHONE, video=False, answer="auto") as phone,
    ):
        trunks = [
            {"name": "demo", "sources": ["127.0.0.0/8"]},
            {"name": "nobody", "server": f"127.0.0.1:{free_port()}", "transport": "tcp"},
            {"name": "carrier", "server": f"127.0.0.1:{phone.sip_port}", "from_user": CALLER_ID},
        ]
        gateway = GatewayProcess(tmp_path / "gateway", dialplan=plan)
        gateway.sections = {"sip": {"port": gateway.sip_port, "trunks": trunks}}
        async with gateway:
            yield Scene(gateway, station, phone)


async def test_a_key_joins_them_over_the_trunk_that_takes_the_call(scene: Scene) -> None:
    await scene.station.dial(scene.gateway.uri(FAMILY))
    await scene.asked()
    assert CALLER_ID in (await scene.phone.wait_for("CALL_ESTABLISHED"))["peeruri"]
    await scene.station.wait_for("CALL_RINGING")
    assert "CALL_ESTABLISHED" not in {each["type"] for each in scene.station.events}
    await scene.phone.command("sndcode", "1")
    await scene.station.wait_for("CALL_ESTABLISHED")

    async def charged() -> bool:
        return any(each["seconds_left"] < 1196 for each in await scene.gateway.visits())

    await until(charged, "the meter runs, and the station has heard its notice")
    await scene.phone.command("hold")
    await scene.stands_at("held")
    await scene.phone.command("resume")
    await scene.stands_at("talking")
    await scene.phone.hang_up()
    report, far = await scene.station.finish(), await scene.phone.finish()
    cdr = await scene.gateway.cdr()
    assert (cdr["reason"], cdr["contact"]) == ("family_left", "family-1")
    assert cdr["billable_s"] >= 1
    assert {each["path"] for each in cdr["flows"]} == {"relay"}
    assert report.audio_received_packets > 50
    assert far.audio_received_packets > 100
    for each in (scene.station, scene.phone):
        assert hears_the_other(each), each.name
    assert TELEPHONE not in scene.gateway.log()
    assert FAMILY not in scene.gateway.log()


async def test_without_the_key_nobody_is_connected_and_nobody_is_charged(scene: Scene) -> None:
    await scene.station.dial(scene.gateway.uri(FAMILY))
    await scene.asked()
    await until(lambda: is_spoken_to(scene.phone), "the phone hears the voice")
    await scene.phone.hang_up()
    await scene.phone.finish()
    await scene.station.wait_for("CALL_CLOSED")
    assert "CALL_ESTABLISHED" not in {each["type"] for each in scene.station.events}
    cdr = await scene.gateway.cdr()
    assert (cdr["reason"], cdr["billable_s"], cdr["total"], cdr["answer_at"]) == ("not_accepted", 0, "0.00", None)
    assert not hears_the_other(scene.phone), "the resident's sound never came to it"


async def is_spoken_to(peer: Baresip) -> bool:
    """Two seconds of sound are on its disk."""
    return any(each.stat().st_size > 32_000 for each in peer.folder.glob(HEARD))


def hears_the_other(peer: Baresip) -> bool:
    """440 Hz is what both sides send, and what the gateway itself never says."""
    (file,) = peer.folder.glob(HEARD)
    with wave.open(str(file)) as heard:
        rate = heard.getframerate()
        samples = np.frombuffer(heard.readframes(heard.getnframes()), dtype=np.int16).astype(float)
    for start in range(0, len(samples) - rate // 2, rate // 4):
        window = samples[start : start + rate // 2]
        spectrum = np.abs(np.fft.rfft(window * np.hanning(len(window))))
        loud = int(np.argmax(spectrum[10:])) + 10
        near = spectrum[max(loud - 3, 0) : loud + 4].sum()
        if abs(loud * rate / len(window) - 440) < 5 and near > 0.8 * spectrum[10:].sum():
            return True
    return False
