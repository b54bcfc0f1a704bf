"""People, roles, grants and organisations in Django admin."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import Any, ClassVar, Final, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from stdnum.iso7064 import mod_97_10

from accounts import actions, leaving, maker_checker, signing_in
from accounts.access import has, scope_of
from accounts.administration import (
    ORGANISATIONS,
    REFERENCE,
    ChangingAdmin,
    ReasonedForm,
    refusal,
    trail_name,
)
from accounts.histories import EMPTY, Change, Line
from accounts.models import (
    ApprovalPolicy,
    Branch,
    BranchGroupPermission,
    BranchUserPermission,
    Partner,
    PartnerGroupPermission,
    PartnerUserPermission,
    SubAgent,
    User,
)
from accounts.permissions import ADMINISTER_PEOPLE, ALL_BRANCHES, ALL_PARTNERS, PERMISSIONS, Role
from accounts.separation import (
    other_roles_of,
    rights_of,
    somebody_else_administers,
    why_not,
    why_not_suspend,
)
from audit import trail
from audit.verbs import Verb

OPENS_ADMIN: Final = frozenset({Role.ADMINISTRATOR.value, Role.AUDITOR.value})
OWN_ACCESS: Final = "You cannot change your own access. Another administrator can."
MOST_GRANTS: Final = 100
NOBODY_LEFT: Final = "Nobody would be left who can change people and roles. Give that to another person first."
SETTLEMENT: Final = frozenset({"settlement_account", "settlement_account_title"})
_LIKE_AN_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$")
TWO_PEOPLE: Final = (
    "Another administrator agrees to a change; to one of the settlement account, which is proposed by itself, a "
    "treasury checker agrees."
)


class SuspensionForm(forms.Form):
    """Why somebody's sign-in is ended."""

    reason = ReasonedForm.base_fields["reason"]


# -- people -----------------------------------------------------------------------------------------------------------


class PersonForm(ReasonedForm):
    """A person with roles and scope. What nobody may be given has no field, and sending it is refused."""

    never = frozenset({"is_superuser", "is_staff", "user_permissions", "person_key", "password", "date_joined"})

    groups = forms.ModelMultipleChoiceField(
        label="Roles", queryset=Group.objects.order_by("name"), required=False, widget=forms.CheckboxSelectMultiple
    )
    all_partners = forms.BooleanField(
        label="All partners", required=False, help_text="Sees and works with every partner, also those added later."
    )
    all_branches = forms.BooleanField(
        label="All branches",
        required=False,
        help_text="Sees and works with every branch and with transactions that have no branch.",
    )
    same_person_as = forms.ModelChoiceField(
        label="Another account of this person",
        queryset=User.objects.order_by("username"),
        required=False,
        help_text="Accounts of one human being: what they may not do together in one account, they may not in two.",
    )
    temporary_password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="12 characters or more. The person must replace it at the first sign-in. "
        "Setting one ends the person's sessions and lifts a pause after failed tries.",
    )

    password_hash = ""
    """Of the temporary password, where the form is filled in for the decision: the password itself is not kept."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.asked is not None:
            self.password_hash = self.asked.payload.get("password", "")
        person = self.instance
        self.linked = User.objects.filter(person_key=person.person_key).exclude(pk=person.pk) if person.pk else None
        self.alls = _alls_of(person)
        self.key_before, self.was_active = person.person_key, person.is_active
        field = self.fields["same_person_as"]
        if isinstance(field, forms.ModelChoiceField) and field.queryset is not None:
            field.queryset = field.queryset.exclude(pk=person.pk)
        self.initial["same_person_as"] = self.linked.first() if self.linked is not None else None
        self.initial["all_partners"] = ALL_PARTNERS.codename in self.alls
        self.initial["all_branches"] = ALL_BRANCHES.codename in self.alls
        self.fields["temporary_password"].required = not person.pk and not self.password_hash

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).lower()

    def clean_temporary_password(self) -> str:
        chosen: str = self.cleaned_data["temporary_password"]
        if chosen:
            validate_password(chosen, user=self.instance)
        return chosen

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            self.person_key = self._person_key(cleaned)
            for refuse in (
                lambda cleaned: self.refuse_own(),
                self._refuse_what_is_kept_apart,
                self._refuse_when_nobody_is_left,
            ):
                if not self.errors:
                    refuse(cleaned)
        return cleaned

    def _person_key(self, cleaned: dict[str, Any]) -> uuid.UUID:
        """The key of the person whose account this will be: shared, kept, or new where the link is taken away."""
        other: User | None = cleaned["same_person_as"]
        if other is not None:
            return other.person_key
        is_linked = self.linked is not None and self.linked.exists()
        return uuid.uuid4() if is_linked else self.instance.person_key

    def concerns(self, person: User) -> tuple[str | None, str] | None:
        is_own = person.person_key in {self.person_key, self.key_before}
        return (None, OWN_ACCESS) if is_own and self._changes_access(self.cleaned_data) else None

    def _changes_access(self, cleaned: dict[str, Any]) -> bool:
        person = self.instance
        roles = set(person.groups.all()) if person.pk else set()
        return (
            set(cleaned["groups"]) != roles
            or self.chosen_alls(cleaned) != self.alls
            or self.person_key != self.key_before
            or bool(person.pk and (cleaned["temporary_password"] or self.password_hash))
            or bool(person.pk and cleaned.get("is_active") is not self.was_active)
        )

    def _refuse_what_is_kept_apart(self, cleaned: dict[str, Any]) -> None:
        roles = [*cleaned["groups"], *other_roles_of(self.person_key, without=self.instance.pk)]
        if sentence := why_not({role.name for role in roles}, rights_of(roles)):
            self.add_error("groups", refusal(sentence))

    def _refuse_when_nobody_is_left(self, cleaned: dict[str, Any]) -> None:
        able = cleaned.get("is_active", True) and set(ADMINISTER_PEOPLE) <= rights_of(cleaned["groups"])
        if self.instance.pk and not able and not somebody_else_administers(without=[self.instance.pk]):
            self.add_error(None, refusal(NOBODY_LEFT))

    @staticmethod
    def chosen_alls(cleaned: dict[str, Any]) -> set[str]:
        return {one.codename for one in (ALL_PARTNERS, ALL_BRANCHES) if cleaned[one.codename]}


class RoleFilter(admin.RelatedFieldListFilter):
    """People by role, under the word of the trade."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "role"


class WorkEnds(ChangingAdmin):
    """A change that may take rights says beforehand what ends with them, and ends it in the same transaction."""

    def rights_left(self, form: Any) -> list[tuple[User, set[str]]]:
        """Whom the change concerns, and the rights they would have after it."""
        raise NotImplementedError

    def consequence_of(self, form: Any) -> str:
        ends = leaving.foreseen(self.rights_left(form)) if form.instance.pk else leaving.Ends()
        return " ".join(filter(None, (super().consequence_of(form), leaving.in_words(ends))))

    def store(self, form: Any, *, by: User, added: bool, facts: Any) -> str:
        concerned = [person for person, _ in self.rights_left(form)] if form.instance.pk else []
        done = super().store(form, by=by, added=added, facts=facts)
        return " ".join(filter(None, (done, leaving.in_words(leaving.carry_out(concerned, by=by)))))


@admin.register(User)
class PersonAdmin(WorkEnds):
    """People. They are deactivated, never deleted."""

    form = PersonForm
    section = "People and rights"
    to_change = ADMINISTER_PEOPLE
    helps = "Partners and branches one by one are granted on the pages “Grants”. Both must admit a transaction."
    fixed = ("username",)
    operation = "people"
    consequence = "It counts from the next page that this person opens."
    secret = frozenset({"temporary_password"})
    bound = frozenset(
        {"username", "full_name", "email", "is_active", "is_staff", "is_superuser", "person_key", "groups"}
        | {"user_permissions"}
    )
    labels: ClassVar[Any] = {
        "groups": "Roles",
        "user_permissions": "Grants on everything",
        "all_partners": "All partners",
        "all_branches": "All branches",
        "same_person_as": "Another account of this person",
        "temporary_password": "Temporary password",
        "person_key": "Linked accounts",
    }
    list_display = ("username", "full_name", "role_names", "is_active", "last_login")
    list_filter = ("is_active", ("groups", RoleFilter))
    search_fields = ("username", "full_name")
    search_help_text = "Search by user name or full name"
    ordering = ("username",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        identity = ["username", "full_name", "email"]
        access = ["groups", "all_partners", "all_branches", "same_person_as"]
        if obj is None:
            return [*identity, *access, "temporary_password"]
        if not self.has_change_permission(request, obj):
            return [*identity, "is_active", "role_names", "scope", "may", "linked_accounts", "last_login"]
        return [*identity, "is_active", *access, "temporary_password", "scope", "may", "last_login"]

    # The emergency stop

    def get_urls(self) -> list[URLPattern]:
        address, view = "<path:object_id>/suspend/", self.admin_site.admin_view(self.suspend_view)
        return [path(address, view, name="accounts_user_suspend"), *super().get_urls()]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        person = self.get_object(request, unquote(object_id)) if object_id else None
        stop = {"person": person, "can_be_stopped": self._can_be_stopped(request, person)}
        return super().changeform_view(request, object_id, form_url, stop | (extra_context or {}))

    def _can_be_stopped(self, request: HttpRequest, person: User | None) -> bool:
        if person is None or not self.has_change_permission(request):
            return False
        return not why_not_suspend(person, cast("User", request.user))

    def suspend_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End a person's sign-in at once: the one change here that nobody else has to agree to."""
        self.check_changing(request, self.may_change)
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        person, by = self.get_object(request, unquote(object_id)), cast("User", request.user)
        if person is None:
            raise Http404
        form = SuspensionForm(request.POST if request.method == "POST" else None)
        refusal = why_not_suspend(person, by)
        if request.method == "POST" and form.is_valid():
            ended = actions.suspend(person, by=by, reason=form.cleaned_data["reason"])
            messages.success(request, _suspended(person, ended))
            return redirect("admin:accounts_user_change", person.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Suspend the sign-in of {person}",
            "object": person,
            "opts": self.opts,
            "form": form,
            "refusal": refusal,
            "waits": len(maker_checker.lost_with(person, ())),
        }
        status = 422 if form.errors else 200
        return TemplateResponse(request, "admin/suspend.html", context, status=status)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ("role_names", "scope", "may", "linked_accounts", "last_login") if obj is not None else ()
        return [*super().get_readonly_fields(request, obj), *shown]

    @admin.display(description="Roles")
    def role_names(self, person: User) -> str:
        return ", ".join(sorted(role.name for role in person.groups.all()))

    @admin.display(description="Granted one by one")
    def scope(self, person: User) -> str:
        grants = [
            *PartnerUserPermission.objects.filter(user=person).select_related("permission", "content_object"),
            *BranchUserPermission.objects.filter(user=person).select_related("permission", "content_object"),
        ]
        said = ", ".join(sorted(_grant_in_words(grant) for grant in grants)) or "Nothing"
        return ". ".join(filter(None, (said, what_hides_all(person))))

    @admin.display(description="What this person may do")
    def may(self, person: User) -> SafeString | str:
        rights = rights_of(person.groups.all())
        said = [(label.label[:1].upper() + label.label[1:],) for name, label in PERMISSIONS.items() if name in rights]
        return format_html_join("", "{}<br>", said) or "Nothing"

    @admin.display(description="Other accounts of this person")
    def linked_accounts(self, person: User) -> str:
        linked = User.objects.filter(person_key=person.person_key).exclude(pk=person.pk)
        return ", ".join(linked.values_list("username", flat=True)) or "None"

    def past_of(self, obj: Any) -> list[Line]:
        return _with_grants(super().past_of(obj), obj, "user")

    def planned(self, form: Any) -> dict[str, Any]:
        """Beside the columns: what the form derives from its own questions."""
        cleaned = form.cleaned_data
        other = cleaned["same_person_as"]
        return super().planned(form) | {
            "all_partners": cleaned["all_partners"],
            "all_branches": cleaned["all_branches"],
            "same_person_as": other.username if other else "",
            "temporary_password": "a new one" if cleaned["temporary_password"] else "",
        }

    def told(self, form: Any) -> Any:
        linked = form.linked.first() if form.linked is not None else None
        form.before |= {
            "all_partners": ALL_PARTNERS.codename in form.alls,
            "all_branches": ALL_BRANCHES.codename in form.alls,
            "same_person_as": linked.username if linked else "",
        }
        return super().told(form)

    def kept_beside(self, form: Any) -> dict[str, Any]:
        """The hash of a temporary password; the password itself is kept nowhere."""
        chosen = form.cleaned_data["temporary_password"]
        return {"password": make_password(chosen)} if chosen else {}

    def store_row(self, form: Any, row: User, *, added: bool) -> None:
        """The columns that are derived: whose account it is, and whether Django admin opens."""
        row.person_key = form.person_key
        row.is_staff = any(role.name in OPENS_ADMIN for role in form.cleaned_data["groups"])
        if form.password_hash and added:
            row.password, row.password_is_temporary = form.password_hash, True
        super().store_row(form, row, added=added)
        if form.password_hash and not added:
            row.password, row.password_is_temporary = form.password_hash, True
            row.save(update_fields=["password", "password_is_temporary"])
            signing_in.lift_pause(row.username)

    def store_related(self, form: Any, row: User) -> None:
        for one in (ALL_PARTNERS, ALL_BRANCHES):
            chosen = form.cleaned_data[one.codename]
            if chosen != (one.codename in form.alls):
                (row.user_permissions.add if chosen else row.user_permissions.remove)(_scope_permission(one.name))
        super().store_related(form, row)

    def rights_left(self, form: Any) -> list[tuple[User, set[str]]]:
        active = form.cleaned_data.get("is_active", True)
        return [(form.instance, rights_of(form.cleaned_data["groups"]) if active else set())]

    def store(self, form: Any, *, by: User, added: bool, facts: Any) -> str:
        return _with_what_is_missing(super().store(form, by=by, added=added, facts=facts), form.instance)

    def record(self, form: Any, *, by: User, added: bool, facts: Any) -> None:
        """One entry for what the person is, one for each role, grant and password: each is a deed of its own."""
        reason, person = form.cleaned_data["reason"], form.instance
        super().record(form, by=by, added=added, facts=facts)
        roles_before = set(form.before.get("groups", []))
        roles_after = {role.name for role in form.cleaned_data["groups"]}
        deeds: list[tuple[Verb, dict[str, str]]] = [
            *((Verb.ROLE_TAKEN, {"role": role}) for role in sorted(roles_before - roles_after)),
            *((Verb.ROLE_GIVEN, {"role": role}) for role in sorted(roles_after - roles_before)),
        ]
        for one in (ALL_PARTNERS, ALL_BRANCHES):
            if form.cleaned_data[one.codename] != (one.codename in form.alls):
                verb = Verb.GRANTED if form.cleaned_data[one.codename] else Verb.REVOKED
                deeds.append((verb, {"what": one.label}))
        if form.password_hash:
            deeds.append((Verb.PASSWORD_CHANGED, {"temporary": "yes"}))
        for verb, said in deeds:
            trail.record(verb, by=by, obj=person, facts={**said, **facts}, reason=reason)

    def difference(self, before: Any, after: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Roles and grants have entries of their own."""
        told_elsewhere = {"groups", "user_permissions"}
        plain = [{name: side[name] for name in side if name not in told_elsewhere} for side in (before, after)]
        return super().difference(*plain)


def _suspended(person: User, ended: int) -> str:
    """What was done, and which other accounts the person still has."""
    sessions = f"{ended} session{'' if ended == 1 else 's'}"
    said = f"{person} cannot sign in any more; {sessions} ended. It is on record."
    others = User.objects.filter(person_key=person.person_key, is_active=True).exclude(pk=person.pk)
    if names := ", ".join(others.values_list("username", flat=True)):
        said = f"{said} The person still has another account: {names}."
    return said


# -- roles ------------------------------------------------------------------------------------------------------------


class RightsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Rights by their sentence."""

    def label_from_instance(self, obj: Permission) -> str:
        return _right_in_words(obj)


class RoleForm(ReasonedForm):
    """A role: its name and its rights. Rights outside the matrix cannot be chosen."""

    permissions = RightsField(
        label="Rights", queryset=Permission.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["permissions"]
        if isinstance(field, RightsField):
            field.queryset = _rights()

    def clean_name(self) -> str:
        name = " ".join(str(self.cleaned_data["name"]).split())
        taken = {role.value.lower(): role.value for role in Role}
        if name.lower() in taken and (not self.instance.pk or self.instance.name != taken[name.lower()]):
            raise refusal(f"“{taken[name.lower()]}” is one of the ten roles.")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            name = cleaned.get("name", self.instance.name)
            rights = _names_of(cleaned["permissions"])
            self.refuse_own()
            self._refuse_what_is_kept_apart(name, rights)
            self._refuse_when_nobody_is_left(rights)
        return cleaned

    def concerns(self, person: User) -> tuple[str | None, str] | None:
        if not self.instance.pk or not User.objects.filter(person_key=person.person_key, groups=self.instance).exists():
            return None
        gives_more = _names_of(self.cleaned_data["permissions"]) - rights_of([self.instance])
        return ("permissions", "You hold this role yourself: you cannot give it more rights.") if gives_more else None

    def _refuse_what_is_kept_apart(self, name: str, rights: set[str]) -> None:
        if sentence := why_not({name}, rights):
            self.add_error("permissions", refusal(sentence))
            return
        for holder in User.objects.filter(groups=self.instance.pk).order_by("username") if self.instance.pk else ():
            roles = [role for role in other_roles_of(holder.person_key, without=None) if role.pk != self.instance.pk]
            if sentence := why_not({name, *(role.name for role in roles)}, rights | rights_of(roles)):
                self.add_error(None, refusal(f"{holder} holds this role. {sentence}"))

    def _refuse_when_nobody_is_left(self, rights: set[str]) -> None:
        still = set(ADMINISTER_PEOPLE) <= rights or not self.instance.pk
        if not still and not somebody_else_administers(without_role=self.instance.pk):
            self.add_error("permissions", refusal(NOBODY_LEFT))


@admin.register(Group)
class RoleAdmin(WorkEnds):
    """Roles. The ten of the matrix keep their names: what must stay apart is known by them."""

    form = RoleForm
    section = "People and rights"
    names = ("role", "roles")
    to_change = ADMINISTER_PEOPLE
    operation = "people"
    consequence = "It counts from the next page that anybody with this role opens."
    labels: ClassVar[Any] = {"permissions": "Rights"}
    list_display = ("name", "number_of_rights", "holders")
    search_fields = ("name",)
    ordering = ("name",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return ["name", "rights", "holders"]
        return ["name", "permissions"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        is_seeded = obj is not None and obj.name in {role.value for role in Role}
        return ["rights", "holders", *(["name"] if is_seeded else [])] if obj is not None else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).prefetch_related("permissions__content_type", "user_set")

    def past_of(self, obj: Any) -> list[Line]:
        return _with_grants(super().past_of(obj), obj, "group")

    @admin.display(description="Rights")
    def number_of_rights(self, role: Group) -> int:
        return len(role.permissions.all())

    @admin.display(description="Rights")
    def rights(self, role: Group) -> SafeString | str:
        said = [(_right_in_words(right),) for right in role.permissions.all()]
        return format_html_join("", "{}<br>", said) or "None"

    @admin.display(description="Held by")
    def holders(self, role: Group) -> str:
        return ", ".join(sorted(person.username for person in role.user_set.all() if person.is_active)) or "Nobody"

    def planned(self, form: Any) -> dict[str, Any]:
        planned = super().planned(form)
        kept = sorted(right.name for right in self._kept(form.instance))
        return planned | {"permissions": sorted([*planned["permissions"], *kept])}

    def rights_left(self, form: Any) -> list[tuple[User, set[str]]]:
        chosen = _names_of(form.cleaned_data["permissions"])
        return [
            (holder, chosen | rights_of(holder.groups.exclude(pk=form.instance.pk)))
            for holder in form.instance.user_set.all()
        ]

    def store_related(self, form: Any, row: Group) -> None:
        form.cleaned_data["permissions"] = [*form.cleaned_data["permissions"], *self._kept(row)]
        super().store_related(form, row)

    @staticmethod
    def _kept(role: Group) -> list[Permission]:
        """What the form does not show and saving keeps, such as an explicit grant on all partners."""
        return list(role.permissions.exclude(pk__in=_rights())) if role.pk else []


# -- grants -----------------------------------------------------------------------------------------------------------


GRANT_VERBS: Final = {"see": "Sees its transactions", "work": "Works on its transactions"}


class VerbField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """To see or to work."""

    def label_from_instance(self, obj: Permission) -> str:
        return GRANT_VERBS[obj.codename.partition("_")[0]]


class HolderField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A person by user name and full name, a role by its name."""

    def label_from_instance(self, obj: User | Group) -> str:
        return f"{obj.username} ({obj.full_name})" if isinstance(obj, User) else obj.name


class GrantForm(ReasonedForm):
    """A grant: who, on what, and whether to see or to work."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self.refuse_own()
        return cleaned

    def concerns(self, person: User) -> tuple[str | None, str] | None:
        holder, role = self.cleaned_data.get("user"), self.cleaned_data.get("group")
        if holder is not None and holder.person_key == person.person_key:
            return "user", OWN_ACCESS
        if role is not None and User.objects.filter(person_key=person.person_key, groups=role).exists():
            return "group", "You hold this role yourself: you cannot give it a grant."
        return None


class GrantAdmin(ChangingAdmin):
    """Grants are given and taken, never changed."""

    form = GrantForm
    section = "People and rights"
    to_change = ADMINISTER_PEOPLE
    operation = "people"
    consequence = "It counts from the next page that is opened."
    may_change = False
    may_delete = True
    holder: ClassVar[str]
    axis: ClassVar[str]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [self.holder, "content_object", "permission"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related(self.holder, "content_object", "permission__content_type")

    def get_list_display(self, request: HttpRequest) -> Any:
        return ("words", self.holder, "content_object", "what")

    def get_search_fields(self, request: HttpRequest) -> Any:
        name = "user__username" if self.holder == "user" else "group__name"
        return (name, "content_object__code", "content_object__name")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        match db_field.name:
            case "permission":
                target = self.model._meta.get_field("content_object").related_model
                kwargs |= {
                    "form_class": VerbField,
                    "queryset": _grantable(target),
                    "empty_label": None,
                    "label": "What",
                }
            case "user":
                people = User.objects.filter(is_active=True).order_by("username")
                kwargs |= {"form_class": HolderField, "queryset": people, "label": "Person"}
            case "group":
                kwargs |= {"form_class": HolderField, "queryset": Group.objects.order_by("name"), "label": "Role"}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        asked = {name: request.GET.get(name, "") for name in (self.holder, "content_object")}
        return {name: value for name, value in asked.items() if value.isdecimal()}

    @admin.display(description="Grant")
    def words(self, grant: Any) -> str:
        return _grant_in_words(grant)

    @admin.display(description="What")
    def what(self, grant: Any) -> str:
        return GRANT_VERBS[grant.permission.codename.partition("_")[0]]

    def called(self, row: Any) -> str:
        return f"{trail_name(getattr(row, self.holder))} {_grant_in_words(row)}"[:200]

    def kept_beside(self, form: Any) -> dict[str, Any]:
        return self.kept_beside_deletion(form.instance)

    def kept_beside_deletion(self, row: Any) -> dict[str, Any]:
        holder = getattr(row, self.holder)
        return {"holder": [holder._meta.label_lower, holder.pk]}

    def store(self, form: Any, *, by: User, added: bool, facts: Any) -> str:
        done = super().store(form, by=by, added=added, facts=facts)
        return _with_what_is_missing(done, form.instance.user) if self.holder == "user" else done

    def record(self, form: Any, *, by: User, added: bool, facts: Any) -> None:
        self._record(Verb.GRANTED, form.instance, by=by, reason=form.cleaned_data["reason"], facts=facts)

    def remove(self, row: Any, *, by: User, reason: str, facts: Any) -> None:
        given = type(row).objects.select_related(self.holder, "content_object", "permission").get(pk=row.pk)
        row.delete()
        self._record(Verb.REVOKED, given, by=by, reason=reason, facts=facts)

    def _record(self, verb: Verb, grant: Any, *, by: User, reason: str, facts: Any) -> None:
        where = grant.content_object
        said = {"what": grant.permission.codename.partition("_")[0], "on": f"{self.axis} {trail_name(where)}"}
        trail.record(verb, by=by, obj=getattr(grant, self.holder), facts={**said, **facts}, reason=reason)


@admin.register(PartnerUserPermission)
class PartnerUserGrantAdmin(GrantAdmin):
    names = ("grant of a partner to a person", "grants: partners to people")
    holder, axis = "user", "partner"


@admin.register(PartnerGroupPermission)
class PartnerRoleGrantAdmin(GrantAdmin):
    names = ("grant of a partner to a role", "grants: partners to roles")
    holder, axis = "group", "partner"


@admin.register(BranchUserPermission)
class BranchUserGrantAdmin(GrantAdmin):
    names = ("grant of a branch to a person", "grants: branches to people")
    holder, axis = "user", "branch"


@admin.register(BranchGroupPermission)
class BranchRoleGrantAdmin(GrantAdmin):
    names = ("grant of a branch to a role", "grants: branches to roles")
    holder, axis = "group", "branch"


# -- policies ---------------------------------------------------------------------------------------------------------


class PolicyForm(ReasonedForm):
    """When an operation needs a second person. What the database always asks of two people stays so."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "operation" in self.fields:
            known = ApprovalPolicy.objects.order_by("operation").values_list("operation", flat=True).distinct()
            self.fields["operation"] = forms.ChoiceField(choices=[(name, name.replace("_", " ")) for name in known])

    def clean_currency(self) -> str:
        currency = str(self.cleaned_data["currency"]).strip().upper()
        if currency and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
            raise ValidationError(
                "Enter the three letters of ISO 4217, such as AED, or nothing for every other currency."
            )
        return currency

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        rule = cleaned.get("rule")
        if rule and rule != ApprovalPolicy.Rule.ALWAYS and self._always():
            self.add_error("rule", refusal("This operation always needs two people."))
        if rule == ApprovalPolicy.Rule.ABOVE and cleaned.get("limit") is None:
            self.add_error("limit", ValidationError("Enter the limit above which two people are needed."))
        return cleaned

    def _always(self) -> bool:
        """Whether the operation needs two people whatever is changed here, for this currency or any other."""
        if self.instance.pk:
            return bool(self.before.get("rule") == ApprovalPolicy.Rule.ALWAYS.label)
        policies = ApprovalPolicy.objects.filter(operation=self.cleaned_data.get("operation", ""))
        return policies.filter(rule=ApprovalPolicy.Rule.ALWAYS).exists()


@admin.register(ApprovalPolicy)
class PolicyAdmin(ChangingAdmin):
    form = PolicyForm
    section = "Reference data"
    to_change = REFERENCE
    operation = "reference"
    consequence = "It counts from the next deed on."
    helps = "A change waits until another administrator agrees to it under Approvals. An operation that is not listed, "
    helps += "or a currency without a line, needs two people."
    fixed = ("operation", "currency")
    list_display = ("operation", "currency", "rule", "limit", "job_rows", "job_limit", "hours")
    search_fields = ("operation",)
    ordering = ("operation", "currency")


# -- organisations ----------------------------------------------------------------------------------------------------


class OrganisationForm(ReasonedForm):
    """Partners, branches and sub-agents. Where the money is settled is proposed by itself: others decide on it."""

    def clean_country(self) -> str:
        country = str(self.cleaned_data["country"]).strip().upper()
        if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
            raise ValidationError("Enter the two letters of ISO 3166, such as PK.")
        return country

    def clean_settlement_account(self) -> str:
        account = "".join(str(self.cleaned_data["settlement_account"]).split()).upper()
        if account and not (8 <= len(account) <= 34 and account.isascii() and account.isalnum()):
            raise ValidationError("Enter 8 to 34 letters and digits: an account number or an IBAN.")
        if _LIKE_AN_IBAN.match(account) and not mod_97_10.is_valid(account[4:] + account[:4]):
            raise ValidationError("The check digits of this IBAN do not fit. Compare it with the partner's letter.")
        return account

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.settles and set(self.changed_data) - SETTLEMENT - {"reason", "opened"}:
            sentence = (
                "Propose the settlement account by itself: a treasury checker decides on it, not an administrator."
            )
            self.add_error("settlement_account", ValidationError(sentence))
        return cleaned

    @property
    def settles(self) -> bool:
        """Whether the form would change where the money is settled."""
        return any(
            name in self.fields and self.cleaned_data.get(name, "") != self.before.get(name, "") for name in SETTLEMENT
        )


class OrganisationAdmin(ChangingAdmin):
    """Organisations are deactivated, never deleted: transactions name them for ever."""

    form = OrganisationForm
    section = "Organisations"
    to_change = ORGANISATIONS
    operation = "organisations"
    list_filter: ClassVar[Any] = ("is_active",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new organisation has no settlement account yet: it is proposed when the organisation is there."""
        fields = [field.name for field in self.model._meta.concrete_fields if field.editable and field.name != "id"]
        return fields if obj is not None else [name for name in fields if name not in SETTLEMENT]

    def operation_of(self, form: Any) -> str:
        return "settlement_account" if form.settles else super().operation_of(form)


@admin.register(Partner)
class PartnerAdmin(OrganisationAdmin):
    helps = TWO_PEOPLE
    fixed = ("code",)
    list_display = ("code", "name", "mode", "country", "is_active")
    list_filter: ClassVar[Any] = ("is_active", "mode")
    search_fields = ("code", "name")
    ordering = ("name",)


@admin.register(Branch)
class BranchAdmin(OrganisationAdmin):
    fixed = ("code",)
    list_display = ("code", "name", "city", "is_active")
    search_fields = ("code", "name", "city")
    ordering = ("code",)


@admin.register(SubAgent)
class SubAgentAdmin(OrganisationAdmin):
    helps = TWO_PEOPLE
    fixed = ("agent_code",)
    list_display = ("agent_code", "name", "is_active")
    search_fields = ("agent_code", "name")
    ordering = ("agent_code",)


# -- words and rows ---------------------------------------------------------------------------------------------------


def _with_grants(past: list[Line], holder: User | Group, kind: str) -> list[Line]:
    """The past of a person or a role together with the grants that were given to it and taken from it."""
    by_user = (PartnerUserPermission, BranchUserPermission)
    by_role = (PartnerGroupPermission, BranchGroupPermission)
    found = list(past)
    for model in by_user if kind == "user" else by_role:
        rows = model.history.filter(**{kind: holder.pk}).select_related("history_user", "permission", "content_object")
        found += [_grant_line(row) for row in rows.order_by("-history_id")[:MOST_GRANTS]]
    return sorted(found, key=lambda line: line.at, reverse=True)


def _grant_line(row: Any) -> Line:
    words = _grant_in_words(row)
    given = row.history_type == "+"
    return Line(
        at=row.history_date,
        who=str(row.history_user or "The system"),
        deed="Granted" if given else "Revoked",
        reason=row.history_change_reason or "",
        request_id=row.request_id,
        changes=(Change("Grant", EMPTY if given else words, words if given else EMPTY),),
    )


def what_hides_all(person: User) -> str:
    """What must be granted before the person sees any transaction; "" when nothing is missing or none is to be seen."""
    reader = User.objects.get(pk=person.pk)  # rights and scope are read once per object
    seen = scope_of(reader)
    missing = [
        *(["a partner"] if not (seen.all_partners or seen.partner_ids) else []),
        *(["a branch"] if not (seen.all_branches or seen.branch_ids) else []),
    ]
    if not missing or not has(reader, "transactions.view_transactions"):
        return ""
    return f"{person.full_name} sees no transaction: grant {' and '.join(missing)}, or all of them"


def _with_what_is_missing(done: str, person: User) -> str:
    missing = what_hides_all(person)
    return f"{done} {missing}." if missing else done


def _alls_of(person: User) -> set[str]:
    """Which of the grants on everything this person has directly."""
    if not person.pk:
        return set()
    names = [ALL_PARTNERS.codename, ALL_BRANCHES.codename]
    given = person.user_permissions.filter(content_type__app_label="accounts", codename__in=names)
    return set(given.values_list("codename", flat=True))


def _scope_permission(name: str) -> Permission:
    app, _, codename = name.partition(".")
    return Permission.objects.get(content_type__app_label=app, content_type__model="user", codename=codename)


def _rights() -> QuerySet[Permission]:
    """The rights of the matrix, in its order of rooms; Django's own permissions on models are not among them."""
    known = Q()
    for name in PERMISSIONS:
        app, _, codename = name.partition(".")
        known |= Q(content_type__app_label=app, codename=codename)
    rights = Permission.objects.filter(known, content_type__model="right").select_related("content_type")
    return rights.order_by("content_type__app_label", "pk")


def _names_of(rights: Iterable[Permission]) -> set[str]:
    return {f"{right.content_type.app_label}.{right.codename}" for right in rights}


def _right_in_words(right: Permission) -> str:
    known = PERMISSIONS.get(f"{right.content_type.app_label}.{right.codename}")
    label = known.label if known else right.name
    return f"{right.content_type.app_label.capitalize()}: {label}"


def _grantable(target: Any) -> QuerySet[Permission]:
    kind = target._meta.model_name
    codenames = [f"see_{kind}", f"work_{kind}"]
    return Permission.objects.filter(
        content_type__app_label="accounts", content_type__model=kind, codename__in=codenames
    ).order_by("codename")


def _grant_in_words(grant: Any) -> str:
    verb = grant.permission.codename.partition("_")[0]
    return f"{'sees' if verb == 'see' else 'works on'} {grant.content_object}"
