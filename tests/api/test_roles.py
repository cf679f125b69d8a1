"""Who may call what: every endpoint of the real application, asked by everybody, against a table written by hand."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway.access import Scope
from gateway.access.desk import csrf_token_of
from gateway.api.app import create_app
from gateway.api.auth import GATES, anyone, family_socket, visitor
from gateway.api.services import Staff
from gateway.config import StaffRole
from tests.access.stage import HERE, PASSWORD, House, house_on
from tests.support.stage import Stage

LETTERS = dict(
    zip("OSIBADP", ("officer", "supervisor", "investigator", "billing", "auditor", "administrator", "privileged"),
        strict=True)
)  # fmt: skip
# O officer, S supervisor, I investigator, B billing, A auditor, D administrator, P privileged and nothing else;
# then the one scope by which a key of another system gets through, `-` for none
TABLE = """
GET    /api/v1/session                                                    OSIBADP  -
DELETE /api/v1/session                                                    OSIBADP  -
POST   /api/v1/session                                                    anyone

GET    /api/v1/visits                                                     OSIBADP  -
GET    /api/v1/visits/{visit_id}                                          OSIBADP  -
WS     /api/v1/live                                                       OSIBADP  -
POST   /api/v1/visits/{visit_id}/end                                      OS.....  -
POST   /api/v1/visits/{visit_id}/message                                  OS.....  -
POST   /api/v1/visits/{visit_id}/watch                                    OS.....  -
DELETE /api/v1/visits/{visit_id}/watch/{watching_id}                      OS.....  -
WS     /api/v1/visits/{visit_id}/watch/{watching_id}                      OS.....  -

GET    /api/v1/bookings                                                   OS.....  -
GET    /api/v1/bookings/slots                                             OS.....  -
POST   /api/v1/bookings                                                   OS.....  -
POST   /api/v1/bookings/{booking_id}/approve                              OS.....  -
POST   /api/v1/bookings/{booking_id}/refuse                               OS.....  -
POST   /api/v1/bookings/{booking_id}/cancel                               OS.....  -
POST   /api/v1/bookings/{booking_id}/move                                 OS.....  -

GET    /api/v1/cdrs                                                       OSIBADP  records:read
GET    /api/v1/cdrs.csv                                                   OSIBADP  records:read
GET    /api/v1/cdrs.jsonl                                                 OSIBADP  records:read
GET    /api/v1/cdrs.parquet                                               OSIBADP  records:read
GET    /api/v1/node                                                       OSIBADP  node:read
GET    /api/v1/audit/watchings                                            ..I.A..  -
GET    /api/v1/audit/people                                               ..I.A..  -
GET    /api/v1/audit/accesses                                             ..I.A..  -

GET    /api/v1/accounts                                                   ...B...  accounts:read
GET    /api/v1/accounts/{account_id}                                      ...B...  accounts:read
GET    /api/v1/accounts/{account_id}/ledger                               ...B...  accounts:read
POST   /api/v1/accounts/{account_id}/deposits                             ...B...  accounts:write
POST   /api/v1/cdrs/{cdr_id}/credits                                      ...B...  accounts:write
GET    /api/v1/statements/{account}                                       ...B...  reports:read
GET    /api/v1/reports/facilities/{facility}                              ...B...  reports:read
GET    /api/v1/reports/carrier                                            ...B...  reports:read

GET    /api/v1/facilities                                                 OSIBADP  -
GET    /api/v1/rules                                                      OSIBADP  rules:read
POST   /api/v1/rules/explain                                              .....D.  -
POST   /api/v1/rules/candidates                                           .....D.  -
POST   /api/v1/rules/candidates/{candidate}/take                          .....D.  -

GET    /api/v1/people/residents/{facility}                                .SI..D.  -
GET    /api/v1/people/residents/{facility}/{resident}                     .SI..D.  -
PUT    /api/v1/people/residents/{facility}/{resident}                     .....D.  -
PUT    /api/v1/people/residents/{facility}/{resident}/pin                 .....D.  -
PUT    /api/v1/people/residents/{facility}/{resident}/contacts/{contact}  .S...D.  -
GET    /api/v1/people/contacts/{contact}                                  .SI..D.  -
PUT    /api/v1/people/contacts/{contact}                                  .....D.  -
GET    /api/v1/people/numbers                                             .SI..D.  -
PUT    /api/v1/people/numbers                                             .....D.  -
POST   /api/v1/people/numbers/free                                        .....D.  -

WS     /api/v1/family/events                                              family
POST   /api/v1/family/visits/{visit_id}/accept                            family
POST   /api/v1/family/visits/{visit_id}/rejoin                            family
POST   /api/v1/family/visits/{visit_id}/decline                           family
POST   /api/v1/family/visits/{visit_id}/hangup                            family
GET    /api/v1/family/session                                             family
DELETE /api/v1/family/session                                             family
POST   /api/v1/family/sign-in/start                                       anyone
POST   /api/v1/family/sign-in/code                                        anyone
POST   /api/v1/family/sign-in/link                                        anyone
GET    /api/v1/family/bookings                                            family
GET    /api/v1/family/bookings/slots                                      family
POST   /api/v1/family/bookings                                            family
POST   /api/v1/family/bookings/{booking_id}/cancel                        family
POST   /api/v1/family/bookings/{booking_id}/move                          family
GET    /api/v1/family/bookings/{booking_id}/calendar.ics                  family

POST   /api/v1/join                                                       anyone
POST   /api/v1/demo/ring                                                  anyone
"""
ROWS = {(words[0], words[1]): words[2:] for words in (line.split() for line in TABLE.splitlines()) if words}
EXAMPLES = {"watching_id": "w-4c1d2e3f4a5b6c7d", "resident": "4711", "candidate": "rules-7f3a9c0011223344"}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with house_on("sqlite://") as house:
        yield house


@pytest.fixture
async def stage(house: House) -> AsyncIterator[Stage]:
    """Every role is a member of the staff with no other role, whose token is its name."""
    members = tuple(
        Staff(role, frozenset({StaffRole(role)}), hashlib.sha256(role.encode()).hexdigest())
        for role in LETTERS.values()
    )
    async with Stage(staff=members, demo=True, access=house.desk, keys=house.keys) as stage:
        yield stage


def walked(app: FastAPI) -> Iterator[tuple[str, str, set[Any]]]:
    """Method, path, and whom the route states it is for."""

    def calls(dependant: Any) -> Iterator[Any]:
        for each in dependant.dependencies:
            yield each.call
            yield from calls(each)

    for route in iter_route_contexts(app.routes):
        if route.path and route.path.startswith("/api/"):
            stated = {each for each in calls(route.dependant) if each in {*GATES, anyone, visitor, family_socket}}
            for method in route.methods or {"WS"}:
                yield method, route.path, stated


async def test_every_route_states_once_whom_it_is_for_and_stands_in_the_table() -> None:
    found = {(method, path): stated for method, path, stated in walked(create_app(Stage(demo=True).services))}
    assert not {each for each, stated in found.items() if len(stated) != 1}, "one of gateway/api/auth.py, or anyone"
    assert set(found) == set(ROWS)


async def test_the_gates_are_what_the_table_says() -> None:
    for method, path, stated in walked(create_app(Stage(demo=True).services)):
        (whom,) = stated
        who, *scope = ROWS[method, path]
        gate = GATES.get(whom)
        if gate is None:
            assert who == ("anyone" if whom is anyone else "family"), path
            continue
        letters = "".join(each if not gate.roles or role in gate.roles else "." for each, role in LETTERS.items())
        assert [letters, gate.scope or "-"] == [who, *scope], path


async def askers(stage: Stage, house: House) -> dict[str, dict[str, str]]:
    """Everybody who asks, and what they send along."""
    over = await house.keys.add("over", frozenset(Scope), 1, "tester")
    await house.hire("away")
    gone = await house.desk.sign_in("away", PASSWORD, source=HERE)
    await house.clock.advance(24 * 3600)
    revoked = await house.keys.add("revoked", frozenset(Scope), 365, "tester")
    await house.keys.revoke(revoked.row.key_id, "tester")
    link = stage.links.sign("family-1")
    found = {
        "nobody": {},
        "a wrong token": bearer("not-the-token"),
        "a forged link": bearer(f"{link}x"),
        "a wrong key": bearer(f"{over.key}x"),
        "a key that is over": bearer(over.key),
        "a revoked key": bearer(revoked.key),
        "a session that is over": cookie(gone.cookie),
        "family": bearer(link),
    }
    for role in LETTERS.values():
        await house.hire(role, StaffRole(role))
        found[role] = bearer(role)
        found[f"{role} by session"] = cookie((await house.desk.sign_in(role, PASSWORD, source=HERE)).cookie)
    for scope in Scope:
        found[scope] = bearer((await house.keys.add(scope, frozenset({scope}), 365, "tester")).key)
    return found


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def cookie(value: str) -> dict[str, str]:
    return {"Cookie": f"kinbridge_staff={value}", "X-Kinbridge-Csrf": csrf_token_of(value)}


def outcome(who: str, row: list[str]) -> str:
    """What the table says: `in` stands for whatever there is behind the gate."""
    role = who.removesuffix(" by session")
    if row[0] == "anyone":
        return "in"
    if row[0] == "family":
        return "in" if who == "family" else "401"
    if role in LETTERS.values():
        return "in" if role in {LETTERS[each] for each in row[0] if each != "."} else "403"
    if who in set(Scope):
        return "in" if who == row[1] else "403"
    return "401"


async def test_everybody_gets_what_the_table_says(stage: Stage, house: House) -> None:
    asking = await askers(stage, house)
    transport = httpx.ASGITransport(create_app(stage.services), raise_app_exceptions=False)
    wrong = []
    async with httpx.AsyncClient(transport=transport, base_url=stage.url) as client:
        last = ("DELETE", "/api/v1/session")  # it ends the sessions that ask
        for method, path in sorted((each for each in ROWS if each[0] != "WS"), key=lambda each: each == last):
            row = ROWS[method, path]
            for who, said in asking.items():
                status = (await client.request(method, filled(path), headers=said)).status_code
                turned_away = status in (401, 403) and row[0] != "anyone"  # there 401 is said of what is in the body
                if (str(status) if turned_away else "in") != outcome(who, row):
                    wrong.append((method, path, who, status))
    assert not wrong


async def test_sockets_let_in_whom_the_table_says(stage: Stage, house: House) -> None:
    asking = await askers(stage, house)
    for (method, path), row in ROWS.items():
        if method != "WS" or row[0] == "family":
            continue
        for who, said in asking.items():
            got_in = "in"
            try:
                async with connect(stage.ws_url + filled(path), additional_headers=said):
                    pass
            except InvalidStatus as error:
                got_in = str(error.response.status_code)
            assert got_in == ("in" if outcome(who, row) == "in" else "403"), (path, who)


async def test_a_session_changes_nothing_without_its_word(stage: Stage, house: House) -> None:
    """The cookie alone is what a page of somebody else can make a browser send."""
    asking = await askers(stage, house)
    said = asking["administrator by session"] | asking["billing by session"]
    forged = ({"Cookie": said["Cookie"]}, {"Cookie": said["Cookie"], "X-Kinbridge-Csrf": "0" * 64})
    anothers = {"Cookie": said["Cookie"], "X-Kinbridge-Csrf": asking["officer by session"]["X-Kinbridge-Csrf"]}
    transport = httpx.ASGITransport(create_app(stage.services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=stage.url) as client:
        for (method, path), row in ROWS.items():
            if method not in ("GET", "WS") and row[0] not in ("anyone", "family"):
                for each in (*forged, anothers, said | {"Origin": "https://evil.example"}):
                    assert (await client.request(method, filled(path), headers=each)).status_code == 403, path


def filled(path: str) -> str:
    """The address with something in each place."""
    return re.sub(r"\{(\w+)\}", lambda place: EXAMPLES.get(place[1], "v1"), path)
