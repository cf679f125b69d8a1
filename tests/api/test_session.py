"""The staff's sign-in as a browser has it: a cookie that no script reads, no other page uses and nobody plants."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway.access import Scope
from gateway.access.desk import LOOK_AGAIN_S
from gateway.api.app import create_app
from gateway.api.services import Staff
from gateway.config import StaffRole
from tests.access.stage import PASSWORD, House, house_on
from tests.api.test_family_signalling import problem
from tests.api.test_staff import close_code, told
from tests.support.stage import Stage
from tests.support.waiting import until

TOKEN = "a-token-of-the-configuration"
DESK = Staff("desk", frozenset({StaffRole.OFFICER}), hashlib.sha256(TOKEN.encode()).hexdigest())
MINE = {"name": "badge-1", "password": PASSWORD}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with house_on("sqlite://") as house:
        await house.hire("badge-1", StaffRole.OFFICER, StaffRole.SUPERVISOR)
        yield house


@pytest.fixture
def stage(house: House) -> Stage:
    """Its application, without a server: who has no socket to open asks it as it is."""
    return Stage(staff=(DESK,), access=house.desk, keys=house.keys)


@pytest.fixture
async def served(stage: Stage) -> AsyncIterator[Stage]:
    async with stage:
        yield stage


@pytest.fixture
async def browser(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """It keeps its cookies."""
    async with asking(stage) as browser:
        yield browser


def asking(stage: Stage, token: str = "", **headers: str) -> httpx.AsyncClient:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    transport = httpx.ASGITransport(create_app(stage.services))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)


async def signed_in(browser: httpx.AsyncClient, **who: str) -> dict[str, str]:
    """The header that what it changes needs."""
    answer = await browser.post("/api/v1/session", json=who or MINE)
    assert answer.status_code == 200, answer.text
    return {"X-Kinbridge-Csrf": answer.json()["csrf_token"]}


async def test_a_name_and_its_password_begin_a_session(browser: httpx.AsyncClient) -> None:
    problem(await browser.get("/api/v1/session"), 401, "unauthorised")
    answer = await browser.post("/api/v1/session", json=MINE)
    assert answer.headers["cache-control"] == "no-store"
    seen = answer.json()
    assert (seen["name"], seen["roles"]) == ("badge-1", ["officer", "supervisor"])
    assert (await browser.get("/api/v1/session")).json() == seen
    assert (await browser.get("/api/v1/visits")).status_code == 200


async def test_a_configured_token_begins_one_with_its_own_roles(stage: Stage, browser: httpx.AsyncClient) -> None:
    await signed_in(browser, token=TOKEN)
    seen = (await browser.get("/api/v1/session")).json()
    assert (seen["name"], seen["roles"]) == ("desk", ["officer"])
    stage.services = replace(stage.services, staff=())  # started again without this token in its configuration
    async with asking(stage, Cookie=f"kinbridge_staff={browser.cookies['kinbridge_staff']}") as again:
        problem(await again.get("/api/v1/session"), 401, "unauthorised")


async def test_the_cookie_is_for_this_site_and_no_script(browser: httpx.AsyncClient) -> None:
    said = (await browser.post("/api/v1/session", json=MINE)).headers["set-cookie"]
    name, *attributes = [each.strip() for each in said.split(";")]
    assert name.startswith("kinbridge_staff=")
    assert set(attributes) == {"HttpOnly", "Path=/", "SameSite=strict"}


async def test_where_pages_come_by_https_the_cookie_does_too(house: House) -> None:
    async with asking(Stage(access=house.desk, public_url="https://visits.example")) as browser:
        said = (await browser.post("/api/v1/session", json=MINE)).headers["set-cookie"]
    assert "; Secure" in said


async def test_a_planted_cookie_never_becomes_good(stage: Stage, browser: httpx.AsyncClient) -> None:
    """Session fixation: what the browser had before is not what it has after."""
    browser.cookies.set("kinbridge_staff", "planted-by-somebody", domain="127.0.0.1", path="/")
    await signed_in(browser)
    first = browser.cookies["kinbridge_staff"]
    assert first != "planted-by-somebody"
    await signed_in(browser)
    assert browser.cookies["kinbridge_staff"] != first
    for old in ("planted-by-somebody", first):
        async with asking(stage, Cookie=f"kinbridge_staff={old}") as attacker:
            problem(await attacker.get("/api/v1/session"), 401, "unauthorised")


async def test_what_a_session_changes_needs_the_word_that_only_its_page_can_read(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    visit = stage.call("family-1")
    word = await signed_in(browser)
    body = problem(await browser.post(f"/api/v1/visits/{visit}/end"), 403, "forbidden")
    assert "csrf_token" in str(body["remedy"])
    assert stage.visits.said == []
    assert (await browser.post(f"/api/v1/visits/{visit}/end", headers=word)).status_code == 204
    assert stage.visits.said == [("end", visit)]


async def test_a_page_of_another_origin_neither_signs_in_nor_changes_anything(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    """Not even one that has learned the word. Signing somebody in unasked is an attack too."""
    elsewhere = {"Origin": "https://evil.example"}
    problem(await browser.post("/api/v1/session", json=MINE, headers=elsewhere), 403, "forbidden")
    word = await signed_in(browser)
    visit = stage.call("family-1")
    problem(await browser.post(f"/api/v1/visits/{visit}/end", headers=word | elsewhere), 403, "forbidden")
    form = "name=badge-1&password=x"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    problem(await browser.post("/api/v1/session", content=form, headers=headers), 422, "invalid-request")


async def test_a_token_said_out_loud_needs_no_word(stage: Stage, browser: httpx.AsyncClient) -> None:
    await signed_in(browser)
    visit = stage.call("family-1")
    loud = {"Authorization": f"Bearer {TOKEN}"}
    assert (await browser.post(f"/api/v1/visits/{visit}/end", headers=loud)).status_code == 204
    assert (await browser.get("/api/v1/session", headers=loud)).json()["name"] == "desk"


async def test_signing_out_ends_it_and_takes_the_cookie_away(browser: httpx.AsyncClient) -> None:
    word = await signed_in(browser)
    old = browser.cookies["kinbridge_staff"]
    assert (await browser.delete("/api/v1/session", headers=word)).status_code == 204
    assert "kinbridge_staff" not in browser.cookies
    browser.cookies.set("kinbridge_staff", old)
    problem(await browser.get("/api/v1/session"), 401, "unauthorised")


async def test_wrong_passwords_and_unknown_names_get_one_answer_and_then_a_lock_out(
    browser: httpx.AsyncClient,
) -> None:
    wrong = [{"name": name, "password": "wrong"} for name in ("badge-1", "nobody-at-all") for _ in range(3)]
    answers = [await browser.post("/api/v1/session", json=each) for each in wrong]
    assert {each.text for each in answers} == {answers[0].text}
    problem(answers[0], 401, "sign-in-refused")
    locked = [
        await browser.post("/api/v1/session", json=MINE | {"name": each}) for each in ("badge-1", "nobody-at-all")
    ]
    assert {each.text for each in locked} == {locked[0].text}
    body = problem(locked[0], 429, "sign-in-locked")
    assert locked[0].headers["retry-after"] == "900"
    assert "Retry-After" in str(body["remedy"])


@pytest.mark.parametrize("body", [{}, {"token": "x", "name": "badge-1"}, {"token": "x" * 1001}, {"name": 7}])
async def test_a_sign_in_that_is_neither_one_is_named(browser: httpx.AsyncClient, body: dict[str, object]) -> None:
    problem(await browser.post("/api/v1/session", json=body), 422, "invalid-request")


async def test_no_password_comes_back_in_a_problem(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/api/v1/session", json={"password": PASSWORD, "token": "x"})
    assert answer.status_code == 422
    assert PASSWORD not in answer.text


async def test_a_socket_takes_the_cookie_from_its_own_pages_only(served: Stage, browser: httpx.AsyncClient) -> None:
    await signed_in(browser)
    headers = {"Cookie": f"kinbridge_staff={browser.cookies['kinbridge_staff']}"}
    async with connect(f"{served.ws_url}/api/v1/live", additional_headers=headers, origin=served.url) as feed:  # type: ignore[arg-type]  # a NewType of str
        assert (await told(feed))["type"] == "snapshot"
    for more in (
        {"additional_headers": headers, "origin": "https://evil.example"},
        {"additional_headers": {"Cookie": "kinbridge_staff=x"}},
    ):
        with pytest.raises(InvalidStatus):
            async with connect(f"{served.ws_url}/api/v1/live", **more):  # type: ignore[arg-type]  # a plain dict
                pass


@pytest.mark.parametrize("change", ["disable", "roles"])
async def test_an_open_socket_is_closed_when_its_session_is_over_or_has_other_roles(
    house: House, served: Stage, browser: httpx.AsyncClient, change: str
) -> None:
    await signed_in(browser)
    headers = {"Cookie": f"kinbridge_staff={browser.cookies['kinbridge_staff']}"}
    async with connect(f"{served.ws_url}/api/v1/live", additional_headers=headers) as feed:
        await told(feed)
        if change == "disable":
            await house.desk.set_active("badge-1", "tester", active=False)
        else:
            await house.desk.set_roles("badge-1", frozenset({StaffRole.AUDITOR}), "tester")
        await house.clock.advance(LOOK_AGAIN_S)
        assert await close_code(feed) == 4401


async def test_an_open_socket_counts_as_use(house: House, served: Stage, browser: httpx.AsyncClient) -> None:
    await signed_in(browser)
    headers = {"Cookie": f"kinbridge_staff={browser.cookies['kinbridge_staff']}"}
    async with connect(f"{served.ws_url}/api/v1/live", additional_headers=headers) as feed:
        await told(feed)
        cookie, began = browser.cookies["kinbridge_staff"], house.clock.now()
        await house.clock.advance(25 * 60)

        async def seen() -> bool:
            return await house.seen_at(cookie) > began

        await until(seen, "the session to be seen")
        await house.clock.advance(25 * 60)
        assert (await browser.get("/api/v1/session")).status_code == 200


async def test_a_disabled_account_is_out_at_its_next_request(house: House, browser: httpx.AsyncClient) -> None:
    await signed_in(browser)
    await house.desk.set_active("badge-1", "tester", active=False)
    problem(await browser.get("/api/v1/visits"), 401, "unauthorised")


async def test_a_key_reads_what_its_scope_says_and_the_day_is_kept(stage: Stage, house: House) -> None:
    made = await house.keys.add("billing system", frozenset({Scope.RECORDS_READ}), 365, "tester")
    async with asking(stage, made.key) as system:
        assert len((await system.get("/api/v1/cdrs")).json()["items"]) == 2
        body = problem(await system.get("/api/v1/accounts"), 403, "forbidden")
        assert body["detail"] == "this needs the scope accounts:read"
        problem(await system.get("/api/v1/visits"), 403, "forbidden")
    assert [each.last_used_day for each in await house.keys.all()] == ["2026-01-05"]


async def test_a_key_opens_no_socket(served: Stage, house: House) -> None:
    made = await house.keys.add("all of it", frozenset(Scope), 365, "tester")
    with pytest.raises(InvalidStatus):
        async with connect(f"{served.ws_url}/api/v1/live?token={made.key}"):
            pass


async def test_auditors_read_what_was_done_by_cursor(house: House, browser: httpx.AsyncClient) -> None:
    await house.desk.set_roles("badge-1", frozenset({StaffRole.AUDITOR}), "tester")
    await signed_in(browser)
    first = (await browser.get("/api/v1/audit/accesses", params={"limit": 2})).json()
    rest = (await browser.get("/api/v1/audit/accesses", params={"since": first["next_since"]})).json()
    told = [(each["who"], each["act"], each["subject"]) for each in first["items"] + rest["items"]]
    assert told == await house.acts()
    assert [act for _, act, _ in told] == ["staff.added", "staff.roles_set", "staff.signed_in"]
    found = (await browser.get("/api/v1/audit/accesses", params={"act": "staff.signed_in", "who": "badge-1"})).json()
    assert [each["detail"] for each in found["items"]] == ["password"]
    end = {"since": rest["next_since"]}
    assert (await browser.get("/api/v1/audit/accesses", params=end)).json() == {"items": [], "next_since": end["since"]}


async def test_while_the_database_is_away_nobody_gets_in_and_it_is_said(
    house: House, served: Stage, browser: httpx.AsyncClient
) -> None:
    await signed_in(browser)
    headers = {"Cookie": f"kinbridge_staff={browser.cookies['kinbridge_staff']}"}
    await house.store.close()
    problem(await browser.get("/api/v1/session"), 503, "database-away")
    problem(await browser.post("/api/v1/session", json=MINE), 503, "database-away")
    with pytest.raises(InvalidStatus, match="403"):
        async with connect(f"{served.ws_url}/api/v1/live", additional_headers=headers):
            pass


async def test_no_password_cookie_word_or_key_reaches_the_log(
    house: House, stage: Stage, browser: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = await house.keys.add("carrier", frozenset({Scope.NODE_READ}), 365, "tester")
    await browser.post("/api/v1/session", json=MINE | {"password": "wrong but secret"})
    word = await signed_in(browser)
    cookie = browser.cookies["kinbridge_staff"]
    async with asking(stage, made.key) as system:
        await system.get("/api/v1/node")
    await browser.delete("/api/v1/session", headers=word)
    said = "\n".join(each.getMessage() for each in caplog.records if each.name.startswith(("gateway", "uvicorn")))
    assert "POST /api/v1/session 200" in said
    for secret in (PASSWORD, "wrong but secret", "badge-1", cookie, made.key, *word.values()):
        assert secret not in said
