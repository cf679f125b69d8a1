"""What the endpoint and an agent process say to each other: values, framed on a socket pair.

    endpoint -> agent   Start, then commands (each names a dialog by its handle) and Pings, at the end Stop
    agent -> endpoint   Started or Failed, then reports, and a Pong for each Ping

A frame is four bytes of length (big endian) and a pickle. Both ends are one program; nothing from the network is ever
unpickled, it only travels inside the values.
"""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from typing import cast

from sip.events import DialogEvent, EndpointEvent
from sip.types import Invite, SipSettings, Transport

Address = tuple[Transport, str, int]


@dataclass(frozen=True, slots=True)
class Start:
    """ports: what agent `agent` listens on, UDP and TCP on `port`, TLS on `port + 1`. generation counts restarts."""

    settings: SipSettings
    agent: int
    generation: int
    port: int


@dataclass(frozen=True, slots=True)
class Stop:
    pass


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there? A process that hangs holds its port and its calls as if it lived."""


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class Place:
    handle: str
    target: str
    sdp: str | None
    trunk: str
    from_user: str


@dataclass(frozen=True, slots=True)
class Ring:
    handle: str
    code: int
    sdp: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    handle: str
    sdp: str


@dataclass(frozen=True, slots=True)
class AnswerOffer:
    handle: str
    sdp: str


@dataclass(frozen=True, slots=True)
class RefuseOffer:
    handle: str
    code: int


@dataclass(frozen=True, slots=True)
class Offer:
    handle: str
    sdp: str


@dataclass(frozen=True, slots=True)
class SendInfo:
    handle: str
    content_type: str
    body: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """BYE, CANCEL or the final response `code`. reject: `Dialog.reject`, which only ends what was not answered yet."""

    handle: str
    code: int
    reason: str
    reject: bool = False
    retry_after_s: int = 0


Command = Start | Stop | Ping | Place | Ring | Answer | AnswerOffer | RefuseOffer | Offer | SendInfo | HangUp


@dataclass(frozen=True, slots=True)
class Started:
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The agent could not start. port_taken: another program holds the port; else a setting is wrong."""

    port_taken: bool
    text: str


@dataclass(frozen=True, slots=True)
class Incoming:
    invite: Invite


@dataclass(frozen=True, slots=True)
class Placed:
    """sip_call_id "": the stack refused to send the INVITE; `text` says why in closed words."""

    handle: str
    sip_call_id: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    handle: str
    event: DialogEvent


@dataclass(frozen=True, slots=True)
class Noticed:
    event: EndpointEvent


Report = Started | Failed | Pong | Incoming | Placed | Happened | Noticed

HEADER = struct.Struct(">I")


def frame(value: Command | Report) -> bytes:
    body = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return HEADER.pack(len(body)) + body


def value_of(body: bytes) -> Command | Report:
    return cast("Command | Report", pickle.loads(body))  # noqa: S301 - only our own process writes to this socket


class Reader:
    """Cuts a byte stream into values."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Command | Report]:
        self._buffer += data
        values = []
        while len(self._buffer) >= HEADER.size:
            (size,) = HEADER.unpack_from(self._buffer)
            end = HEADER.size + size
            if len(self._buffer) < end:
                break
            values.append(value_of(bytes(self._buffer[HEADER.size : end])))
            del self._buffer[:end]
        return values
