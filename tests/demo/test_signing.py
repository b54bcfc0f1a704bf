"""Signatures: ours satisfy the library, the library's satisfy us, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from backoffice.demo.signing import DEMO_SECRET, signed_headers, verifies

BODY = '{"name":"نور فاطمہ"}'.encode()


def test_the_library_verifies_what_the_simulator_signs() -> None:
    assert Webhook(DEMO_SECRET).verify(BODY, signed_headers(BODY, DEMO_SECRET)) == {"name": "نور فاطمہ"}


def test_the_simulator_verifies_what_the_library_signs() -> None:
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": "v1,bm90IHRoaXM= " + Webhook(DEMO_SECRET).sign("msg_1", now, BODY.decode()),
    }
    assert verifies(headers, BODY, DEMO_SECRET)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "²"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-id": "other"},
        {"webhook-id": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "ü"},
        {"webhook-signature": ""},
    ],
)
def test_a_changed_header_does_not_verify(change: dict[str, str]) -> None:
    assert not verifies(signed_headers(BODY, DEMO_SECRET) | change, BODY, DEMO_SECRET)


def test_a_changed_body_or_another_key_does_not_verify() -> None:
    headers = signed_headers(BODY, DEMO_SECRET)
    assert not verifies(headers, BODY + b" ", DEMO_SECRET)
    assert not verifies(headers, BODY, "whsec_b3RoZXI=")
    assert not verifies(headers, BODY, "not a secret")
