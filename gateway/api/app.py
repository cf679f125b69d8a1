"""The HTTP application: routes, problems, surroundings. Thin: every decision is made elsewhere."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from gateway.api import problems
from gateway.api.access import Surroundings
from gateway.api.routes import (
    accounts,
    bookings,
    demo,
    facilities,
    family,
    health,
    join,
    node,
    pages,
    people,
    records,
    reports,
    rules,
    session,
    sign_in,
    staff,
    trail,
    watching,
)
from gateway.api.services import Services

_DESCRIPTION = """
Kinbridge joins the SIP phones and video terminals of correctional facilities to families in a browser.

**Errors** are `application/problem+json` (RFC 9457); `remedy` says what to do. **Amounts** are decimal text with a
currency, **times** RFC 3339 in UTC. **Cursors**: ask again with `next_since`.

Three WebSockets belong to it: `/api/v1/family/events?token=...` for the family's page, `/api/v1/live` for staff, and
`/api/v1/visits/{visit_id}/watch/{watching_id}` for an officer who watches. Their messages are described in docs/api.md;
the same facts go out by MQTT (docs/events.md).
"""
_TAGS = [
    {
        "name": "family",
        "description": "The family's page: take, rejoin, decline, end a visit. Token: the contact's link.",
    },
    {"name": "session", "description": "The staff's sign-in: a session of a browser, by password or token."},
    {"name": "visits", "description": "Live visits, for staff: see, watch, write to, end."},
    {"name": "records", "description": "Call-detail records, for billing; who watched, for auditors."},
    {"name": "accounts", "description": "Accounts, their ledger, deposits and credits, for billing."},
    {"name": "reports", "description": "Statements and reports, for billing."},
    {
        "name": "rules",
        "description": "What would be decided and why; other rules while visits run. For administrators.",
    },
    {
        "name": "people",
        "description": "Residents, contacts and lists, for administrators; who changed them, for auditors.",
    },
    {"name": "bookings", "description": "Scheduled visits: slots, booking, moving, cancelling. Staff, and the family."},
    {"name": "health", "description": "For supervisors and load balancers. No token."},
    {"name": "demo", "description": "Only in the demonstration."},
]


class KinbridgeApi(FastAPI):
    """FastAPI whose OpenAPI document tells of problem+json."""

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            self.openapi_schema = _with_problems(super().openapi())
        return self.openapi_schema


def create_app(services: Services) -> FastAPI:
    """An ASGI application; gateway.api.server.HttpServer runs it."""
    app = KinbridgeApi(
        title="Kinbridge",
        version=services.version,
        summary="SIP to WebRTC visits: signalling, live state, records.",
        description=_DESCRIPTION,
        openapi_tags=_TAGS if services.demo else _TAGS[:-1],
        license_info={"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        docs_url=None,  # the stock documentation pages load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = services
    problems.install(app)
    app.add_middleware(Surroundings)
    for router in (
        health.router,
        family.router,
        sign_in.router,
        sign_in.page,
        join.router,
        session.router,
        staff.router,
        staff.feed,
        records.router,
        node.router,
        watching.router,
        reports.router,
        accounts.router,
        rules.router,
        facilities.router,
        bookings.router,
        bookings.family_router,
        people.router,
        people.audit,
        trail.router,
        pages.router,
    ):
        app.include_router(router)
    if services.demo is not None:
        app.include_router(demo.router)
    app.mount("/static", pages.FreshFiles(directory=pages.WEB), name="static")
    return app


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Replaces FastAPI's own validation errors by ours, everywhere."""
    schemas = document["components"]["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs")
    schemas["Problem"] = problem
    for path in document["paths"].values():
        for operation in path.values():
            if {"staffSession": []} in operation.get("security", ()):
                operation["responses"] = problems.documented_for_staff() | operation["responses"]
            if "422" in operation["responses"]:
                operation["responses"]["422"] = {
                    "description": "The request is not as described",
                    "content": problems.content(),
                }
    return document
