"""Who asks: a contact by its link, staff by a token or a session, another system by its key. And from which page.

Each endpoint states by one of the aliases here (Officer, RecordsReader, Family, ...) who may call it; docs/access.md
has the table, tests/api/test_roles.py walks every route.

Browsers cannot set headers on a WebSocket, so there the token is a query parameter. Addresses with tokens are never
logged: see gateway/api/access.py and server.py.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, WebSocket
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers

from gateway.access import Scope
from gateway.access.desk import mark_of
from gateway.access.keys import PREFIX
from gateway.api.problems import Forbidden, Unauthorised
from gateway.api.services import Guest, Services, Staff
from gateway.config import StaffRole
from gateway.errors import LinkForged, StoreError, VisitGone
from gateway.family import Session as FamilySession

_contact_scheme = HTTPBearer(
    auto_error=False,
    scheme_name="contactLink",
    bearerFormat="signed contact link",
    description="The token of the contact's link: what follows `/family/` in the address of the page.",
)
_staff_scheme = HTTPBearer(
    auto_error=False, scheme_name="staffToken", description="A token of `http.staff`, or `http.staff_token`."
)
_session_scheme = APIKeyCookie(
    name="kinbridge_staff",
    auto_error=False,
    scheme_name="staffSession",
    description="Of POST /api/v1/session. What changes something needs `X-Kinbridge-Csrf` too.",
)
_key_scheme = HTTPBearer(
    auto_error=False, scheme_name="apiKey", bearerFormat="kb_...", description="A key with the scope of the endpoint."
)
_family_scheme = APIKeyCookie(
    name="kinbridge_family",
    auto_error=False,
    scheme_name="familySession",
    description="Of POST /api/v1/family/sign-in/code. What changes something needs `X-Kinbridge-Csrf` too.",
)
_Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_staff_scheme)]
_KeyBearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_key_scheme)]
_Cookie = Annotated[str | None, Depends(_session_scheme)]
_SCHEME = "bearer "
STAFF_COOKIE = "kinbridge_staff"
FAMILY_COOKIE = "kinbridge_family"
CSRF_HEADER = "X-Kinbridge-Csrf"


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
    request: Request,
    given: Given,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_contact_scheme)],
    cookie: Annotated[str | None, Depends(_family_scheme)],
) -> Visitor:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "join":
        return await joined(given, token.strip(), request.cookies.get(cookie_of(token.strip()), ""))
    if bearer is not None:
        return Visitor(contact_of(given, bearer.credentials))
    if not cookie:
        raise Unauthorised("no token was sent", "Send `Authorization: Bearer` with the token of the contact's link.")
    session = await family_session(given, cookie)
    if session is None:
        raise Unauthorised("the session is over", "Sign in again.")
    _check_csrf(request, given, session.csrf_token, "/api/v1/family/session")
    return Visitor(session.contact)


async def family_session(given: Services, cookie: str) -> FamilySession | None:
    """None: it is over, or its contact is no longer known. Raises StoreUnavailable."""
    session = await given.family.session(cookie) if given.family is not None and cookie else None
    return session if session is not None and given.contact_name(session.contact) is not None else None


def _check_csrf(request: Request, given: Services, wanted: str, where: str) -> None:
    """Raises Forbidden for a change that a page asks for without the word of its session, or from elsewhere."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    check_own_page(request.headers, given.public_url)
    said = request.headers.get(CSRF_HEADER, "")
    if not wanted or not hmac.compare_digest(said.encode(), wanted.encode()):
        raise Forbidden(
            f"a signed-in page sends the header {CSRF_HEADER} with what it changes",
            f"Send the `csrf_token` of GET {where} in it.",
        )


async def socket_visitor(given: Services, socket: WebSocket) -> Visitor:
    """Raises LinkRefused, StoreUnavailable."""
    token = socket.query_params.get("join")
    if token is not None:
        return await joined(given, token, socket.cookies.get(cookie_of(token), ""))
    token, cookie = socket_token(socket), socket.cookies.get(FAMILY_COOKIE, "")
    if cookie and not token:
        session = await family_session(given, cookie)
        if session is None:
            raise LinkForged("the session is over")
        return Visitor(session.contact)
    return Visitor(contact_of(given, token))


Family = Annotated[Visitor, Depends(visitor)]


def anyone() -> None:
    """For what is open: it says so instead of saying nothing."""


def family_socket() -> None:
    """For the family's socket: it asks for the link itself (`socket_visitor`), and says there why it refuses."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Who gets through. roles: one of these is needed; none: any member of the staff. scope: a key with it may too."""

    roles: frozenset[StaffRole]
    scope: Scope | None = None

    def check(self, member: Staff) -> Staff:
        """Raises Forbidden. A key has no roles here, whatever its scopes let it see."""
        if member.scopes is not None:
            if self.scope is None or self.scope not in member.scopes:
                wanted = f"this needs the scope {self.scope}" if self.scope else "no key reaches this"
                raise Forbidden(wanted, "docs/access.md says which scope reaches what.")
        elif self.roles and not self.roles & member.roles:
            words = " or ".join(sorted(self.roles))
            raise Forbidden(
                f"this needs the role {words}", "Ask an administrator for it; docs/access.md has the table."
            )
        return member


GATES: dict[Callable[..., object], Gate] = {}


def _gate(*roles: StaffRole, scope: Scope | None = None) -> Callable[..., Awaitable[Staff]]:
    found = Gate(frozenset(roles), scope)

    async def person(request: Request, given: Given, bearer: _Bearer, _cookie: _Cookie) -> Staff:
        return found.check(await _member(request, given, bearer))

    async def person_or_key(
        request: Request, given: Given, bearer: _Bearer, _cookie: _Cookie, _key: _KeyBearer
    ) -> Staff:
        return found.check(await _member(request, given, bearer))

    made = person if scope is None else person_or_key
    GATES[made] = found
    return made


def _socket_gate(*roles: StaffRole) -> Callable[..., Awaitable[Staff | None]]:
    found = Gate(frozenset(roles))

    async def opened(socket: WebSocket) -> Staff | None:
        return await _socket_member(socket, found)

    GATES[opened] = found
    return opened


staff = _gate()
officer = _gate(StaffRole.OFFICER, StaffRole.SUPERVISOR)
supervisor = _gate(StaffRole.SUPERVISOR)
investigator = _gate(StaffRole.INVESTIGATOR)
auditor = _gate(StaffRole.AUDITOR)
billing = _gate(StaffRole.BILLING)
administrator = _gate(StaffRole.ADMINISTRATOR)
people_reader = _gate(StaffRole.ADMINISTRATOR, StaffRole.SUPERVISOR, StaffRole.INVESTIGATOR)
trail_reader = _gate(StaffRole.AUDITOR, StaffRole.INVESTIGATOR)
node_reader = _gate(scope=Scope.NODE_READ)
rules_reader = _gate(scope=Scope.RULES_READ)
accounts_reader = _gate(StaffRole.BILLING, scope=Scope.ACCOUNTS_READ)
reports_reader = _gate(StaffRole.BILLING, scope=Scope.REPORTS_READ)

Member = Annotated[Staff, Depends(staff)]
Officer = Annotated[Staff, Depends(officer)]
Supervisor = Annotated[Staff, Depends(supervisor)]
Investigator = Annotated[Staff, Depends(investigator)]
Auditor = Annotated[Staff, Depends(auditor)]
Billing = Annotated[Staff, Depends(billing)]
Administrator = Annotated[Staff, Depends(administrator)]
PeopleReader = Annotated[Staff, Depends(people_reader)]
ListKeeper = Annotated[Staff, Depends(_gate(StaffRole.ADMINISTRATOR, StaffRole.SUPERVISOR))]
TrailReader = Annotated[Staff, Depends(trail_reader)]
RecordsReader = Annotated[Staff, Depends(_gate(scope=Scope.RECORDS_READ))]
NodeReader = Annotated[Staff, Depends(node_reader)]
RulesReader = Annotated[Staff, Depends(rules_reader)]
AccountsReader = Annotated[Staff, Depends(accounts_reader)]
AccountsKeeper = Annotated[Staff, Depends(_gate(StaffRole.BILLING, scope=Scope.ACCOUNTS_WRITE))]
ReportsReader = Annotated[Staff, Depends(reports_reader)]
MemberSocket = Annotated[Staff | None, Depends(_socket_gate())]
OfficerSocket = Annotated[Staff | None, Depends(_socket_gate(StaffRole.OFFICER, StaffRole.SUPERVISOR))]


def discreet(member: Staff) -> bool:
    """Whether it is not for them to know between whom a privileged visit is."""
    return StaffRole.PRIVILEGED not in member.roles


async def _member(request: Request, given: Services, bearer: HTTPAuthorizationCredentials | None) -> Staff:
    """By what is said out loud (Authorization) before what a browser sends along by itself (the cookie)."""
    if bearer is not None:
        return await _by_bearer(given, bearer.credentials)
    cookie = request.cookies.get(STAFF_COOKIE, "")
    if not cookie:
        return check_staff(given, "")
    member = await _by_cookie(given, cookie)
    _check_csrf(request, given, member.session.csrf_token if member.session else "", "/api/v1/session")
    return member


async def _by_bearer(given: Services, token: str) -> Staff:
    if not token.startswith(PREFIX) or given.keys is None:
        return check_staff(given, token)
    holder = await given.keys.holder(token)
    if holder is None:
        raise Unauthorised("this key is none, or is over", "`kinbridge api-key list` says which keys are good.")
    payers = {StaffRole.BILLING} if Scope.ACCOUNTS_READ in holder.scopes else set()
    return Staff(holder.name, frozenset(payers), scopes=holder.scopes)


async def _by_cookie(given: Services, cookie: str) -> Staff:
    session = await given.access.session(cookie) if given.access is not None else None
    if session is None:
        raise Unauthorised("the session is over", "Sign in again.")
    if not session.token_mark:
        return Staff(session.name, session.roles, session=session)
    for each in configured(given):
        if mark_of(each.token_sha256) == session.token_mark:
            return replace(each, session=session)
    raise Unauthorised("the token of this session is none any more", "Sign in again.")


async def _socket_member(socket: WebSocket, gate: Gate) -> Staff | None:
    """None: it has no business here, or nobody can be asked. A page of another origin has none, whatever its cookie."""
    given: Services = socket.app.state.services
    if not from_own_page(socket, given.public_url):
        return None
    token, cookie = socket_token(socket), socket.cookies.get(STAFF_COOKIE, "")
    try:
        member = await _by_cookie(given, cookie) if cookie and not token else await _by_bearer(given, token)
        return gate.check(member)
    except (Unauthorised, StoreError):
        return None


def until_over(socket: WebSocket, member: Staff) -> Callable[[], Awaitable[None]] | None:
    """Waits for the end of the session that opened a socket. None: it was a token, which has none."""
    given: Services = socket.app.state.services
    desk, session = given.access, member.session
    if desk is None or session is None:
        return None
    return lambda: desk.over(session, socket.cookies.get(STAFF_COOKIE, ""))


def configured(given: Services) -> tuple[Staff, ...]:
    """Everybody whose token is in the configuration."""
    if not given.staff_token:
        return given.staff
    whole = hashlib.sha256(given.staff_token.encode()).hexdigest()
    return (*given.staff, Staff("staff", frozenset(StaffRole), whole))


def staff_by_token(given: Services, token: str) -> Staff | None:
    """Every token is compared, whichever fits: the time it takes tells nothing."""
    digest = hashlib.sha256(token.encode(errors="replace")).hexdigest()
    found = [each for each in configured(given) if hmac.compare_digest(digest, each.token_sha256)]
    return found[0] if found else None


def check_staff(given: Services, token: str) -> Staff:
    """By a token of the configuration alone. Raises Unauthorised."""
    if not given.staff_token and not given.staff and given.access is None:
        raise Unauthorised("staff access is off", "Set http.staff or http.staff_token and start again.")
    found = staff_by_token(given, token)
    if found is None:
        raise Unauthorised(
            "this is no staff token", "Sign in, or send `Authorization: Bearer` with a token of http.staff."
        )
    return found


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
    return _own_origin(socket.headers, public_url)


def check_own_page(headers: Headers, public_url: str) -> None:
    """Raises Forbidden for a request that a page of another origin makes."""
    if not _own_origin(headers, public_url):
        raise Forbidden("a page of another origin asks", "Use the pages of this gateway.")


def _own_origin(headers: Headers, public_url: str) -> bool:
    origin = headers.get("origin")
    if origin is None:
        return True
    allowed = {headers.get("host", ""), urlsplit(public_url).netloc}
    return urlsplit(origin).netloc in allowed - {""}
