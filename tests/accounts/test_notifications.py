"""What people are told: those whom it concerns, once, as long as they may know it, and nothing of it by e-mail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import maker_checker, notifications
from accounts.access import has, may_work_on, people_who_may
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, Notification, PartnerUserPermission, User
from audit.models import AuditEvent
from audit.verbs import Verb
from exceptions import actions, handling
from tests.factories.accounts import BranchFactory, NotificationFactory, PartnerFactory, UserFactory, grant, role
from tests.factories.exceptions import ExceptionItemFactory
from tests.factories.transactions import TransactionFactory
from transactions.models import Transaction
from transactions.vocabulary import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(omar: User, sana: User) -> ApprovalRequest:
    made = actions.cancel(TransactionFactory(stage=Stage.CASH_READY), by=omar, reason_code="CUST", note="They asked.")
    assert isinstance(made, ApprovalRequest)
    return made


def told(user: User) -> list[str]:
    """What this person has not read, as somebody whose rights are read anew."""
    fresh = User.objects.get(pk=user.pk)
    return [one.sentence for one in Notification.objects.visible_to(fresh).unread().newest_first()]


def test_whoever_can_decide_a_request_is_told_and_nobody_else(
    asked: ApprovalRequest, omar: User, sana: User, rabia: User, mehwish: User, hina: User, nadia: User
) -> None:
    assert told(sana) == [f"{omar} asks: {asked.summary}"]
    assert [told(other) for other in (omar, rabia, mehwish, hina, nadia)] == [[]] * 5
    assert mail.outbox == []


def test_the_maker_reads_what_became_of_it_and_nobody_waits_any_more(
    asked: ApprovalRequest, omar: User, sana: User
) -> None:
    maker_checker.reject(asked, by=sana, note="Not yet.")

    assert told(sana) == []
    assert told(omar) == [f"{sana} rejected: {asked.summary}"]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda asked, sana: maker_checker.send_back(asked, by=sana, note="Why?"), "{sana} sent back: "),
        (lambda asked, sana: maker_checker.approve(asked, by=sana), "{sana} approved: "),
        (lambda asked, sana: maker_checker.expire(now=timezone.now() + timedelta(days=2)), "Nobody decided in time: "),
    ],
    ids=["sent back", "approved", "ran out"],
)
def test_every_end_of_a_request_reaches_its_maker(
    asked: ApprovalRequest, omar: User, sana: User, end: object, words: str
) -> None:
    end(asked, sana)  # type: ignore[operator]

    assert told(omar) == [f"{words.format(sana=sana)}{asked.summary}"]
    assert told(sana) == []


def test_an_overtaken_request_reaches_its_maker(asked: ApprovalRequest, omar: User, sana: User) -> None:
    Transaction.objects.filter(txn_id=asked.object_id).update(version=9)
    with pytest.raises(Refused):
        maker_checker.approve(asked, by=sana)
    assert told(omar) == [f"Overtaken: {asked.summary}"]


def test_what_was_withdrawn_waits_for_nobody_and_tells_its_maker_nothing(
    asked: ApprovalRequest, omar: User, sana: User
) -> None:
    maker_checker.withdraw(asked, by=omar)
    assert told(sana) == told(omar) == []


def test_a_refused_deed_tells_nothing(asked: ApprovalRequest, omar: User, sana: User) -> None:
    before = Notification.objects.count()
    with pytest.raises(MissingPermission):
        maker_checker.approve(asked, by=omar)
    assert Notification.objects.count() == before


def test_what_one_may_not_see_any_more_is_not_told_any_more(
    asked: ApprovalRequest, sana: User, as_sana: Client
) -> None:
    assert asked.summary in as_sana.get("/notifications/").content.decode()

    sana.groups.clear()

    page = as_sana.get("/notifications/").content.decode()
    assert asked.summary not in page
    assert "Nothing new for you." in page


def test_a_foreign_partners_things_are_neither_told_nor_shown(omar: User) -> None:
    here, there = PartnerFactory(code="INSTANTCASH"), PartnerFactory(code="RIA")
    checker = UserFactory(roles=["Operations checker"])
    branch = BranchFactory(code="1003")
    grant(checker, here)
    grant(checker, branch)
    for partner in (here, there):
        row = TransactionFactory(stage=Stage.CASH_READY, partner=partner.code, branch=branch.code)
        actions.cancel(row, by=omar, reason_code="CUST", note="They asked.")
    assert len(told(checker)) == 1

    PartnerUserPermission.objects.filter(user=checker).delete()
    assert told(checker) == []


def test_everybody_who_may_and_works_there_is_found_in_one_statement(django_assert_num_queries: object) -> None:
    partner, branch = PartnerFactory(code="RIA"), BranchFactory(code="1003")
    row = TransactionFactory(stage=Stage.CASH_READY, partner=partner.code, branch=branch.code)
    people = [UserFactory(roles=["Operations checker"]) for _ in range(5)]
    all_of_it = UserFactory(roles=["Operations checker"], everything=True)
    UserFactory(roles=["Operations maker"], everything=True)
    UserFactory(roles=["Operations checker"], everything=True, is_active=False)
    grant(people[0], partner)
    grant(people[1], branch)
    grant(people[2], partner)
    grant(people[2], branch)
    grant(people[3], partner, "see")
    grant(people[3], branch, "see")
    right = "exceptions.decide_operations"

    with django_assert_num_queries(1):  # type: ignore[operator]
        found = set(people_who_may(right, partner_id=row.partner_id, branch_id=row.branch_id))
    everybody = User.objects.filter(is_active=True)
    assert found == {one for one in everybody if has(one, right) and may_work_on(one, row)} == {people[2], all_of_it}
    nowhere = people_who_may(right, partner_id=row.partner_id, branch_id=None)
    assert set(nowhere) == {all_of_it}


def test_an_exception_given_to_a_colleague_is_told_once_and_ends_when_it_goes_on(omar: User, sana: User) -> None:
    row = TransactionFactory(stage=Stage.FAILED_RETRYABLE)
    ExceptionItemFactory(transaction=row)
    handling.assign(row, by=omar, to=sana, seen="")
    assert told(sana) == [f"{omar} gave you the exceptions of {row.txn_id}"]
    handling.assign(row, by=sana, to=omar, seen="sana")
    assert (told(sana), told(omar)) == ([], [f"{sana} gave you the exceptions of {row.txn_id}"])
    handling.assign(row, by=omar, to=None, seen="omar")
    handling.assign(row, by=omar, to=omar, seen="")
    assert told(omar) == []


def test_a_kind_that_one_does_not_want_is_not_told(omar: User, sana: User, as_sana: Client) -> None:
    page = as_sana.get("/account/notifications/").content.decode()
    assert "A request waits for my decision" in page
    assert "A case is escalated to the officers" not in page

    answer = as_sana.post("/account/notifications/", {"told": ["exception_given"]})

    assert answer.headers["Location"] == "/account/notifications/"
    assert AuditEvent.objects.filter(verb=Verb.PREFERENCES_CHANGED).count() == 1
    actions.cancel(TransactionFactory(stage=Stage.CASH_READY), by=omar, reason_code="CUST", note="They asked.")
    assert told(sana) == []


def test_one_and_all_are_marked_as_read_and_the_trail_says_so(as_sana: Client, sana: User, omar: User) -> None:
    mine = [NotificationFactory(recipient=sana) for _ in range(3)]
    other = NotificationFactory(recipient=omar)

    as_sana.get("/notifications/")
    as_sana.post("/notifications/read/", {"key": str(other.key)})
    assert len(told(sana)) == 3
    as_sana.post("/notifications/read/", {"key": str(mine[0].key)})
    assert len(told(sana)) == 2
    as_sana.post("/notifications/read/")

    assert (told(sana), len(told(omar))) == ([], 1)
    entries = AuditEvent.objects.filter(verb=Verb.NOTIFICATIONS_READ)
    assert sorted(entry.said["facts"]["count"] for entry in entries) == [1, 2]
    assert as_sana.post("/notifications/read/", {"key": "7"}).status_code == 400


def test_the_badge_counts_what_is_unread_in_one_query_however_much_there_is(
    as_sana: Client, sana: User, django_assert_max_num_queries: object
) -> None:
    assert '<span class="visually-hidden"> unread</span>' not in as_sana.get("/notifications/").content.decode()
    NotificationFactory.create_batch(120, recipient=sana)
    page = as_sana.get("/account/").content.decode()
    assert '99+<span class="visually-hidden"> unread</span>' in page


def test_a_bad_address_shows_nothing_and_names_what_is_wrong(as_sana: Client, sana: User) -> None:
    one = NotificationFactory(recipient=sana)
    for address, sentence in {
        "?show=foo": "There is no such list “foo”.",
        "?kind=foo": "There is no kind “foo”.",
        "?colour=red": "There is no filter “colour”.",
        "?after=7": "This page of the list is not there any more.",
    }.items():
        page = as_sana.get(f"/notifications/{address}").content.decode()
        assert sentence in page
        assert one.sentence not in page


def test_older_ones_follow_on_the_next_page(as_sana: Client, sana: User) -> None:
    NotificationFactory.create_batch(60, recipient=sana)
    first = as_sana.get("/notifications/").context["query"]
    second = as_sana.get(f"/notifications/{first.older_url}").context["query"]
    assert (len(first.page), len(second.page)) == (50, 10)
    assert not {one.pk for one in first.page} & {one.pk for one in second.page}


def test_what_was_read_long_ago_is_forgotten_and_what_waits_stays(sana: User) -> None:
    now = timezone.now()
    long_ago = now - timedelta(days=31)
    kept = [NotificationFactory(recipient=sana, created_at=long_ago), NotificationFactory(recipient=sana, read_at=now)]
    NotificationFactory(recipient=sana, read_at=long_ago)
    NotificationFactory(recipient=sana, ended_at=long_ago)
    NotificationFactory(recipient=sana, created_at=now - timedelta(days=181))

    assert notifications.forget(now=now) == 3
    assert set(Notification.objects.all()) == set(kept)
    assert AuditEvent.objects.filter(verb=Verb.DELETED).count() == 1


def test_a_role_of_somebodys_own_is_told_as_well(omar: User) -> None:
    own = UserFactory(roles=["Operations checker"], everything=True)
    own.groups.add(role("Operations checker"))
    actions.cancel(TransactionFactory(stage=Stage.CASH_READY), by=omar, reason_code="CUST", note="They asked.")
    assert len(told(own)) == 1
