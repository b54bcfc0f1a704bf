"""What reports keep: sums that pages read instead of counting every row, and alarms."""

from __future__ import annotations

from django.db import models


class Grain(models.TextChoices):
    """How far a row of the rollup sums up. Days and months are Karachi's; the hour is the truth (DECISIONS.md §8)."""

    HOUR = "hour", "Hour (UTC) by partner and branch"
    DAY = "day", "Day by partner, branch and corridor"
    MONTH = "month", "Month by partner, branch and corridor"
    PARTNER_DAY = "p-day", "Day by partner"
    PARTNER_MONTH = "p-month", "Month by partner"


class _Summed(models.Model):
    partner = models.ForeignKey(
        "accounts.Partner", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    branch = models.ForeignKey(
        "accounts.Branch", on_delete=models.PROTECT, related_name="+", null=True, db_index=False, db_constraint=False
    )
    stage = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    corridor = models.CharField(max_length=5)
    number = models.BigIntegerField()
    worth = models.DecimalField(max_digits=26, decimal_places=4)

    class Meta:
        abstract = True
        default_permissions = ()


class RollupDelta(_Summed):
    """What one statement changed in the sums of an hour. Appended by triggers of the database on transactions, taken
    away by the worker, which adds it to the rollup: whoever reads adds both.
    """

    hour = models.DateTimeField()

    class Meta(_Summed.Meta):
        pass

    def __str__(self) -> str:
        return f"{self.number:+d} in {self.stage} at {self.hour:%Y-%m-%d %H}h"


class Rollup(_Summed):
    """How many transactions of a time stand in a stage, and their payouts. A coarser grain leaves branch and corridor
    empty where it sums over them.
    """

    grain = models.CharField(max_length=7, choices=Grain.choices)
    starts_at = models.DateTimeField()

    class Meta(_Summed.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["grain", "starts_at", "partner", "branch", "stage", "currency", "corridor"],
                nulls_distinct=False,
                name="one_row_of_the_rollup",
            )
        ]
        indexes = [
            models.Index(fields=["grain", "starts_at"], name="rollup_empty", condition=models.Q(number=0)),
        ]

    def __str__(self) -> str:
        return f"{self.number} in {self.stage}, {self.grain} {self.starts_at:%Y-%m-%d %H}h"
