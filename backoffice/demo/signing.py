"""Standard Webhooks as a sender does it: HMAC-SHA256 over id, timestamp and body. Standard library only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from typing import Final
from uuid import uuid4

PREFIX: Final = "whsec_"
TOLERANCE_SECONDS: Final = 300
DEMO_SECRET: Final = "whsec_b3BlbnJlbWl0LWRlbW8taW50YWtlLXNlY3JldA=="


def key_of(secret: str) -> bytes:
    """The key behind a secret written as `whsec_<base64>`; ValueError when it is not."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"A signing secret starts with {PREFIX}")
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The `v1,<base64>` signature of a body."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()


def signed_headers(body: bytes, secret: str, *, message_id: str | None = None, at: int | None = None) -> dict[str, str]:
    """The three headers that make a body ours; `at` is a Unix time in seconds."""
    message_id, at = message_id or f"msg_{uuid4().hex}", int(time.time()) if at is None else at
    signed = signature(secret, message_id, at, body)
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": signed}


def verifies(headers: dict[str, str], body: bytes, secret: str, *, now: float | None = None) -> bool:
    """Whether a received body carries a fresh signature made with `secret`. Header names in lower case."""
    message_id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (message_id and sent.isascii() and sent.isdigit() and len(sent) < 12):
        return False
    if abs((time.time() if now is None else now) - int(sent)) > TOLERANCE_SECONDS:
        return False
    try:
        expected = signature(secret, message_id, int(sent), body).encode()
    except (ValueError, binascii.Error):
        return False
    given = headers.get("webhook-signature", "").encode("utf-8", "replace").split()
    return sum(hmac.compare_digest(expected, one) for one in given) > 0
