"""Staff see live visits as they change and end them; billing fetches records by cursor."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.api.services import Staff
from gateway.call.facts import FactKind
from gateway.config import StaffRole
from gateway.errors import StoreUnavailable
from tests.api.conftest import client
from tests.api.test_family_signalling import problem
from tests.support.stage import STAFF_TOKEN, Stage

ADDRESSES = ("/api/v1/visits", "/api/v1/visits/v1", "/api/v1/cdrs", "/api/v1/cdrs.csv", "/api/v1/cdrs.jsonl")
BEARER = {"Authorization": f"Bearer {STAFF_TOKEN}"}


async def told(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 5))
    return message


async def close_code(socket: ClientConnection) -> int:
    """Reads until the far side closes."""
    with contextlib.suppress(ConnectionClosed):
        async for _ in socket:
            pass
    assert socket.close_code is not None
    return socket.close_code


async def test_live_visits_are_listed_and_shown(stage: Stage, staff: httpx.AsyncClient) -> None:
    visit = stage.call("family-1")
    (listed,) = (await staff.get("/api/v1/visits")).json()["items"]
    assert listed == (await staff.get(f"/api/v1/visits/{visit}")).json()
    assert (listed["state"], listed["medium"], listed["rate_per_minute"]["amount"]) == ("ringing", "video", "0.16")
    assert listed["setup_at"] == "2026-01-05T15:00:00Z"


async def test_an_officer_ends_a_visit(stage: Stage, staff: httpx.AsyncClient) -> None:
    visit = stage.call("family-1")
    assert (await staff.post(f"/api/v1/visits/{visit}/end")).status_code == 204
    assert stage.visits.said == [("end", visit)]
    problem(await staff.post(f"/api/v1/visits/{visit}/end"), 404, "visit-gone")
    problem(await staff.get(f"/api/v1/visits/{visit}"), 404, "visit-gone")


@pytest.mark.parametrize("address", ADDRESSES)
async def test_nothing_without_the_staff_token(stage: Stage, address: str) -> None:
    async with client(stage) as nobody, client(stage, stage.links.sign("family-1")) as family:
        problem(await nobody.get(address), 401, "unauthorised")
        problem(await family.get(address), 401, "unauthorised")


async def test_without_a_configured_token_staff_access_is_off() -> None:
    async with Stage(staff_token="") as stage, client(stage, "") as nobody:
        body = problem(await nobody.get("/api/v1/visits"), 401, "unauthorised")
        assert "http.staff_token" in str(body["remedy"])


async def test_the_live_feed_begins_with_a_snapshot_and_goes_on_with_facts(stage: Stage) -> None:
    first = stage.call("family-1")
    async with connect(f"{stage.ws_url}/api/v1/live", additional_headers=BEARER) as feed:
        snapshot = await told(feed)
        assert [each["visit_id"] for each in snapshot["visits"]] == [first]
        second = stage.call("family-2")
        rings = await told(feed)
        assert (rings["type"], rings["kind"], rings["visit_id"]) == ("fact", "ringing", second)
        assert rings["visit"]["contact"] == "family-2"
        await stage.visits.finish(second, "no_answer")
        ended = await told(feed)
        assert (ended["kind"], ended["detail"], ended["visit"]) == ("ended", {"reason": "no_answer"}, None)


async def test_the_live_feed_wants_the_staff_token_and_its_own_page(stage: Stage) -> None:
    for more in ({}, {"additional_headers": {"Authorization": "Bearer wrong"}}):
        with pytest.raises(InvalidStatus):
            async with connect(f"{stage.ws_url}/api/v1/live", **more):  # type: ignore[arg-type]  # a plain dict
                pass
    with pytest.raises(InvalidStatus):
        async with connect(f"{stage.ws_url}/api/v1/live?token={STAFF_TOKEN}", origin="http://evil.example"):  # type: ignore[arg-type]  # a NewType of str
            pass
    async with connect(f"{stage.ws_url}/api/v1/live?token={STAFF_TOKEN}") as feed:
        assert (await told(feed))["type"] == "snapshot"


async def test_a_listener_that_lags_is_closed() -> None:
    async with Stage(listener_limit=5) as stage:
        visit = stage.call("family-1")
        async with connect(f"{stage.ws_url}/api/v1/live", additional_headers=BEARER) as feed:
            await told(feed)
            view = stage.visits.view(visit)
            for _ in range(10):
                stage.visits.publish(FactKind.DTMF, view, source="sip")
            assert await close_code(feed) == 1013
        assert stage.bus.subscriptions() == ()


async def test_records_come_by_cursor(staff: httpx.AsyncClient) -> None:
    first = (await staff.get("/api/v1/cdrs", params={"limit": 1})).json()
    assert [each["sequence"] for each in first["items"]] == [1]
    rest = (await staff.get("/api/v1/cdrs", params={"since": first["next_since"]})).json()
    assert [each["sequence"] for each in rest["items"]] == [2]
    assert (await staff.get("/api/v1/cdrs", params={"since": 2})).json() == {"items": [], "next_since": 2}


async def test_a_record_keeps_every_field_it_has(staff: httpx.AsyncClient) -> None:
    record = (await staff.get("/api/v1/cdrs")).json()["items"][0]
    assert (record["total"], record["trunk"], record["lines"]) == ("0.10", "demo", [{"kind": "usage", "quantity": 37}])


async def test_records_as_csv(staff: httpx.AsyncClient) -> None:
    answer = await staff.get("/api/v1/cdrs.csv", params={"since": 1})
    assert answer.text == "sequence,total\r\n2,0.10\r\n"
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="cdrs-node1-since-1.csv"'


async def test_a_database_that_is_away_is_503_for_json_and_csv(stage: Stage, staff: httpx.AsyncClient) -> None:
    stage.records.fails_with = StoreUnavailable("away")
    for address in ("/api/v1/cdrs", "/api/v1/cdrs.csv", "/api/v1/cdrs.jsonl"):
        problem(await staff.get(address), 503, "database-away")


@pytest.mark.parametrize("query", ["since=-1", "limit=0", "limit=1001", "since=x", "since=9223372036854775808"])
async def test_a_wrong_cursor_is_named(staff: httpx.AsyncClient, query: str) -> None:
    body = problem(await staff.get(f"/api/v1/cdrs?{query}"), 422, "invalid-request")
    assert body["fields"] == [f"query.{query.partition('=')[0]}"]


@pytest.mark.parametrize(("roles", "sees"), [(frozenset(StaffRole), True), (frozenset({StaffRole.OFFICER}), False)])
async def test_between_whom_a_privileged_visit_is_stays_hidden_without_the_role(
    roles: frozenset[StaffRole], sees: bool
) -> None:
    token = "a-token-of-the-staff"
    member = Staff("badge-1138", roles, hashlib.sha256(token.encode()).hexdigest())
    async with Stage(staff=(member,)) as stage, client(stage, token) as asking:
        visit = stage.call("family-1", privileged=True)
        (listed,) = (await asking.get("/api/v1/visits")).json()["items"]
        shown = (await asking.get(f"/api/v1/visits/{visit}")).json()
        async with connect(f"{stage.ws_url}/api/v1/live?token={token}") as feed:
            (snapshot,) = (await told(feed))["visits"]
            stage.visits.publish(FactKind.DTMF, stage.visits.view(visit), source="sip")
            fact = (await told(feed))["visit"]
    for each in (listed, shown, snapshot, fact):
        assert each["privileged"]
        assert each["visit_id"] == visit
        details = {each["station"], each["caller_name"], each["contact"], each["contact_name"]}
        assert ("" not in details) if sees else (details == {""})
