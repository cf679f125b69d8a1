"""Errors of the API: application/problem+json (RFC 9457) with a remedy in words.

PROBLEMS is the one table from exception to problem; nothing that a caller sent is quoted back except by the messages of
SdpError, which name a line of the caller's own description, and of ReportError, which name what staff asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from bridge.errors import (
    AudioMissing,
    BridgeClosed,
    BridgeError,
    BridgeSealed,
    CodecMissing,
    NegotiationError,
    PortsExhausted,
    SdpError,
    WebLegFailed,
)
from gateway.api.services import DemoBusy
from gateway.documents import DocumentError
from gateway.errors import (
    AccessError,
    AccountUnknown,
    BillingError,
    BookingError,
    BookingUnknown,
    CandidateGone,
    ExportUnwritable,
    KinbridgeError,
    LinkExpired,
    LinkForged,
    NothingToWatch,
    NotOffered,
    PeopleError,
    ReportError,
    SignInLocked,
    SignInRefused,
    SlotTaken,
    StartError,
    StoreUnavailable,
    TooManyWatchers,
    VisitGone,
    WatchingForbidden,
)
from sip.errors import SipError

_log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5


class FieldError(BaseModel):
    """One field at fault."""

    pointer: Annotated[
        str,
        Field(
            description="JSON pointer into the body (RFC 6901), or `query:`, `path:`, `header:` with a name",
            examples=["#/amount", "query:limit"],
        ),
    ]
    detail: Annotated[str, Field(examples=["Field required"])]


class Problem(BaseModel):
    """What went wrong and what to do about it (RFC 9457)."""

    type: Annotated[str, Field(description="a name that never changes", examples=["urn:kinbridge:problem:visit-gone"])]
    title: Annotated[str, Field(examples=["The visit is over"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(description="this case", examples=["the visit has ended or never was"])] = ""
    remedy: Annotated[str, Field(description="what to do", examples=["Keep the page open: it rings again."])] = ""
    line: Annotated[int | None, Field(description="line of the SDP, from 1, when one is at fault")] = None
    fields: Annotated[list[str] | None, Field(description="fields of the request at fault")] = None
    errors: Annotated[list[FieldError] | None, Field(description="the same, each with what is wrong")] = None


@dataclass(frozen=True, slots=True)
class Kind:
    """quoted: whether the exception's own message is the detail; else it may hold more than the caller may know."""

    status: HTTPStatus
    name: str
    title: str
    remedy: str
    quoted: bool = False


class Unauthorised(Exception):
    """No token, or the wrong one. remedy: how to come by the right one."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.remedy = remedy


class Forbidden(Unauthorised):
    """A good token without the right to do this."""


_AGAIN = "Try again in a few seconds."
PROBLEMS: dict[type[Exception], Kind] = {
    VisitGone: Kind(
        HTTPStatus.NOT_FOUND, "visit-gone", "The visit is over",
        "Nothing is left to do for this visit. Keep the page open: it rings again with the next one.",
    ),
    AudioMissing: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "audio-missing", "The offer has no sound",
        "Every visit has sound: offer an audio line (m=audio, sendrecv) with opus, PCMU, PCMA or G722.", quoted=True,
    ),
    NegotiationError: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "no-common-codec", "Nothing joins the two sides",
        "Offer audio as opus, PCMU, PCMA or G722, and video as H264 or VP8.", quoted=True,
    ),
    SdpError: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "sdp-unreadable", "The description cannot be read",
        "Send the SDP of RTCPeerConnection.localDescription as it is, lines ended by CRLF.", quoted=True,
    ),
    NotOffered: Kind(HTTPStatus.NOT_FOUND, "not-offered", "This gateway does not offer it",
        "Use another way; the detail names the setting.", quoted=True),
    BookingUnknown: Kind(HTTPStatus.NOT_FOUND, "no-such-booking", "There is no such booking",
        "Ask for the list of bookings.", quoted=True),
    SlotTaken: Kind(HTTPStatus.CONFLICT, "slot-taken", "Somebody else was faster",
        "Ask for the free slots again and take another one.", quoted=True),
    BookingError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "booking-refused", "This visit cannot be booked like this",
        "The detail says what would be right; nothing was changed.", quoted=True),
    PortsExhausted: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "ports-exhausted", "No port is free for media",
        f"{_AGAIN} If it stays: widen media.sip_ports and media.web_ports."),
    CodecMissing: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "codec-missing", "A codec is missing on this machine",
        "Run `kinbridge doctor` on the machine."),
    WebLegFailed: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "media-failed", "The browser's media did not come up", _AGAIN),
    BridgeClosed: Kind(HTTPStatus.NOT_FOUND, "visit-gone", "The visit is over", "Nothing is left to do for it."),
    BridgeError: Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "media-error", "Media failed", _AGAIN),
    SipError: Kind(HTTPStatus.NOT_FOUND, "visit-gone", "The visit is over", "The station's call has ended."),
    StoreUnavailable: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "database-away", "The database is away",
        f"{_AGAIN} Nothing was written."),
    WatchingForbidden: Kind(HTTPStatus.FORBIDDEN, "watching-forbidden", "Nobody may watch this visit",
        "The visit can be ended, and the family can be written to.", quoted=True),
    BridgeSealed: Kind(HTTPStatus.FORBIDDEN, "watching-forbidden", "Nobody may watch this visit",
        "It is privileged. It can be ended, and the family can be written to."),
    NothingToWatch: Kind(HTTPStatus.CONFLICT, "nothing-to-watch", "Nobody has joined yet",
        "Try again when its state is `talking`."),
    TooManyWatchers: Kind(HTTPStatus.CONFLICT, "too-many-watchers", "Too many watch already",
        "Wait until somebody leaves, or raise limits.max_watchers.", quoted=True),
    ReportError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "no-such-report", "This statement or report cannot be made",
        "Ask for what there is: an account or facility, a month that has begun, at most 400 days.", quoted=True),
    ExportUnwritable: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "no-room", "The file cannot be made here",
        "Make room there, or set TMPDIR for the gateway; CSV and JSON Lines need none.", quoted=True),
    AccountUnknown: Kind(HTTPStatus.NOT_FOUND, "no-such-account", "There is no such account",
        "GET /api/v1/accounts lists them.", quoted=True),
    BillingError: Kind(HTTPStatus.CONFLICT, "money-refused", "This cannot be done with the money",
        "The detail says why; nothing was moved.", quoted=True),
    LinkExpired: Kind(HTTPStatus.UNAUTHORIZED, "link-expired", "This link is too old", "Ask for a new link."),
    LinkForged: Kind(HTTPStatus.UNAUTHORIZED, "link-invalid", "This link is not valid",
        "Use the whole link as it was sent to you, or ask for a new one."),
    DocumentError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "rules-refused", "The rules have mistakes",
        "Mend the files and read them again; those in force stay.", quoted=True),
    StartError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "rules-refused", "This node cannot carry out these rules",
        "Mend the rules or the configuration; those in force stay.", quoted=True),
    CandidateGone: Kind(HTTPStatus.CONFLICT, "candidate-gone", "These rules can be taken no more",
        "POST /api/v1/rules/candidates reads the files again.", quoted=True),
    PeopleError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "people-refused", "This does not fit the people who are there",
        "The detail says what would be right; nothing was changed.", quoted=True),
    SignInRefused: Kind(HTTPStatus.UNAUTHORIZED, "sign-in-refused", "The sign-in was not accepted",
        "Check name and password. An administrator sets a new one: `kinbridge staff password`.", quoted=True),
    SignInLocked: Kind(HTTPStatus.TOO_MANY_REQUESTS, "sign-in-locked", "Too many sign-ins have failed",
        "Wait as long as Retry-After says, in seconds; until then no sign-in is looked at.", quoted=True),
    AccessError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "access-refused", "This does not fit the accounts and keys",
        "The detail says what would be right; nothing was changed.", quoted=True),
    DemoBusy: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "demo-busy", "The simulated terminal is in a visit",
        "Try again when its visit is over."),
    KinbridgeError: Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Something failed here", _AGAIN),
    Exception: Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Something failed here", _AGAIN),
}  # fmt: skip


def install(app: FastAPI) -> None:
    for kind in PROBLEMS:
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(Unauthorised, _unauthorised)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def reply(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers = {"Retry-After": str(RETRY_AFTER_S)} | (headers or {})
    return JSONResponse(
        problem.model_dump(exclude_none=True), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers
    )


def problem_of(error: Exception) -> Problem:
    """By the nearest class of the table."""
    kind = next(PROBLEMS[each] for each in type(error).__mro__ if each in PROBLEMS)
    return Problem(
        type=f"urn:kinbridge:problem:{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=str(error) if kind.quoted else "",
        remedy=kind.remedy,
        line=(error.line or None) if isinstance(error, SdpError) else None,
    )


async def _known(_: Request, error: Exception) -> JSONResponse:
    problem = problem_of(error)
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("an unexpected error: %s", type(error).__name__, exc_info=error)
    return reply(problem, {"Retry-After": str(error.retry_after_s)} if isinstance(error, SignInLocked) else None)


async def _unauthorised(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, Forbidden):
        return reply(
            Problem(
                type="urn:kinbridge:problem:forbidden",
                title="Not among the rights of this token",
                status=HTTPStatus.FORBIDDEN,
                detail=str(error),
                remedy=error.remedy,
            )
        )
    problem = Problem(
        type="urn:kinbridge:problem:unauthorised",
        title="Not allowed without a valid token",
        status=HTTPStatus.UNAUTHORIZED,
        detail=str(error),
        remedy=getattr(error, "remedy", ""),
    )
    return reply(problem, {"WWW-Authenticate": "Bearer"})


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """Names fields and rules; the values may be personal and stay out."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    found = [
        (".".join(str(part) for part in each["loc"]), _pointer(each["loc"]), str(each["msg"]))
        for each in error.errors()
    ]
    return reply(_unlike_description(found))


def _unlike_description(found: list[tuple[str, str, str]]) -> Problem:
    """found: each with the field's name, its pointer and the rule."""
    return Problem(
        type="urn:kinbridge:problem:invalid-request",
        title="The request is not as described",
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        detail="; ".join(f"{field}: {message}" for field, _, message in found),
        remedy="Compare with /openapi.json.",
        fields=[field for field, _, _ in found],
        errors=[FieldError(pointer=pointer, detail=message) for _, pointer, message in found],
    )


def _pointer(place: Sequence[str | int]) -> str:
    """A JSON pointer into the body as a fragment (RFC 6901); of a parameter, `query:name`."""
    where, *inside = place
    if where == "body":
        return "#" + "".join(f"/{str(each).replace('~', '~0').replace('/', '~1')}" for each in inside)
    return f"{where}:{'.'.join(str(each) for each in inside)}"


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    status = HTTPStatus(error.status_code)
    if status == HTTPStatus.BAD_REQUEST:  # of the framework alone: bytes that are no text
        return reply(_unlike_description([("body", "#", "it is no JSON in UTF-8")]))
    problem = Problem(
        type=f"urn:kinbridge:problem:{status.phrase.lower().replace(' ', '-')}",
        title=status.phrase,
        status=status,
        remedy="/openapi.json lists every address and method.",
    )
    return reply(problem, dict(error.headers or {}))


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: what it may answer beside success."""
    return {each: {"description": HTTPStatus(each).phrase, "content": content()} for each in statuses}


def documented_for_staff() -> dict[str, dict[str, Any]]:
    """What every endpoint of the staff may answer: no right, no word against forged requests, no database to ask."""
    return {str(status): answer for status, answer in documented(401, 403, 503).items()}


def content() -> dict[str, Any]:
    return {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
