"""Standard Webhooks (https://www.standardwebhooks.com) by hand: verifying the platform's requests, signing our own.

The published library raises on crafted headers; these lines answer False to everything that is not a good signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Final

TOLERANCE_SECONDS: Final = 300
PREFIX: Final = "whsec_"


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[str], *, now: float) -> bool:
    """Whether `body` carries a signature of one of `secrets`, not older or newer than five minutes. Never raises."""
    message_id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (message_id and sent.isascii() and sent.isdigit() and len(sent) <= 11):
        return False
    if abs(now - int(sent)) > TOLERANCE_SECONDS:
        return False
    signed = f"{message_id}.{sent}.".encode("utf-8", "replace") + body
    given = [part.encode("utf-8", "replace") for part in headers.get("webhook-signature", "").split()]
    expected = [_signature(key, signed) for key in map(_key, secrets) if key]
    return sum(hmac.compare_digest(one, other) for one in given for other in expected) > 0


def signed_headers(body: bytes, secret: str, *, message_id: str, at: int) -> dict[str, str]:
    """The three headers that make a body ours; `at` is a Unix time in seconds."""
    signature = _signature(_key(secret), f"{message_id}.{at}.".encode() + body).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": signature}


def _signature(key: bytes, signed: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())


def _key(secret: str) -> bytes:
    """The key behind `whsec_<base64>`; empty, and then never used, when the secret is not of that form."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""
