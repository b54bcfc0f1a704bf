"""Signatures: ours against the published library, and everything a stranger may write into the headers."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from backoffice.demo.signing import signed_headers
from backoffice.gateway.signing import verify

SECRET = "whsec_" + base64.b64encode(b"a secret of the platform").decode()
OTHER = "whsec_" + base64.b64encode(b"the secret that came before").decode()
NOW = int(datetime.now(UTC).timestamp())
BODY = '{"name":"عائشہ"}'.encode()


def test_what_the_library_signs_is_verified_and_the_other_way_round() -> None:
    now = int(datetime.now(UTC).timestamp())  # the library reads the clock itself
    stamp = datetime.fromtimestamp(now, UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": Webhook(SECRET).sign("msg_1", stamp, BODY.decode()),
    }
    assert verify(headers, BODY, [SECRET], now=now)
    Webhook(SECRET).verify(BODY, signed_headers(BODY, SECRET, at=now))


def test_any_of_several_secrets_and_any_of_several_signatures_is_enough() -> None:
    old, new = signed_headers(BODY, OTHER, message_id="m", at=NOW), signed_headers(BODY, SECRET, message_id="m", at=NOW)
    both = old | {"webhook-signature": f"v2,abc {old['webhook-signature']} {new['webhook-signature']}"}
    assert verify(old, BODY, [SECRET, OTHER], now=NOW)
    assert verify(both, BODY, [SECRET], now=NOW)
    assert not verify(old, BODY, [SECRET], now=NOW)


@pytest.mark.parametrize("skew", [-301, 301, 86_400])
def test_a_message_older_or_newer_than_five_minutes_is_refused(skew: int) -> None:
    headers = signed_headers(BODY, SECRET, at=NOW)
    assert not verify(headers, BODY, [SECRET], now=NOW + skew)
    assert verify(headers, BODY, [SECRET], now=NOW + (299 if skew > 0 else -299))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_changed_or_missing_header_is_refused(name: str) -> None:
    headers = signed_headers(BODY, SECRET, at=NOW)
    assert not verify({key: value for key, value in headers.items() if key != name}, BODY, [SECRET], now=NOW)
    assert not verify(headers | {name: headers[name] + "1"}, BODY, [SECRET], now=NOW)
    assert not verify(headers, BODY + b" ", [SECRET], now=NOW)


def test_a_secret_that_is_none_signs_nothing() -> None:
    headers = signed_headers(BODY, "whsec_", at=NOW)
    assert not verify(headers, BODY, ["", "whsec_", "whsec_§§§"], now=NOW)


@given(
    st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()), st.binary()
)
def test_crafted_headers_never_raise(headers: dict[str, str], body: bytes) -> None:
    assert not verify(headers, body, [SECRET], now=NOW)


@pytest.mark.parametrize("signature", ["v1,é", "v1,", ",", "v1,a=b", "v1 ,x", "\ud800", "v1," + "A" * 100_000])
def test_signatures_on_which_the_library_trips_are_refused(signature: str) -> None:
    headers = signed_headers(BODY, SECRET, at=NOW) | {"webhook-signature": signature}
    assert not verify(headers, BODY, [SECRET], now=NOW)


@given(st.binary(max_size=200), st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_ours_and_the_library_agree(body: bytes, message_id: str) -> None:
    headers = signed_headers(body, SECRET, message_id=message_id, at=NOW)
    try:
        Webhook(SECRET).verify(body, headers)
        theirs = True
    except (WebhookVerificationError, ValueError):  # not JSON: it was verified, then it did not parse
        theirs = True
    assert verify(headers, body, [SECRET], now=NOW) is theirs
