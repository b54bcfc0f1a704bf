"""What can be done with many transactions in one job. A single one is a job of one: the same function per row.

Each deed says of every row, before anything happens, what is in its way; doing it asks again, under the row's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from accounts.access import has, may_work_on
from accounts.errors import Refused
from accounts.maker_checker import Job
from accounts.models import ApprovalRequest, User
from exceptions import actions, handling
from exceptions.guards import DEEDS
from exceptions.models import BulkJob, BulkRow, ExceptionItem
from transactions import bulk_deeds, deeds
from transactions.deeds import OUT_OF_WORK, offer_of
from transactions.facts import facts_of
from transactions.models import Command, Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

CHUNK: Final = 500


@dataclass(frozen=True)
class Verdict:
    """What would become of a row: nothing is in the way, or `sentence` is; whether a second person must agree."""

    sentence: str = ""
    needs_second: bool = False
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BulkDeed:
    """A deed on many rows. `label` is its button, `verb` and `past` make sentences ("Retry 18 transactions").

    `judge` tells the verdicts of a chunk of rows, in their order; `act` does one row for the job's owner and says what
    happened. `asks_for` is what the confirmation must bring: "note", "to".
    """

    key: str
    label: str
    verb: str
    past: str
    permission: str
    consequence: str
    judge: Callable[[Sequence[Transaction], User, Job], list[Verdict]]
    act: Callable[[Transaction, BulkRow, BulkJob, User, Job], str]
    asks_for: str = "note"


_deeds: dict[str, BulkDeed] = {}


def register(deed: BulkDeed) -> None:
    """Let jobs do this, and offer it below the list. A key that is there already is replaced."""
    _deeds[deed.key] = deed
    if deed.key in OFFERED:
        order = 30 + 10 * OFFERED.index(deed.key)
        url_name = f"exceptions:bulk-{deed.key.replace('_', '-')}"
        bulk_deeds.register(bulk_deeds.BulkDeed(deed.key, deed.label, deed.permission, url_name, order))


def called(key: str) -> BulkDeed | None:
    """The deed of this key, if there is one."""
    return _deeds.get(key)


def deed_of(job: BulkJob) -> BulkDeed:
    """The deed of a job. KeyError when it is not installed any more."""
    return _deeds[job.deed]


def open_to(user: User) -> list[BulkDeed]:
    """The deeds that this person's roles let them do with what they choose."""
    return [deed for deed in _deeds.values() if deed.key in OFFERED and has(user, deed.permission)]


OFFERED: Final = ("repush", "inquire", "assign", "send_back")
"""Those that are offered beside a list, in their order."""


# -- asking the platform ----------------------------------------------------------------------------------------------

_ACTIONS: Final[Mapping[str, Callable[..., Command | ApprovalRequest]]] = {
    "repush": actions.repush,
    "inquire": actions.inquire,
    "send_back": actions.send_back,
}


def _judge_asking(key: str) -> Callable[[Sequence[Transaction], User, Job], list[Verdict]]:
    def judge(rows: Sequence[Transaction], by: User, job: Job) -> list[Verdict]:
        offers = [offer_of(DEEDS[key], facts, by, job) for facts in facts_of(rows)]
        return [Verdict(offer.why_not, offer.needs_second_person) for offer in offers]

    return judge


def _ask(key: str) -> Callable[[Transaction, BulkRow, BulkJob, User, Job], str]:
    def act(remittance: Transaction, row: BulkRow, job: BulkJob, by: User, size: Job) -> str:
        asked = _ACTIONS[key](
            remittance,
            by=by,
            reason_code=job.parameters.get("reason_code", ""),
            note=row.data.get("note") or job.note,
            version=row.version,
            token=token_of(job, remittance),
            job=size,
        )
        if isinstance(asked, ApprovalRequest):
            return f"{asked.number} waits for a second person."
        return f"The platform is asked: {asked.get_kind_display()}."

    return act


def token_of(job: BulkJob, remittance: Transaction) -> UUID:
    """The same for the same row of the same job, however often it is tried: it counts once."""
    return uuid5(job.batch, remittance.txn_id)


# -- handing over -----------------------------------------------------------------------------------------------------


def _judge_handing(rows: Sequence[Transaction], by: User, job: Job) -> list[Verdict]:
    items = ExceptionItem.objects.readable_by(by).of_any(rows).open().select_related("assignee")
    holders: dict[int, str] = {}
    for item in items:
        holders[item.transaction_id] = item.assignee.username if item.assignee else holders.get(item.transaction_id, "")
    return [_handing(row, by, holders) for row in rows]


def _handing(row: Transaction, by: User, holders: Mapping[int, str]) -> Verdict:
    if not may_work_on(by, row):
        return Verdict(OUT_OF_WORK)
    if row.pk not in holders:
        return Verdict("It has no open exception.")
    return Verdict(data={"seen": holders[row.pk]})


def _hand_over(remittance: Transaction, row: BulkRow, job: BulkJob, by: User, size: Job) -> str:
    name = job.parameters.get("to", "")
    to = User.objects.filter(username=name, is_active=True).first() if name else None
    if name and to is None:
        raise Refused(f"Nobody is called {name} any more.")
    handling.assign(remittance, by=by, to=to, seen=row.data.get("seen", ""), job=job.number)
    return f"With {to} now." if to else "In nobody’s hands now."


def totals_of(rows: Sequence[Transaction]) -> dict[str, Decimal]:
    """The value of rows per currency."""
    totals: dict[str, Decimal] = {}
    for row in rows:
        totals[row.settled_currency] = totals.get(row.settled_currency, Decimal(0)) + row.settled_amount
    return totals


def register_all() -> None:
    """The deeds of this room. Called when the app is ready."""
    asking = {
        "repush": ("Retry, check first", "Retry", "retried"),
        "inquire": ("Ask the bank", "Ask the bank about", "inquired about"),
        "send_back": ("Send back", "Send back", "sent back"),
    }
    for key, (label, verb, past) in asking.items():
        one = deeds.called(key) or DEEDS[key]
        told = one.consequence if isinstance(one.consequence, str) else REPUSH_IN_BULK
        register(BulkDeed(key, label, verb, past, one.permission, told, _judge_asking(key), _ask(key)))
    register(
        BulkDeed(
            "assign",
            "Assign",
            "Hand over",
            "handed over",
            handling.RIGHT,
            "Their exceptions are in the hands of whoever you choose. Nothing happens to the payments.",
            _judge_handing,
            _hand_over,
            asks_for="to",
        )
    )


REPUSH_IN_BULK: Final = (
    "The bank is asked about each first. Only where it says that nothing was sent, the amount is sent again by the "
    "same rail."
)
