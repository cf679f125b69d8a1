"""Contact links: a signed token in the address of the family's page says who opens it, and until when.

    /family/ImZhbWlseS0xIg.aVvKkA.3kq...

The token is the whole right to take this contact's visits, so it never reaches a log. A new secret ends every link.
"""

from __future__ import annotations

import logging
import secrets

from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from gateway.clock import Clock, SystemClock
from gateway.errors import LinkExpired, LinkForged

_log = logging.getLogger(__name__)
THIRTY_DAYS_S = 30 * 24 * 3600
_SALT = "kinbridge.contact-link.v1"


class Links:
    """An empty secret is replaced by a random one: the links then end with the process."""

    def __init__(self, secret: str, *, max_age_s: int = THIRTY_DAYS_S, clock: Clock | None = None) -> None:
        if not secret:
            _log.warning("http.link_secret is not set: contact links will end with this process")
            secret = secrets.token_urlsafe(32)
        self._max_age_s = max_age_s
        self._serializer = URLSafeTimedSerializer(
            secret, salt=_SALT, signer=_signer(clock or SystemClock()), signer_kwargs={"key_derivation": "hmac"}
        )

    def sign(self, contact: str) -> str:
        return str(self._serializer.dumps(contact))

    def verify(self, token: str) -> str:
        """The contact. Raises LinkExpired, LinkForged."""
        try:
            contact = self._serializer.loads(token, max_age=self._max_age_s)
        except SignatureExpired:
            raise LinkExpired("this link is too old") from None
        except BadData:
            raise LinkForged("this link is not valid") from None
        return str(contact)


def _signer(clock: Clock) -> type[TimestampSigner]:
    class ClockedSigner(TimestampSigner):
        """itsdangerous asks the machine for the time; ours is injected."""

        def get_timestamp(self) -> int:
            return int(clock.now().timestamp())

    return ClockedSigner
