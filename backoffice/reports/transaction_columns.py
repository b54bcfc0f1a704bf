"""The columns that an export of transactions may hold, and what each reader gets of them.

Personal data are masked by the database; an export that two people agreed on shows those that its owner may reveal.
Outside compliance the words are the neutral ones of every page, and what only compliance reads is not there at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Case, CharField, F, FilteredRelation, Q, Value, When

from accounts.access import has
from backoffice.reports import sql
from backoffice.reports.columns import Column, Kind
from backoffice.reports.sql import Sql
from transactions import assigned, flags
from transactions import columns as listed
from transactions.discretion import BEHIND_THE_DOOR, Reader, reason_for
from transactions.lifecycle import POSITION
from transactions.models import PurposeCode, ReasonCode
from transactions.reveals import ACCOUNT, CONTACT, IDENTITY
from transactions.vocabulary import (
    EventStage,
    Funds,
    IdType,
    Rail,
    Side,
    Stage,
    TitleMatch,
    badge_of,
    stage_label,
)

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.querysets import TransactionQuerySet

COMPLIANCE: Final = "compliance.view_cases"


@dataclass(frozen=True)
class Maker:
    """For whom the columns are made: what the owner may read, and whether two people agreed on clear personal data."""

    user: User
    reader: Reader
    is_unmasked: bool = False

    def may_reveal(self, permission: str) -> bool:
        return self.is_unmasked and has(self.user, permission)


Make = Callable[[Maker], Any]


def _text(field: str) -> Make:
    return lambda _maker: F(field)


def _moment(field: str) -> Make:
    return lambda _maker: sql.moment(field)


def _amount(field: str, currency: str) -> Make:
    return lambda _maker: sql.amount(field, currency)


def _hidden(permission: str, clear: Any, masked: Any) -> Make:
    return lambda maker: clear if maker.may_reveal(permission) else masked


# -- words ------------------------------------------------------------------------------------------------------------


def _status(maker: Maker) -> Any:
    """The badge's word; where the status is another one, both: "Returned (failed)"."""
    words = {}
    for stage, (status, _) in reversed(POSITION.items()):  # most stand at the end, and the database asks in order
        badge = badge_of(status, stage, sees_compliance=maker.reader.sees_compliance)
        words[stage.value] = str(badge.label) if badge.value == status else f"{badge.label} ({status.label.lower()})"
    return sql.worded("stage", words)


def _stage(_maker: Maker) -> Any:
    steps = sql.worded("step", {step.value: str(step.label) for step in EventStage}, F("step"))
    by_step = [stage.value for stage in Stage if stage_label(stage, "somewhere") == "somewhere"]
    plain = {stage.value: str(stage.label) for stage in reversed(Stage) if stage.value not in by_step}
    cases = [When(stage=stage, then=Value(label)) for stage, label in plain.items()]
    return Case(*cases, When(stage__in=by_step, then=steps), output_field=CharField())


def _rail(_maker: Maker) -> Any:
    known = {rail.value: str(rail.label) for rail in Rail} | {"": ""}
    return sql.worded("rail", known, Sql("'Unknown (' || {0} || ')'", "rail"))


def _reason(maker: Maker) -> Any:
    """The sentence of the reason, as every page tells it to this reader."""
    return _as_told(maker, "sentence", Sql("'Unknown (' || {0} || ').'", "reason_code"))


def _reason_code(maker: Maker) -> Any:
    return _as_told(maker, "code", F("reason_code"))


def _as_told(maker: Maker, part: str, unknown: Any) -> Any:
    reasons = {reason.code: reason for reason in ReasonCode.objects.all()}
    told = {code: getattr(reason_for(code, reasons, maker.reader), part, "") for code in reasons}
    plain = sql.worded("reason_code", {"": ""} | told, unknown)
    if maker.reader.sees_compliance:
        return plain
    behind = [
        When(
            ~Q(reason_code=""),
            stage=stage.value,
            then=Value(getattr(reason_for("X", reasons, maker.reader, stage=stage), part, "")),
        )
        for stage in sorted(BEHIND_THE_DOOR)
    ]
    return Case(*behind, default=plain, output_field=CharField())


def _purpose(_maker: Maker) -> Any:
    return sql.worded("purpose_code", dict(PurposeCode.objects.values_list("code", "text")), F("purpose_code"))


def _flags(maker: Maker) -> Any:
    """Every flag that the row has, in words."""
    words = [
        Case(When(flag.condition(maker.reader.now), then=Value(flag.label)), output_field=CharField())
        for flag in flags.flags_for(maker.user)
    ]
    return Sql(f"concat_ws(', ', {', '.join(f'{{{place}}}' for place in range(len(words)))})", *words)


def _assigned(maker: Maker) -> Any:
    """The names of those who work on it, of the work that this reader may read."""
    names = list(assigned.names_of(maker.user).values())
    texts = ", ".join(f"array_to_string({{{place}}}, ', ')" for place in range(len(names)))
    return Sql(f"concat_ws(', ', {texts})", *names)


def _age(maker: Maker) -> Any:
    return Sql("floor(extract(epoch FROM {0}::timestamptz - {1}) / 60)::text", Value(maker.reader.now), "received_at")


# -- personal data ----------------------------------------------------------------------------------------------------


def _party(side: Side) -> tuple[Column, ...]:
    name, label = side.value, str(side.label)
    number = f"{name}__id_number"
    is_cnic = Q(**{f"{name}__id_type__in": [IdType.CNIC.value, IdType.NICOP.value]})
    masked_number = Case(
        When(is_cnic, then=sql.mask_cnic(number)), default=sql.mask_id(number), output_field=CharField()
    )
    lines = [
        f"{name}__{part}"
        for part in ("address_line_1", "address_line_2", "district", "postcode", "city", "state", "country")
    ]
    whole = Sql("concat_ws(', ', " + ", ".join(f"nullif({{{at}}}, '')" for at in range(len(lines))) + ")", *lines)
    return (
        Column(f"{name}_id_type", f"{label} identity document", _text(f"{name}__id_type")),
        Column(
            f"{name}_id_number",
            f"{label} identity number",
            _hidden(IDENTITY, F(number), masked_number),
            hides=IDENTITY,
        ),
        Column(
            f"{name}_birth_date",
            f"{label} date of birth",
            _hidden(IDENTITY, Sql("{0}::text", f"{name}__birth_date"), sql.mask_birth_date(f"{name}__birth_date")),
            hides=IDENTITY,
        ),
        Column(f"{name}_nationality", f"{label} nationality", _text(f"{name}__nationality")),
        Column(
            f"{name}_mobile",
            f"{label} phone",
            _hidden(CONTACT, F(f"{name}__mobile"), sql.mask_phone(f"{name}__mobile")),
            hides=CONTACT,
        ),
        Column(
            f"{name}_email",
            f"{label} e-mail",
            _hidden(CONTACT, F(f"{name}__email"), sql.mask_email(f"{name}__email")),
            hides=CONTACT,
        ),
        Column(
            f"{name}_address",
            f"{label} address",
            _hidden(CONTACT, whole, sql.mask_address(f"{name}__city", f"{name}__country", whole)),
            hides=CONTACT,
        ),
    )  # fmt: skip


_ACCOUNT_MASK: Final = Case(
    When(account__is_iban=True, then=sql.mask_iban("account__number")),
    default=sql.mask_account("account__number"),
    output_field=CharField(),
)

COLUMNS: Final[tuple[Column, ...]] = (
    Column("reference", "Reference", _text("txn_id")),
    Column("created", "Created", _moment("received_at"), Kind.TIME),
    Column("updated", "Last update", _moment("updated_at"), Kind.TIME),
    Column("partner_code", "Partner code", _text("partner__code")),
    Column("partner", "Partner", _text("partner__name")),
    Column("partner_ref", "Partner reference", _text("partner_reference")),
    Column("bank_ref", "Bank reference", _text("bank_reference")),
    Column("rail_ref", "Rail reference", _text("rail_reference")),
    Column("uetr", "UETR", _text("uetr")),
    Column("end_to_end_id", "End-to-end id", _text("end_to_end_id")),
    Column("request_id", "Request id", _text("request_id")),
    Column("branch_code", "Branch code", _text("branch_code")),
    Column("branch", "Branch", _text("branch__name")),
    Column("agent_code", "Agent code", _text("agent_code")),
    Column("type", "Type", _text("type")),
    Column("method", "Payout method", _text("payout_method")),
    Column("rail", "Rail", _rail),
    Column("sent_amount", "Sent amount", _amount("sent_amount", "sent_currency"), Kind.NUMBER),
    Column("sent_currency", "Sent currency", _text("sent_currency")),
    Column("rate", "FX rate", lambda _maker: Sql("trim_scale({0})::text", "rate"), Kind.NUMBER),
    Column("payout_amount", "Payout amount", _amount("settled_amount", "settled_currency"), Kind.NUMBER),
    Column("payout_currency", "Payout currency", _text("settled_currency")),
    Column("commission", "Commission in sent currency", _amount("commission_amount", "sent_currency"), Kind.NUMBER),
    Column("purpose_code", "Purpose code", _text("purpose_code")),
    Column("purpose", "Purpose", _purpose),
    Column("source_of_funds", "Source of funds", _text("source_of_funds")),
    Column("country", "Remitter country", _text("origin_country")),
    Column("status", "Status", _status, is_ours=True),
    Column("stage", "Stage", _stage),
    Column("stage_since", "In this stage since", _moment("stage_since"), Kind.TIME),
    Column("age", "Age in minutes", _age, Kind.NUMBER),
    Column("funds", "Money", lambda _m: sql.worded("funds_position", dict(Funds.choices)), is_ours=True),
    Column("reason_code", "Reason code", _reason_code),
    Column("reason", "Failure reason", _reason),
    Column("flags", "Flags", _flags, is_ours=True),
    Column("assigned", "Assigned", _assigned, needs=("exceptions.view_exceptions", COMPLIANCE)),
    Column("remitter", "Remitter", _text("remitter_name")),
    *_party(Side.REMITTER),
    Column("beneficiary", "Beneficiary", _text("beneficiary_name")),
    *_party(Side.BENEFICIARY),
    Column("bank_code", "Beneficiary bank", _text("account__bank_code")),
    Column("account_number", "Account number", _hidden(ACCOUNT, F("account__number"), _ACCOUNT_MASK), hides=ACCOUNT),
    Column("title_fetched", "Title given by the bank", _text("account__title_fetched"), needs=(COMPLIANCE,)),
    Column(
        "title_match",
        "Title match",
        lambda _maker: sql.worded("account__title_match", dict(TitleMatch.choices), F("account__title_match")),
        needs=(COMPLIANCE,),
    ),
)
"""Every column, in the order in which a file holds them."""

OF_THE_LIST: Final = {
    "sent": ("sent_amount", "sent_currency"),
    "payout": ("payout_amount", "payout_currency"),
}
"""Columns of the list that are several in a file, since an amount and its currency stand apart."""


def on_screen(chosen: Sequence[listed.Column]) -> list[str]:
    """The columns of a file that show what these columns of the list show; the reference comes first."""
    return ["reference", *(key for column in chosen for key in OF_THE_LIST.get(column.key, (column.key,)))]


def joined(rows: TransactionQuerySet, keys: Sequence[str]) -> TransactionQuerySet:
    """The rows with what the columns `keys` read beside the transaction itself."""
    for side in Side:
        if any(key.startswith(f"{side.value}_") for key in keys):
            only = FilteredRelation("parties", condition=Q(parties__side=side.value))
            rows = rows.annotate(**{side.value: only})
    return rows


def maker_of(user: User, now: dt.datetime, is_unmasked: bool) -> Maker:
    """For whom the columns are made, at this moment."""
    return Maker(user, Reader.of(user, now), is_unmasked)
