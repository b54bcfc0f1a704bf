"""Transactions laid down directly, for tests of searching and listing that need rows and not their history."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Model

from accounts.models import Branch, Partner
from tests.factories.accounts import BranchFactory, PartnerFactory
from transactions import names
from transactions.lifecycle import POSITION
from transactions.models import Account, Party, Transaction
from transactions.vocabulary import Side, Stage

NOW = dt.datetime(2026, 11, 22, 9, 3, 22, tzinfo=dt.UTC)


def lay(number: int = 45, *, partner: str = "INSTANTCASH", branch: str = "1003", **fields: Any) -> Transaction:
    """A transaction with every reference, both parties and an account. `fields` override; names are learnt."""
    stage = Stage(fields.pop("stage", Stage.PAYMENT))
    status, funds = POSITION[stage]
    people = {side: fields.pop(side, {}) for side in Side.values}
    values: dict[str, Any] = {
        "txn_id": f"PSL{number:09d}",
        "partner": _partner(partner),
        "branch": _branch(branch) if branch else None,
        "branch_code": branch,
        "partner_reference": f"IC-2611-{number:04d}",
        "bank_reference": f"FT26326{number:06d}",
        "rail_reference": f"ORMB/PKKA/{number:010d}",
        "uetr": f"8d5b0c1e-2f0d-4f63-9a51-{number:012x}",
        "end_to_end_id": f"E2E.IC.{number:010d}",
        "request_id": f"REQ-8f0c21ab-{number:06d}",
        "type": "IBFT",
        "payout_method": "ACCOUNT",
        "rail": "1LINK",
        "sent_amount": Decimal("100.00"),
        "sent_currency": "AED",
        "settled_amount": Decimal("7700.00"),
        "settled_currency": "PKR",
        "remitter_name": f"Sender {_letters(number)}",
        "beneficiary_name": f"Receiver {_letters(number)}",
        "beneficiary_iban": f"PK94UNIL{number:016d}",
        "received_at": NOW - dt.timedelta(minutes=number),
        "business_date": NOW.date(),
        "created_at": NOW,
        "updated_at": NOW,
        "status": status,
        "stage": stage,
        "step": "payment",
        "stage_result": "STARTED",
        "funds_position": funds,
        "status_since": NOW,
        "stage_since": NOW,
    }
    made = Transaction.objects.create(**values | fields)
    names.learn([made.remitter_name, made.beneficiary_name])
    for side, facts in people.items():
        Party.objects.create(transaction=made, side=side, full_name=getattr(made, f"{side}_name"), **facts)
    Account.objects.create(transaction=made, number=made.beneficiary_iban or f"{number:014d}")
    return made


def _partner(code: str) -> Partner:
    found: Partner = PartnerFactory(code=code)
    return found


def _branch(code: str) -> Branch:
    found: Branch = BranchFactory(code=code)
    return found


def _letters(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in f"{number:06d}")


def multiply(row: Transaction, times: int) -> None:
    """Many rows like this one with references, names and people of their own, in one statement per table."""
    number = "lpad(copies.place::text, 8, '0')"
    own = {
        "txn_id": f"'PSL9' || {number}",
        "partner_reference": f"'MANY-' || {number}",
        "bank_reference": f"'FT9' || {number}",
        "rail_reference": f"'RAIL9' || {number}",
        "uetr": "gen_random_uuid()::text",
        "end_to_end_id": f"'E2E9' || {number}",
        "request_id": f"'REQ9' || {number}",
        "beneficiary_name": f"'Beneficiary ' || translate({number}, '0123456789', 'abcdefghij')",
        "remitter_name": f"'Remitter ' || translate({number}, '0123456789', 'abcdefghij')",
        "beneficiary_iban": f"'PK00MANY00000000' || {number}",
        "received_at": "source.received_at - copies.place * interval '1 minute'",
        "status": "CASE WHEN copies.place % 20 = 0 THEN 'failed' ELSE source.status END",
        "stage": "CASE WHEN copies.place % 20 = 0 THEN 'failed_final' ELSE source.stage END",
        "funds_position": "CASE WHEN copies.place % 20 = 0 THEN 'NOT_SENT' ELSE source.funds_position END",
    }
    _copy(Transaction, own, f"WHERE source.id = {row.pk}", times)
    made = "JOIN transactions_transaction made ON made.txn_id = 'PSL9' || " + number
    party = {"transaction_id": "made.id", "id_number": f"'99999' || {number}", "mobile": f"'+92399' || {number}"}
    _copy(Party, party, f"{made} WHERE source.transaction_id = {row.pk}", times)
    account = {"transaction_id": "made.id", "number": f"'PK00MANY00000000' || {number}"}
    _copy(Account, account, f"{made} WHERE source.transaction_id = {row.pk}", times)
    names.learn(Transaction.objects.values_list("beneficiary_name", flat=True))
    names.learn(Transaction.objects.values_list("remitter_name", flat=True))


def pile(row: Transaction, times: int, **own: str) -> None:
    """Many transactions like this one that differ in their references, and in what `own` says in SQL; nothing else."""
    number = "lpad(copies.place::text, 8, '0')"
    references = {
        "txn_id": f"'PSL8' || {number}",
        "partner_reference": f"'PILE-' || {number}",
        "bank_reference": f"'FT8' || {number}",
        "rail_reference": f"'RAIL8' || {number}",
        "uetr": "gen_random_uuid()::text",
        "end_to_end_id": f"'E2E8' || {number}",
        "request_id": f"'REQ8' || {number}",
    }
    _copy(Transaction, references | own, f"WHERE source.id = {row.pk}", times)


def _copy(model: type[Model], own: dict[str, str], where: str, times: int) -> None:
    columns = [field.column for field in model._meta.concrete_fields if not (field.primary_key or field.generated)]
    values = [own.get(column, f"source.{column}") for column in columns]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)})"
            f" SELECT {', '.join(values)} FROM {model._meta.db_table} source"
            f" CROSS JOIN generate_series(1, {times}) AS copies(place) {where}"
        )
