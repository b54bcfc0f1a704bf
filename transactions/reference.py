"""Loads the reference data of transactions from `reference_data/*.csv` into an empty database.

Idempotent: what is there stays as administrators left it. Sources: DOMAIN.md section 2 (ISO 20022 external reason
codes and OpenRemit's API codes), DECISIONS.md section 6 (limits), UI.md section 6 (answers).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "reference_data"


def load(apps: Any) -> None:
    """Add every reason code, purpose, limit and answer text that is not there yet."""
    reasons = apps.get_model("transactions", "ReasonCode").objects
    for row in _rows("reason_codes"):
        code, is_api_code = row.pop("code"), bool(row.pop("is_api_code"))
        reasons.get_or_create(code=code, defaults={**row, "is_api_code": is_api_code})
    purposes = apps.get_model("transactions", "PurposeCode").objects
    for row in _rows("purpose_codes"):
        purposes.get_or_create(code=row["code"], defaults={"text": row["text"]})
    limits = apps.get_model("transactions", "StageLimit").objects
    for row in _rows("stage_limits"):
        size = {"amount": int(row.pop("amount")), "unit": row.pop("unit")}
        limits.get_or_create(**row, partner=None, defaults=size)
    answers = apps.get_model("transactions", "AnswerText").objects
    for row in _rows("answer_texts"):
        answers.get_or_create(key=row["key"], version=1, defaults={"text": row["text"]})


def load_limits(apps: Any) -> None:
    """Add the limits of deeds with money that are not there yet (DECISIONS.md section 4)."""
    limits = apps.get_model("transactions", "MoneyLimit").objects
    for row in _rows("money_limits"):
        limits.get_or_create(key=row["key"], currency=row["currency"], defaults={"amount": Decimal(row["amount"])})


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
