"""The deeds of the exception desk: what each leaves behind, what stands in its way, and whom it needs."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from accounts import maker_checker
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalPolicy, ApprovalRequest, User
from audit.models import AuditEvent
from audit.verbs import Verb
from exceptions import actions
from exceptions.guards import DEEDS
from tests.factories.accounts import ApprovalRequestFactory, PartnerFactory, UserFactory, grant
from tests.factories.transactions import CommandFactory, TransactionFactory
from transactions.deeds import offer_of
from transactions.errors import ChangedMeanwhile
from transactions.facts import facts_about
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandKind, CommandState, Rail, Stage

pytestmark = pytest.mark.django_db

State = ApprovalRequest.State


def failed(**asked: object) -> Transaction:
    """A payment that the settlement account could not cover, of PKR 40,000 where nothing else is said."""
    data = {"transactionDetails": {"payingAmount": str(asked.pop("amount", "40000.00"))}}
    found: Transaction = TransactionFactory(**{"kind": "retryable:AM04", "data": data} | asked)
    return found


def names_in_the_way(key: str, row: Transaction) -> set[str]:
    facts = facts_about(row)
    return {guard.name for guard in DEEDS[key].guards if guard.in_the_way(facts)}


# -- retrying ---------------------------------------------------------------------------------------------------------


def test_a_retry_asks_the_bank_first_and_the_payment_waits_for_its_answer(omar: User) -> None:
    row = failed()
    asked = actions.repush(row, by=omar, reason_code="FUNDED")
    assert isinstance(asked, Command)
    assert (asked.kind, asked.state, asked.attempt) == (CommandKind.REPUSH, CommandState.QUEUED, row.attempt + 1)
    assert asked.waits_for is not None
    assert asked.waits_for.kind == CommandKind.INQUIRE
    said = AuditEvent.objects.filter(verb=Verb.COMMAND_ASKED, object_id=row.txn_id)
    assert [entry.said["facts"]["kind"] for entry in said] == ["inquire", "repush"]


def test_a_retry_over_the_limit_waits_for_a_checker(omar: User, sana: User) -> None:
    row = failed(amount="500000.01")
    asked = actions.repush(row, by=omar, reason_code="FUNDED", note="Funded this morning.")
    assert isinstance(asked, ApprovalRequest)
    assert not Command.objects.exists()
    maker_checker.approve(asked, by=sana, note="Seen the statement.")
    command = Command.objects.get(kind=CommandKind.REPUSH)
    assert (command.maker, command.checker, command.approval, command.people_required) == (omar, sana, asked, 2)


def test_an_administrator_who_lowers_the_limit_makes_the_next_retry_ask_for_a_checker(omar: User) -> None:
    ApprovalPolicy.objects.filter(operation="repush", currency="PKR").update(limit=Decimal("39999.99"))
    assert isinstance(actions.repush(failed(), by=omar, reason_code="FUNDED"), ApprovalRequest)


@pytest.mark.parametrize(
    ("kind", "guard"),
    [
        ("paid", "stage"),
        ("unknown:1LINK", "stage"),
        ("failed:AC04", "stage"),
        ("blocked:correct", "reason_allows"),
        ("blocked:exhausted", "attempts_left"),
        ("blocked:missing", "events_complete"),
    ],
)
def test_a_retry_is_refused_by_the_guard_that_the_page_names(omar: User, kind: str, guard: str) -> None:
    row = TransactionFactory(kind=kind)
    assert guard in names_in_the_way("repush", row)
    offer = offer_of(DEEDS["repush"], facts_about(row), omar)
    with pytest.raises(Refused) as refusal:
        actions.repush(row, by=omar, reason_code="FUNDED")
    assert refusal.value.sentence == offer.why_not
    assert not Command.objects.exists()


def test_an_unknown_outcome_blocks_everything_but_an_inquiry(omar: User, tariq: User) -> None:
    row = TransactionFactory(stage=Stage.OUTCOME_UNKNOWN)
    for key, deed in DEEDS.items():
        obstacles = names_in_the_way(key, row)
        assert bool(obstacles) == (key != "inquire"), (key, obstacles)
        assert deed.guards
    actions.inquire(row, by=omar)
    with pytest.raises(Refused, match="asked the platform at"):
        actions.inquire(row, by=tariq)


def test_a_possible_duplicate_is_retried_only_after_two_people_said_that_it_is_none(omar: User, sana: User) -> None:
    row = failed()
    Transaction.objects.filter(pk=row.pk).update(duplicate_suspect=True)
    with pytest.raises(Refused, match="may be the repeat"):
        actions.repush(row, by=omar, reason_code="FUNDED")
    asked = actions.override_duplicate(row, by=omar, reason_code="DIFFERENT", note="Two invoices.")
    assert isinstance(asked, ApprovalRequest)
    maker_checker.approve(asked, by=sana)
    assert isinstance(actions.repush(row, by=omar, reason_code="FUNDED"), Command)


# -- rails ------------------------------------------------------------------------------------------------------------


def test_it_moves_to_rtgs_only_when_neither_or_both_of_1link_and_raast_refused(omar: User) -> None:
    row = failed(amount="250000.00")
    facts = facts_about(row)
    used = {word.rail for word in facts.money}
    way = names_in_the_way("move_to_rtgs", row)
    assert ("no_rail_holds_it" in way) == bool(used & {Rail.ONE_LINK, Rail.RAAST})


# -- one after another ------------------------------------------------------------------------------------------------


def test_a_second_retry_is_told_who_asked_first(omar: User) -> None:
    row = failed()
    actions.repush(row, by=omar, reason_code="FUNDED")
    with pytest.raises(Refused, match="Omar Gondal asked the platform at"):
        actions.repush(row, by=omar, reason_code="FUNDED")


def test_the_same_form_twice_is_counted_once(omar: User) -> None:
    row, token = failed(), uuid4()
    actions.repush(row, by=omar, reason_code="FUNDED", token=token)
    with pytest.raises(Refused, match="already received"):
        actions.repush(row, by=omar, reason_code="FUNDED", token=token)
    assert Command.objects.filter(kind=CommandKind.REPUSH).count() == 1


def test_a_form_about_another_version_is_refused(omar: User) -> None:
    row = failed()
    with pytest.raises(ChangedMeanwhile):
        actions.repush(row, by=omar, reason_code="FUNDED", version=row.version + 1)


# -- who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["hina", "sana", "adeel", "mehwish", "tariq", "rabia", "bilal", "nadia", "admin"])
def test_only_an_operations_maker_retries(request: pytest.FixtureRequest, who: str) -> None:
    with pytest.raises(MissingPermission):
        actions.repush(failed(), by=request.getfixturevalue(who), reason_code="FUNDED")


def test_a_maker_who_only_sees_a_partner_does_not_work_on_it(omar: User) -> None:
    omar.user_permissions.clear()
    grant(omar, PartnerFactory(code="RIA"), "see")
    with pytest.raises(Refused, match="not work on it"):
        actions.repush(failed(), by=User.objects.get(pk=omar.pk), reason_code="FUNDED")


def test_nobody_approves_what_they_asked_through_a_second_account(omar: User) -> None:
    asked = actions.repush(failed(amount="600000.00"), by=omar, reason_code="FUNDED")
    assert isinstance(asked, ApprovalRequest)
    twin = UserFactory(roles=["Operations checker"], everything=True, person_key=omar.person_key)
    with pytest.raises(Refused, match="You asked for this"):
        maker_checker.approve(asked, by=twin)


def test_a_superuser_approves_nothing_without_the_right(omar: User) -> None:
    asked = actions.repush(failed(amount="600000.00"), by=omar, reason_code="FUNDED")
    assert isinstance(asked, ApprovalRequest)
    with pytest.raises(MissingPermission):
        maker_checker.approve(asked, by=UserFactory(is_superuser=True, is_staff=True))


# -- the database holds it --------------------------------------------------------------------------------------------


def test_the_database_refuses_a_decision_by_the_maker_whatever_keys_are_written(omar: User) -> None:
    asked = ApprovalRequestFactory(maker=omar)
    forged = (
        "UPDATE accounts_approvalrequest SET state = 'APPROVED', checker_id = maker_id, decided_at = now(),"
        " checker_person = gen_random_uuid() WHERE id = %s"
    )
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(forged, [asked.pk])


def test_the_database_refuses_a_command_of_two_people_without_their_request(omar: User, sana: User) -> None:
    row = TransactionFactory(stage=Stage.CASH_READY)
    with pytest.raises(IntegrityError), transaction.atomic():
        CommandFactory(transaction=row, kind=CommandKind.CANCEL, maker=omar)
    pending = ApprovalRequestFactory(maker=omar)
    with pytest.raises(IntegrityError), transaction.atomic():
        CommandFactory(
            transaction=row, kind=CommandKind.CANCEL, maker=omar, checker=sana, approval=pending, people_required=2
        )


def test_the_database_lets_nothing_of_a_decided_request_or_a_command_change(omar: User, sana: User) -> None:
    asked = actions.repush(failed(amount="600000.00"), by=omar, reason_code="FUNDED")
    assert isinstance(asked, ApprovalRequest)
    maker_checker.reject(asked, by=sana, note="No.")
    for change in ({"state": State.PENDING, "decided_at": None, "checker": None}, {"note": "Another"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ApprovalRequest.objects.filter(pk=asked.pk).update(**change)
    command = CommandFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        Command.objects.filter(pk=command.pk).update(kind=CommandKind.SEND_BACK)
    with pytest.raises((InternalError, Exception)), transaction.atomic():
        command.delete()
