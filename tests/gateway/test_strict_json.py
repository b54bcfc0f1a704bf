"""JSON that other parsers let through, or on which they trip."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.gateway.strict_json import Unreadable, dumps, loads

BAD = {
    "nothing": b"",
    "blanks": b" \n ",
    "half": b'{"a":',
    "two values": b"{} {}",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deeper than 32": b"[" * 33 + b"]" * 33,
    "5,000 digits": b"[" + b"9" * 5_000 + b"]",
    "20 digits": b"[" + b"9" * 20 + b"]",
    "NaN": b"[NaN]",
    "Infinity": b"[Infinity]",
    "-Infinity": b"[-Infinity]",
    "1E400": b"[1E400]",
    "1E-400": b"[1E-400]",
    "1E99999999999999999999": b"[1E99999999999999999999]",
    "0E999999": b"[0E999999]",
    "many decimals": b"[0." + b"1" * 60 + b"]",
    "a key twice": b'{"a":1,"b":2,"a":3}',
    "a key twice inside": b'[{"x":{"a":1,"\\u0061":3}}]',
    "bad UTF-8": b'["\xff"]',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "BOM": b"\xef\xbb\xbf{}",
    "NUL": b'["\x00"]',
    "escaped NUL": b'["\\u0000"]',
    "NUL in a key": b'{"a\\u0000b":1}',
    "half a pair": b'["\\ud800"]',
    "half a pair in a key": b'{"\\udfff":1}',
    "a pair turned round": b'["\\udc00\\ud800"]',
    "a raw newline": b'["a\nb"]',
    "single quotes": b"['a']",
    "a comma too many": b"[1,]",
    "a leading zero": b"[01]",
    "a plus": b"[+1]",
    "a comment": b"[1] // one",
}


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(Unreadable) as refused:
        loads(BAD[name])
    assert refused.value.sentence.endswith(".")
    refused.value.sentence.encode()


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_and_never_anything_else(body: bytes) -> None:
    try:
        loads(body)
    except Unreadable:
        return


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcé", max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_plain_values_come_back_as_they_went(value: object) -> None:
    if "\\u0000" not in json.dumps(value):
        assert loads(dumps(value).encode()) == value


def test_numbers_with_a_fraction_are_exact() -> None:
    assert loads(b'{"a":0.1,"b":[110227.10,1e2]}') == {"a": Decimal("0.1"), "b": [Decimal("110227.10"), Decimal("1e2")]}
    assert dumps(loads(b'{"a":0.10,"b":[110227.10]}')) == '{"a":0.10,"b":[110227.10]}'


def test_text_that_only_looks_suspicious_is_read() -> None:
    assert loads(rb'["\\u0000", "\ud83d\ude00"]') == ["\\u0000", "\U0001f600"]
    assert loads(b"[" * 32 + b"]" * 32)
