"""Reversal files: which payment each row names, and how two people have them undone (DOMAIN.md section 5).

Uploading keeps the file and its rows; checking finds for each row the one payment that it names, or says why there is
none. Nothing is undone before a second person agrees; then a job asks the platform row by row.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app
from stdnum.iso7064 import mod_97_10

from accounts import maker_checker, notifications
from accounts.access import check, work_scope_of
from accounts.errors import Refused
from accounts.models import ApprovalRequest, Partner, User
from accounts.notifications import Kind, Subject
from audit import trail
from audit.verbs import Verb
from exceptions import actions, bulk, guards, jobs
from exceptions.bulk import BulkDeed, Verdict
from exceptions.models import BulkJob, BulkRow, ReversalFile, ReversalRow
from exceptions.spreadsheets import Line, read
from transactions import formats
from transactions.bank_days import ZONE
from transactions.deeds import OUT_OF_WORK, offer_of
from transactions.facts import facts_of
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandKind, CommandState, Rail, Stage

RIGHT: Final = guards.REVERSE.permission
OPERATION: Final = guards.REVERSE.key
HEADER: Final = (
    "Original Txn Date (YYYY-MM-DD)",
    "Txn Rail (1link, RAAST, RTGS)",
    "Partner",
    "Txn Amount",
    "CBS Reference (optional)",
    "Txn Reference (STAN, MessageId or uniqueId)",
    "Receiver IBAN",
    "Receiver Name",
)
TEMPLATE: Final = "transaction_reversal_bulk_upload_template"
CHECKED: Final = Kind("reversals_checked", "A reversal file of mine is checked", frozenset({RIGHT}))
SMALL: Final = 200
"""Files of up to this many rows are checked at once; larger ones by the worker."""
CHUNK: Final = 250
CHECK_TASK: Final = "backoffice.check_reversal_file"
CARRY_OUT_TASK: Final = "backoffice.carry_out_reversals"
AT_A_TIME: Final = 20.0

State, RowState = ReversalFile.State, ReversalRow.State
_RAILS: Final = {"1link": Rail.ONE_LINK, "raast": Rail.RAAST, "rtgs": Rail.RTGS}
_KEY: Final = re.compile(r"[^A-Z0-9]+")
_IBAN: Final = re.compile(r"PK[0-9]{2}[A-Z]{4}[A-Z0-9]{16}")
_AMOUNT: Final = re.compile(r"[0-9]{1,16}(\.[0-9]{1,4})?")
_COLUMNS: Final = ("date", "rail", "partner", "amount", "cbs_reference", "reference", "iban", "receiver")


# -- uploading --------------------------------------------------------------------------------------------------------


def upload(name: str, body: bytes, *, by: User) -> ReversalFile:
    """Keep a file and its rows, to be checked. Raises Unreadable for what is no such file, and Refused for one that was
    uploaded before: then the sentence says when and by whom.
    """
    check(by, RIGHT)
    lines = read(name, body, HEADER)
    kept = _keep(name, body, lines, by)
    if len(lines) <= SMALL:
        check_rows(kept.pk)
        kept.refresh_from_db()
    return kept


@transaction.atomic
def _keep(name: str, body: bytes, lines: Sequence[Line], by: User) -> ReversalFile:
    digest = hashlib.sha256(body).hexdigest()
    kept = ReversalFile(
        number=_next_number(), name=name[:200], sha256=digest, size=len(body), body=body, uploaded_by=by
    )
    try:
        with transaction.atomic():
            kept.save(force_insert=True)
    except IntegrityError:
        first = ReversalFile.objects.same_as(digest).select_related("uploaded_by").get()
        at = formats.when_in_detail(first.uploaded_at, timezone.get_current_timezone())
        sentence = f"{first.uploaded_by} uploaded this very file on {at} as {first.number}. It is not taken twice."
        raise Refused(sentence, verb=OPERATION, object_type=first._meta.label_lower, object_id=first.number) from None
    rows = [
        ReversalRow(file=kept, number=line.number, **dict(zip(_COLUMNS, line.cells, strict=False))) for line in lines
    ]
    ReversalRow.objects.bulk_create(rows, batch_size=1_000)
    if len(lines) > SMALL:
        app.configure_task(CHECK_TASK, lock=f"reversals-{kept.pk}").defer(file=kept.pk)
    _record(kept, "uploaded", f"{kept.name}, {len(lines):,} rows", by=by)
    return kept


# -- checking ---------------------------------------------------------------------------------------------------------


def check_rows(key: int, *, seconds: float = AT_A_TIME) -> bool:
    """Give the rows their verdicts, chunk by chunk, each in a database transaction. Whether rows are left for later."""
    until = time.monotonic() + seconds
    file = ReversalFile.objects.select_related("uploaded_by").defer("body").get(pk=key)
    with trail.acting(kind="USER", actor=file.uploaded_by.username):
        while _check_chunk(file):
            if time.monotonic() > until:
                return True
    return False


@transaction.atomic
def _check_chunk(file: ReversalFile) -> bool:
    """Whether there may be more."""
    present = ReversalFile.objects.locked().get(pk=file.pk)
    rows = list(present.rows.in_state(RowState.WAITING).order_by("number")[:CHUNK])
    if present.state != State.CHECKING:
        return False
    if not rows:
        present.state, present.checked_at = State.CHECKED, timezone.now()
        present.save(update_fields=["state", "checked_at"])
        told = _told(present)
        if present.rows.count() > SMALL:  # a small file was checked while the person waited
            sentence = f"{present.number} is checked: {told}"
            notifications.tell(
                CHECKED.key, [present.uploaded_by], about=Subject.of(present, right=RIGHT), sentence=sentence
            )
        _record(present, "checked", told)
        return False
    judge(rows, file.uploaded_by, present)
    ReversalRow.objects.bulk_update(rows, ["state", "message", "transaction", "version"])
    _record(present, "is checking", f"rows {rows[0].number:,} to {rows[-1].number:,}")
    return True


@dataclass(frozen=True)
class Asked:
    """What a readable row asks for, in the forms in which payments are kept."""

    date: dt.date
    rail: Rail
    partner_id: int
    amount: Decimal
    key: str
    iban: str
    cbs_key: str


def judge(rows: Sequence[ReversalRow], by: User, file: ReversalFile) -> None:
    """Set state, message and payment of each row. Only payments that `by` sees can be found."""
    partners = {_plain(word): one.pk for one in Partner.objects.all() for word in (one.name, one.code)}
    asked: dict[int, Asked] = {}
    for row in rows:
        try:
            asked[row.number] = _read(row, partners)
        except ValueError as error:
            row.state, row.message = RowState.INVALID, str(error)
    candidates = _candidates(list(asked.values()), by)
    seen = _taken(file, rows[0].number)
    for row in rows:
        if (one := asked.get(row.number)) is not None:
            _match(row, one, candidates.get((one.rail, one.key), []), seen)
    _ask_guards([row for row in rows if row.state == RowState.MATCHED], by)


def _read(row: ReversalRow, partners: Mapping[str, int]) -> Asked:
    try:
        date = dt.date.fromisoformat(row.date)
    except ValueError:
        raise ValueError(f"“{row.date[:40]}” is not a date like 2026-11-22.") from None
    rail = _RAILS.get(_plain(row.rail))
    if rail is None:
        raise ValueError(f"“{row.rail[:40]}” is not a rail: 1link, RAAST or RTGS.")
    partner = partners.get(_plain(row.partner))
    if partner is None:
        raise ValueError(f"There is no partner “{row.partner[:60]}”.")
    plain = row.amount.replace(",", "")
    if not _AMOUNT.fullmatch(plain):
        raise ValueError(f"“{row.amount[:40]}” is not an amount like 110227.00.")
    key, iban = _key(row.reference), _key(row.iban)
    if not key:
        raise ValueError("The reference of the rail is missing.")
    if not _IBAN.fullmatch(iban):
        raise ValueError("The IBAN is PK, 2 check digits, 4 letters of the bank and 16 letters or digits.")
    if not mod_97_10.is_valid(iban[4:] + iban[:4]):
        raise ValueError("The IBAN check digits do not match. Check for a mistyped character.")
    try:
        amount = Decimal(plain)
    except InvalidOperation:  # pragma: no cover - the pattern above lets nothing else through
        raise ValueError("This is not an amount.") from None
    return Asked(date, rail, partner, amount, key, iban, _key(row.cbs_reference))


def _candidates(asked: Sequence[Asked], by: User) -> dict[tuple[str, str], list[Transaction]]:
    """The payments with these references on these rails, by both."""
    found: dict[tuple[str, str], list[Transaction]] = {}
    if asked:
        visible = Transaction.objects.visible_to(by).with_rail_keys({one.key for one in asked})
        for row in visible:
            found.setdefault((row.rail, row.rail_key), []).append(row)
    return found


def _taken(file: ReversalFile, before: int) -> dict[tuple[str, str, str], int]:
    """Which payments earlier rows of the file name already, and in which row."""
    earlier = file.rows.exclude(state__in=[RowState.WAITING, RowState.INVALID]).filter(number__lt=before)
    return {
        (_plain(rail), _key(reference), _key(iban)): number
        for number, rail, reference, iban in earlier.order_by("-number").values_list(
            "number", "rail", "reference", "iban"
        )
    }


def _match(
    row: ReversalRow, asked: Asked, candidates: Sequence[Transaction], seen: dict[tuple[str, str, str], int]
) -> None:
    same = (_plain(row.rail), asked.key, asked.iban)
    if same in seen:
        row.state, row.message = RowState.DUPLICATE, f"Row {seen[same]} names the same payment."
        return
    seen[same] = row.number
    fitting = [one for one in candidates if _fits(one, asked)]
    if not fitting:
        row.state, row.message = RowState.NOT_FOUND, _nearly(candidates, asked)
    elif len(fitting) > 1:
        row.state, row.message = RowState.AMBIGUOUS, f"{len(fitting)} payments fit. Add the CBS reference."
    elif fitting[0].settled_amount != asked.amount:
        paid = formats.money(fitting[0].settled_amount, fitting[0].settled_currency)
        row.state, row.transaction = RowState.AMOUNT_DIFFERS, fitting[0]
        row.message = f"The payment was of {paid}. Only the whole amount can be reversed."
    else:
        row.state, row.message = RowState.MATCHED, ""
        row.transaction, row.version = fitting[0], fitting[0].version


def _fits(one: Transaction, asked: Asked) -> bool:
    return (
        one.partner_id == asked.partner_id
        and one.beneficiary_iban == asked.iban
        and one.business_date == asked.date
        and asked.cbs_key in ("", one.bank_key)
    )


def _nearly(candidates: Sequence[Transaction], asked: Asked) -> str:
    """Which column is at fault when the reference alone is known."""
    if len(candidates) != 1:
        return "No payment with this reference on this rail."
    (one,) = candidates
    wrong = [
        label
        for label, holds in (
            ("the partner", one.partner_id == asked.partner_id),
            ("the IBAN", one.beneficiary_iban == asked.iban),
            ("the date", one.business_date == asked.date),
            ("the CBS reference", asked.cbs_key in ("", one.bank_key)),
        )
        if not holds
    ]
    return f"A payment has this reference, but {' and '.join(wrong)} differ{'s' if len(wrong) == 1 else ''}."


def _ask_guards(rows: Sequence[ReversalRow], by: User) -> None:
    """Of what matched, say what was undone before and what must not be undone now: the deed's own guards."""
    payments = [row.transaction for row in rows if row.transaction is not None]
    undone = set(live_reversals(payments))
    for row, facts in zip(rows, facts_of(payments), strict=True):
        if facts.stage is Stage.RETURNED or facts.transaction.pk in undone:
            row.state, row.message = RowState.REVERSED, "The money came back already, or is on its way back."
        elif why := _not_now(facts, by):
            row.state, row.message = RowState.NOT_ELIGIBLE, why[:400]


def _not_now(facts: Any, by: User) -> str:
    if not work_scope_of(by).admits(facts.transaction.partner_id, facts.transaction.branch_id):
        return OUT_OF_WORK
    return offer_of(guards.REVERSE, facts, by).why_not


def live_reversals(payments: Sequence[Transaction]) -> list[int]:
    """Which of these payments were reversed, or are about to be."""
    given_up = (CommandState.FAILED, CommandState.REFUSED)
    asked = Command.objects.filter(transaction__in=payments, kind=CommandKind.REVERSE).exclude(state__in=given_up)
    return list(asked.values_list("transaction_id", flat=True))


# -- two people -------------------------------------------------------------------------------------------------------


@transaction.atomic
def propose(file: ReversalFile, *, by: User, note: str, version: int) -> ApprovalRequest:
    """Ask a second person to have everything that matched undone. Refused when nothing did, and while it is checked."""
    check(by, RIGHT)
    present = _locked(file)
    if state_of(present) != State.CHECKED or present.version != version:
        raise _refused(f"{present.number} is {State(present.state).label.lower()}. Nothing was sent.", present)
    matched = present.rows.in_state(RowState.MATCHED).select_related("transaction")
    worth = bulk.totals_of([row.transaction for row in matched])
    if not worth:
        raise _refused("No row matched a payment, so there is nothing to reverse.", present)
    present.state, present.version = State.PROPOSED, present.version + 1
    present.save(update_fields=["state", "version"])
    number, told = matched.count(), ", ".join(formats.money(value, currency) for currency, value in worth.items())
    one_currency = len(worth) == 1
    return maker_checker.request(
        OPERATION,
        present,
        by=by,
        summary=f"Reverse {number:,} payments of {present.number}, {told}",
        consequence=f"{number:,} payments end as returned: {told} goes back. This cannot be undone here.",
        note=note,
        payload={"sha256": present.sha256, "rows": number},
        amount=next(iter(worth.values())) if one_currency else None,
        currency=next(iter(worth)) if one_currency else "",
    )


@transaction.atomic
def drop_unproposed(*, now: dt.datetime | None = None) -> int:
    """Give up files that were uploaded a week ago and never proposed; neither the file nor its rows are kept.

    For the worker. Returns how many.
    """
    now = now or timezone.now()
    old = list(ReversalFile.objects.unproposed(now - jobs.DRAFT_IS_KEPT).locked()[: jobs.AT_ONCE])
    for file in old:
        file.rows.all().delete()
        file.body, file.state, file.version = b"", State.DROPPED, file.version + 1
        file.save(update_fields=["body", "state", "version"])
        _record(file, "gave up", f"not proposed within {jobs.DRAFT_IS_KEPT.days} days")
    return len(old)


@transaction.atomic
def drop(file: ReversalFile, *, by: User) -> ReversalFile:
    """Give a file up that nobody waits for, so that a corrected one can be uploaded."""
    check(by, RIGHT)
    present = _locked(file)
    if state_of(present) not in (State.CHECKING, State.CHECKED):
        raise _refused(f"{present.number} is {State(present.state).label.lower()}. Nothing was changed.", present)
    present.state, present.version = State.DROPPED, present.version + 1
    present.save(update_fields=["state", "version"])
    _record(present, "dropped", present.name, by=by)
    return present


def state_of(file: ReversalFile) -> str:
    """Where the file stands: one whose request ended without an agreement is checked and can be sent again."""
    if file.state == State.PROPOSED and request_of(file) is None:
        return str(State.CHECKED)
    return file.state


def request_of(file: ReversalFile) -> ApprovalRequest | None:
    """The request that waits for a second person, if there is one."""
    about = ApprovalRequest.objects.about(file._meta.label_lower, file.number)
    return about.pending().filter(operation=OPERATION).for_list().first()


def _load(request: ApprovalRequest) -> ReversalFile | None:
    return ReversalFile.objects.called(request.object_id).locked().first()


def _in_the_way(request: ApprovalRequest, file: ReversalFile) -> str:
    if file.state != State.PROPOSED or file.sha256 != request.payload.get("sha256"):
        return f"{file.number} is {State(file.state).label.lower()}. Nothing was reversed."
    return ""


def _carry_out(request: ApprovalRequest, file: ReversalFile, checker: User) -> str:
    """Let the worker begin, in the transaction of the decision: a file may have ten thousand rows."""
    file.state = State.APPROVED
    file.save(update_fields=["state"])
    app.configure_task(CARRY_OUT_TASK, lock=f"reversals-{file.pk}").defer(file=file.pk, request=request.pk)
    return f"The worker reverses {request.payload['rows']:,} payments, row by row."


def _may_not_decide(request: ApprovalRequest, user: User) -> str:
    """The checker must be able to work on every payment of the file."""
    scope = work_scope_of(user)
    if scope.is_everything:
        return ""
    rows = ReversalRow.objects.in_state(RowState.MATCHED).filter(file__number=request.object_id)
    places = rows.values_list("transaction__partner_id", "transaction__branch_id").distinct()
    if all(scope.admits(partner, branch) for partner, branch in places):
        return ""
    return "The file holds payments of partners or branches that you do not work on."


def carry_out(key: int, request_key: int) -> None:
    """Make the job that undoes what two people agreed on, in the maker's name, and start it. For the worker; twice is
    once.
    """
    with transaction.atomic():
        file = ReversalFile.objects.locked().get(pk=key)
        request = ApprovalRequest.objects.select_related("maker", "checker").get(pk=request_key)
        if file.state != State.APPROVED or request.state != ApprovalRequest.State.APPROVED:
            return
        rows = list(file.rows.in_state(RowState.MATCHED).select_related("transaction"))
        payments = [row.transaction for row in rows if row.transaction is not None]
        data = [{"file": file.number, "row": row.number, "version": row.version} for row in rows]
        with trail.acting(kind="USER", actor=request.maker.username):
            job = jobs.prepare(
                REVERSE_MANY, payments, by=request.maker, chosen=f"the rows of {file.number} that matched",
                note=request.note, data=data,
            )  # fmt: skip
            BulkJob.objects.filter(pk=job.pk).update(approval=request)
            file.state, file.job = State.COMMITTED, job
            file.save(update_fields=["state", "job"])
            _record(file, "began to carry out", f"{len(rows):,} rows as {job.number}")
            if job.rows.in_state(BulkRow.State.WILL).exists():
                jobs.confirm(job, by=request.maker)


def _judge_rows(rows: Sequence[Transaction], by: User, size: Any) -> list[Verdict]:
    return [Verdict(offer_of(guards.REVERSE, facts, by, size).why_not) for facts in facts_of(rows)]


def _reverse_one(remittance: Transaction, row: BulkRow, job: BulkJob, by: User, size: Any) -> str:
    if job.approval is None:
        raise Refused("Nobody agreed to this.")
    if remittance.version != row.data.get("version"):
        raise Refused("The payment changed after the file was checked. Nothing was reversed.")
    if live_reversals([remittance]):
        raise Refused("It was reversed before, or is about to be. Nothing was reversed.")
    actions.reverse(
        remittance,
        approval=job.approval,
        amount=remittance.settled_amount,
        currency=remittance.settled_currency,
        note=job.note,
        row={"file": row.data.get("file"), "row": row.data.get("row")},
        batch=job.batch,
    )
    return "The platform is asked: Reverse."


REVERSE_MANY: Final = BulkDeed(
    OPERATION,
    "Reverse",
    "Reverse",
    "reversed",
    RIGHT,
    "Each payment ends as returned.",
    _judge_rows,
    _reverse_one,
)


def register() -> None:
    """Make the operation and its job known. Called when the app is ready."""
    bulk.register(REVERSE_MANY)
    maker_checker.register(
        maker_checker.Operation(
            OPERATION,
            "Reverse what a file names",
            propose=RIGHT,
            decide=guards.REVERSE.decided_by,
            load=_load,
            guards=_in_the_way,
            execute=_carry_out,
            kind="Reversals",
            evidence_template="exceptions/_reversal_evidence.html",
            evidence=evidence,
            why_not_decide=_may_not_decide,
            url_of=lambda request: f"/reversals/{request.object_id}/",
        )
    )


def evidence(request: ApprovalRequest, user: User) -> Mapping[str, Any]:
    """What a checker sees of the file beside the request: its verdicts in numbers and where its rows are."""
    file = ReversalFile.objects.readable_by(user).called(request.object_id).for_list().first()
    if file is None:
        return {}
    counts = file.rows.counts()
    return {"file": file, "verdicts": [(state.label, counts[state]) for state in RowState if counts.get(state)]}


# -- words and locks --------------------------------------------------------------------------------------------------


def _locked(file: ReversalFile) -> ReversalFile:
    present: ReversalFile = ReversalFile.objects.locked().get(pk=file.pk)
    return present


def _told(file: ReversalFile) -> str:
    counts = file.rows.counts()
    return ", ".join(f"{counts[state]:,} {state.label.lower()}" for state in RowState if counts.get(state))


def _record(file: ReversalFile, did: str, what: str, *, by: User | None = None) -> None:
    trail.record(Verb.REVERSALS_FILED, by=by, obj=file, facts={"did": did, "what": what})


def _refused(sentence: str, file: ReversalFile) -> Refused:
    return Refused(sentence, verb=OPERATION, object_type=file._meta.label_lower, object_id=file.number)


def _plain(text: str) -> str:
    return "".join(text.lower().split())


def _key(text: str) -> str:
    return _KEY.sub("", text.upper())


def _next_number() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('exceptions_reversal_number')")
        (number,) = cursor.fetchone()
    return f"R-{dt.datetime.now(ZONE).year}-{number:06d}"
