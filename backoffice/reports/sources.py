"""What can be exported: the lists whose own question, scope and columns an export takes over.

A question that is not understood is refused, never widened; the same object answers the list, the count and the file.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.http import QueryDict

from accounts.access import check, permissions_of, scope_of
from accounts.errors import Refused
from accounts.models import User
from audit.filters import TrailQuery
from audit.filters import folded as folded_trail
from backoffice.reports import certificate_files, certificates, trail_columns, transaction_columns
from backoffice.reports.columns import Column, for_user
from backoffice.reports.models import Export
from transactions.models import Transaction
from transactions.query import TransactionQuery, folded
from transactions.reveals import ACCOUNT, CONTACT, IDENTITY
from transactions.saved_views import arrangement_of
from transactions.search import BY_PERSON

EXPORT: Final = "reports.create_export"
MOST: Final = 1_000_000
"""As many rows as one export takes."""
DECISIVE: Final = frozenset(
    {
        "transactions.view_transactions",
        EXPORT,
        "compliance.view_cases",
        "audit.view_trail",
        BY_PERSON,
        ACCOUNT,
        CONTACT,
        IDENTITY,
    }
)
"""The rights that decide what somebody finds in an export."""


@dataclass(frozen=True)
class Question:
    """What somebody asks for: the list's parameters (`query`), or ticked references, at a moment.

    `words` says it, `rows` are the rows in the list's order, `on_screen` the columns that the list showed.
    """

    query: str
    references: tuple[str, ...]
    moment: dt.datetime
    words: tuple[str, ...]
    rows: Any
    on_screen: tuple[str, ...]

    def count(self) -> int:
        """How many rows there are, counted no further than one over the limit."""
        try:
            sql, parameters = self.rows.order_by().values("pk")[: MOST + 1].query.sql_with_params()
        except EmptyResultSet:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({sql}) counted", parameters)  # noqa: S608 - the ORM's own statement
            return int(cursor.fetchone()[0])


@dataclass(frozen=True)
class Source:
    """A list that can be exported. `noun` names its rows, `rights` are needed beside that to export.

    `ask` reads a question for a person at a moment and raises Refused with status 400 for one it does not understand.
    `joined` adds to rows what the columns of these keys read; `maker` says for whom columns are made. What is no table
    is written by `write`, which answers how many rows it wrote. `differs` says so where they are not those promised.
    """

    key: str
    noun: tuple[str, str]
    rights: tuple[str, ...]
    columns: tuple[Column, ...]
    ask: Callable[[QueryDict, Sequence[str], User, dt.datetime], Question]
    joined: Callable[[Any, Sequence[str]], Any]
    maker: Callable[[User, dt.datetime, bool], Any]
    write: Callable[[Export, User, IO[bytes], Callable[[int], None]], int] | None = None
    differs: str = (
        "{promised:,} matched when you asked, {rows:,} when the file was made: rows change while an export waits. "
        "The file holds the {rows:,}."
    )

    def check(self, user: User) -> None:
        """Raise MissingPermission unless the person holds every right that this list needs."""
        for right in self.rights:
            check(user, right)

    def ask_again(self, export: Export, user: User, moment: dt.datetime) -> Question:
        """The question of an export, as it is answered at `moment`. Refused where it is not understood any more."""
        return self.ask(QueryDict(export.query), export.references, user, moment)

    def columns_for(self, user: User) -> list[Column]:
        return for_user(self.columns, user)

    def counted(self, number: int) -> str:
        """ "2,431 transactions"."""
        return f"{number:,} {self.noun[number != 1]}"


def access_of(user: User) -> str:
    """What decides which rows and words this person gets, as one fingerprint: another one means another export."""
    scope = scope_of(user)
    seen = [scope.all_partners, sorted(scope.partner_ids), scope.all_branches, sorted(scope.branch_ids)]
    return hashlib.sha256(json.dumps([seen, sorted(permissions_of(user) & DECISIVE)]).encode()).hexdigest()


# -- transactions -----------------------------------------------------------------------------------------------------


def _transactions(params: QueryDict, references: Sequence[str], user: User, moment: dt.datetime) -> Question:
    query = TransactionQuery(folded(params), user, moment, own_columns=arrangement_of(user).columns)
    if not query.is_sound:
        raise Refused(query.problems[0].sentence, status=400)
    on_screen = tuple(transaction_columns.on_screen(query.columns))
    if references:
        chosen = Transaction.objects.visible_to(user).among(references).newest_first()
        return Question("", tuple(references), moment, (f"{len(references):,} ticked",), chosen, on_screen)
    sign = "" if query.order.is_ascending else "-"
    rows = query.rows.here_at(moment).order_by(*(f"{sign}{field}" for field in query.order.fields))
    asked = QueryDict(query.first_url.partition("?")[2], mutable=True)
    asked.pop("size", None)
    words = tuple(chip.label for chip in query.chips) or ("Everything that you see",)
    return Question(asked.urlencode(), (), moment, words, rows, on_screen)


# -- the trail --------------------------------------------------------------------------------------------------------


def _entries(params: QueryDict, references: Sequence[str], user: User, moment: dt.datetime) -> Question:
    query = TrailQuery(folded_trail(params), user, moment)
    if not query.is_sound:
        raise Refused(f"{query.problems[0].fault} Remove it to see results.", status=400)
    rows = query.filter.qs.filter(at__lte=moment).newest_first()
    asked = QueryDict(query.query_string, mutable=True)
    asked.pop("size", None)
    words = tuple(chip.label for chip in query.chips) or ("The whole trail",)
    return Question(asked.urlencode(), (), moment, words, rows, tuple(one.key for one in trail_columns.COLUMNS))


# -- certificates -----------------------------------------------------------------------------------------------------


def _payments(_params: QueryDict, references: Sequence[str], user: User, moment: dt.datetime) -> Question:
    chosen = Transaction.objects.visible_to(user).among(references).newest_first()
    return Question("", tuple(references), moment, ("e-PRCs of chosen payments",), chosen, ())


SOURCES: Final = {
    source.key: source
    for source in (
        Source(
            Export.Source.TRANSACTIONS.value,
            ("transaction", "transactions"),
            (EXPORT, "transactions.view_transactions"),
            transaction_columns.COLUMNS,
            _transactions,
            transaction_columns.joined,
            transaction_columns.maker_of,
        ),
        Source(
            Export.Source.TRAIL.value,
            ("trail entry", "trail entries"),
            (EXPORT, "audit.view_trail"),
            trail_columns.COLUMNS,
            _entries,
            lambda rows, _keys: rows,
            lambda _user, _now, _is_unmasked: None,
        ),
        Source(
            Export.Source.CERTIFICATES.value,
            ("payment", "payments"),
            (certificates.ISSUE,),
            (),
            _payments,
            lambda rows, _keys: rows,
            lambda _user, _now, _is_unmasked: None,
            write=certificate_files.write,
            differs="{rows:,} of {promised:,} payments have a certificate here; index.csv says why others have none.",
        ),
    )
}
"""The lists that can be exported, by their word in an address."""
