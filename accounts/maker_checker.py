"""Two people: what one asks, another decides. The one place for requests, decisions and the policies behind them.

A room registers its operations from its `AppConfig.ready`; this module knows none by name:

    maker_checker.register(Operation("move_to_rtgs", "Move to RTGS", propose="exceptions.propose_operations",
        decide="exceptions.decide_operations", load=…, guards=…, execute=…, evidence_template=…))

and its action asks for the second person, under its own lock, as its last step but for the answer:

    if people_required("move_to_rtgs", amount=…, currency=…) == 2:
        return request("move_to_rtgs", remittance, by=by, summary=…, reason_code=…, note=…)

Approving locks the object, runs the request's guards again and carries the operation out in the same database
transaction. What no longer holds makes the request overtaken (STALE), with its sentence. Nobody decides what they
asked for themselves, through no account and by no right; the database refuses it too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, models, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import notifications
from accounts.access import check, has, people_who_may, permissions_of, roles_that_may, work_scope_of
from accounts.errors import Refused
from accounts.models import ApprovalPolicy, ApprovalRequest, User
from accounts.notifications import Kind, Notice, Subject
from accounts.permissions import PERMISSIONS
from accounts.separation import LOCK, one_at_a_time
from audit import trail
from audit.querysets import name_of
from audit.verbs import Verb

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

State = ApprovalRequest.State
AUDITS: Final = "audit.view_trail"
DEFAULT_HOURS: Final = 24
INBOX: Final = frozenset(
    {AUDITS, *(name for name in PERMISSIONS if name.partition(".")[2].startswith(("propose_", "decide_", "request_")))}
)
"""Who holds one of these rights has an inbox: proposers, deciders and auditors."""
MOST_AT_ONCE: Final = 500

BATCH: Final = "accounts.batch"
"""What notifications call the requests of one job together."""
WAITS: Final = Kind("approval_waits", "A request waits for my decision", INBOX - {AUDITS})
ENDED: Final = Kind("request_ended", "A request of mine was decided, sent back, overtaken or ran out", INBOX - {AUDITS})

Guards = Callable[[ApprovalRequest, Any], str]
Execute = Callable[[ApprovalRequest, Any, User], str]


def _no_guard(request: ApprovalRequest, obj: Any) -> str:
    return ""


def _anybody(request: ApprovalRequest, user: User) -> str:
    return ""


def _nothing(request: ApprovalRequest, user: User) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Operation:
    """Something that two people do together.

    `key` is its word in addresses, policies and the trail, `label` verb and object, `kind` the heading under which
    the inbox filters it. `propose` and `decide` are the rights. `load` fetches and locks the object by its public
    reference, or answers None when it is gone; what it returns is handed to `guards` (the first sentence that is in
    the way, or "") and to `execute` (carries the operation out for the maker, in the approving transaction, and answers
    what happened in a sentence). `why_not_decide` may name a further reason why this person must not decide.
    `evidence_template` is rendered with what `evidence` makes for the reader. `changes_rights` keeps every other
    decision waiting while rights change. `effect` is the inbox's word for what it touches.
    """

    key: str
    label: str
    propose: str
    decide: str
    load: Callable[[ApprovalRequest], Any]
    execute: Execute
    guards: Guards = _no_guard
    kind: str = "Operations"
    effect: str = "Money"
    evidence_template: str = "approvals/_evidence.html"
    evidence: Callable[[ApprovalRequest, User], Mapping[str, Any]] = _nothing
    why_not_decide: Callable[[ApprovalRequest, User], str] = _anybody
    url_of: Callable[[ApprovalRequest], str] = lambda request: ""
    changes_rights: bool = False
    folds_reason: bool = False
    """Whether who decides sees the maker's reason only on asking for it, on the record: the evidence comes first."""


_operations: dict[str, Operation] = {}


def register(operation: Operation) -> None:
    """Add an operation. A key that is there already is replaced, so that a restart is harmless."""
    _operations[operation.key] = operation


def operation_of(request: ApprovalRequest) -> Operation:
    """The operation of a request. KeyError when its room is not installed."""
    return _operations[request.operation]


def registered() -> list[Operation]:
    return sorted(_operations.values(), key=lambda one: (one.kind, one.label))


def operations_for(user: User | AnonymousUser) -> frozenset[str]:
    """The keys of the operations whose requests this person reads: proposers, deciders, and auditors all of them."""
    rights = permissions_of(user)
    if AUDITS in rights:
        return frozenset(_operations)
    return frozenset(key for key, one in _operations.items() if {one.propose, one.decide} & rights)


def operations_decided_by(user: User | AnonymousUser) -> frozenset[str]:
    """The keys of the operations on which this person may decide."""
    return frozenset(key for key, one in _operations.items() if has(user, one.decide))


# -- policies ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """The job that a deed is part of: how many rows, how much in all per currency, and its own id."""

    rows: int = 1
    totals: Mapping[str, Decimal] = field(default_factory=dict)
    batch: UUID | None = None

    def total(self, currency: str) -> Decimal:
        return self.totals.get(currency, Decimal(0))


ALONE: Final = Job()


def policy_of(operation: str, currency: str = "") -> ApprovalPolicy | None:
    """The policy in force: the currency's own, else the general one, else None (two people always)."""
    rows = {row.currency: row for row in ApprovalPolicy.objects.filter(operation=operation)}
    return rows.get(currency) or rows.get("")


@dataclass(frozen=True)
class Policies:
    """The policies in force, read once for as many deeds as are asked about."""

    rows: Mapping[tuple[str, str], ApprovalPolicy]

    @classmethod
    def now(cls) -> Policies:
        return cls({(row.operation, row.currency): row for row in ApprovalPolicy.objects.all()})

    def people(self, operation: str, *, amount: Decimal | None = None, currency: str = "", job: Job = ALONE) -> int:
        """How many people an operation needs, as `people_required`."""
        policy = self.rows.get((operation, currency)) or self.rows.get((operation, ""))
        return _people(policy, amount, currency, job)


def people_required(operation: str, *, amount: Decimal | None = None, currency: str = "", job: Job = ALONE) -> int:
    """How many people an operation needs: 1 or 2. What no policy names, and a currency without a limit, needs two."""
    return _people(policy_of(operation, currency), amount, currency, job)


def _people(policy: ApprovalPolicy | None, amount: Decimal | None, currency: str, job: Job) -> int:
    if policy is None or policy.rule == ApprovalPolicy.Rule.ALWAYS:
        return 2
    if policy.rule == ApprovalPolicy.Rule.NEVER:
        return 1
    over = amount is None or policy.limit is None or amount > policy.limit
    too_many = policy.job_rows is not None and job.rows > policy.job_rows
    too_much = policy.job_limit is not None and job.total(currency) > policy.job_limit
    return 2 if over or too_many or too_much else 1


def expiry(operation: str, currency: str, now: dt.datetime) -> dt.datetime:
    """When a request made now runs out."""
    policy = policy_of(operation, currency)
    return now + dt.timedelta(hours=policy.hours if policy is not None else DEFAULT_HOURS)


# -- asking -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def request(
    operation: str,
    obj: models.Model,
    *,
    by: User,
    summary: str,
    consequence: str = "",
    reason_code: str = "",
    note: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    payload: Mapping[str, Any] | None = None,
    amount: Decimal | None = None,
    currency: str = "",
    partner_id: int | None = None,
    branch_id: int | None = None,
    batch: UUID | None = None,
    token: UUID | None = None,
    object_id: str = "",
) -> ApprovalRequest:
    """Ask a second person. The caller has locked `obj`, checked its own guards, and does nothing else afterwards.

    Refused while the same operation waits for the same object already. `partner_id` and `branch_id` put the request
    into the scope of those who see that partner and branch; without them only rights decide who sees it.
    `before`, `after` and `payload` hold no personal data that the inbox's readers may not see.
    """
    by, now = as_of_now(by), timezone.now()
    check(by, _operations[operation].propose)
    asked = ApprovalRequest(
        number=_next_number(),
        operation=operation,
        object_type=obj._meta.label_lower,
        object_id=object_id or name_of(obj),
        object_version=getattr(obj, "version", 0) or 0,
        partner_id=partner_id,
        branch_id=branch_id,
        summary=summary,
        consequence=consequence,
        amount=amount,
        currency=currency,
        before=dict(before or {}),
        after=dict(after or {}),
        payload=dict(payload or {}),
        reason_code=reason_code,
        note=note,
        batch=batch,
        token=token,
        maker=by,
        maker_person=by.person_key,
        created_at=now,
        expires_at=expiry(operation, currency, now),
    )
    try:
        with transaction.atomic():
            asked.save(force_insert=True)
    except IntegrityError as error:
        raise _taken(error, asked, token) from error
    _tell_deciders(asked)
    _record(Verb.APPROVAL_ASKED, asked, by=by, reason=_why(reason_code, note))
    return asked


def _taken(error: IntegrityError, asked: ApprovalRequest, token: UUID | None) -> Exception:
    twin = ApprovalRequest.objects.filter(token=token).first() if token else None
    if twin is not None:
        return _refused(f"This was already received as {twin.number}. It was counted once.", asked)
    pending = (
        ApprovalRequest.objects.about(asked.object_type, asked.object_id)
        .pending()
        .filter(operation=asked.operation)
        .select_related("maker")
        .first()
    )
    if pending is None:
        return error
    return _refused(
        f"{pending.maker} asked for this at {clock(pending.created_at)} already: {pending.number} waits.", asked
    )


def _next_number() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('accounts_request_number')")
        (number,) = cursor.fetchone()
    return f"A-{number:06d}"


# -- deciding ---------------------------------------------------------------------------------------------------------


def approve(asked: ApprovalRequest, *, by: User, reason_code: str = "", note: str = "") -> ApprovalRequest:
    """Agree to a request and carry it out, in one database transaction.

    Raises MissingPermission, and Refused when the person is its maker, when somebody decided before, when it ran out,
    or when it was overtaken: then the request is kept as STALE with the sentence that is raised.
    """
    with transaction.atomic():
        decided, sentence = _decide(asked, by=by, as_=State.APPROVED, code=reason_code, note=note)
    if sentence:
        raise _refused(sentence, decided)
    return decided


def send_back(asked: ApprovalRequest, *, by: User, reason_code: str = "", note: str) -> ApprovalRequest:
    """Give a request back to its maker, who may ask again differently. Nothing happens to the object."""
    with transaction.atomic():
        decided, sentence = _decide(asked, by=by, as_=State.SENT_BACK, code=reason_code, note=note)
    if sentence:
        raise _refused(sentence, decided)
    return decided


def reject(asked: ApprovalRequest, *, by: User, reason_code: str = "", note: str) -> ApprovalRequest:
    """Say no. Nothing happens to the object."""
    with transaction.atomic():
        decided, sentence = _decide(asked, by=by, as_=State.REJECTED, code=reason_code, note=note)
    if sentence:
        raise _refused(sentence, decided)
    return decided


@transaction.atomic
def withdraw(asked: ApprovalRequest, *, by: User, note: str = "") -> ApprovalRequest:
    """Take back one's own request while nobody has decided. Refused to anybody but the person who asked."""
    by = as_of_now(by)
    present = _locked(asked)
    if present.maker_person != by.person_key:
        raise _refused("Only the person who asked can withdraw this request.", present, status=403)
    check(by, _operations[present.operation].propose)
    _refuse_when_decided(present, by)
    _end(present, State.WITHDRAWN, note=note)
    _tell_of_ends([present])
    _record(Verb.APPROVAL_WITHDRAWN, present, by=by, reason=note)
    return present


def lost_with(maker: User, rights: Collection[str]) -> list[ApprovalRequest]:
    """What this person asked for, waits, and could not be asked for with these rights; oldest first."""
    mine = ApprovalRequest.objects.pending().filter(maker=maker).select_related("maker").order_by("pk")
    return [one for one in mine if operation_of(one).propose not in rights]


@transaction.atomic
def withdraw_lost(makers: Iterable[User], *, by: User) -> int:
    """End what these people may not ask for any more; answers how many requests that were.

    In the transaction that took the right from them, which lets no request be made or decided meanwhile.
    """
    ended = []
    for maker in User.objects.filter(pk__in=[one.pk for one in makers]).order_by("pk"):
        for one in lost_with(maker, permissions_of(maker)):
            present = _locked(one)
            if present.is_pending:
                _end(present, State.WITHDRAWN, outcome=_unable(present))
                ended.append(present)
    _tell_of_ends(ended)
    for one in ended:
        _record(Verb.APPROVAL_WITHDRAWN, one, by=by, reason=one.outcome)
    return len(ended)


def _unable(asked: ApprovalRequest) -> str:
    """Why the maker could not ask for this any more, in a sentence; "" while the maker may."""
    maker = User.objects.get(pk=asked.maker_id)
    if has(maker, operation_of(asked).propose):
        return ""
    what = "has no right to ask for this any more" if maker.is_active else "is not active any more"
    return f"{maker} {what}. Somebody who may can ask again."


@transaction.atomic
def expire(*, now: dt.datetime | None = None) -> int:
    """End the requests whose time ran out; nothing happens to their objects. For the worker; answers how many."""
    now = now or timezone.now()
    over = list(
        ApprovalRequest.objects.over(now)
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("maker")
        .order_by("pk")[:MOST_AT_ONCE]
    )
    for one in over:
        _end(one, State.EXPIRED)
    if over:
        _tell_of_ends(over)
        numbers = [one.number for one in over]
        facts = {"count": len(over), "requests": numbers}
        trail.record(Verb.APPROVALS_EXPIRED, object_type="accounts.approvalrequest", facts=facts)
    return len(over)


def why_not_decide(asked: ApprovalRequest, user: User) -> str:
    """Why this person cannot decide this request now, in a sentence; "" when they can. For pages; deeds ask again."""
    one = operation_of(asked)
    if is_own(asked, user):
        return own_request(one, user)
    if not has(user, one.decide):
        return f"This needs the right of {', '.join(roles_that_may(one.decide, reader=user))}."
    if not _in_scope(asked, user):
        return "You may see this request but not decide on its partner and branch."
    if not asked.is_pending:
        return decided_before(asked, user)
    if asked.expires_at <= timezone.now():
        return f"This request ran out at {clock(asked.expires_at)}. It can be asked again."
    return one.why_not_decide(asked, user)


def is_folded(asked: ApprovalRequest, user: User) -> bool:
    """Whether this person may decide on the request and should look at the evidence before the maker's reason."""
    return operation_of(asked).folds_reason and asked.is_pending and not why_not_decide(asked, user)


def deciders(one: Operation, user: User) -> str:
    """The roles that may decide, for a sentence to this reader."""
    return " or ".join(roles_that_may(one.decide, reader=user))


def overtaken_now(asked: ApprovalRequest) -> str:
    """Why a waiting request could not be approved now whoever decides, in a sentence; "" where nothing is in the way.

    For the page, which looks without a lock; approving looks again.
    """
    if not asked.is_pending:
        return ""
    with transaction.atomic():
        one = operation_of(asked)
        return _overtaken(asked, one, one.load(asked))


@dataclass(frozen=True)
class Difference:
    """One field of what is asked: what it is now and what it would be."""

    field: str
    now: str
    after: str


def differences(asked: ApprovalRequest) -> list[Difference]:
    """The fields that would change, as the maker saw them."""
    names = dict.fromkeys([*asked.before, *asked.after])
    return [
        Difference(name, _text(asked.before.get(name)), _text(asked.after.get(name)))
        for name in names
        if asked.before.get(name) != asked.after.get(name)
    ]


def _text(value: Any) -> str:
    if value in (None, "", []):
        return "empty"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def is_own(asked: ApprovalRequest, user: User) -> bool:
    """Whether the same human being asked: then, or by the accounts that are linked now."""
    return user.person_key in (asked.maker_person, asked.maker.person_key)


def own_request(one: Operation, user: User) -> str:
    """What the maker reads in place of a form."""
    return f"You asked for this. Someone else with role {deciders(one, user)} must decide."


def decided_before(asked: ApprovalRequest, user: User | None = None) -> str:
    """Who decided a request, what, and when; for somebody whose own decision came too late."""
    when = clock(asked.decided_at or asked.created_at)
    who = "You" if user is not None and asked.checker_id == user.pk else str(asked.checker or "")
    what = {
        State.APPROVED: f"{who} approved this at {when}.",
        State.REJECTED: f"{who} rejected this at {when}.",
        State.SENT_BACK: f"{who} sent this back at {when}.",
        State.WITHDRAWN: _withdrawn(asked, when),
        State.EXPIRED: f"This request ran out at {when}.",
        State.STALE: f"This was overtaken at {when}: {asked.outcome}",
    }
    return what.get(State(asked.state), "")


def _withdrawn(asked: ApprovalRequest, when: str) -> str:
    """Whether the maker withdrew it, or lost the right to ask for it."""
    if asked.outcome:
        return f"This was withdrawn at {when}: {asked.outcome}"
    return f"{asked.maker} withdrew this at {when}."


def _decide(asked: ApprovalRequest, *, by: User, as_: State, code: str, note: str) -> tuple[ApprovalRequest, str]:
    """The decision under its locks: rights, then the object, then the request. The sentence says what was in the way
    although the request has ended, "" otherwise; everything else that is in the way is raised.
    """
    one = _operations[asked.operation]
    by = as_of_now(by, exclusively=one.changes_rights)
    check(by, one.decide)
    obj = one.load(asked) if as_ is State.APPROVED else None
    present = _locked(asked)
    _refuse_unfit(present, one, by)
    if present.expires_at <= timezone.now():
        _end(present, State.EXPIRED)
        _tell_of_ends([present])
        facts = {"count": 1, "requests": [present.number]}
        trail.record(Verb.APPROVALS_EXPIRED, object_type="accounts.approvalrequest", facts=facts)
        return present, f"This request ran out at {clock(present.expires_at)}. Your decision was not recorded."
    if as_ is not State.APPROVED:
        _end(present, as_, checker=by, code=code, note=note)
        _tell_of_ends([present])
        verb = Verb.APPROVAL_REJECTED if as_ is State.REJECTED else Verb.APPROVAL_SENT_BACK
        _record(verb, present, by=by, reason=_why(code, note))
        return present, ""
    if in_the_way := _overtaken(present, one, obj):
        _end(present, State.STALE, outcome=in_the_way)
        _tell_of_ends([present])
        _record(Verb.APPROVAL_OVERTAKEN, present, by=by, reason=in_the_way, result="FAILED")
        return present, in_the_way
    _end(present, State.APPROVED, checker=by, code=code, note=note)
    _tell_of_ends([present])
    done = present.done = one.execute(present, obj, by)
    _record(Verb.APPROVAL_GIVEN, present, by=by, reason=_why(code, note), done=done)
    return present, ""


def _refuse_unfit(present: ApprovalRequest, one: Operation, by: User) -> None:
    if is_own(present, by):
        raise _refused(own_request(one, by), present, status=403)
    if not _in_scope(present, by):
        raise _refused("You may see this request but not decide on its partner and branch.", present, status=403)
    _refuse_when_decided(present, by)
    if sentence := one.why_not_decide(present, by):
        raise _refused(sentence, present, status=403)


def _refuse_when_decided(present: ApprovalRequest, by: User) -> None:
    if not present.is_pending:
        raise _refused(f"{decided_before(present, by)} Your decision was not recorded.", present)


def _overtaken(present: ApprovalRequest, one: Operation, obj: Any) -> str:
    if obj is None:
        return f"{present.object_id} is not there any more."
    version = getattr(obj, "version", 0) or 0
    in_the_way = one.guards(present, obj) or _unable(present)
    if version == present.object_version:
        return in_the_way
    moved = f"It was asked on version {present.object_version} of {present.object_id}, which is now version {version}."
    return " ".join(filter(None, [moved, in_the_way, "Nothing was sent. Look at what changed and ask again."]))


def _in_scope(asked: ApprovalRequest, user: User) -> bool:
    return asked.partner_id is None or work_scope_of(user).admits(asked.partner_id, asked.branch_id)


def _end(
    present: ApprovalRequest, state: State, *, checker: User | None = None, code: str = "", note: str = "",
    outcome: str = "",
) -> None:  # fmt: skip
    present.state, present.checker, present.decided_at = state, checker, timezone.now()
    present.decision_code, present.decision_note, present.outcome = code, note, outcome[:500]
    present.save(update_fields=["state", "checker", "decided_at", "decision_code", "decision_note", "outcome"])


# -- who is told ------------------------------------------------------------------------------------------------------


def _tell_deciders(asked: ApprovalRequest) -> None:
    """Tell everybody who could decide it now. The requests of one job are told once."""
    one = operation_of(asked)
    able = people_who_may(one.decide, partner_id=asked.partner_id, branch_id=asked.branch_id)
    people = [person for person in able if not one.why_not_decide(asked, person)]
    said = f"{asked.maker} asks: {asked.summary}"
    if asked.batch is not None:
        said = f"{asked.maker} asks for the rows of a job: {one.label}"
    notifications.tell(WAITS.key, people, about=_subject(asked, one.decide), sentence=said, by=asked.maker)


def _tell_of_ends(ended: list[ApprovalRequest]) -> None:
    """Nobody needs to decide these any more, and their makers hear what became of them."""
    single = [one.number for one in ended if one.batch is None]
    notifications.end(WAITS.key, object_type=ApprovalRequest._meta.label_lower, object_ids=single)
    batches = {one.batch for one in ended if one.batch is not None}
    if batches:
        left = set(ApprovalRequest.objects.pending().filter(batch__in=batches).values_list("batch", flat=True))
        notifications.end(WAITS.key, object_type=BATCH, object_ids=[str(batch) for batch in batches - left])
    heard = [one for one in ended if one.state != State.WITHDRAWN]
    notifications.tell_all(
        Notice(ENDED.key, one.maker, _subject(one, operation_of(one).propose), _told_of(one)) for one in heard
    )


def _told_of(asked: ApprovalRequest) -> str:
    what = {
        State.APPROVED: f"{asked.checker} approved",
        State.REJECTED: f"{asked.checker} rejected",
        State.SENT_BACK: f"{asked.checker} sent back",
        State.EXPIRED: "Nobody decided in time",
        State.STALE: "Overtaken",
    }[State(asked.state)]
    if asked.batch is not None:
        return f"{what}: a row of a job that you asked for, {operation_of(asked).label}"
    return f"{what}: {asked.summary}"


def _subject(asked: ApprovalRequest, right: str) -> Subject:
    """What a notification of this request is about: the request, or the job whose rows are requests."""
    if asked.batch is None:
        return Subject.of(asked, right=right, partner_id=asked.partner_id, branch_id=asked.branch_id)
    url = reverse("accounts:batch", args=[asked.batch])
    return Subject(BATCH, str(asked.batch), url, right, asked.partner_id, asked.branch_id)


# -- people as they are now -------------------------------------------------------------------------------------------


def as_of_now(user: User, *, exclusively: bool = False) -> User:
    """The person with the rights, scope and activity of this moment, which nobody changes until the transaction ends.

    Refused to somebody whose account was deactivated meanwhile.
    """
    if exclusively:
        one_at_a_time()
    else:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])
    present = User.objects.get(pk=user.pk)
    if not present.is_active:
        raise Refused("Your account is not active any more.", status=403)
    return present


# -- words ------------------------------------------------------------------------------------------------------------


def _locked(asked: ApprovalRequest) -> ApprovalRequest:
    present: ApprovalRequest = ApprovalRequest.objects.locked().select_related("maker", "checker").get(pk=asked.pk)
    return present


def _refused(sentence: str, asked: ApprovalRequest, *, status: int = 409) -> Refused:
    """A refusal whose record names the operation and the object."""
    return Refused(
        sentence, status=status, verb=asked.operation, object_type=asked.object_type, object_id=asked.object_id
    )


def _record(
    verb: Verb, asked: ApprovalRequest, *, by: User, reason: str = "", result: str = "OK", done: str = ""
) -> None:
    one = _operations[asked.operation]
    facts = {"request": asked.number, "operation": one.label, "maker": asked.maker.username}
    trail.record(
        verb,
        by=by,
        object_type=asked.object_type,
        object_id=asked.object_id,
        before=asked.before or None,
        after=asked.after or None,
        reason=reason,
        result=result,
        facts=facts | ({"done": done} if done else {}),
    )


def _why(code: str, note: str) -> str:
    return ": ".join(part for part in (code, note) if part)


def clock(moment: dt.datetime) -> str:
    """A moment as a refusal tells it: 14:06 PKT in the reader's zone, with its day when that is another."""
    local = timezone.localtime(moment)
    today = timezone.localtime().date() == local.date()
    return f"{local:%H:%M} {local.tzname()}" if today else f"{local.day} {local:%b %Y %H:%M} {local.tzname()}"
