"""The family takes, rejoins, declines and ends a visit; what goes wrong is said with a remedy."""

from __future__ import annotations

import httpx
import pytest

from bridge.errors import NegotiationError, PortsExhausted, SdpError
from gateway.errors import StoreUnavailable, VisitGone
from tests.api.conftest import client
from tests.support.stage import Stage

OFFER = {"type": "offer", "sdp": "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"}
SILENT = {"type": "offer", "sdp": "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"}


def problem(answer: httpx.Response, status: int, name: str) -> dict[str, object]:
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = answer.json()
    assert (answer.status_code, body["status"], body["type"]) == (status, status, f"urn:kinbridge:problem:{name}")
    assert body["remedy"]
    return body


async def test_accepting_answers_the_offer(stage: Stage, ada: httpx.AsyncClient) -> None:
    visit = stage.call("family-1")
    answer = await ada.post(f"/api/v1/family/visits/{visit}/accept", json=OFFER)
    assert answer.status_code == 200
    assert answer.json() == {"type": "answer", "sdp": "v=0\r\n"}
    assert stage.visits.said == [("accept", visit)]


@pytest.mark.parametrize(("what", "told"), [("decline", "decline"), ("hangup", "leave")])
async def test_declining_and_hanging_up_are_told(stage: Stage, ada: httpx.AsyncClient, what: str, told: str) -> None:
    visit = stage.call("family-1")
    answer = await ada.post(f"/api/v1/family/visits/{visit}/{what}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert stage.visits.said == [(told, visit)]


async def test_rejoining_is_another_offer_for_the_same_visit(stage: Stage, ada: httpx.AsyncClient) -> None:
    visit = stage.call("family-1")
    await ada.post(f"/api/v1/family/visits/{visit}/accept", json=OFFER)
    assert (await ada.post(f"/api/v1/family/visits/{visit}/rejoin", json=OFFER)).status_code == 200
    assert stage.visits.said == [("accept", visit), ("rejoin", visit)]


@pytest.mark.parametrize("what", ["accept", "rejoin", "decline", "hangup"])
async def test_a_visit_that_is_gone_is_404(stage: Stage, ada: httpx.AsyncClient, what: str) -> None:
    problem(await ada.post(f"/api/v1/family/visits/v404/{what}", json=OFFER), 404, "visit-gone")


@pytest.mark.parametrize("what", ["accept", "rejoin", "decline", "hangup"])
async def test_another_contacts_visit_is_out_of_reach(stage: Stage, ada: httpx.AsyncClient, what: str) -> None:
    visit = stage.call("family-2")
    problem(await ada.post(f"/api/v1/family/visits/{visit}/{what}", json=OFFER), 404, "visit-gone")
    assert stage.visits.said == []


async def test_a_second_tab_cannot_take_the_same_visit(stage: Stage, ada: httpx.AsyncClient) -> None:
    visit = stage.call("family-1")
    assert (await ada.post(f"/api/v1/family/visits/{visit}/accept", json=OFFER)).status_code == 200
    problem(await ada.post(f"/api/v1/family/visits/{visit}/accept", json=OFFER), 404, "visit-gone")


async def test_an_offer_without_sound_gets_a_clear_word(stage: Stage, ada: httpx.AsyncClient) -> None:
    visit = stage.call("family-1")
    body = problem(await ada.post(f"/api/v1/family/visits/{visit}/accept", json=SILENT), 422, "audio-missing")
    assert body["title"] == "The offer has no sound"
    assert "m=audio" in str(body["remedy"])


async def test_an_unreadable_description_names_its_line(stage: Stage, ada: httpx.AsyncClient) -> None:
    visit = stage.call("family-1")
    stage.visits.fails_with = SdpError("a media line has kind, port, protocol and formats", line=4)
    body = problem(await ada.post(f"/api/v1/family/visits/{visit}/accept", json=OFFER), 422, "sdp-unreadable")
    assert body["line"] == 4
    assert "SDP line 4: a media line has kind, port, protocol and formats" in str(body["detail"])


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (PortsExhausted("no pair of ports is free"), 503, "ports-exhausted"),
        (StoreUnavailable("locked"), 503, "database-away"),
        (NegotiationError("no common codec"), 422, "no-common-codec"),
        (VisitGone("over"), 404, "visit-gone"),
        (RuntimeError("a secret of the inside"), 500, "internal"),
    ],
)
async def test_each_failure_has_its_problem(
    stage: Stage, ada: httpx.AsyncClient, error: Exception, status: int, name: str
) -> None:
    visit = stage.call("family-1")
    stage.visits.fails_with = error
    answer = await ada.post(f"/api/v1/family/visits/{visit}/accept", json=OFFER)
    problem(answer, status, name)
    assert ("retry-after" in answer.headers) == (status == 503)
    assert "secret of the inside" not in answer.text


@pytest.mark.parametrize(
    "body", [None, {}, {"type": "answer", "sdp": "v=0"}, {"type": "offer", "sdp": ""}, {"type": "offer", "sdp": 7}]
)
async def test_a_request_that_is_no_offer_is_422_and_not_quoted(
    stage: Stage, ada: httpx.AsyncClient, body: object
) -> None:
    answer = await ada.post("/api/v1/family/visits/v1/accept", json=body)
    assert problem(answer, 422, "invalid-request")["fields"]
    assert "v=0" not in answer.text


async def test_an_oversized_request_is_refused(stage: Stage, ada: httpx.AsyncClient) -> None:
    answer = await ada.post("/api/v1/family/visits/v1/accept", content=b"x" * 300_000)
    problem(answer, 413, "too-large")


async def test_without_a_valid_link_there_is_nothing(stage: Stage) -> None:
    async with client(stage) as nobody, client(stage, "forged") as forger:
        problem(await nobody.post("/api/v1/family/visits/v1/accept", json=OFFER), 401, "unauthorised")
        problem(await forger.post("/api/v1/family/visits/v1/accept", json=OFFER), 401, "link-invalid")


async def test_a_contact_that_was_removed_loses_its_link(stage: Stage, ada: httpx.AsyncClient) -> None:
    del stage.names["family-1"]
    problem(await ada.post("/api/v1/family/visits/v1/decline"), 401, "link-invalid")


async def test_an_unknown_address_is_a_problem_too(stage: Stage, ada: httpx.AsyncClient) -> None:
    problem(await ada.get("/api/v1/nothing"), 404, "not-found")
    problem(await ada.get("/api/v1/family/visits/v1/accept"), 405, "method-not-allowed")
