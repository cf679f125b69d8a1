"""SIP signalling behind an asyncio facade. These names are public; everything else is the package's own."""

from __future__ import annotations

from sip.dialog import Dialog
from sip.endpoint import Endpoint, SipEndpoint
from sip.errors import AgentDied, BadDescription, DialogGone, SipBusy, SipConfigError, SipError, SipPortTaken
from sip.events import (
    AgentRestarted,
    Answered,
    ConferenceSeen,
    DialogEvent,
    Dtmf,
    Ended,
    EndpointEvent,
    Info,
    Offered,
    OfferRefused,
    Progress,
    RegistrationChanged,
    RequestsRefused,
    TransferRefused,
)
from sip.fake import FakeSipEndpoint, FarSide
from sip.types import EndedBy, Invite, Registration, SipSettings, TlsFiles, Transport, Trunk

__all__ = [
    "Endpoint",
    "SipEndpoint",
    "FakeSipEndpoint",
    "FarSide",
    "Dialog",
    "Invite",
    "SipSettings",
    "TlsFiles",
    "Transport",
    "Trunk",
    "EndedBy",
    "Registration",
    "DialogEvent",
    "Progress",
    "Answered",
    "Offered",
    "OfferRefused",
    "Dtmf",
    "Info",
    "TransferRefused",
    "ConferenceSeen",
    "Ended",
    "EndpointEvent",
    "AgentRestarted",
    "RegistrationChanged",
    "RequestsRefused",
    "SipError",
    "SipConfigError",
    "SipPortTaken",
    "BadDescription",
    "SipBusy",
    "AgentDied",
    "DialogGone",
]
