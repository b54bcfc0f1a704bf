"""Transactions for auditors, and the reference data that administrators keep, in Django admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.access import scope_of
from accounts.administration import REFERENCE, ChangingAdmin, ReadingAdmin, ReasonedForm
from accounts.models import Partner, User
from transactions import formats, masking, search
from transactions.answers import why_not_for_partners
from transactions.models import (
    Account,
    AnswerText,
    Holiday,
    MoneyLimit,
    Party,
    PurposeCode,
    ReasonCode,
    StageLimit,
    Transaction,
)
from transactions.querysets import scoped
from transactions.reading import Kind, read
from transactions.vocabulary import Funds, IdType, Stage, badge_of


def mask_number(value: Any) -> str:
    """An account number: as an IBAN where it looks like one."""
    text = str(value)
    return str(masking.mask_iban(text) if text[:2].isalpha() else masking.mask_account(text))


def _masked(kind: str) -> Any:
    return lambda value: str(masking.MASKS[kind](value))


# -- transactions, for auditors ---------------------------------------------------------------------------------------


class PartnerFilter(admin.SimpleListFilter):
    """The partners in the reader's scope, and no others: a list of names is a list of customers."""

    title = "partner"
    parameter_name = "partner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        scope = scope_of(request.user)
        partners = Partner.objects.all() if scope.all_partners else Partner.objects.filter(pk__in=scope.partner_ids)
        return [(partner.code, partner.name) for partner in partners]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(partner__code=self.value()) if self.value() else queryset


@admin.register(Transaction)
class TransactionAdmin(ReadingAdmin):
    """Where each transaction stands; its own page has the timeline."""

    section = "Transactions"
    list_display = ("txn_id", "partner", "partner_reference", "badge", "payout", "received_at")
    list_filter = ("status", "payout_method", "type", PartnerFilter)
    list_select_related = ("partner",)
    ordering = ("-received_at", "-id")
    search_fields = ("txn_id",)  # only to show the box; get_search_results asks the keys
    search_help_text = "One whole reference of any kind. People are searched for on the search page, not here."
    masks: ClassVar[Any] = {"beneficiary_iban": mask_number}
    fields = (
        "own_page",
        "badge",
        "stage_label",
        "money_is",
        "partner",
        "branch",
        "sub_agent",
        "partner_reference",
        "bank_reference",
        "rail_reference",
        "uetr",
        "end_to_end_id",
        "request_id",
        "payout_method",
        "type",
        "rail",
        "sent",
        "payout",
        "rate",
        "reason_code",
        "remitter_name",
        "beneficiary_name",
        "masked_iban",
        "received_at",
        "created_at",
        "updated_at",
        "attempt",
        "sequence",
        "missing_sequences",
        "contradictions",
        "version",
    )
    readonly_fields = ("own_page", "badge", "stage_label", "money_is", "sent", "payout", "masked_iban")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Exactly one reference, through the same indexed keys as the search page; nothing by part or by person."""
        if not search_term.strip():
            return queryset, False
        reading = read(search_term)
        found = set()
        if Kind.REFERENCE in reading.kinds and reading.key:
            for reference in search.REFERENCES:
                rows = queryset.filter(**{reference.key: reading.key}).exclude(**{reference.key: ""})
                found |= set(rows.order_by().values_list("pk", flat=True)[: search.MOST])
        if isinstance(request.user, User):
            search.record(reading, request.user, found=len(found))
        return queryset.filter(pk__in=found), False

    @admin.display(description="Page")
    def own_page(self, row: Transaction) -> SafeString:
        return format_html('<a href="{}">{}</a>', row.get_absolute_url(), row.txn_id)

    @admin.display(description="Status")
    def badge(self, row: Transaction) -> str:
        return str(badge_of(row.status, row.stage, sees_compliance=True).label)

    @admin.display(description="Stage")
    def stage_label(self, row: Transaction) -> str:
        return str(Stage(row.stage).label)

    @admin.display(description="Where the money is")
    def money_is(self, row: Transaction) -> str:
        return str(Funds(row.funds_position).label)

    @admin.display(description="Sent")
    def sent(self, row: Transaction) -> str | None:
        return formats.money(row.sent_amount, row.sent_currency) if row.sent_amount and row.sent_currency else None

    @admin.display(description="Payout")
    def payout(self, row: Transaction) -> str:
        return formats.money(row.settled_amount, row.settled_currency)

    @admin.display(description="Beneficiary IBAN")
    def masked_iban(self, row: Transaction) -> str:
        return mask_number(row.beneficiary_iban) if row.beneficiary_iban else "Not given"


class PartAdmin(ReadingAdmin):
    """What belongs to one transaction and is seen by whoever sees the transaction."""

    section = "Transactions"
    list_select_related: ClassVar[Any] = ("transaction",)
    ordering: ClassVar[Any] = ("-pk",)

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(scoped(scope_of(request.user), "transaction__"))

    @admin.display(description="Transaction")
    def of(self, row: Any) -> str:
        return str(row.transaction.txn_id)

    @admin.display(description="Transaction")
    def own_page(self, row: Any) -> SafeString:
        return format_html('<a href="{}">{}</a>', row.transaction.get_absolute_url(), row.transaction.txn_id)


@admin.register(Party)
class PartyAdmin(PartAdmin):
    """Personal data is masked, as on every page; it is revealed on the transaction's own page, with a reason."""

    list_display = ("of", "side", "full_name", "masked_id")
    list_filter = ("side", "id_type")
    helps = (
        "Personal data is masked here. The transaction's own page reveals it, one field at a time and on the record."
    )
    masks: ClassVar[Any] = {
        "id_number": _masked("id"),
        "birth_date": _masked("birth_date"),
        "mobile": _masked("phone"),
        "email": _masked("email"),
        "address_line_1": _masked("address"),
        "address_line_2": _masked("address"),
        "postcode": _masked("address"),
    }
    fields = (
        "own_page",
        "side",
        "full_name",
        "id_type",
        "masked_id",
        "masked_birth_date",
        "nationality",
        "masked_phone",
        "masked_email",
        "masked_address",
        "relationship",
    )
    readonly_fields = ("own_page", "masked_id", "masked_birth_date", "masked_phone", "masked_email", "masked_address")

    @admin.display(description="Identity number")
    def masked_id(self, party: Party) -> str:
        kind = "cnic" if party.id_type in (IdType.CNIC, IdType.NICOP) else "id"
        return str(masking.MASKS[kind](party.id_number)) if party.id_number else "Not given"

    @admin.display(description="Date of birth")
    def masked_birth_date(self, party: Party) -> str:
        return str(masking.mask_birth_date(party.birth_date)) if party.birth_date else "Not given"

    @admin.display(description="Phone")
    def masked_phone(self, party: Party) -> str:
        return str(masking.mask_phone(party.mobile)) if party.mobile else "Not given"

    @admin.display(description="E-mail")
    def masked_email(self, party: Party) -> str:
        return str(masking.mask_email(party.email)) if party.email else "Not given"

    @admin.display(description="Address")
    def masked_address(self, party: Party) -> str:
        return str(masking.mask_address({"city": party.city, "country": party.country}))


@admin.register(Account)
class AccountAdmin(PartAdmin):
    list_display = ("of", "masked_number", "bank_code", "title_match")
    list_filter = ("title_match",)
    masks: ClassVar[Any] = {"number": mask_number}
    fields = ("own_page", "masked_number", "bank_code", "title_given", "title_fetched", "title_match")
    readonly_fields = ("own_page", "masked_number")

    @admin.display(description="Account number")
    def masked_number(self, account: Account) -> str:
        return mask_number(account.number)


# -- reference data, for administrators -------------------------------------------------------------------------------


class ReferenceAdmin(ChangingAdmin):
    section = "Reference data"
    to_change = REFERENCE
    operation = "reference"


class ReasonCodeForm(ReasonedForm):
    def clean_answer(self) -> str:
        return _for_partners(self.cleaned_data["answer"])


@admin.register(ReasonCode)
class ReasonCodeAdmin(ReferenceAdmin):
    """Why something did not go through. Codes are never deleted: events name them for ever."""

    form = ReasonCodeForm
    fixed = ("code",)
    list_display = ("code", "sentence", "family", "retry_class", "is_api_code")
    list_filter = ("family", "retry_class", "is_api_code")
    search_fields = ("code", "sentence")
    search_help_text = "Search by code or sentence"
    ordering = ("code",)
    fields = ("code", "sentence", "helps", "answer", "family", "retry_class", "who_acts", "is_api_code")
    helps = "What is changed here is read by the next page that shows it. An event keeps the retry class it came with."


@admin.register(PurposeCode)
class PurposeCodeAdmin(ReferenceAdmin):
    fixed = ("code",)
    list_display = ("code", "text")
    search_fields = ("code", "text")
    ordering = ("code",)


@admin.register(StageLimit)
class StageLimitAdmin(ReferenceAdmin):
    may_delete = True
    list_display = ("stage", "rail", "partner", "step", "amount", "unit")
    list_filter = ("stage", "rail")
    list_select_related = ("partner",)
    helps = "The most special line counts: one for a partner before one for a rail before the general one."


@admin.register(MoneyLimit)
class MoneyLimitAdmin(ReferenceAdmin):
    may_add = False
    consequence = "It counts from the next deed on."
    helps = "A change waits until another administrator agrees to it under Approvals."
    fixed = ("key", "currency")
    list_display = ("key", "currency", "amount")
    ordering = ("key", "currency")


@admin.register(Holiday)
class HolidayAdmin(ReferenceAdmin):
    may_delete = True
    list_display = ("day", "name")
    ordering = ("-day",)


@admin.register(AnswerText)
class AnswerTextAdmin(ReferenceAdmin):
    """What partners are told: a new version replaces the one before, which stays as it was said."""

    may_add = may_change = False
    list_display = ("key", "version", "text", "created_at")
    ordering = ("key", "-version")
    helps = "The newest version of a text is in force. Two people of compliance write a new one, under Compliance."


def _for_partners(text: str) -> str:
    if sentence := why_not_for_partners(text):
        raise ValidationError(sentence)
    return text
