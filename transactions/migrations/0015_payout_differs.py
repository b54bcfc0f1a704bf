"""Payouts that differ from amount times rate are found by an index of their own."""

from decimal import Decimal

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("transactions", "0014_sums_of_what_is_open")]

    operations = [
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                fields=["-received_at", "-id"],
                name="txn_payout_differs",
                condition=Q(settled_amount__gt=F("sent_amount") * F("rate") * Decimal("1.005"))
                | Q(settled_amount__lt=F("sent_amount") * F("rate") * Decimal("0.995")),
            ),
        ),
    ]
