"""People take exceptions, hand them over and put them aside; nobody loses work unawares and nothing goes unrecorded."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.errors import MissingPermission, Refused
from accounts.models import User
from audit.models import AuditEvent
from audit.verbs import Verb
from exceptions import handling
from exceptions.models import ExceptionItem, Kind
from tests.factories.accounts import UserFactory
from tests.factories.transactions import TransactionFactory
from tests.gateway.telling import stage, take_in
from tests.people import person, signed_in
from transactions.models import Transaction


def failed(**options: object) -> Transaction:
    made: Transaction = TransactionFactory(stage="failed_retryable", **options)
    return made


def item_of(remittance: Transaction) -> ExceptionItem:
    found: ExceptionItem = ExceptionItem.objects.of(remittance).open().get()
    return found


@pytest.mark.django_db
def test_whoever_takes_an_exception_has_it_and_the_trail_says_so(omar: User) -> None:
    remittance = failed()
    handling.assign(remittance, by=omar, to=omar, seen="")
    assert item_of(remittance).assignee == omar
    entry = AuditEvent.objects.of(remittance).get(verb=Verb.EXCEPTION_ASSIGNED)
    assert entry.said["after"] == {"assignee": "omar"}


@pytest.mark.django_db
def test_taking_what_is_taken_already_is_refused_with_the_name_of_who_has_it(omar: User, sana: User) -> None:
    remittance = failed()
    handling.assign(remittance, by=sana, to=sana, seen="")
    with pytest.raises(Refused, match=f"{sana} took these exceptions"):
        handling.assign(remittance, by=omar, to=omar, seen="")
    assert item_of(remittance).assignee == sana


@pytest.mark.django_db
def test_an_exception_is_handed_over_and_given_back(omar: User, sana: User) -> None:
    remittance = failed()
    handling.assign(remittance, by=omar, to=sana, seen="")
    handling.assign(remittance, by=sana, to=None, seen="sana")
    assert item_of(remittance).assignee is None
    assert AuditEvent.objects.of(remittance).filter(verb=Verb.EXCEPTION_ASSIGNED).count() == 2


@pytest.mark.django_db
def test_said_twice_is_done_and_recorded_once(omar: User) -> None:
    remittance = failed()
    handling.assign(remittance, by=omar, to=omar, seen="")
    handling.assign(remittance, by=omar, to=omar, seen="")
    assert AuditEvent.objects.of(remittance).filter(verb=Verb.EXCEPTION_ASSIGNED).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["hina", "adeel", "mehwish", "nadia", "bilal", "admin"])
def test_roles_that_do_not_work_on_exceptions_change_nothing(name: str) -> None:
    remittance, somebody = failed(partner="INSTANTCASH", branch="1003"), person(name)
    with pytest.raises(MissingPermission):
        handling.assign(remittance, by=somebody, to=somebody, seen="")
    with pytest.raises(MissingPermission):
        handling.snooze(remittance, by=somebody, until=timezone.now() + timedelta(hours=1), reason="later")
    assert item_of(remittance).assignee is None


@pytest.mark.django_db
def test_nobody_works_on_a_partner_that_they_may_only_see(omar: User) -> None:
    seer = UserFactory(roles=["Operations maker"])
    remittance = failed()
    with pytest.raises(Refused):
        handling.assign(remittance, by=seer, to=seer, seen="")
    with pytest.raises(Refused, match="may not work on"):
        handling.assign(remittance, by=omar, to=seer, seen="")


@pytest.mark.django_db
def test_what_is_put_aside_comes_back_at_its_time_or_when_something_changes(omar: User) -> None:
    remittance = failed()
    until = timezone.now() + timedelta(hours=1)
    handling.snooze(remittance, by=omar, until=until, reason="The bank answers at noon.")
    rows = ExceptionItem.objects.on_the_desk()
    assert not rows.awake(timezone.now()).exists()
    assert rows.awake(until).exists()
    take_in(stage(remittance.txn_id, remittance.sequence + 1, "payment", "STARTED", rail="RAAST", attempt=2))
    take_in(stage(remittance.txn_id, remittance.sequence + 2, "payment", "TIMEOUT", rail="RAAST", attempt=2))
    assert rows.awake(timezone.now()).get().kind == Kind.OUTCOME_UNKNOWN


@pytest.mark.django_db
def test_a_changed_transaction_brings_its_exception_back_at_once(omar: User) -> None:
    remittance = TransactionFactory(kind="paid:missing")
    handling.snooze(remittance, by=omar, until=timezone.now() + timedelta(hours=1), reason="Waiting.")
    rows = ExceptionItem.objects.on_the_desk().filter(transaction=remittance)
    assert not rows.awake(timezone.now()).exists()
    Transaction.objects.filter(pk=remittance.pk).update(version=remittance.version + 1)
    assert rows.awake(timezone.now()).exists()


@pytest.mark.django_db
def test_nothing_is_put_aside_for_ever(omar: User) -> None:
    remittance = failed()
    for until in (timezone.now() - timedelta(minutes=1), timezone.now() + timedelta(days=15)):
        with pytest.raises(Refused, match="14 days"):
            handling.snooze(remittance, by=omar, until=until, reason="Later.")


@pytest.mark.django_db
def test_what_is_aside_can_be_brought_back(omar: User) -> None:
    remittance = failed()
    handling.snooze(remittance, by=omar, until=timezone.now() + timedelta(hours=1), reason="Waiting.")
    handling.wake(remittance, by=omar)
    assert ExceptionItem.objects.on_the_desk().awake(timezone.now()).exists()


@pytest.mark.django_db
def test_only_what_happened_once_can_be_closed_by_hand(omar: User) -> None:
    remittance = failed()
    with pytest.raises(Refused, match="closes by itself"):
        handling.settle_by_hand(item_of(remittance), by=omar, reason="Done.")
    conflict = ExceptionItem.objects.create(
        transaction=remittance, kind=Kind.CONFLICT, opened_at=timezone.now(), reason="Other data came."
    )
    handling.settle_by_hand(conflict, by=omar, reason="The partner withdrew the second file.")
    conflict.refresh_from_db()
    assert conflict.closed_at
    assert AuditEvent.objects.of(remittance).filter(verb=Verb.EXCEPTION_SETTLED).count() == 1


@pytest.mark.django_db
def test_over_http_the_loser_is_told_who_won_and_keeps_what_was_typed(as_omar: Client, sana: User, omar: User) -> None:
    remittance = failed()
    address = f"/exceptions/of/{remittance.txn_id}/"
    handling.assign(remittance, by=sana, to=sana, seen="")
    answer = as_omar.post(address, {"deed": "assign", "assign-to": "omar", "assign-seen": ""})
    assert answer.status_code == 409
    assert f"{sana} took these exceptions" in answer.content.decode()
    answer = as_omar.post(address, {"deed": "assign", "assign-to": "omar", "assign-seen": "sana"})
    assert answer.status_code == 302
    assert item_of(remittance).assignee == omar


@pytest.mark.django_db
def test_a_form_without_a_reason_says_so_and_keeps_the_rest(as_omar: Client) -> None:
    remittance = failed()
    answer = as_omar.post(f"/exceptions/of/{remittance.txn_id}/", {"deed": "snooze", "snooze-span": "4h"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Enter why it can wait" in page
    assert '<option value="4h" selected>' in page


@pytest.mark.django_db
def test_an_exception_of_a_foreign_partner_answers_like_one_that_does_not_exist() -> None:
    remittance = failed()
    outsider = signed_in(UserFactory(roles=["Operations maker"]))
    foreign = outsider.get(f"/exceptions/of/{remittance.txn_id}/")
    assert foreign.status_code == outsider.get("/exceptions/of/NOWHERE/").status_code == 404
    assert outsider.post(f"/exceptions/of/{remittance.txn_id}/", {"deed": "wake"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_many_who_take_at_once_one_wins() -> None:
    omar, sana = person("omar"), person("sana")
    remittance = failed()
    barrier, outcomes = threading.Barrier(6), []

    def take(who: User) -> None:
        barrier.wait()
        try:
            handling.assign(remittance, by=who, to=who, seen="")
            outcomes.append("taken")
        except Refused as refusal:
            outcomes.append(refusal.sentence)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=[who]) for who in (omar, sana, omar, sana, omar, sana)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = item_of(remittance).assignee
    assert winner in (omar, sana)
    assert AuditEvent.objects.of(remittance).filter(verb=Verb.EXCEPTION_ASSIGNED).count() == 1
    assert outcomes.count("taken") == 3, outcomes  # the winner said it three times
