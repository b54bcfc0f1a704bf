"""The worker runs what was left for it, as the application role, and forgets what succeeded."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

JOB = "backoffice.forget_what_expired"


def defer() -> None:
    app.configure_task(JOB).defer(timestamp=0)


@pytest.mark.django_db(transaction=True)
def test_the_worker_runs_a_waiting_job_and_forgets_it() -> None:
    defer()
    assert ProcrastinateJob.objects.filter(task_name=JOB).count() == 1
    call_command("work", "--once")
    assert not ProcrastinateJob.objects.filter(task_name=JOB).exists()


@pytest.mark.django_db(transaction=True)
def test_a_job_of_a_rolled_back_deed_never_was() -> None:
    with transaction.atomic():
        defer()
        assert ProcrastinateJob.objects.count() == 1
        transaction.set_rollback(True)
    assert ProcrastinateJob.objects.count() == 0
