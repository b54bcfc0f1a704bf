"""Commands to the platform: one key for every try, and what each answer makes of the row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from audit.verbs import Verb
from backoffice.gateway import delivery
from backoffice.gateway.delivery import Answer
from backoffice.gateway.intake import receive
from exceptions import actions
from tests.factories.transactions import TransactionFactory
from tests.transactions.pages import read
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandKind, CommandState, Stage

pytestmark = pytest.mark.django_db


class Line:
    """The platform as the worker meets it: answers in order, and what it was sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[Answer] = []
        self.sent: list[Command] = []
        monkeypatch.setattr(delivery, "_post", self)

    def __call__(self, command: Command) -> Answer:
        self.sent.append(command)
        return self.answers.pop(0) if self.answers else Answer(202)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    return Line(monkeypatch)


def say(row: Transaction, type_: str, **data: Any) -> None:
    """One more event of the platform about this transaction."""
    number = Transaction.objects.get(pk=row.pk).sequence + 1
    event = {
        "specversion": "1.0",
        "id": f"{row.txn_id}.{number}",
        "source": "/openremit/platform",
        "type": f"openremit.{type_}",
        "subject": row.txn_id,
        "time": timezone.now().isoformat().replace("+00:00", "Z"),
        "sequence": number,
        "data": data,
    }
    receipt = receive([event], message_id=uuid4().hex, source="demo")
    assert not receipt.events[0].errors, receipt.events[0].errors


def inquiry_says(row: Transaction, funds: str, command: Command | None = None) -> None:
    key = {"commandId": str(command.pk)} if command else {}
    say(row, "transaction.stage", stage="inquiry", result="SUCCESS", fundsPosition=funds, attempt=1, **key)


def now_of(command: Command) -> Command:
    return Command.objects.get(pk=command.pk)


@pytest.fixture
def row() -> Transaction:
    found: Transaction = TransactionFactory(
        kind="retryable:AM04", data={"transactionDetails": {"payingAmount": "900.00"}}
    )
    return found


@pytest.fixture
def retry(row: Transaction, omar: User) -> Command:
    asked = actions.repush(row, by=omar, reason_code="FUNDED")
    assert isinstance(asked, Command)
    return asked


def due_again() -> None:
    Command.objects.open().update(next_try_at=timezone.now(), leased_until=timezone.now() - timedelta(seconds=1))


def test_the_bank_is_asked_first_and_its_not_sent_lets_the_payment_go(
    line: Line, row: Transaction, retry: Command
) -> None:
    assert delivery.deliver_due() == 1
    assert [command.kind for command in line.sent] == [CommandKind.INQUIRE]
    assert delivery.deliver_due() == 0
    inquiry_says(row, "NOT_SENT", line.sent[0])
    assert delivery.deliver_due() == 1
    assert now_of(retry).state == CommandState.SENT


@pytest.mark.parametrize("funds", ["WITH_BENEFICIARY", "AT_RAIL", "RETURNED", "UNKNOWN"])
def test_any_other_word_of_the_bank_refuses_the_payment_in_words(
    line: Line, row: Transaction, retry: Command, funds: str
) -> None:
    delivery.deliver_due()
    inquiry_says(row, funds, line.sent[0])
    say(row, "command.completed", commandId=str(line.sent[0].pk), outcome="SUCCEEDED")
    delivery.deliver_due()
    present = now_of(retry)
    assert (present.state, len(line.sent)) == (CommandState.REFUSED, 1)
    assert present.outcome
    assert AuditEvent.objects.filter(verb=Verb.COMMAND_REFUSED, object_id=row.txn_id).exists()


def test_an_answer_to_another_inquiry_does_not_let_the_payment_go(line: Line, row: Transaction, retry: Command) -> None:
    delivery.deliver_due()
    inquiry_says(row, "NOT_SENT")
    assert delivery.deliver_due() == 0
    assert now_of(retry).state == CommandState.QUEUED


def test_the_same_key_goes_again_until_somebody_takes_it(line: Line, row: Transaction, omar: User) -> None:
    command = actions.inquire(row, by=omar)
    line.answers = [Answer(0, "No answer."), Answer(500, "Broken."), Answer(409)]
    for state, tries in ((CommandState.SENDING, 1), (CommandState.SENDING, 2), (CommandState.SENT, 3)):
        due_again()
        delivery.deliver_due()
        present = Command.objects.get(pk=command.pk)
        assert (present.state, present.tries) == (state, tries)
    assert {sent.pk for sent in line.sent} == {command.pk}


def test_a_refusal_at_once_is_shown_and_one_after_a_lost_answer_proves_nothing(
    line: Line, row: Transaction, omar: User
) -> None:
    first = actions.send_back(row, by=omar, reason_code="DATA")
    line.answers = [Answer(422, "Not in this state.")]
    delivery.deliver_due()
    assert Command.objects.get(pk=first.pk).state == CommandState.REFUSED
    assert "Not in this state." in Command.objects.get(pk=first.pk).outcome
    second = actions.send_back(row, by=omar, reason_code="DATA")
    line.answers = [Answer(0, "No answer."), Answer(422, "Not in this state.")]
    delivery.deliver_due()
    due_again()
    delivery.deliver_due()
    assert Command.objects.get(pk=second.pk).state == CommandState.UNKNOWN


def test_a_late_or_contradictory_answer_never_overwrites(line: Line, row: Transaction, omar: User) -> None:
    command = actions.send_back(row, by=omar, reason_code="DATA")
    delivery.deliver_due()
    for outcome in ("FAILED", "SUCCEEDED", "UNKNOWN"):
        say(row, "command.completed", commandId=str(command.pk), outcome=outcome)
    present = Command.objects.get(pk=command.pk)
    assert (present.state, present.outcome) == (CommandState.FAILED, "The platform did not do it.")
    assert Transaction.objects.get(pk=row.pk).stage == Stage.FAILED_RETRYABLE


def test_an_answer_about_another_transactions_command_closes_nothing(line: Line, row: Transaction, omar: User) -> None:
    command = actions.send_back(row, by=omar, reason_code="DATA")
    delivery.deliver_due()
    say(TransactionFactory(), "command.completed", commandId=str(command.pk), outcome="SUCCEEDED")
    assert Command.objects.get(pk=command.pk).state == CommandState.SENT


def test_what_came_true_meanwhile_keeps_a_queued_command_at_home(line: Line, row: Transaction, omar: User) -> None:
    command = actions.send_back(row, by=omar, reason_code="DATA")
    inquiry_says(row, "WITH_BENEFICIARY")
    assert delivery.deliver_due() == 0
    assert Command.objects.get(pk=command.pk).state == CommandState.REFUSED
    assert not line.sent


def test_a_lease_that_ran_out_is_taken_up_again_under_the_same_key(line: Line, row: Transaction, omar: User) -> None:
    command = actions.inquire(row, by=omar)
    delivery._lease(command.pk)  # the worker is killed here
    assert delivery.deliver_due() == 0
    due_again()
    assert delivery.deliver_due() == 1
    assert [sent.pk for sent in line.sent] == [command.pk]


# -- asked by itself --------------------------------------------------------------------------------------------------


def test_an_unknown_outcome_is_asked_about_after_the_rails_own_time(line: Line) -> None:
    row = TransactionFactory(kind="unknown:RAAST", age=timedelta(seconds=30))
    assert delivery.inquire_by_itself() == 0
    assert delivery.inquire_by_itself(now=timezone.now() + timedelta(minutes=2)) == 1
    assert delivery.inquire_by_itself(now=timezone.now() + timedelta(minutes=2)) == 0
    command = Command.objects.get(transaction=row)
    assert (command.kind, command.maker) == (CommandKind.INQUIRE, None)


def test_a_command_without_an_answer_is_asked_about_and_closed_by_what_the_bank_says(
    line: Line, row: Transaction, omar: User
) -> None:
    command = actions.send_back(row, by=omar, reason_code="DATA")
    delivery.deliver_due()
    assert delivery.inquire_by_itself() == 0
    Command.objects.filter(pk=command.pk).update(accepted_at=timezone.now() - timedelta(minutes=3))
    assert delivery.inquire_by_itself() == 1
    asked = Command.objects.get(kind=CommandKind.INQUIRE)
    delivery.deliver_due()
    inquiry_says(row, "NOT_SENT", asked)
    assert Command.objects.get(pk=command.pk).state == CommandState.FAILED
    assert Command.objects.get(pk=asked.pk).state == CommandState.SUCCEEDED


def test_an_inquiry_that_nobody_answers_is_given_up_so_that_another_can_be_asked(
    line: Line, row: Transaction, omar: User
) -> None:
    actions.inquire(row, by=omar)
    delivery.deliver_due()
    assert delivery.give_up_inquiries() == 0
    assert delivery.give_up_inquiries(now=timezone.now() + timedelta(minutes=11)) == 1
    actions.inquire(row, by=omar)


def test_pauses_grow_and_differ() -> None:
    assert delivery.back_off(1) <= timedelta(seconds=1)
    assert timedelta(seconds=30) <= delivery.back_off(50) <= timedelta(seconds=60)
    assert len({delivery.back_off(3) for _ in range(20)}) > 1


def test_a_platform_that_is_away_is_told_where_somebody_would_wait_for_it(
    line: Line, as_omar: Client, row: Transaction, omar: User
) -> None:
    asked = actions.inquire(row, by=omar, reason_code="LATE", note="")
    assert isinstance(asked, Command)
    actions.inquire(TransactionFactory(stage="outcome_unknown"), by=omar, reason_code="LATE", note="")
    pages = ("/exceptions/", f"{row.get_absolute_url()}do/repush/", row.get_absolute_url())
    away = "The platform does not answer since"
    assert not any(away in as_omar.get(page).content.decode() for page in pages)
    line.answers = [Answer(0, "No answer from the platform (ConnectionRefusedError).")] * 4
    for _ in range(2):
        delivery.deliver_due()
        due_again()
    for page in pages:
        html = " ".join(as_omar.get(page).content.decode().split())
        assert away in html
        assert "2 commands wait." in html
    delivery.deliver_due()
    assert not any(away in as_omar.get(page).content.decode() for page in pages)


def test_what_was_asked_sent_and_answered_stands_in_the_timeline(
    line: Line, as_omar: Client, as_hina: Client, row: Transaction, omar: User
) -> None:
    command = actions.inquire(row, by=omar, reason_code="LATE", note="It takes too long.")
    assert isinstance(command, Command)

    def told(client: Client, order: str = "") -> list[str]:
        page = read(client.get(f"{row.get_absolute_url()}timeline/{order}"))
        return [item.text for item in page.by_id("timeline").all("li")]

    assert [one for one in told(as_omar) if "It waits to be sent." in one]
    line.answers = [Answer(500, "Busy."), Answer(202)]
    delivery.deliver_due()
    due_again()
    delivery.deliver_due()
    lines = " | ".join(told(as_omar))
    assert "Asked: Inquire" in lines
    assert "Omar Gondal" in lines
    assert "It takes too long." in lines
    assert "Sent to the platform, 2 times under one key: Inquire" in lines
    assert "Its answer is awaited." in lines
    for outcome in ("SUCCEEDED", "FAILED"):
        say(row, "command.completed", commandId=str(command.pk), outcome=outcome)
    lines = told(as_omar)
    asked, sent, first, again = (
        next(place for place, one in enumerate(lines) if word in one)
        for word in ("Asked: Inquire", "Sent to the platform", "Answer to “Inquire”: Done", "The first one stands")
    )
    assert asked < sent < first < again
    newest = " | ".join(told(as_omar, "?order=newest"))
    assert newest.index("Sent to the platform") < newest.index("Asked: Inquire")
    assert now_of(command).state == CommandState.SUCCEEDED
