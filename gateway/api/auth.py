"""Who asks: a contact by the token of its link, staff by the token of the configuration. And from which page.

Browsers cannot set headers on a WebSocket, so there the token is a query parameter. Addresses with tokens are never
logged: see gateway/api/access.py and server.py.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, WebSocket
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.api.problems import Forbidden, Unauthorised
from gateway.api.services import Guest, Services, Staff
from gateway.config import StaffRole
from gateway.errors import LinkForged, VisitGone

_contact_scheme = HTTPBearer(
    auto_error=False,
    scheme_name="contactLink",
    bearerFormat="signed contact link",
    description="The token of the contact's link: what follows `/family/` in the address of the page.",
)
_staff_scheme = HTTPBearer(
    auto_error=False, scheme_name="staffToken", description="A token of `http.staff`, or `http.staff_token`."
)
_SCHEME = "bearer "


def services(request: Request) -> Services:
    found = request.app.state.services
    assert isinstance(found, Services)  # noqa: S101 - create_app put it there
    return found


Given = Annotated[Services, Depends(services)]


def contact_of(given: Services, token: str) -> str:
    """Raises LinkExpired, LinkForged; also when the contact is no longer in the dialplan."""
    contact = given.links.verify(token)
    if given.contact_name(contact) is None:
        raise LinkForged("this contact is not known any more")
    return contact


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a page speaks for. visit_id: the only visit that it may know of; "" for any of this contact's."""

    contact: str
    visit_id: str = ""

    def check(self, visit_id: str) -> None:
        """Raises VisitGone for a visit that is none of this page's."""
        if self.visit_id not in ("", visit_id):
            raise VisitGone("this link is for another visit")


async def joined(given: Services, token: str, device: str) -> Visitor:
    """By a join link, from the device that has it. Whatever is wrong with either, it raises the same LinkForged."""
    if given.joins is None or not device:
        raise LinkForged("this link is not valid")
    return check_guest(given, await given.joins.guest(token, device))


def check_guest(given: Services, guest: Guest) -> Visitor:
    """Raises LinkForged when the visit is over, or the contact is no longer known."""
    contact, visit_id = guest.contact, guest.visit_id
    goes_on = any(each.visit_id == visit_id for each in given.visits.live())
    if given.contact_name(contact) is None or not (guest.expected or goes_on):
        raise LinkForged("this link is not valid")
    return Visitor(contact, visit_id)


def cookie_of(token: str) -> str:
    """The name of the cookie by which a device is known to have this link."""
    return f"kinbridge_join_{hashlib.sha256(token.encode()).hexdigest()[:16]}"


async def visitor(
    request: Request, given: Given, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_contact_scheme)]
) -> Visitor:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "join":
        return await joined(given, token.strip(), request.cookies.get(cookie_of(token.strip()), ""))
    if bearer is None:
        raise Unauthorised("no token was sent", "Send `Authorization: Bearer` with the token of the contact's link.")
    return Visitor(contact_of(given, bearer.credentials))


async def socket_visitor(given: Services, socket: WebSocket) -> Visitor:
    """Raises LinkRefused, StoreUnavailable."""
    token = socket.query_params.get("join")
    if token is not None:
        return await joined(given, token, socket.cookies.get(cookie_of(token), ""))
    return Visitor(contact_of(given, socket_token(socket)))


def staff(given: Given, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_staff_scheme)]) -> Staff:
    return check_staff(given, bearer.credentials if bearer else "")


Family = Annotated[Visitor, Depends(visitor)]
Member = Annotated[Staff, Depends(staff)]


def officer(member: Member) -> Staff:
    return _having(member, StaffRole.OFFICER)


def auditor(member: Member) -> Staff:
    return _having(member, StaffRole.AUDITOR)


def billing(member: Member) -> Staff:
    return _having(member, StaffRole.BILLING)


def administrator(member: Member) -> Staff:
    return _having(member, StaffRole.ADMINISTRATOR)


Officer = Annotated[Staff, Depends(officer)]
Auditor = Annotated[Staff, Depends(auditor)]
Billing = Annotated[Staff, Depends(billing)]
Administrator = Annotated[Staff, Depends(administrator)]


def discreet(member: Staff) -> bool:
    """Whether it is not for them to know between whom a privileged visit is."""
    return StaffRole.PRIVILEGED not in member.roles


def _having(member: Staff, role: StaffRole) -> Staff:
    if role not in member.roles:
        raise Forbidden(f"this needs the role {role}", f"Ask for a token whose http.staff entry has the role {role}.")
    return member


def check_staff(given: Services, token: str) -> Staff:
    """Every token is compared, whichever fits: the time it takes tells nothing."""
    if not given.staff_token and not given.staff:
        raise Unauthorised("staff access is off", "Set http.staff or http.staff_token and start again.")
    digest = hashlib.sha256(token.encode()).hexdigest()
    found = [each for each in given.staff if hmac.compare_digest(digest, each.token_sha256)]
    whole = hmac.compare_digest(token.encode(), given.staff_token.encode())
    if found:
        return found[0]
    if not whole or not given.staff_token:
        raise Unauthorised("this is no staff token", "Send `Authorization: Bearer` with a token of http.staff.")
    return Staff("staff", frozenset(StaffRole))


def socket_token(socket: WebSocket) -> str:
    """Of the header where the client can set one, else of the query."""
    header = socket.headers.get("authorization", "")
    if header.lower().startswith(_SCHEME):
        return header[len(_SCHEME) :].strip()
    return socket.query_params.get("token", "")


def from_own_page(socket: WebSocket, public_url: str) -> bool:
    """Whether a browser's WebSocket comes from a page of this gateway.

    Browsers let any page open a WebSocket to any host and always say which page it is; what is no browser says nothing.
    """
    origin = socket.headers.get("origin")
    if origin is None:
        return True
    allowed = {socket.headers.get("host", ""), urlsplit(public_url).netloc}
    return urlsplit(origin).netloc in allowed - {""}
