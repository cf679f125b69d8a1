"""What can go wrong in the gateway, apart from media (bridge.errors) and signalling (sip.errors).

KinbridgeError
├── DocumentError         a YAML document (configuration, dialplan, tariff) with its list of problems
├── MachineError          an event that the call machine has no rule for in its state; names both
├── StoreError            the database could not do it
│   └── StoreUnavailable  the database is away; try again, nothing was written
├── StartError            a part of the gateway cannot run; names the field and the remedy
├── PortTaken             another program listens on the port of the HTTP server or the MQTT broker; names the setting
├── MqttUrlError          `mqtt.url` is no broker's address; says what one looks like
├── LinkRefused           a contact's link that opens nothing
│   ├── LinkExpired       it was good once
│   └── LinkForged        it was never made by this gateway, or not with this secret
├── BillingError          money that does not add up: wrong currency, key used otherwise, hold gone
│   ├── AccountUnknown    there is no such account
│   └── KeyUsed           the key stands for another movement or correction
├── RecordingError        a recording, its key or its folder that is not as it should be; says what to do
├── ExportUnwritable      a file of records cannot be made where it is made before it is sent; says where and why
├── ReportError           a statement or report that cannot be made; says what would be right
├── PeopleError           residents or contacts that do not fit; says what would be right
├── BookingError          a visit that cannot be booked, moved, approved or cancelled; says what would be right
│   ├── SlotTaken         somebody else was faster
│   └── BookingUnknown    there is no such booking (for this contact)
├── CandidateGone         rules that were read and shown can be taken no more
├── AccessError           a staff account or an API key that does not fit; says what would be right
├── SignInRefused         no account has this name and this password, or no configuration this token
├── NotOffered            this gateway is not set up for it; says which setting would
├── SignInLocked          a name or an address has failed too often; says for how long
├── VisitGone             the visit has ended or never was
└── WatchingRefused       an officer may not, or cannot, watch this visit
    ├── WatchingForbidden privileged, or the dialplan says that it is not monitored
    ├── NothingToWatch    nobody has joined yet
    └── TooManyWatchers   of this visit, or of the node
"""

from __future__ import annotations

import math


class KinbridgeError(Exception):
    """The root: catch this to catch all of the package."""


class MachineError(KinbridgeError):
    """An event without a rule in this state."""


class StoreError(KinbridgeError):
    """The database could not do it."""


class StoreUnavailable(StoreError):
    """The database is away. Nothing was written; try again."""


class StartError(KinbridgeError):
    """A part of the gateway cannot run. The message names the field and the remedy."""


class PortTaken(KinbridgeError):
    """Another program listens there. The message names address, port and the setting to change."""


class MqttUrlError(KinbridgeError):
    """`mqtt.url` is no broker's address."""


class LinkRefused(KinbridgeError):
    """A contact's link that opens nothing."""


class LinkExpired(LinkRefused):
    """It was good once; ask for a new one."""


class LinkForged(LinkRefused):
    """It was never made by this gateway, or not with this secret."""


class BillingError(KinbridgeError):
    """Money that does not add up."""


class AccountUnknown(BillingError):
    """There is no such account."""


class KeyUsed(BillingError):
    """The key stands for another movement or correction; nothing was done."""


class RecordingError(KinbridgeError):
    """A recording, its key or its folder that is not as it should be."""


class ExportUnwritable(KinbridgeError):
    """A file of records cannot be made in the folder for temporary files. The message says where and why."""


class ReportError(KinbridgeError):
    """A statement or report that cannot be made. The message says what would be right."""


class PeopleError(KinbridgeError):
    """Residents, contacts or lists that do not fit together. The message says what would be right."""


class BookingError(KinbridgeError):
    """A visit cannot be booked, moved, approved or cancelled like this. The message names no person."""


class SlotTaken(BookingError):
    """Somebody else has a visit at that time: on the last free station, or with one of the two."""


class BookingUnknown(BookingError):
    """There is no such booking, or it is none of this contact's."""


class CandidateGone(KinbridgeError):
    """Rules that were read and shown can be taken no more."""


class VisitGone(KinbridgeError):
    """The visit has ended or never was."""


class WatchingRefused(KinbridgeError):
    """An officer may not, or cannot, watch this visit. The message says why, without a name."""


class WatchingForbidden(WatchingRefused):
    """Nobody may watch this visit, ever."""


class NothingToWatch(WatchingRefused):
    """Nobody has joined yet; later there may be something."""


class TooManyWatchers(WatchingRefused):
    """So many watch this visit, or on this node, that no more may."""


class AccessError(KinbridgeError):
    """A staff account or an API key that does not fit. The message says what would be right."""


class NotOffered(KinbridgeError):
    """This gateway is not set up for it. The message names the setting."""


class SignInRefused(KinbridgeError):
    """The same words for a wrong password and for a name that nobody has."""


class SignInLocked(KinbridgeError):
    """Too many sign-ins have failed. retry_after_s: until when none is looked at."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = math.ceil(retry_after_s)
