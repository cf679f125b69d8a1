"""Every answer is dressed for browsers, and no token reaches the log."""

from __future__ import annotations

import logging
import socket

import pytest
from websockets.asyncio.client import connect

from gateway.api.server import HttpServer
from gateway.errors import PortTaken
from tests.api.conftest import client
from tests.support.stage import STAFF_TOKEN, Stage


@pytest.mark.parametrize("address", ["/healthz", "/static/family.css", "/family/forged", "/nothing", "/api/v1/visits"])
async def test_every_answer_carries_the_security_headers(stage: Stage, address: str) -> None:
    async with client(stage) as anyone:
        headers = (await anyone.get(address)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = dict(each.strip().partition(" ")[::2] for each in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]


async def test_a_made_up_host_does_not_get_into_the_policy(stage: Stage) -> None:
    async with client(stage) as anyone:
        answer = await anyone.get("/healthz", headers={"Host": "a; script-src *"})
    assert "*" not in answer.headers["content-security-policy"]


async def test_pages_hold_nothing_inline(stage: Stage) -> None:
    async with client(stage) as anyone:
        for address in ("/static/family.html", "/static/expired.html", "/static/demo.html"):
            text = (await anyone.get(address)).text
            assert "style=" not in text
            assert " on" not in "".join(part.split(">")[0] for part in text.split("<button")[1:])
            assert "<script>" not in text


async def test_no_token_reaches_the_log(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    token = stage.links.sign("family-1")
    with caplog.at_level(logging.DEBUG):
        async with client(stage, token) as ada, connect(stage.events(token)) as page:
            await page.recv()
            await ada.get(f"/family/{token}")
            await ada.post("/api/v1/family/visits/v1/decline")
        async with connect(f"{stage.ws_url}/api/v1/live?token={STAFF_TOKEN}") as feed:
            await feed.recv()
    ours = "\n".join(each.getMessage() for each in caplog.records if each.name.startswith(("gateway", "uvicorn")))
    assert "GET /family/{token} 200" in ours
    for secret in (token, token.split(".")[0], STAFF_TOKEN, "Ada Example"):
        assert secret not in ours


async def test_a_taken_port_is_named_with_the_remedy(stage: Stage) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{port}.*http\.port"):
            await HttpServer(None, "127.0.0.1", port).__aenter__()  # type: ignore[arg-type]  # it never gets that far
