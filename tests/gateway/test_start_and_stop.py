"""A gateway starts whole or not at all, says in a sentence why not, and stops in order."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from gateway.app import Gateway
from gateway.config import Config, HttpConfig, MqttConfig
from gateway.demo.facility import Price, demo_config, fund, pairs
from gateway.demo.station import Station
from gateway.documents import DocumentError
from gateway.errors import MqttUrlError, PortTaken, StoreError
from sip import FakeSipEndpoint
from tests.support.waiting import until


def changed(config: Config, **sections: object) -> Config:
    return config.model_copy(update=sections)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return demo_config(tmp_path)


async def starting(config: Config) -> None:
    async with Gateway(config, endpoint=FakeSipEndpoint()):
        pass


async def test_it_is_ready_when_entered_and_gone_when_left(config: Config) -> None:
    async with Gateway(config, endpoint=FakeSipEndpoint()) as gateway, httpx.AsyncClient() as client:
        base = f"http://127.0.0.1:{gateway.http_port}"
        ready = (await client.get(f"{base}/readyz")).json()
        page = await client.get(gateway.link("family-1"))
        assert ready == {"ready": True, "checks": {"database": True, "accepting": True, "bearing": True}}
        assert page.status_code == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", gateway.http_port), timeout=1).close()


async def test_it_can_be_started_again_on_the_same_database(config: Config) -> None:
    await starting(config)
    await starting(config)


@pytest.mark.parametrize(
    ("section", "field"),
    [("http", "http.port"), ("mqtt", "mqtt.embedded_port")],
)
async def test_a_taken_port_names_its_field(config: Config, section: str, field: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = HttpConfig(port=port) if section == "http" else MqttConfig(embedded_port=port)
        with pytest.raises(PortTaken, match=rf"(?s){port}.*{field}"):
            await starting(changed(config, **{section: taken}))
    await starting(config)  # what had started was closed again


async def test_a_broker_url_that_is_none(config: Config) -> None:
    with pytest.raises(MqttUrlError, match=r"mqtt\.url"):
        await starting(changed(config, mqtt=MqttConfig(url="http://example.org")))


async def test_a_dialplan_that_is_not_there(config: Config, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        await starting(changed(config, dialplan=str(tmp_path / "nowhere.yaml")))


async def test_one_node_runs_once(config: Config) -> None:
    async with Gateway(config, endpoint=FakeSipEndpoint()):
        with pytest.raises(StoreError):
            await starting(config)


async def test_draining_turns_new_calls_away_and_says_so(config: Config) -> None:
    endpoint = FakeSipEndpoint()
    (pair,) = pairs(config, 1)
    async with (
        Gateway(config, endpoint=endpoint) as gateway,
        Station("127.0.0.1") as station,
        httpx.AsyncClient() as client,
    ):
        await fund(gateway.accounting, pair, Price.read().paying_for(60), key="first")
        ringing = endpoint.call(sdp=station.offer(), trunk="demo", from_user=pair.station, to_user=pair.number)
        assert (await ringing.response()).code == 180
        drained = asyncio.create_task(gateway.drain(5))
        assert (await ringing.response()).code == 503
        late = endpoint.call(sdp=station.offer(), trunk="demo", from_user=pair.station, to_user=pair.number)
        assert (await late.response()).code == 503
        await drained
        answer = await client.get(f"http://127.0.0.1:{gateway.http_port}/readyz")
        cdrs = await gateway.accounting.cdrs()
    assert answer.status_code == 503
    assert answer.json()["checks"]["accepting"] is False
    assert {each.reason for each in cdrs} == {"refused_draining"}
    assert len(cdrs) == 2


async def test_a_part_that_dies_is_reported(config: Config) -> None:
    endpoint = FakeSipEndpoint()
    async with Gateway(config, endpoint=endpoint) as gateway:
        waiting = asyncio.create_task(gateway.failed())

        async def dead() -> bool:
            return waiting.done()

        gateway._watch(_broken(), "a part")
        await until(dead, "the report of a dead part")
        with pytest.raises(Exception, match="a part failed: RuntimeError"):
            await waiting


async def _broken() -> None:
    raise RuntimeError("broken on purpose")


async def test_a_taken_sip_port_names_its_field(config: Config) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"sip\.port: .*{port}"):
            async with Gateway(changed(config, sip=config.sip.model_copy(update={"port": port}))):
                pass
