"""Events as the platform sends them, for tests: the least that holds, and what a test wants said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from backoffice.demo.signing import signed_headers
from backoffice.gateway.intake import BATCH, SINGLE, Receipt, receive

Json = dict[str, Any]
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
IBAN = "PK36SCBL0000001123456702"
OTHER_IBAN = "PK24SCBL0000001171495101"


def at(seconds: float) -> str:
    """A moment of the story, in seconds after the instruction."""
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(subject: str, sequence: int, type_: str, data: Json, *, seconds: float | None = None, **head: Any) -> Json:
    """One event in its envelope."""
    return {
        "specversion": "1.0",
        "id": f"{subject}.{sequence}",
        "source": "/openremit/platform",
        "type": type_,
        "subject": subject,
        "time": at(sequence if seconds is None else seconds),
        "sequence": sequence,
        "datacontenttype": "application/json",
        "data": data,
    } | head


def instruction(subject: str = "T1", *, partner: str = "RIA", cash: bool = False, **changes: Any) -> Json:
    """An instruction's data. `changes` replace top-level fields; `details`, `beneficiary`, `remitter` are merged."""
    details = {"partnerReference": f"REF-{subject}", "payingAmount": "110227.00", "payingCurrency": "PKR"}
    beneficiary: Json = {"fullName": "Sana Malik", "address": {"city": "Lahore", "country": "PK"}}
    if not cash:
        beneficiary["bankDetails"] = {"bankCode": "SCBL", "accountNumber": IBAN}
    data: Json = {
        "partner": partner,
        "payoutMethod": "CASH" if cash else "ACCOUNT",
        "transactionDetails": details | changes.pop("details", {}),
        "remitter": {"fullName": "Zoë Łukasz"} | changes.pop("remitter", {}),
        "beneficiary": beneficiary | changes.pop("beneficiary", {}),
    }
    return {name: value for name, value in (data | changes).items() if value is not None}


def received(subject: str = "T1", *, head: Json | None = None, **changes: Any) -> Json:
    """The instruction of a transaction as an event."""
    return event(
        subject, 1, "openremit.transaction.received", instruction(subject, **changes), seconds=0, **(head or {})
    )


def stage(
    subject: str, sequence: int, name: str, result: str = "SUCCESS", *, head: Json | None = None, **facts: Any
) -> Json:
    """A stage event; `facts` are data fields, `funds` and `code` for short."""
    short = {"funds": "fundsPosition", "code": "reasonCode"}
    data = {"stage": name, "result": result} | {short.get(key, key): value for key, value in facts.items()}
    return event(subject, sequence, "openremit.transaction.stage", data, **(head or {}))


def screened(subject: str, sequence: int, *, status: str = "CLEAR", head: Json | None = None, **facts: Any) -> Json:
    """A screening result."""
    data: Json = {
        "party": "SENDER",
        "timing": "PRE",
        "list": {"name": "OFAC SDN", "version": "2026-11-19"},
        "status": status,
    }
    if status == "HITS":
        data["hits"] = [{"entityId": "SDN-1", "score": "0.91", "threshold": "0.85", "names": ["Zoe Lukasz"]}]
    return event(subject, sequence, "openremit.screening.completed", data | facts, **(head or {}))


def paid(subject: str = "T1", **changes: Any) -> list[Json]:
    """A whole story that ends well: eight events."""
    return [
        received(subject, **changes),
        stage(subject, 2, "intake"),
        stage(subject, 3, "validation"),
        stage(subject, 4, "title_fetch", response={"accountTitle": "SANA MALIK", "titleMatch": "MATCH"}),
        screened(subject, 5),
        stage(subject, 6, "screening"),
        stage(subject, 7, "payment", "STARTED", rail="RAAST"),
        stage(
            subject,
            8,
            "payment",
            funds="WITH_BENEFICIARY",
            rail="RAAST",
            railReference=f"MSG{subject}",
            railReferenceKind="MESSAGE_ID",
            bankReference=f"FT{subject}",
        ),
    ]


def take_in(*events: Json | list[Json], **options: Any) -> Receipt:
    """Give events to the intake, in-process."""
    flat = [one for each in events for one in (each if isinstance(each, list) else [each])]
    return receive(flat, **({"message_id": "test"} | options))


def words(receipt: Receipt) -> list[str]:
    """The results of a delivery in order."""
    return [result.result.value for result in receipt.events]


def post(
    body: bytes | Json | list[Any],
    *,
    client: Client | None = None,
    content_type: str | None = None,
    secret: str | None = None,
    headers: dict[str, str] | None = None,
    **signing: Any,
) -> HttpResponse:
    """Send events over HTTP, signed as the platform signs."""
    content_type = (SINGLE if isinstance(body, dict) else BATCH) if content_type is None else content_type
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    signed = signed_headers(raw, secret or settings.INTAKE_SIGNING_SECRETS[0], **signing)
    client = client or Client(raise_request_exception=False)
    answer: HttpResponse = client.post(  # type: ignore[assignment]
        "/gateway/events", raw, content_type=content_type, headers=signed | (headers or {})
    )
    return answer
