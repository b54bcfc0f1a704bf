"""A change in Django admin waits for another person: what waits, who decides, what is refused, and what remains."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, transaction
from django.test import Client

from accounts.models import ApprovalPolicy, ApprovalRequest, Branch, Partner, PartnerUserPermission, User
from accounts.permissions import Role
from audit.models import AuditEvent
from audit.verbs import Verb
from tests.accounts.test_admin import WHY, agree_at_once, change_partner, change_person, change_role, new_person, said
from tests.factories.accounts import (
    ApprovalRequestFactory,
    PartnerFactory,
    PartnerUserPermissionFactory,
    RoleFactory,
    UserFactory,
    permission,
    role,
)
from tests.people import person, signed_in
from transactions.models import ReasonCode

pytestmark = pytest.mark.django_db
IBAN = "PK36SCBL0000001123456702"


def asked() -> ApprovalRequest:
    return ApprovalRequest.objects.latest("pk")


def decide(client: Client, decision: str = "approve", **fields: str) -> Any:
    return client.post(asked().get_absolute_url(), {"decision": decision} | fields)


def _grant(client: Client, **fields: Any) -> Any:
    holder, where = UserFactory(username="zara"), PartnerFactory(code="RIA", name="RIA")
    given = {"user": holder.pk, "content_object": where.pk, "permission": permission("accounts.see_partner").pk}
    return client.post("/admin/accounts/partneruserpermission/add/", given | {"reason": WHY} | fields)


def _revoke(client: Client) -> Any:
    row = PartnerUserPermissionFactory()
    return client.post(f"/admin/accounts/partneruserpermission/{row.pk}/delete/", {"reason": WHY})


def _reason(client: Client) -> Any:
    one = ReasonCode.objects.get(code="AC04")
    names = ("sentence", "helps", "answer", "family", "retry_class", "who_acts")
    shown = {name: getattr(one, name) for name in names} | {"sentence": "The account was closed.", "reason": WHY}
    return client.post(f"/admin/transactions/reasoncode/{one.pk}/change/", shown)


def _branch(client: Client) -> Any:
    fields = {"code": "7001", "name": "Quetta", "is_active": "on", "reason": WHY}
    return client.post("/admin/accounts/branch/add/", fields)


PROPOSALS: dict[str, tuple[Callable[[Client], Any], Callable[[], Any], str]] = {
    "a person": (lambda client: new_person(client), lambda: User.objects.filter(username="zara").count(), "Full name"),
    "somebody's role": (
        lambda client: change_person(client, person("omar"), groups=[role(Role.INQUIRY_HANDLER).pk]),
        lambda: person("omar").groups.get().name,
        "Roles: taken away",
    ),
    "somebody's activity": (
        lambda client: change_person(client, person("omar"), is_active=None),
        lambda: person("omar").is_active,
        "Active",
    ),
    "somebody's scope": (
        lambda client: change_person(client, person("hina"), all_partners="on"),
        lambda: person("hina").user_permissions.count(),
        "All partners",
    ),
    "a role's rights": (
        lambda client: change_role(client, role(Role.AUDITOR), ["audit.view_trail"]),
        lambda: role(Role.AUDITOR).permissions.count(),
        "Rights: taken away",
    ),
    "a grant": (_grant, PartnerUserPermission.objects.count, "Person"),
    "a grant taken away": (
        _revoke,
        lambda: PartnerUserPermission.history.filter(history_type="-").count(),
        "Permission",
    ),
    "a partner": (
        lambda client: change_partner(client, PartnerFactory(code="RIA"), name="RIA Money"),
        lambda: Partner.objects.get(code="RIA").name,
        "RIA Money",
    ),
    "a branch": (_branch, Branch.objects.filter(code="7001").count, "Quetta"),
    "a reason code": (_reason, lambda: ReasonCode.objects.get(code="AC04").sentence, "The account was closed."),
}


@pytest.mark.parametrize("what", PROPOSALS)
def test_a_change_waits_for_another_administrator_and_then_counts(
    as_admin: Client, as_admin2: Client, what: str
) -> None:
    propose, state, word = PROPOSALS[what]
    if what == "a partner":
        PartnerFactory(code="RIA", name="RIA")
    before = state()
    assert propose(as_admin).status_code == 302
    before = before if what not in ("a partner", "a grant") else state()
    waiting = asked()
    assert state() == before
    assert "waits for a second person (Administrator)" in said(as_admin.get("/admin/"))

    assert decide(as_admin).status_code == 403
    assert state() == before
    page = said(as_admin2.get(waiting.get_absolute_url()))
    assert word in page
    assert WHY in page
    assert decide(as_admin2).status_code == 302
    assert state() != before
    agreed = AuditEvent.objects.get(verb=Verb.APPROVAL_GIVEN)
    told = AuditEvent.objects.filter(request_id=agreed.request_id).exclude(verb=Verb.APPROVAL_GIVEN)
    assert {(one.actor, one.said["facts"]["checker"], one.said["facts"]["request"]) for one in told} == {
        ("admin", "admin2", waiting.number)
    }
    assert decide(as_admin2).status_code == 409


def test_the_object_s_page_says_that_a_change_waits_and_takes_no_second_one(
    as_admin: Client, as_admin2: Client, as_nadia: Client
) -> None:
    partner = PartnerFactory(code="RIA", name="RIA")
    change_partner(as_admin, partner, name="RIA Money")
    address = f"/admin/accounts/partner/{partner.pk}/change/"
    for client in (as_admin, as_admin2, as_nadia):
        page = said(client.get(address))
        assert f'Change pending approval: <a href="{asked().get_absolute_url()}">{asked().number}</a>' in page
    again = change_partner(as_admin2, partner, name="RIA Transfers")
    assert again.status_code == 422
    assert f"{asked().number} of Amna Soomro waits for a decision on this already." in said(again)
    assert 'value="RIA Transfers"' in said(again)
    new_person(as_admin)
    assert "Add person zara" in said(as_admin2.get("/admin/accounts/user/"))
    decide(as_admin2)
    _grant_of = {"content_object": partner.pk, "permission": permission("accounts.see_partner").pk, "reason": WHY}
    zara = User.objects.get(username="zara")
    as_admin.post("/admin/accounts/partneruserpermission/add/", _grant_of | {"user": zara.pk})
    assert "zara sees RIA" in said(as_admin.get(f"/admin/accounts/user/{zara.pk}/change/"))


@pytest.mark.parametrize("who", ["omar", "sana", "mehwish", "rabia", "nadia", "hina", "superuser"])
def test_nobody_but_an_administrator_decides_on_people(
    as_admin: Client, who: str, request: pytest.FixtureRequest
) -> None:
    root = UserFactory(is_superuser=True, is_staff=True, everything=True)
    client = signed_in(root) if who == "superuser" else request.getfixturevalue(f"as_{who}")
    new_person(as_admin, groups=[role(Role.OPERATIONS_MAKER).pk])
    assert decide(client).status_code in (403, 404)
    assert not User.objects.filter(username="zara").exists()


def test_who_is_given_an_access_does_not_agree_to_it(as_admin: Client, as_admin2: Client, admin2: User) -> None:
    change_person(as_admin, admin2, all_partners="on")
    assert "You cannot change your own access" in said(as_admin2.get(asked().get_absolute_url()))
    assert decide(as_admin2).status_code == 403
    third = signed_in(UserFactory(roles=[Role.ADMINISTRATOR], is_staff=True))
    assert decide(third).status_code == 302
    assert admin2.user_permissions.get().codename == "all_partners"


def test_what_became_an_own_role_meanwhile_is_refused_when_it_is_decided(
    as_admin: Client, as_admin2: Client, admin: User
) -> None:
    quiet = RoleFactory(name="Quiet")
    change_role(as_admin, quiet, ["accounts.propose_people"])
    admin.groups.add(quiet)
    answer = decide(as_admin2)
    assert (answer.status_code, asked().state) == (409, "STALE")
    assert "You hold this role yourself" in asked().outcome
    assert not quiet.permissions.exists()


def test_what_nobody_may_be_given_is_refused_when_it_is_decided_too(admin: User, as_admin2: Client) -> None:
    """A request that was not made by the form, with what the form would have refused."""
    zara = UserFactory(username="zara")
    fields = {"full_name": ["Zara"], "is_active": ["on"], "groups": [], "is_superuser": ["on"]}
    from django.contrib import admin as django_admin

    from accounts.admin import PersonAdmin

    page = django_admin.site._registry[User]
    assert isinstance(page, PersonAdmin)
    payload = {"deed": "change", "pk": zara.pk, "seen": page.state_of(zara), "fields": fields, "private": {}}
    ApprovalRequestFactory(
        maker=admin, operation="people", object_type="accounts.user", object_id="zara", payload=payload, note=WHY,
        object_version=0,
    )  # fmt: skip
    answer = decide(as_admin2)
    assert answer.status_code == 409, said(answer)
    assert "“is_superuser” cannot be given here" in asked().outcome
    assert not User.objects.get(pk=zara.pk).is_superuser


def test_a_proposal_is_bound_to_what_its_maker_saw(as_admin: Client, as_admin2: Client) -> None:
    partner = PartnerFactory(code="RIA", name="RIA", email="one@example.com")
    change_partner(as_admin, partner, name="RIA Money")
    Partner.objects.filter(pk=partner.pk).update(name="RIA Global")
    assert "RIA was changed meanwhile (Name)" in said(as_admin2.get(asked().get_absolute_url()))
    answer = decide(as_admin2, note="As agreed on the telephone")
    assert answer.status_code == 409
    assert "As agreed on the telephone" in said(answer)
    assert Partner.objects.get(pk=partner.pk).name == "RIA Global"
    assert asked().state == "STALE"


def test_a_maker_who_administers_no_more_proposes_nothing_any_more(as_admin: Client, as_admin2: Client) -> None:
    new_person(as_admin)
    person("admin").groups.clear()
    assert decide(as_admin2).status_code == 409
    assert "may not change this any more" in asked().outcome
    assert not User.objects.filter(username="zara").exists()


def test_own_preferences_do_not_overtake_a_proposal(as_admin: Client, as_admin2: Client, omar: User) -> None:
    change_person(as_admin, omar, full_name="Omar G.")
    User.objects.filter(pk=omar.pk).update(theme="dark", time_zone="UTC")
    assert decide(as_admin2).status_code == 302
    assert User.objects.get(pk=omar.pk).full_name == "Omar G."


def test_a_rejected_proposal_changes_nothing(as_admin: Client, as_admin2: Client) -> None:
    new_person(as_admin)
    assert decide(as_admin2, "reject", note="Nobody knows her.").status_code == 302
    assert not User.objects.filter(username="zara").exists()
    assert new_person(as_admin).status_code == 302


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("other", ["approve", "reject"])
def test_of_two_who_decide_at_once_one_decides(other: str) -> None:
    new_person(signed_in(person("admin")))
    deciders = [UserFactory(roles=[Role.ADMINISTRATOR], is_staff=True) for _ in range(2)]
    answers = agree_at_once(*[(one, asked()) for one in deciders], decisions=("approve", other))
    assert answers == [302, 409]
    assert asked().checker in deciders
    assert User.objects.filter(username="zara").count() == (asked().state == "APPROVED")
    assert AuditEvent.objects.filter(verb__in=[Verb.APPROVAL_GIVEN, Verb.APPROVAL_REJECTED]).count() == 1


def test_a_crash_in_the_middle_leaves_the_proposal_waiting_and_nothing_else(
    as_admin: Client, as_admin2: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_person(as_admin, groups=[role(Role.OPERATIONS_MAKER).pk], all_partners="on")
    entries = AuditEvent.objects.count()

    def fails(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("killed")

    as_admin2.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr("accounts.admin.trail.record", fails)
        assert decide(as_admin2).status_code == 500
    assert (asked().state, AuditEvent.objects.count()) == ("PENDING", entries)
    assert not User.objects.filter(username="zara").exists()
    assert not User.history.filter(username="zara").exists()
    assert decide(as_admin2).status_code == 302
    assert User.objects.get(username="zara").groups.get().name == "Operations maker"


def test_the_database_lets_no_proposal_be_agreed_to_by_its_maker_and_none_be_rewritten(
    as_admin: Client, admin: User, admin2: User
) -> None:
    new_person(as_admin)
    for change in (
        {"state": "APPROVED", "checker": admin, "decided_at": asked().created_at},
        {"payload": {}},
        {"object_id": "omar"},
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            ApprovalRequest.objects.filter(pk=asked().pk).update(**change)
    assert asked().is_pending


def test_a_temporary_password_is_kept_nowhere_and_works_when_it_was_agreed_to(
    as_admin: Client, as_admin2: Client
) -> None:
    secret = "temporary pass phrase"
    new_person(as_admin, temporary_password=secret)
    assert secret not in str(asked().payload)
    assert "a new one" in said(as_admin2.get(asked().get_absolute_url()))
    assert decide(as_admin2).status_code == 302
    assert Client().post("/login/", {"login": "zara", "password": secret}).headers["Location"] == "/start/"
    assert secret not in "".join(AuditEvent.objects.values_list("body", flat=True))


def test_the_second_person_reads_what_the_trail_does_not_repeat(as_admin: Client, as_admin2: Client) -> None:
    partner = PartnerFactory(email="old@example.com", phone="")
    change_partner(as_admin, partner, email="new@example.com")
    page = said(as_admin2.get(asked().get_absolute_url()))
    assert "<del>old@example.com</del>" in page
    assert "<ins>new@example.com</ins>" in page
    decide(as_admin2)
    assert "new@example.com" not in "".join(AuditEvent.objects.values_list("body", flat=True))


def settle(client: Client, partner: Partner, **fields: Any) -> Any:
    return change_partner(client, partner, phone=partner.phone, address=partner.address, **fields)


def test_a_settlement_account_is_agreed_to_by_treasury(
    as_admin: Client, as_admin2: Client, as_rabia: Client, as_tariq: Client
) -> None:
    partner = PartnerFactory(code="RIA", settlement_account="", settlement_account_title="")
    mixed = settle(as_admin, partner, settlement_account=IBAN, name="Other")
    assert "Propose the settlement account by itself" in said(mixed)
    wrong = settle(as_admin, partner, settlement_account="PK37SCBL0000001123456702")
    assert "The check digits of this IBAN do not fit" in said(wrong)

    answer = settle(as_admin, partner, settlement_account=IBAN, settlement_account_title="RIA settlement")
    assert answer.status_code == 302
    assert "second person (Treasury checker)" in said(as_admin.get("/admin/"))
    assert decide(as_admin2).status_code == 403
    assert decide(as_tariq).status_code in (403, 404)
    assert IBAN in said(as_rabia.get(asked().get_absolute_url()))
    assert decide(as_rabia).status_code == 302
    partner.refresh_from_db()
    assert (partner.settlement_account, partner.settlement_account_title) == (IBAN, "RIA settlement")
    assert as_admin.get("/admin/accounts/partner/add/").content.decode().count("settlement_account") == 0


def test_a_currency_without_a_policy_gets_one_by_two_people(as_admin: Client, as_admin2: Client) -> None:
    fields = {"operation": "repush", "currency": "aed", "rule": "above", "limit": "1000", "hours": "24", "reason": WHY}
    assert as_admin.post("/admin/accounts/approvalpolicy/add/", fields).status_code == 302
    assert not ApprovalPolicy.objects.filter(currency="AED").exists()
    assert decide(as_admin2).status_code == 302
    assert ApprovalPolicy.objects.get(operation="repush", currency="AED").limit == 1000
    for wrong in ({"operation": "cancel", "currency": "EUR"}, {"currency": "€"}, {"operation": "anything"}):
        assert as_admin.post("/admin/accounts/approvalpolicy/add/", fields | wrong).status_code == 422
    assert as_admin.post("/admin/accounts/approvalpolicy/add/", fields).status_code == 422


def test_a_role_that_one_person_must_not_hold_is_refused_before_anybody_is_asked(as_admin: Client) -> None:
    both = [role(Role.OPERATIONS_MAKER).pk, role(Role.OPERATIONS_CHECKER).pk]
    assert new_person(as_admin, groups=both).status_code == 422
    assert not ApprovalRequest.objects.exists()
    assert not Group.objects.filter(user__username="zara").exists()
    assert re.search(r"One person cannot be both", said(new_person(as_admin, groups=both)))
