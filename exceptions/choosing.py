"""Turns what a person chose into transactions: ticked rows, everything that a list matches, or the rest of a job."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.http import Http404, QueryDict

from accounts.errors import Refused
from exceptions.desk import ExceptionQuery, meanings_of
from exceptions.jobs import MOST, TOO_MANY
from exceptions.models import BulkJob, BulkRow
from transactions.models import Transaction
from transactions.query import TransactionQuery

if TYPE_CHECKING:
    from accounts.models import User
    from exceptions.forms import ChoiceForm

KEPT_FOR = dt.timedelta(hours=24)
Chosen = tuple[list[Transaction], str]
"""The rows, and how they were chosen, in words."""


def chosen(form: ChoiceForm, user: User, now: dt.datetime) -> Chosen:
    """The rows that the form names, among those that the person sees. Raises Refused for what cannot be read."""
    if not form.is_valid():
        raise Refused("The list of chosen transactions cannot be read. Go back to the list and choose again.")
    given = form.cleaned_data
    if given["job"]:
        return _of_job(given["job"], user)
    if given["all"] and given["group"]:
        return _of_group(given["group"], given["query"], user, now)
    if given["all"]:
        return _of_list(given["query"], given["moment"], user, now)
    return _ticked(form.ticked, user)


def _ticked(names: list[str], user: User) -> Chosen:
    if len(names) > MOST:
        raise Refused(TOO_MANY)
    found = {row.txn_id: row for row in Transaction.objects.visible_to(user).among(names).for_list()}
    rows = [found[name] for name in names if name in found]
    return rows, f"{len(rows):,} ticked"


def _of_list(query: str, moment: dt.datetime | None, user: User, now: dt.datetime) -> Chosen:
    if moment is None or not now - KEPT_FOR <= moment <= now:
        raise Refused("This list is not of today. Load it again and choose again.")
    asked = TransactionQuery(QueryDict(query), user, moment)
    if not asked.is_sound:
        raise Refused(asked.problems[0].sentence, status=400)
    rows = list(asked.rows.here_at(moment).for_list()[: MOST + 1])
    return rows, f"all {len(rows):,} that the list matched"


def _of_group(key: str, query: str, user: User, now: dt.datetime) -> Chosen:
    meanings = meanings_of(user, now)
    meaning = meanings.named(key)
    if meaning is None:
        raise Http404
    asked = ExceptionQuery(QueryDict(query), user, now, meanings=meanings, meaning=meaning)
    if not asked.is_sound:
        raise Refused(f"{asked.troubles[0].sentence} Remove it and choose again.", status=400)
    items = asked.items.for_list()[: MOST + 1]
    rows = list({item.transaction_id: item.transaction for item in items}.values())
    return rows, f"all {len(rows):,} of “{meaning.sentence.rstrip('.')}”"


def _of_job(number: str, user: User) -> Chosen:
    job = BulkJob.objects.readable_by(user).called(number).first()
    if job is None:
        raise Http404
    undone = job.rows.visible_to(user).in_state(BulkRow.State.REFUSED, BulkRow.State.FAILED).for_list()
    rows = [row.transaction for row in undone]
    return rows, f"the {len(rows):,} that {job.number} did not do"
