"""Signatures of Standard Webhooks 1.0.0 (standardwebhooks.com), which receivers verify with that project's libraries.

    webhook-id: msg_2b7e151628aed2a6
    webhook-timestamp: 1767625200
    webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=

The signature is HMAC-SHA256 over `id.timestamp.body`. The id stays the same over all attempts; time and signature are
those of the attempt.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime


def headers_of(delivery_id: str, at: datetime, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
    """keys: one, or two while a receiver changes over."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((delivery_id.encode(), timestamp.encode(), body))
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
