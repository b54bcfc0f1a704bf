"""Reference data, numbers, tables that may only grow, and a case for everything that waits for compliance already."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

from audit.append_only import append_only
from compliance import opening, reference

APPEND_ONLY = [
    "compliance_hitdecision",
    "compliance_casefile",
    "compliance_historicalcase",
    "compliance_historicalcorrection",
    "compliance_historicaldecisionreason",
    "compliance_historicalreportkind",
    "compliance_historicalreport",
    "compliance_historicalwhitelistrule",
]
NUMBERS = ["compliance_case_number", "compliance_report_number", "compliance_rule_number"]


def load(apps, schema_editor):
    reference.load(apps)


def open_cases(apps, schema_editor):
    """What the intake would have opened, had there been cases when these transactions came to wait."""
    case, history = (apps.get_model("compliance", name) for name in ("Case", "HistoricalCase"))
    now = timezone.now()
    waiting = list(
        apps.get_model("transactions", "Transaction")
        .objects.filter(status="pending", stage="compliance_review")
        .order_by("stage_since", "pk")
    )
    ids = [one.pk for one in waiting]
    steps, found = opening.steps_of(ids), opening.found_of(ids)
    for one, number in zip(waiting, opening.next_numbers(now, len(waiting)), strict=True):
        known = found.get(one.pk, opening.Found())
        row = {
            "number": number,
            "transaction_id": one.pk,
            "trigger": opening.trigger_of(steps.get(one.pk, []), known).value,
            "opened_at": one.stage_since,
            "due_at": one.stage_deadline or one.stage_since + timedelta(hours=8),
            "hit_count": known.hits,
            "top_score": known.top_score,
            "lists": list(known.lists),
        }
        made = case.objects.create(**row)
        history.objects.create(
            id=made.pk, **row, history_date=now, history_type="+", history_change_reason=opening.REASON, request_id=""
        )


class Migration(migrations.Migration):
    dependencies = [("compliance", "0003_cases"), ("transactions", "0007_deadlines")]
    operations = [
        *[migrations.RunSQL(f"CREATE SEQUENCE {name}", f"DROP SEQUENCE {name}") for name in NUMBERS],
        migrations.RunPython(load, migrations.RunPython.noop),
        migrations.RunPython(open_cases, migrations.RunPython.noop),
        *append_only(*APPEND_ONLY),
    ]
