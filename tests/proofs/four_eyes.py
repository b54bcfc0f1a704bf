"""Twelve people, every door, rights that change in between: nobody decides alone, nobody without the right just then.

A random walk: requests to move money and to change people's roles are made and decided by page, by a job's page, in
Django admin, by function, by the ORM and by SQL as the application role, while roles are given and taken, accounts are
linked and people are deactivated. An account of our own (plain dictionaries) says beforehand who may decide; after each
step the database is compared with it. At the end every decided request is read again, and the proof is turned on
itself: with the guards off, a decision alone must be found.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import maker_checker, proposals
from accounts.errors import Refused
from accounts.maker_checker import Job
from accounts.models import ApprovalRequest, User
from accounts.permissions import Role
from backoffice.demo.people import create_organisations
from exceptions import actions
from tests.database import owner_connection
from tests.factories.accounts import ApprovalRequestFactory, UserFactory, role
from tests.factories.transactions import TransactionFactory
from tests.people import signed_in
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandState

SIZE = 5_000
TRANSACTIONS = 60
BYSTANDERS = 12
PEOPLE = "people"
State = ApprovalRequest.State

CAST: dict[str, tuple[Role, ...]] = {
    "maker1": (Role.OPERATIONS_MAKER,),
    "maker2": (Role.OPERATIONS_MAKER,),
    "maker1.second": (Role.OPERATIONS_CHECKER,),
    "checker1": (Role.OPERATIONS_CHECKER,),
    "checker2": (Role.OPERATIONS_CHECKER,),
    "both": (Role.OPERATIONS_MAKER, Role.OPERATIONS_CHECKER),
    "treasury": (Role.TREASURY_CHECKER,),
    "administrator2": (Role.ADMINISTRATOR,),
    "inquirer": (Role.INQUIRY_HANDLER,),
    "auditor": (Role.AUDITOR,),
    "administrator": (Role.ADMINISTRATOR,),
    "superuser": (),
}
DECIDE = {State.APPROVED: "approve", State.REJECTED: "reject", State.SENT_BACK: "send_back"}


@dataclass
class World:
    """The people with what we believe of them, and what happened."""

    dice: random.Random
    users: dict[str, User]
    browsers: dict[str, Client]
    roles: dict[str, set[Role]]
    person: dict[str, UUID]
    active: dict[str, bool]
    rows: list[Transaction]
    bystanders: dict[str, bool]
    """People whose role is proposed to be given or taken, and whether they have it."""
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def may_decide(self, name: str, asked: ApprovalRequest) -> bool:
        """What our own account says: the right, active, and another human being than the maker, now and when asked."""
        maker = next(who for who, user in self.users.items() if user.pk == asked.maker_id)
        needed = Role.ADMINISTRATOR if asked.operation == PEOPLE else Role.OPERATIONS_CHECKER
        has_right = needed in self.roles[name]
        return has_right and self.active[name] and self.person[name] not in (self.person[maker], asked.maker_person)

    def fresh(self, name: str) -> User:
        return User.objects.get(pk=self.users[name].pk)


def run(size: int | None = None) -> tuple[int, int]:
    """`size` random actions. Returns how many, and how often something was decided that must not be, or was not."""
    size = SIZE if size is None else size
    logging.getLogger("django.request").setLevel(logging.CRITICAL)  # refusals are what is asked for
    world = _world(random.Random(5))
    for number in range(size):
        _step(world)
        if number and number % 1_000 == 0:
            print(f"  {number} actions, {len(world.broken)} broken", flush=True)
    world.broken += _alone()
    unseen = _bites(world)
    for sentence in world.broken[:20]:
        print(f"  {sentence}")
    print(f"  {dict(world.counts)}; with the guards off {'found' if not unseen else 'NOT found'}", flush=True)
    return size, len(world.broken) + unseen


def _world(dice: random.Random) -> World:
    create_organisations()
    users: dict[str, User] = {}
    for name, roles in CAST.items():
        users[name] = UserFactory(
            username=name, roles=list(roles), everything=True, is_superuser=name == "superuser", is_staff=True
        )
    User.objects.filter(pk=users["maker1.second"].pk).update(person_key=users["maker1"].person_key)
    users = {name: User.objects.get(pk=user.pk) for name, user in users.items()}
    rows = [TransactionFactory(stage="cash_ready") for _ in range(TRANSACTIONS)]
    return World(
        dice=dice,
        users=users,
        browsers={name: signed_in(user) for name, user in users.items()},
        roles={name: set(roles) for name, roles in CAST.items()},
        person={name: user.person_key for name, user in users.items()},
        active=dict.fromkeys(CAST, True),
        rows=rows,
        bystanders={UserFactory(username=f"bystander{number}").username: False for number in range(BYSTANDERS)},
    )


# -- steps ------------------------------------------------------------------------------------------------------------


def _step(world: World) -> None:
    waiting = list(ApprovalRequest.objects.pending().order_by("pk")[:200])
    deeds = (_ask, _propose, _try_to_decide, _withdraw, _change_rights)
    deed = world.dice.choices(deeds, (3, 2, 7, 1, 1))[0]
    if not waiting and deed in (_try_to_decide, _withdraw):
        deed = _ask
    deed(world, waiting)
    Command.objects.open().update(state=CommandState.FAILED, closed_at=timezone.now())


def _ask(world: World, waiting: list[ApprovalRequest]) -> None:
    name, row = world.dice.choice(list(CAST)), world.dice.choice(world.rows)
    door = world.dice.choice(("page", "function", "job"))
    before = ApprovalRequest.objects.count()
    may = Role.OPERATIONS_MAKER in world.roles[name] and world.active[name]
    if door == "page":
        fields = {"deed-reason_code": "CUST", "deed-note": "Asked.", "deed-version": row.version, "deed-token": uuid4()}
        world.browsers[name].post(f"/transactions/{row.txn_id}/do/cancel/", fields)
    else:
        job = Job(rows=5, batch=uuid4()) if door == "job" else maker_checker.ALONE
        _quietly(lambda: actions.cancel(row, by=world.fresh(name), reason_code="CUST", note="Asked.", job=job))
    made = ApprovalRequest.objects.count() - before
    world.counts[f"asked by {door}" if made else f"not asked by {door}"] += 1
    if made and not may:
        world.broken.append(f"{name} asked by {door} without the right")


def _propose(world: World, waiting: list[ApprovalRequest]) -> None:
    """Propose that a bystander gets a role or loses it, in Django admin or by function."""
    name, about = world.dice.choice(list(CAST)), world.dice.choice(list(world.bystanders))
    door, user = world.dice.choice(("admin", "function")), User.objects.get(username=about)
    groups = [] if world.bystanders[about] else [str(role(Role.INQUIRY_HANDLER).pk)]
    fields: dict[str, Any] = {"full_name": user.full_name, "is_active": "on", "groups": groups}
    before = ApprovalRequest.objects.count()
    may = Role.ADMINISTRATOR in world.roles[name] and world.active[name]
    if door == "admin":
        world.browsers[name].post(f"/admin/accounts/user/{user.pk}/change/", fields | {"reason": "Asked for."})
    else:
        _quietly(lambda: proposals.propose(user, by=world.fresh(name), reason="Asked for.", **fields))
    made = ApprovalRequest.objects.count() - before
    world.counts[f"proposed by {door}" if made else f"not proposed by {door}"] += 1
    if made and not may:
        world.broken.append(f"{name} proposed by {door} without the right")
    if User.objects.get(pk=user.pk).groups.exists() != world.bystanders[about]:
        world.broken.append(f"{name} changed {about} alone by {door}")


def _try_to_decide(world: World, waiting: list[ApprovalRequest]) -> None:
    name, asked = world.dice.choice(list(CAST)), world.dice.choice(waiting)
    decision = world.dice.choice(list(DECIDE))
    door = world.dice.choice(list(DOORS))
    may = world.may_decide(name, asked)
    commands = Command.objects.count()
    DOORS[door](world, name, asked, decision)
    present = ApprovalRequest.objects.get(pk=asked.pk)
    decided = present.state in DECIDE
    world.counts[f"decided by {door}" if decided else f"refused at {door}"] += 1
    who = f"{name} {DECIDE[decision]}s {asked.number} by {door}"
    if decided and not _was_right(world, door, name, asked, may):
        world.broken.append(f"{who}: decided, and must not be")
    if not decided and may and door in ("page", "function") and present.state != State.STALE:
        world.broken.append(f"{who}: not decided, and may be")
    carried_out = present.state == State.APPROVED and door not in ("sql", "orm")
    sent = Command.objects.count() - commands
    if sent != (carried_out and asked.operation != PEOPLE):
        world.broken.append(f"{who}: {sent} commands, and it is {present.state}")
    if asked.operation == PEOPLE:
        world.bystanders[asked.object_id] ^= carried_out
        if User.objects.get(username=asked.object_id).groups.exists() != world.bystanders[asked.object_id]:
            world.broken.append(f"{who}: {asked.object_id} has not the roles that two people agreed on")


def _was_right(world: World, door: str, name: str, asked: ApprovalRequest, may: bool) -> bool:
    """Through the pages and functions the right decides; below them only that it is another human being."""
    if door in ("sql", "orm"):
        maker = next(who for who, user in world.users.items() if user.pk == asked.maker_id)
        return world.person[name] != world.person[maker]
    return may


def _withdraw(world: World, waiting: list[ApprovalRequest]) -> None:
    name, asked = world.dice.choice(list(CAST)), world.dice.choice(waiting)
    _quietly(lambda: maker_checker.withdraw(asked, by=world.fresh(name)))
    state = ApprovalRequest.objects.get(pk=asked.pk).state
    mine = world.person[name] == next(
        world.person[who] for who, user in world.users.items() if user.pk == asked.maker_id
    )
    world.counts["withdrawn"] += state == State.WITHDRAWN
    if state == State.WITHDRAWN and not mine:
        world.broken.append(f"{name} withdrew {asked.number} of somebody else")


def _change_rights(world: World, waiting: list[ApprovalRequest]) -> None:
    """A role given or taken, an account linked or parted, somebody deactivated or back; all believed at once."""
    name = world.dice.choice(list(CAST))
    user, change = world.users[name], world.dice.choice(("role", "link", "activity"))
    if change == "role":
        which = world.dice.choice((Role.OPERATIONS_MAKER, Role.OPERATIONS_CHECKER, Role.ADMINISTRATOR))
        given = which not in world.roles[name]
        (user.groups.add if given else user.groups.remove)(role(which))
        (world.roles[name].add if given else world.roles[name].discard)(which)
    elif change == "link":
        other = world.dice.choice(list(CAST))
        key = world.person[other] if other != name else uuid4()
        User.objects.filter(pk=user.pk).update(person_key=key)
        world.person[name] = key
    else:
        world.active[name] = not world.active[name]
        User.objects.filter(pk=user.pk).update(is_active=world.active[name])
        world.browsers[name] = signed_in(world.fresh(name))
    world.counts[f"changed {change}"] += 1


# -- doors ------------------------------------------------------------------------------------------------------------


def _by_page(world: World, name: str, asked: ApprovalRequest, decision: State) -> None:
    fields = {"decision": DECIDE[decision], "note": "Looked at."}
    world.browsers[name].post(asked.get_absolute_url(), fields)


def _by_job(world: World, name: str, asked: ApprovalRequest, decision: State) -> None:
    if asked.batch:
        fields = {"decision": DECIDE[decision], "note": "Looked at.", "row": [asked.number]}
        world.browsers[name].post(f"/approvals/batches/{asked.batch}/", fields)


def _by_function(world: World, name: str, asked: ApprovalRequest, decision: State) -> None:
    deed: Callable[..., Any] = getattr(maker_checker, DECIDE[decision])
    _quietly(lambda: deed(asked, by=world.fresh(name), note="Looked at."))


def _by_admin(world: World, name: str, asked: ApprovalRequest, decision: State) -> None:
    """Django admin has no page of requests, whoever asks and whatever is sent."""
    fields = {"state": decision, "checker": world.users[name].pk, "reason": "Looked at."}
    world.browsers[name].post(f"/admin/accounts/approvalrequest/{asked.pk}/change/", fields)


def _by_command_line(world: World, name: str, asked: ApprovalRequest, decision: State) -> None:
    """There is no command that decides, under any name of a decision."""
    _quietly(lambda: call_command(DECIDE[decision], asked.number, name))


def _by_orm(world: World, name: str, asked: ApprovalRequest, decision: State) -> None:
    def deed() -> None:
        present = ApprovalRequest.objects.get(pk=asked.pk)
        present.state, present.checker, present.decided_at = decision, world.users[name], asked.created_at
        present.checker_person = uuid4()  # a lie about who it is
        present.save()

    _quietly(deed)


def _by_sql(world: World, name: str, asked: ApprovalRequest, decision: State) -> None:
    def deed() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE accounts_approvalrequest SET state = %s, checker_id = %s, decided_at = now(),"
                " maker_person = gen_random_uuid(), checker_person = gen_random_uuid() WHERE id = %s",
                [decision.value, world.users[name].pk, asked.pk],
            )

    _quietly(deed)


DOORS: dict[str, Callable[[World, str, ApprovalRequest, State], None]] = {
    "page": _by_page,
    "job": _by_job,
    "function": _by_function,
    "admin": _by_admin,
    "command line": _by_command_line,
    "orm": _by_orm,
    "sql": _by_sql,
}


def _quietly(deed: Callable[[], Any]) -> None:
    """Whatever refuses it, refuses it."""
    try:
        with transaction.atomic():
            deed()
    except (Refused, PermissionDenied, ValidationError, DatabaseError, CommandError):
        return


# -- the end ----------------------------------------------------------------------------------------------------------


def _alone() -> list[str]:
    """Requests and commands on which one human being stands twice, by the keys that the database computed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number FROM accounts_approvalrequest WHERE state IN ('APPROVED', 'REJECTED', 'SENT_BACK')"
            " AND (checker_id IS NULL OR checker_person = maker_person)"
            " UNION ALL SELECT id::text FROM transactions_command WHERE people_required = 2"
            " AND (approval_id IS NULL OR checker_person IS NULL OR checker_person = maker_person)"
        )
        return [f"{name} was decided by one person" for (name,) in cursor.fetchall()]


def _bites(world: World) -> int:
    """With the triggers and constraints off, as the owner, a decision alone is made; 0 when it is then found."""
    asked = ApprovalRequestFactory(maker=world.users["maker1"])
    table = "accounts_approvalrequest"
    with owner_connection() as owner:
        owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        for name in ("a_request_is_decided_by_another_person", "no_checker_is_the_maker"):
            owner.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
        owner.execute(
            f"UPDATE {table} SET state = 'APPROVED', checker_id = maker_id, checker_person = maker_person,"
            f" decided_at = now() WHERE id = {asked.pk}".encode()
        )
        owner.commit()
        found = _alone()
        owner.execute(
            f"UPDATE {table} SET state = 'WITHDRAWN', checker_id = NULL, checker_person = NULL"
            f" WHERE id = {asked.pk}".encode()
        )
        for name, rule in _constraints().items():
            owner.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK {rule}".encode())
        owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
    return 0 if found else 1


def _constraints() -> dict[str, str]:
    """The two constraints as the migration made them."""
    return {
        "a_request_is_decided_by_another_person": "((NOT (state IN ('APPROVED', 'REJECTED', 'SENT_BACK')) OR"
        " (checker_id IS NOT NULL AND checker_person IS NOT NULL AND checker_person <> maker_person)))",
        "no_checker_is_the_maker": "((checker_id IS NULL OR NOT (checker_person = maker_person)))",
    }
