"""Join links: `/join/<token>` opens the page of one visit, once, on one device, for a while.

    made when a visit rings -> sent out by a receiver -> opened: bound to the device by a secret in its cookie

A token is its random id and a MAC of it, so that a forged one never reaches the database. Whatever is wrong with a
link, the answer is the same: LinkForged, without a word about what it was for.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import LinkForged
from gateway.store import JoinLink, Store

_ID_BYTES, _MAC_BYTES, _DEVICE_BYTES = 16, 16, 24
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes in base64, without padding
_PURPOSE = b"kinbridge.join-link.v1"


@dataclass(frozen=True, slots=True)
class Guest:
    """Who a join link lets in: this contact, to this visit only.

    expected: the link's own time is not over, so the visit may be still to come; else it is going on, or it is over.
    """

    contact: str
    visit_id: str
    expected: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """device: the secret for the cookie of the device that opened it; "" when it has it already."""

    guest: Guest
    device: str = ""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class JoinLinks:
    """secret: as for contact links; several nodes on one database have the same."""

    def __init__(self, store: Store, secret: str, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)

    def token(self) -> str:
        """A new one; it opens nothing before `link` of it is in the database."""
        name = secrets.token_bytes(_ID_BYTES)
        return urlsafe_b64encode(name + self._mac(name)).rstrip(b"=").decode()

    async def bind(self, token: str) -> tuple[JoinLink, str]:
        """The link, now had by whoever asks, and the device's secret. Raises LinkForged, StoreUnavailable."""
        self._check(token)
        device = secrets.token_urlsafe(_DEVICE_BYTES)
        link_hash, device_hash, now = digest(token), digest(device), self._clock.now()
        bound = await self._store.write(lambda work: work.joins.bind(link_hash, device_hash, now))
        if not bound:
            raise LinkForged("this link is not valid")
        return await self.of_device(token, device), device

    async def of_device(self, token: str, device: str) -> JoinLink:
        """The link, when this device has it. Raises LinkForged, StoreUnavailable."""
        self._check(token)
        found = await self._store.read(lambda work: work.joins.of_device(digest(token), digest(device)))
        if found is None:
            raise LinkForged("this link is not valid")
        return found

    def guest(self, link: JoinLink) -> Guest:
        return Guest(link.contact, link.visit_id, expected=self._clock.now() < link.expires_at)

    def _check(self, token: str) -> None:
        if not _TOKEN.fullmatch(token):
            raise LinkForged("this link is not valid")
        whole = urlsafe_b64decode(token + "=")
        if not hmac.compare_digest(self._mac(whole[:_ID_BYTES]), whole[_ID_BYTES:]):
            raise LinkForged("this link is not valid")

    def _mac(self, name: bytes) -> bytes:
        return hmac.digest(self._key, name, hashlib.sha256)[:_MAC_BYTES]
