"""Transactions and what hangs on them. A transaction comes from events through the intake: its state is folded."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import factory

from backoffice.demo.stories import story_for_stage, story_of_kind
from backoffice.gateway.intake import receive
from tests.factories.accounts import ApprovalRequestFactory, BranchFactory, PartnerFactory, SubAgentFactory, UserFactory
from transactions import models
from transactions.vocabulary import CommandKind, EventType, Family, RetryClass, Side, Stage

Json = dict[str, Any]
_numbers = count(1)


def take_in_story(events: list[Json], **options: Any) -> models.Transaction:
    """The transaction that these events make; its partner, branch and sub-agent are made where they are missing."""
    for event in events:
        data = event["data"]
        if event["type"] == EventType.RECEIVED:
            PartnerFactory(code=data["partner"])
            if "branchCode" in data:
                BranchFactory(code=data["branchCode"])
            if "agentCode" in data:
                SubAgentFactory(agent_code=data["agentCode"])
    receipt = receive(events, **({"message_id": f"story-{next(_numbers)}", "source": "demo"} | options))
    troubles = [result for result in receipt.events if result.errors]
    if troubles:
        raise ValueError(f"The intake did not take the story: {troubles}")
    return models.Transaction.objects.get(txn_id=events[0]["subject"])


class TransactionFactory(factory.django.DjangoModelFactory[models.Transaction]):
    """A transaction in any stage, told by the platform: `TransactionFactory(stage="settlement", partner="RIA")`.

    `kind` tells a story of that kind instead, `txn_id` and `reference` name it, `age` says how long ago its last
    event was, `data` is merged into the instruction.
    """

    class Meta:
        model = models.Transaction

    stage = Stage.CREDITED.value
    kind = ""
    partner = "RIA"
    branch = None
    txn_id = ""
    reference = ""
    data: Any = factory.LazyFunction(dict)
    age = timedelta(minutes=1)
    now = factory.LazyFunction(lambda: datetime.now(UTC))

    @classmethod
    def _create(cls, model_class: type[models.Transaction], *args: Any, **asked: Any) -> models.Transaction:
        return take_in_story(story(**asked))


def story(
    *,
    stage: str = Stage.CREDITED.value,
    kind: str = "",
    partner: str = "RIA",
    branch: str | None = None,
    txn_id: str = "",
    reference: str = "",
    data: Json | None = None,
    age: timedelta = timedelta(minutes=1),
    now: datetime | None = None,
) -> list[Json]:
    """The events of a transaction in `stage` or of a story of `kind`, with references of its own."""
    options: Json = {"number": next(_numbers), "now": now, "partner": partner, "branch": branch, "age": age}
    events = story_of_kind(kind, **options) if kind else story_for_stage(stage, **options)
    told = events[0]["data"]
    for name, value in (data or {}).items():
        told[name] = told[name] | value if isinstance(value, dict) and isinstance(told.get(name), dict) else value
    if reference:
        told["transactionDetails"]["partnerReference"] = reference
    if txn_id:
        for event in events:
            event["id"], event["subject"] = f"{txn_id}.{event['sequence']}", txn_id
    return events


class _OfTransaction(factory.django.DjangoModelFactory[Any]):
    """A row that the intake makes with a transaction: the factory makes the transaction and returns the row."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: type[Any], *args: Any, **asked: Any) -> Any:
        transaction = asked.pop("transaction", None) or TransactionFactory(**asked)
        return cls.of(transaction)

    @classmethod
    def of(cls, transaction: models.Transaction) -> Any:
        raise NotImplementedError


class PartyFactory(_OfTransaction):
    class Meta:
        model = models.Party

    @classmethod
    def of(cls, transaction: models.Transaction) -> models.Party:
        return transaction.parties.get(side=Side.BENEFICIARY)


class AccountFactory(_OfTransaction):
    class Meta:
        model = models.Account

    kind = "paid"

    @classmethod
    def of(cls, transaction: models.Transaction) -> models.Account:
        return models.Account.objects.get(transaction=transaction)


class EventFactory(_OfTransaction):
    class Meta:
        model = models.Event

    @classmethod
    def of(cls, transaction: models.Transaction) -> models.Event:
        event: models.Event = transaction.events.in_order().last()
        return event


class NoteFactory(factory.django.DjangoModelFactory[models.Note]):
    class Meta:
        model = models.Note

    transaction = factory.SubFactory(TransactionFactory)
    author = factory.SubFactory(UserFactory)
    text = "Called the partner; they will send the account number."


class InquiryFactory(factory.django.DjangoModelFactory[models.Inquiry]):
    class Meta:
        model = models.Inquiry

    number = factory.Sequence(lambda n: f"INQ-TEST-{n:06d}")
    transaction = factory.SubFactory(TransactionFactory)
    partner = factory.SelfAttribute("transaction.partner")
    channel = models.Inquiry.Channel.PHONE
    asked_by = "Faisal at the partner's desk"
    reference_asked = factory.SelfAttribute("transaction.partner_reference")
    question = "Where is the money?"
    answer = "It is being processed."
    opened_by = factory.SubFactory(UserFactory)


class SearchFactory(factory.django.DjangoModelFactory[models.Search]):
    class Meta:
        model = models.Search

    owner = factory.SubFactory(UserFactory)
    text = "Sana Malik"


class NameFactory(factory.django.DjangoModelFactory[models.Name]):
    class Meta:
        model = models.Name

    raw = factory.Sequence(lambda n: f"Sana Malik {n}")


class NameWordFactory(factory.django.DjangoModelFactory[models.NameWord]):
    class Meta:
        model = models.NameWord

    word = factory.Sequence(lambda n: f"malik{n}")


class ReasonCodeFactory(factory.django.DjangoModelFactory[models.ReasonCode]):
    class Meta:
        model = models.ReasonCode
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"X{n:03d}")
    sentence = "The bank gave a reason of its own."
    family = Family.OTHER
    retry_class = RetryClass.INQUIRE


class PurposeCodeFactory(factory.django.DjangoModelFactory[models.PurposeCode]):
    class Meta:
        model = models.PurposeCode
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"P{n:03d}")
    text = "A purpose of its own"


class StageLimitFactory(factory.django.DjangoModelFactory[models.StageLimit]):
    class Meta:
        model = models.StageLimit

    stage = Stage.SETTLEMENT
    partner = factory.SubFactory(PartnerFactory)
    amount = 45


class HolidayFactory(factory.django.DjangoModelFactory[models.Holiday]):
    class Meta:
        model = models.Holiday
        django_get_or_create = ("day",)

    day = factory.Sequence(lambda n: date(2031, 1, 1) + timedelta(days=n))
    name = "A holiday"


class AnswerTextFactory(factory.django.DjangoModelFactory[models.AnswerText]):
    class Meta:
        model = models.AnswerText

    key = factory.Sequence(lambda n: f"key_{n}")
    text = "{reference}: it is being processed."
    approval = factory.LazyAttribute(
        lambda text: ApprovalRequestFactory(operation="answer_text") if getattr(text, "version", 1) > 1 else None
    )


class CommandFactory(factory.django.DjangoModelFactory[models.Command]):
    """A command in the outbox, of one person and not sent yet."""

    class Meta:
        model = models.Command

    transaction = factory.SubFactory(TransactionFactory, stage=Stage.OUTCOME_UNKNOWN.value)
    kind = CommandKind.INQUIRE
    attempt = 1
    maker = factory.SubFactory(UserFactory)


class MoneyLimitFactory(factory.django.DjangoModelFactory[models.MoneyLimit]):
    class Meta:
        model = models.MoneyLimit
        django_get_or_create = ("key", "currency")

    key = models.MoneyLimit.Key.RTGS_MINIMUM
    currency = "AED"
    amount = 50_000


class SavedViewFactory(factory.django.DjangoModelFactory[models.SavedView]):
    """A private view of somebody's; `team` (a role's group) shares it."""

    class Meta:
        model = models.SavedView

    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda number: f"View {number}")
    query = "status=failed&created=today"


class ListSettingsFactory(factory.django.DjangoModelFactory[models.ListSettings]):
    """Somebody's own columns."""

    class Meta:
        model = models.ListSettings

    owner = factory.SubFactory(UserFactory)
    columns = "status,created"
