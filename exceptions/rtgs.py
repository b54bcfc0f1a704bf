"""The payments on RTGS as treasury works them: where each stands, and which of its deeds are open to the reader."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import django_filters
from django.http import QueryDict
from django.urls import reverse

from exceptions.guards import INQUIRE, MARK_MANUALLY_SETTLED, MARK_REVERSED
from transactions.deeds import Offer, offer_of
from transactions.facts import facts_of
from transactions.filters import known_to
from transactions.models import Transaction

if TYPE_CHECKING:
    from accounts.models import User

PAGE: Final = 50
STAGES: Final = [("rtgs_queue", "In the queue"), ("settlement", "Waiting for settlement")]
_OVER: Final = [("yes", "Over their limit")]
_DEEDS: Final = (MARK_MANUALLY_SETTLED, MARK_REVERSED, INQUIRE)


class RtgsFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Which payments on RTGS are shown, and after which."""

    stage = django_filters.ChoiceFilter(label="Stage", choices=STAGES, empty_label="Both")
    partner = django_filters.ChoiceFilter(label="Partner", choices=(), method="of_partner", empty_label="Any partner")
    over = django_filters.ChoiceFilter(label="Limit", choices=_OVER, method="over_limit", empty_label="Any")
    after = django_filters.CharFilter(label="After", method="after_row")

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, user: User, now: dt.datetime, **kwargs: Any) -> None:
        self.user, self.now = user, now
        super().__init__(*args, **kwargs)
        partners = known_to(user)["partner"]
        self._keys = {code: pk for pk, code, _ in partners}
        self.filters["partner"].extra["choices"] = [(code, name) for _, code, name in partners]
        for item in self.form.fields.values():
            item.is_filter = True

    def of_partner(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(partner_id=self._keys[value])

    def over_limit(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(stage_deadline__lt=self.now)

    def after_row(self, rows: Any, name: str, value: str) -> Any:
        return rows.waiting_after(Transaction.objects.visible_to(self.user), value.replace("\x00", ""))


@dataclass(frozen=True)
class Row:
    """A payment with what this reader can do about it, and why not where nothing can be done."""

    transaction: Transaction
    offers: tuple[Offer, ...]

    @property
    def allowed(self) -> list[Offer]:
        return [offer for offer in self.offers if offer.is_allowed]

    @property
    def why_not(self) -> str:
        """What is in the way of everything."""
        return "" if self.allowed else next((offer.why_not for offer in self.offers), "")


class RtgsQuery:
    """One reading of the desk. A bad parameter shows no rows."""

    def __init__(self, params: QueryDict, user: User, now: dt.datetime) -> None:
        self.params, self.user = params, user
        rows = Transaction.objects.visible_to(user).on_rtgs().for_list()
        self.filter = RtgsFilter(params, queryset=rows, user=user, now=now)

    @property
    def troubles(self) -> list[str]:
        """What of the address is not understood."""
        unknown = [f"There is no filter “{name[:60]}”." for name in self.params if name not in self.filter.filters]
        bad = [f"There is no {name} “{self.params.get(name, '')[:60]}”." for name in self.filter.form.errors]
        return [*unknown, *bad]

    @cached_property
    def _found(self) -> list[Transaction]:
        return [] if self.troubles else list(self.filter.qs.longest_waiting_first()[: PAGE + 1])

    @cached_property
    def page(self) -> list[Row]:
        rows = self._found[:PAGE]
        return [
            Row(facts.transaction, tuple(offer_of(deed, facts, self.user) for deed in _DEEDS))
            for facts in facts_of(rows)
        ]

    @property
    def later_url(self) -> str | None:
        if len(self._found) <= PAGE:
            return None
        params = self.params.copy()
        params["after"] = self._found[PAGE - 1].txn_id
        return f"?{params.urlencode()}"

    @property
    def first_url(self) -> str | None:
        return reverse("exceptions:rtgs") if self.params.get("after") else None

    @property
    def is_filtered(self) -> bool:
        return any(self.params.get(name) for name in ("stage", "partner", "over"))
