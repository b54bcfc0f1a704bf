"""Each event: what holds, and the field and the remedy when it does not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate

from backoffice.demo.stories import demo_stories
from backoffice.gateway.openapi import description
from backoffice.gateway.validator import Envelope, Rejected, digest_of, read, schemas
from tests.gateway.telling import IBAN, event, instruction, received, screened, stage


def fields(event: object) -> list[str]:
    """The fields that are wrong; each has a sentence that names it and says what to send."""
    told = read(event)
    if isinstance(told, Envelope):
        return []
    for error in told.errors:
        assert error["message"].startswith(error["field"]) or error["field"] in ("event", "data")
        assert error["message"].endswith(".")
    return [error["field"] for error in told.errors]


def values(event: object) -> dict[str, Any]:
    told = read(event)
    assert isinstance(told, Envelope), told
    return told.values


def test_the_demo_tells_nothing_that_does_not_hold() -> None:
    wrong = [
        told
        for story in demo_stories(300, now=datetime(2026, 11, 22, tzinfo=UTC), seed=5)
        for one in [*story.events, *story.rest]
        if isinstance(told := read(one), Rejected)
    ]
    assert not wrong


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time", "sequence", "data"])
def test_every_part_of_the_envelope_is_needed(name: str) -> None:
    assert fields({key: value for key, value in received().items() if key != name}) == [name]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": "x" * 201}, "id"),
        ({"id": "a\nb"}, "id"),
        ({"id": 7}, "id"),
        ({"type": "openremit.transaction.teleported"}, "type"),
        ({"subject": "a/b"}, "subject"),
        ({"subject": ".."}, "subject"),
        ({"subject": "x" * 101}, "subject"),
        ({"time": "2026-11-22 14:03:07"}, "time"),
        ({"time": "2026-13-22T14:03:07Z"}, "time"),
        ({"time": "2026-11-22T14:03:07"}, "time"),
        ({"time": "٢٠٢٦-11-22T14:03:07Z"}, "time"),
        ({"sequence": 2}, "sequence"),
        ({"sequence": 0}, "sequence"),
        ({"sequence": 2**31}, "sequence"),
        ({"sequence": "1"}, "sequence"),
        ({"sequence": True}, "sequence"),
        ({"sequence": Decimal("1.0")}, "sequence"),
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"data": []}, "data"),
    ],
)
def test_a_wrong_envelope_is_named(change: dict[str, Any], wrong: str) -> None:
    assert fields(received() | change) == [wrong]


def test_only_the_instruction_is_number_one() -> None:
    assert fields(stage("T1", 1, "intake")) == ["sequence"]
    assert fields(stage("T1", 2**31 - 1, "intake")) == []


_DETAILS = "data.transactionDetails."


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"partner": None}, "data.partner"),
        ({"payoutMethod": None}, "data.payoutMethod"),
        ({"payoutMethod": "CHEQUE"}, "data.payoutMethod"),
        ({"type": "XYZ"}, "data.type"),
        ({"branchCode": 1003}, "data.branchCode"),
        ({"details": {"partnerReference": None}}, _DETAILS + "partnerReference"),
        ({"details": {"partnerReference": "x" * 65}}, _DETAILS + "partnerReference"),
        ({"details": {"payingAmount": None}}, _DETAILS + "payingAmount"),
        ({"details": {"payingAmount": "N/A"}}, _DETAILS + "payingAmount"),
        ({"details": {"payingAmount": "0.00"}}, _DETAILS + "payingAmount"),
        ({"details": {"payingAmount": "-5.00"}}, _DETAILS + "payingAmount"),
        ({"details": {"payingAmount": "1,000.00"}}, _DETAILS + "payingAmount"),
        ({"details": {"payingAmount": "1_000"}}, _DETAILS + "payingAmount"),
        ({"details": {"payingAmount": "１２３"}}, _DETAILS + "payingAmount"),
        ({"details": {"payingAmount": "1e3"}}, _DETAILS + "payingAmount"),
        ({"details": {"payingAmount": "10.001"}}, _DETAILS + "payingAmount"),
        ({"details": {"payingAmount": "100000000.00"}}, _DETAILS + "payingAmount"),
        ({"details": {"payingAmount": 100}}, _DETAILS + "payingAmount"),
        ({"details": {"payingAmount": "10.5", "payingCurrency": "JPY"}}, _DETAILS + "payingAmount"),
        ({"details": {"payingCurrency": "XXX"}}, _DETAILS + "payingCurrency"),
        ({"details": {"settlementAmount": "5.00"}}, _DETAILS + "settlementCurrency"),
        ({"details": {"settlementRate": "0"}}, _DETAILS + "settlementRate"),
        ({"details": {"settlementRate": "1.123456789"}}, _DETAILS + "settlementRate"),
        ({"details": {"sentAt": "yesterday"}}, _DETAILS + "sentAt"),
        ({"remitter": {"fullName": "null"}}, "data.remitter.fullName"),
        ({"remitter": {"fullName": "null N/A"}}, "data.remitter.fullName"),
        ({"remitter": {"fullName": "x" * 65}}, "data.remitter.fullName"),
        ({"remitter": {"fullName": "a\x00b"}}, "data.remitter.fullName"),
        ({"remitter": {"fullName": "a\ud800b"}}, "data.remitter.fullName"),
        ({"remitter": {"nationality": "Atlantis"}}, "data.remitter.nationality"),
        ({"remitter": {"dateOfBirth": "04/07/1988"}}, "data.remitter.dateOfBirth"),
        ({"remitter": {"dateOfBirth": "1988-02-30"}}, "data.remitter.dateOfBirth"),
        ({"remitter": {"address": "Dubai"}}, "data.remitter.address"),
        ({"remitter": {"idDetails": {"idType": "CNIC", "idNumber": "none"}}}, "data.remitter.idDetails.idNumber"),
        ({"beneficiary": {"bankDetails": {"accountNumber": IBAN}}}, "data.beneficiary.bankDetails.bankCode"),
        ({"beneficiary": {"bankDetails": {"bankCode": "X"}}}, "data.beneficiary.bankDetails.accountNumber"),
        (
            {"beneficiary": {"bankDetails": {"bankCode": "X", "accountNumber": "PK36BIPL0000001234567890"}}},
            "data.beneficiary.bankDetails.accountNumber",
        ),
        (
            {"beneficiary": {"bankDetails": {"bankCode": "X", "accountNumber": "12/34"}}},
            "data.beneficiary.bankDetails.accountNumber",
        ),
    ],
)
def test_a_wrong_instruction_names_the_field(change: dict[str, Any], wrong: str) -> None:
    assert fields(received(**change)) == [wrong]


@pytest.mark.parametrize("name", ["transactionDetails", "remitter", "beneficiary"])
@pytest.mark.parametrize("value", ["absent", None, [], "text", 7])
def test_a_missing_or_twisted_object_is_told_and_nothing_raises(name: str, value: object) -> None:
    data = instruction() | {name: value}
    if value == "absent":
        del data[name]
    assert any(wrong.startswith(f"data.{name}") for wrong in fields(received() | {"data": data}))


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(fields(received(partner=None, details={"payingAmount": "x", "payingCurrency": "?"}))) == 3


@pytest.mark.parametrize("nothing", ["", "null", "NULL", "N/A", "n/a", "  ", None])
def test_words_that_say_nothing_are_absent(nothing: str | None) -> None:
    told = values(received(branchCode="" if nothing is None else nothing, remitter={"email": nothing}))
    assert "branchCode" not in told
    assert "remitter.email" not in told


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Umair null Khan", "Umair Khan"),
        ("N/A Aisha", "Aisha"),
        ("Na None", "Na None"),
        ("Nullo  Rossi", "Nullo  Rossi"),
    ],
)
def test_a_program_word_in_a_name_is_dropped(sent: str, kept: str) -> None:
    assert values(received(remitter={"fullName": sent}))["remitter.fullName"] == kept


@pytest.mark.parametrize("country", ["PK", "pk", "PAK", "Pakistan", "PAKISTAN", "Islamic Republic of Pakistan"])
def test_countries_come_as_codes_or_names(country: str) -> None:
    assert values(received(remitter={"nationality": country}))["remitter.nationality"] == "PK"


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("+923001234567", "+923001234567"),
        ("0300-1234567", "+923001234567"),
        ("00971 50 123 4567", "+971501234567"),
        ("12", "12"),
        ("call the shop", "call the shop"),
    ],
)
def test_mobiles_are_normalised_when_they_can_be(given_: str, kept: str) -> None:
    assert values(received(beneficiary={"mobileNumber": given_}))["beneficiary.mobileNumber"] == kept


def test_accounts_are_told_from_ibans() -> None:
    spaced = "pk36 SCBL 0000 0011 2345 6702"
    told = values(received(beneficiary={"bankDetails": {"bankCode": "X", "accountNumber": spaced}}))
    assert told["beneficiary.bankDetails.accountNumber"].number == IBAN
    plain = values(received(beneficiary={"bankDetails": {"bankCode": "ORMB", "accountNumber": "12345678901234"}}))
    assert not plain["beneficiary.bankDetails.accountNumber"].is_iban


def test_ids_are_kept_as_digits_and_unknown_kinds_as_other() -> None:
    told = values(
        received(
            remitter={"idDetails": {"idType": "CNIC", "idNumber": "35201-1234567-1", "issueDate": "2019-02-01"}},
            beneficiary={"idDetails": {"idType": "LIBRARY CARD", "idNumber": "A-1"}},
        )
    )
    assert told["remitter.idDetails.idNumber"] == "3520112345671"
    assert told["remitter.idDetails.issueDate"] == date(2019, 2, 1)
    assert (told["beneficiary.idDetails.idType"], told["beneficiary.idDetails.idNumber"]) == ("OTHER", "A-1")


def test_the_reference_may_stand_at_the_top() -> None:
    data = instruction(details={"partnerReference": None}, partnerReference="TOP-1")
    assert values(received() | {"data": data})["transactionDetails.partnerReference"] == "TOP-1"


def test_three_decimals_are_right_for_a_dinar() -> None:
    assert not fields(received(details={"settlementAmount": "10.125", "settlementCurrency": "KWD"}))


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({"name": "x" * 65}, "data.stage"),
        ({"reason": "x" * 501}, "data.reason"),
        ({"attempt": 0}, "data.attempt"),
        ({"attempt": 32_768}, "data.attempt"),
        ({"startedAt": 7}, "data.startedAt"),
        ({"response": {"accountTitle": "x" * 65}}, "data.response.accountTitle"),
        ({"request": "GET /"}, "data.request"),
    ],
)
def test_a_wrong_stage_event_names_the_field(facts: dict[str, Any], wrong: str) -> None:
    assert fields(stage("T1", 2, facts.pop("name", "payment"), **facts)) == [wrong]


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({"party": None}, "data.party"),
        ({"status": "HITS", "hits": []}, "data.hits"),
        ({"status": "HITS", "hits": {}}, "data.hits"),
        ({"hits": ["one"]}, "data.hits[0]"),
        ({"hits": [{"entityId": "1", "score": "1.5"}]}, "data.hits[0].score"),
        ({"hits": [{"entityId": "1", "score": "0.5", "names": "x"}]}, "data.hits[0].names"),
        ({"hits": [{"entityId": "1", "score": "0.5"}, {"score": "0.5"}]}, "data.hits[1].entityId"),
        ({"hits": [{"entityId": "1", "score": "0.5", "fields": [{}]}]}, "data.hits[0].fields[0].field"),
    ],
)
def test_a_wrong_screening_result_names_the_field(facts: dict[str, Any], wrong: str) -> None:
    assert fields(screened("T1", 2) | {"data": screened("T1", 2)["data"] | facts}) == [wrong]


def test_a_date_that_is_wrong_is_not_repeated() -> None:
    told = read(received(remitter={"dateOfBirth": "04/07/1988"}))
    assert isinstance(told, Rejected)
    assert "1988" not in told.errors[0]["message"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(_JSON)
def test_whatever_is_sent_is_read_or_rejected(value: object) -> None:
    assert isinstance(read(value), Rejected)


@given(st.sampled_from(sorted(received())), _JSON)
def test_whatever_replaces_a_part_is_read_or_rejected(name: str, value: object) -> None:
    read(received() | {name: value})
    read(received() | {"data": instruction() | {name: value, "remitter": value}})
    read(stage("T1", 2, "payment") | {"data": {"stage": "payment", "result": value, "response": value}})


def test_the_digest_ignores_the_order_of_keys_and_the_push_request() -> None:
    first, second = read(received(requestId="A")), read(received(requestId="B"))
    assert isinstance(first, Envelope)
    assert isinstance(second, Envelope)
    assert first.digest == second.digest
    turned = dict(reversed(first.data.items()))
    assert digest_of(first.type, turned, first.values) == first.digest


# -- the description --------------------------------------------------------------------------------------------------


def test_the_description_is_openapi_and_is_served(client: Client) -> None:
    answer = client.get("/gateway/openapi.json")
    assert answer.status_code == 200
    validate(answer.json())
    assert answer.json() == description()


def test_every_story_of_the_demo_fits_the_description() -> None:
    validators = {type_: jsonschema.Draft202012Validator(schema) for type_, schema in schemas().items()}
    for story in demo_stories(150, now=datetime(2026, 11, 22, tzinfo=UTC), seed=9):
        for one in story.events:
            validators[one["type"]].validate(one)


def test_what_the_description_refuses_the_validator_refuses_too() -> None:
    bad = event("T1", 2, "openremit.transaction.stage", {"stage": "payment"})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schemas()[bad["type"]]).validate(bad)
    assert fields(bad) == ["data.result"]
