"""Loads the reference data of compliance from `reference_data/*.csv` into an empty database.

Idempotent: what is there stays as administrators left it. The days to file are a default (DOMAIN.md section 1).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "reference_data"


def load(apps: Any) -> None:
    """Add every reason of a decision and kind of report that is not there yet."""
    reasons = apps.get_model("compliance", "DecisionReason").objects
    for row in _rows("decision_reasons"):
        reasons.get_or_create(code=row.pop("code"), defaults=row)
    kinds = apps.get_model("compliance", "ReportKind").objects
    for row in _rows("report_kinds"):
        kinds.get_or_create(code=row["code"], defaults={"name": row["name"], "bank_days": int(row["bank_days"])})


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
