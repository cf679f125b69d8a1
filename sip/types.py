"""Values of SIP signalling. All are frozen and pickle across the process border."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Transport(StrEnum):
    """How SIP messages travel (RFC 3261 section 18)."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class Strangers(StrEnum):
    """What a request from an address of no trunk gets."""

    SILENT = "silent"  # nothing: as if nobody were there; a connection is closed
    FORBIDDEN = "forbidden"  # 403


SCANNERS = (
    *("friendly-scanner", "sipvicious", "sipcli", "sip-scan", "sundayddr", "pplsip", "vaxsipuseragent", "iwar"),
    *("sivus", "smap", "sipptk", "viproy"),
)
"""What programs that look for open gateways call themselves in their User-Agent."""


@dataclass(frozen=True, slots=True)
class Trunk:
    """A PBX, SBC or carrier that calls reach us from and go out to.

    sources: addresses or CIDR blocks whose requests belong to this trunk (trust is by source address).
    server: where our requests go, as `host` or `host:port`; empty for an incoming-only trunk.
    username, password: digest credentials, for registration and when the far side challenges us.
    register: keep a registration at `server` (RFC 3261 section 10), refreshed every `register_expires_s`.
    trusted_identity: its P-Asserted-Identity says who calls (RFC 3325 section 5); else it is dropped and reported.
    invites_per_s: of new calls; twice as many may come at once. More get 503. Each agent counts for itself.
    max_calls, calls_per_s: at once, and new in a second, in and out together; None: any number. See gateway.call.
    codecs: names of those that it may use, such as PCMU; empty: all. See gateway.call.
    """

    name: str
    sources: tuple[str, ...] = ()
    server: str = ""
    transport: Transport = Transport.UDP
    username: str = ""
    password: str = field(default="", repr=False)
    register: bool = False
    register_expires_s: int = 300
    from_user: str = "kinbridge"
    trusted_identity: bool = False
    invites_per_s: float = 100.0
    max_calls: int | None = None
    calls_per_s: int | None = None
    codecs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files for the TLS transport. `ca` is needed only to demand client certificates."""

    certificate: str
    private_key: str
    ca: str = ""


@dataclass(frozen=True, slots=True)
class SipSettings:
    """How the endpoint listens.

    Agent k listens on `port + 2 * k` (TLS on one above that). `port` 0 lets the system choose (tests);
    `SipEndpoint.addresses` then tells what was chosen. An agent that says nothing for `agent_silence_s`, though asked,
    is killed and started again. strangers, scanners: who gets nothing or 403; sip.gate. source_requests_per_s: requests
    outside of a call from one address of a trunk; twice as many may come at once, more get 503.
    """

    host: str = "127.0.0.1"
    port: int = 5060
    transports: tuple[Transport, ...] = (Transport.UDP, Transport.TCP)
    public_host: str = ""
    agents: int = 1
    calls_per_agent: int = 4
    trunks: tuple[Trunk, ...] = ()
    tls: TlsFiles | None = None
    session_expires_s: int = 1800
    min_se_s: int = 90
    user_agent: str = "Kinbridge"
    options_keepalive_s: int = 0
    strangers: Strangers = Strangers.FORBIDDEN
    scanners: tuple[str, ...] = SCANNERS
    source_requests_per_s: float = 200.0
    agent_silence_s: float = 8.0


@dataclass(frozen=True, slots=True)
class Invite:
    """An INVITE as the gateway needs it, from a trusted source.

    handle: our name for the dialog, unique over all agents and restarts of them (`a0.3-17`).
    sdp: the offer, or None for a delayed offer (the caller wants ours in the 200).
    headers: every header line in order, names as sent.
    source: `host:port` the datagram or connection came from.
    asserted_identity: P-Asserted-Identity of a trunk whose word counts, else "".
    identity_ignored: there was one, of a trunk whose word does not count.
    """

    handle: str
    sip_call_id: str
    trunk: str
    from_user: str
    from_display: str
    to_user: str
    request_uri: str
    asserted_identity: str
    source: str
    transport: Transport
    sdp: str | None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    identity_ignored: bool = False


class EndedBy(StrEnum):
    """Who ended a dialog."""

    LOCAL = "local"  # we sent BYE, CANCEL or a final error
    REMOTE = "remote"  # the far side sent BYE or CANCEL, or refused our INVITE
    TIMEOUT = "timeout"  # a transaction or the session timer ran out
    AGENT = "agent"  # our agent process died


@dataclass(frozen=True, slots=True)
class Registration:
    """State of one trunk's registration."""

    trunk: str
    registered: bool
    code: int
    reason: str
