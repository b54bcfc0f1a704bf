"""What every page of Django admin has in common: rights from the roles, a reason for every change, history, trail.

`ReadingAdmin` shows rows to auditors and changes nothing; `ChangingAdmin` lets one administrator propose and another
agree to changes of people, organisations and reference data (accounts.proposals). Every change, its history row and its
trail entry are one database transaction, and changes follow one another, so that two of them cannot together do what
neither may do alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from accounts import maker_checker, proposals
from accounts.access import has, permissions_of
from accounts.errors import MissingPermission
from accounts.histories import Line, Mask, changes_between, label_of, lines, named, text_of
from accounts.models import ApprovalRequest, User
from accounts.permissions import ADMINISTER_PEOPLE
from accounts.separation import one_at_a_time
from audit import trail
from audit.history import because
from audit.verbs import Verb

if TYPE_CHECKING:
    PlainModelAdmin = admin.ModelAdmin[Any]
    PlainModelForm = forms.ModelForm[Any]
    PlainChangeList = ChangeList
else:
    PlainModelAdmin = admin.ModelAdmin
    PlainModelForm = forms.ModelForm
    PlainChangeList = ChangeList

COUNTED: Final = 10_000
HIDDEN: Final = "•••"
REFUSED: Final = "refused"
AUDITS: Final = "audit.view_trail"

ORGANISATIONS: Final = ("accounts.propose_organisations", "accounts.decide_organisations")
REFERENCE: Final = ("accounts.propose_reference", "accounts.decide_reference")
"""Whose pages these are holds both rights: to propose, and to decide on what another proposes."""
OPENS: Final = frozenset({AUDITS, *ADMINISTER_PEOPLE, *ORGANISATIONS, *REFERENCE})


def refusal(sentence: str) -> ValidationError:
    """A form error that says why a change is not made; the try is recorded."""
    return ValidationError(sentence, code=REFUSED)


def may_open(user: Any) -> bool:
    """Whether Django admin opens for this person: active, an administrator or auditor by role, and by a right of it."""
    return bool(user.is_active and user.is_staff) and not OPENS.isdisjoint(permissions_of(user))


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts to 10,000 and no further, so that no page counts a whole table; filters and references lead further."""

    @cached_property
    def count(self) -> int:
        rows = cast("models.QuerySet[Any]", self.object_list)
        return rows.order_by()[:COUNTED].count()


class Base(PlainModelAdmin):
    """The manners that all pages share. Not for use by itself."""

    actions = None
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each facet counts a whole table
    view_on_site = False
    paginator = CappedPaginator
    formfield_overrides: ClassVar[Any] = {models.TextField: {"widget": forms.Textarea(attrs={"rows": 4, "cols": 70})}}

    may_add = may_change = may_delete = False
    to_change: ClassVar[tuple[str, ...]] = ()
    """The rights that a change needs, all of them."""
    masks: ClassVar[Mapping[str, Mask]] = {}
    """How the history shows fields that hold personal data."""
    labels: ClassVar[Mapping[str, str]] = {}
    """What the history calls fields whose own label is not the page's."""
    names: ClassVar[tuple[str, str]] = ("", "")
    """What the rows are called here, where the model's own name is not the trade's: one, many."""
    section: ClassVar[str] = ""
    """Under which heading the index lists them."""
    helps: ClassVar[str] = ""
    """A sentence over the form."""

    def __init__(self, model: type[models.Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        if self.names[0]:
            self.opts = _renamed(self.opts, *self.names)

    # Rights: from the roles alone

    def missing_to_read(self, user: Any) -> str:
        """The right that this person lacks to open these pages; empty when none is."""
        raise NotImplementedError

    def missing_to_change(self, user: Any) -> str:
        return next((right for right in self.to_change if not has(user, right)), "")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return not self.missing_to_read(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self.missing_to_read(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_add and not self.missing_to_change(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_change and not self.missing_to_change(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_delete and not self.missing_to_change(request.user)

    def check_reading(self, request: HttpRequest) -> None:
        if missing := self.missing_to_read(request.user):
            raise MissingPermission(missing)

    def check_changing(self, request: HttpRequest, allowed: bool) -> None:
        """Raise unless this kind of change is made here at all and the person holds every right to it."""
        self.check_reading(request)
        if not allowed:
            raise PermissionDenied
        if missing := self.missing_to_change(request.user):
            raise MissingPermission(missing)

    # Pages

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.model._meta.app_label}_{self.model._meta.model_name}_past"
        past = path("<path:object_id>/history/<path:rest>", self.admin_site.admin_view(self._no_past_page), name=name)
        own = [url for url in super().get_urls() if url.name]  # the nameless one redirects from any unknown address
        return [past, *own]

    def _no_past_page(self, request: HttpRequest, object_id: str, rest: str) -> HttpResponse:
        """There is no page of one history row: nothing can be put back from here."""
        self.check_reading(request)
        raise Http404

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.check_reading(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        title = {"title": self.names[1].capitalize()} if self.names[1] else {}
        return super().changelist_view(request, {**title, **(extra_context or {})})

    def get_changelist_instance(self, request: HttpRequest) -> PlainChangeList:
        try:
            return super().get_changelist_instance(request)
        except IncorrectLookupParameters as error:
            raise BadRequest("The address names a filter or a value that this list does not have.") from error

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        adds = object_id is None or (request.method == "POST" and "_saveasnew" in request.POST)
        if adds:
            self.check_changing(request, self.may_add)
        elif request.method == "POST":
            self.check_changing(request, self.may_change)
        else:
            self.check_reading(request)
        with transaction.atomic():
            if request.method == "POST":
                one_at_a_time()
            answer = super().changeform_view(
                request, object_id, form_url, {"helps": self.helps, **(extra_context or {})}
            )
        return self._with_refusals_recorded(request, object_id, answer)

    def _with_refusals_recorded(
        self, request: HttpRequest, object_id: str | None, answer: HttpResponse
    ) -> HttpResponse:
        if request.method != "POST" or not isinstance(answer, TemplateResponse):
            return answer
        answer.status_code = 422
        form = (answer.context_data or {})["adminform"].form
        for error in [error for errors in form.errors.as_data().values() for error in errors]:
            if error.code == REFUSED:
                trail.record_denial(
                    Verb.REFUSED,
                    by=_person(request),
                    object_type=self.model._meta.label_lower,
                    object_id=trail_name(form.instance) if object_id else "",
                    reason=" ".join(error.messages),
                    result="FAILED",
                    facts={"path": request.path, "method": request.method, "deed": "a change in Django admin"},
                )
        return answer

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        self.check_changing(request, self.may_delete)
        raise Http404

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What was changed, from what to what, by whom and why. Reading is all that can be done here."""
        self.check_reading(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        self.note_reading(request, obj, part="history")
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {obj}",
            "module_name": str(self.opts.verbose_name_plural).capitalize(),
            "object": obj,
            "opts": self.opts,
            "lines": self.past_of(obj) if hasattr(obj, "history") else [],
            "keeps_history": hasattr(obj, "history"),
        }
        return TemplateResponse(request, "admin/object_history.html", context)

    def past_of(self, obj: models.Model) -> list[Line]:
        """What the history page shows, newest first."""
        return lines(obj, masks=self.masks, labels=self.labels)

    def note_reading(self, request: HttpRequest, obj: models.Model, *, part: str = "") -> None:
        """Record that somebody looked at one object. Nothing by default: reference data is nobody's secret."""

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        raise Http404

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what the list's own filters ask; any other column would answer guesses about hidden values."""
        named = [name[0] if isinstance(name, tuple) else name for name in self.list_filter]
        asked = {name for name in named if isinstance(name, str)}
        endings = ("", "__exact", "__id__exact", "__isnull", "__gte", "__lt", "__range")
        return any(lookup == f"{name}{ending}" for name in asked for ending in endings)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Plain fields: no pop-up windows for adding what a field refers to."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        if field is not None and field.label == "Email":
            field.label = "E-mail"
        return field

    # The trail is the log; Django's own would be a second one that anybody with the database could edit

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None


class ReadingAdmin(Base):
    """Rows of the trade, for auditors, inside their scope. Nobody changes anything here."""

    to_read: ClassVar[str] = "transactions.view_transactions"
    sortable_by = ()

    def missing_to_read(self, user: Any) -> str:
        return next((right for right in (AUDITS, self.to_read) if not has(user, right)), "")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Only rows that this reader may see."""
        return self.visible(request, super().get_queryset(request))

    def visible(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        visible_to = getattr(rows, "visible_to", None)
        if visible_to is None:
            raise NotImplementedError
        return cast("models.QuerySet[Any]", visible_to(request.user))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        answer = super().change_view(request, object_id, form_url, extra_context)
        obj = (getattr(answer, "context_data", None) or {}).get("original")
        if obj is not None:
            self.note_reading(request, obj)
        return answer

    def note_reading(self, request: HttpRequest, obj: models.Model, *, part: str = "") -> None:
        of = getattr(obj, "transaction", obj)
        facts = {"part": part or ("" if of is obj else str(self.opts.verbose_name)), "place": "Django admin"}
        recorded = trail.record_reading(Verb.VIEWED, by=_person(request), obj=of, facts=facts)
        request.reading_unrecorded = not recorded  # type: ignore[attr-defined]


class ReasonedForm(PlainModelForm):
    """A form that asks why, and that notices when somebody else was quicker."""

    reason = forms.CharField(
        label="Reason for this change",
        help_text="It is kept with the change. Name the request, ticket or decision.",
        min_length=5,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 70}),
        error_messages={"required": "Enter the reason for this change"},
    )
    opened = forms.IntegerField(required=False, widget=forms.HiddenInput)

    actor: ClassVar[User]
    page: ClassVar[ChangingAdmin]
    asked: ClassVar[ApprovalRequest | None] = None
    """The proposal that this form is filled in for once more, as it is decided on."""
    never: ClassVar[frozenset[str]] = frozenset()
    """Columns that no form of ours holds; a request that sends one all the same is refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = snapshot(self.instance) if self.instance.pk else {}
        if "opened" in self.fields:
            self.initial["opened"] = self._latest()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self._refuse_what_is_never_given()
        self._refuse_when_stale(cleaned.get("opened"))
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.asked is None and not self.errors and (waiting := self._waiting()):
            self.add_error(
                None, ValidationError(f"{waiting.number} of {waiting.maker} waits for a decision on this already.")
            )

    def _waiting(self) -> ApprovalRequest | None:
        """What is proposed about this row already, by whomever."""
        about = ApprovalRequest.objects.about(self._meta.model._meta.label_lower, self.page.called(self.instance))
        found: ApprovalRequest | None = (
            about.pending().filter(operation=self.page.operation_of(self)).select_related("maker").first()
        )
        return found

    def concerns(self, person: User) -> tuple[str | None, str] | None:
        """The field and the sentence, where the form would change this person's own access; asked of a valid form."""
        return None

    def refuse_own(self) -> None:
        """Refuse what would change the own access of the person who fills the form in."""
        if found := self.concerns(self.actor):
            self.add_error(found[0], refusal(found[1]))

    def _refuse_what_is_never_given(self) -> None:
        for name in sorted(self.never & set(self.data)):
            self.add_error(None, refusal(f"“{name}” cannot be given here, to nobody and by nobody."))

    def _refuse_when_stale(self, opened: int | None) -> None:
        latest = self._latest()
        if not self.instance.pk or opened is None or latest is None or opened >= latest:
            return
        past = self.instance.history.filter(history_id__gte=opened).order_by("history_id")
        then, now = past.first(), past.last()
        found = changes_between(then, now) if then and now else []
        said = "; ".join(f"{change.field}: {change.old} → {change.new}" for change in found)
        who = str(now.history_user or "the system") if now else "somebody"
        self.add_error(
            None,
            ValidationError(
                f"This was changed by {who} while you were writing ({said or 'saved again'}). "
                "Nothing of yours was saved. Check the values below and save again."
            ),
        )
        data = cast("QueryDict", self.data).copy()
        data[self.add_prefix("opened")] = str(latest)
        self.data = data

    def _latest(self) -> int | None:
        if not self.instance.pk or not hasattr(self.instance, "history"):
            return None
        newest: int | None = self.instance.history.order_by("-history_id").values_list("history_id", flat=True).first()
        return newest


class DeletionForm(forms.Form):
    """Why something is deleted."""

    reason = ReasonedForm.base_fields["reason"]


class ChangingAdmin(Base):
    """What one administrator proposes and another person agrees to. Auditors read it.

    Saving the form makes a request and changes nothing (accounts.proposals); `store` and `remove` do what was agreed,
    with the row's history and the entries in the trail, inside the decision's transaction.
    """

    form = ReasonedForm
    save_on_top = False
    may_add = may_change = True
    operation: ClassVar[str]
    """Under which heading the second person finds it, by whose right, and how long it waits."""
    private: ClassVar[frozenset[str]] = frozenset({"email", "phone", "address", "contact_name", "head_office_address"})
    """Fields whose values the trail does not repeat; it says that they changed."""
    secret: ClassVar[frozenset[str]] = frozenset()
    """Fields of the form that a proposal does not keep."""
    fixed: ClassVar[tuple[str, ...]] = ()
    """Fields that are given once, when the row is added: the trail and the platform know the row by them."""
    bound: ClassVar[frozenset[str]] = frozenset()
    """The fields that make a proposal overtaken when they change meanwhile; all of them where none is named."""
    consequence: ClassVar[str] = "It counts from the next page that reads it."

    def missing_to_read(self, user: Any) -> str:
        missing = self.missing_to_change(user)
        return "" if not missing or has(user, AUDITS) else missing

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *(self.fixed if obj is not None else ())]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The fields, then the reason; who may only read is not asked for one."""
        fields = [name for name in self.get_fields(request, obj) if name not in ("reason", "opened")]
        writes = self.has_change_permission(request, obj) if obj is not None else self.has_add_permission(request)
        return [(None, {"fields": fields}), *([("Why", {"fields": ["reason", "opened"]})] if writes else [])]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.actor = _person(request)
        form.page = self
        return form

    # Proposing

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id)) if object_id else None
        waiting = proposals.waiting_about(row) if row is not None else []
        return super().changeform_view(request, object_id, form_url, {"waiting": waiting, **(extra_context or {})})

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        waiting = proposals.waiting_additions(self.model)
        return super().changelist_view(request, {"waiting": waiting, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Ask the second person. Nothing is changed."""
        form.asked = self.propose(form, by=_person(request), deed=proposals.CHANGE if change else proposals.ADD)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """What hangs on the row waits with it."""
        self._said(request, form.asked)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        return redirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return redirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))

    def _said(self, request: HttpRequest, asked: ApprovalRequest | None) -> None:
        if asked is None:
            messages.info(request, "Nothing was different, so nothing was proposed.")
            return
        link = format_html('<a href="{}">{}</a>', asked.get_absolute_url(), asked.number)
        who = maker_checker.deciders(maker_checker.operation_of(asked), _person(request))
        messages.info(
            request,
            format_html(
                "{} waits for a second person ({}). Nothing is changed until then. {}", link, who, asked.consequence
            ),
        )

    def propose(self, form: Any, *, by: User, deed: str) -> ApprovalRequest | None:
        """Ask for what the form says; None where it says what is there already."""
        row = form.instance
        before, after, private = self.told(form)
        if deed == proposals.CHANGE and not (before or after or private):
            return None
        present = self._present(row) if row.pk else self.model()
        return maker_checker.request(
            self.operation_of(form),
            present,
            by=by,
            object_id=self.called(row),
            summary=self.summary_of(deed, row),
            consequence=self.consequence_of(form),
            note=form.cleaned_data["reason"],
            before=before,
            after=after,
            payload={
                "deed": deed,
                "pk": row.pk,
                "seen": self.state_of(present) if row.pk else {},
                "fields": {name: form.data.getlist(name) for name in form.fields if self._keeps(form, name)},
                "private": private,
                **self.kept_beside(form),
            },
        )

    def _keeps(self, form: Any, name: str) -> bool:
        return name in form.data and name not in {"reason", "opened", *self.secret}

    def operation_of(self, form: Any) -> str:
        """The operation under which the form's change is proposed."""
        return self.operation

    def consequence_of(self, form: Any) -> str:
        """What will happen when the second person agrees, as it looks now."""
        return self.consequence

    def called(self, row: Any) -> str:
        """What a request calls the row: as the trail does."""
        return trail_name(row)[:200]

    def summary_of(self, deed: str, row: Any) -> str:
        """What is asked, as one sentence without personal data."""
        return f"{deed.capitalize()} {self.opts.verbose_name} {self.called(row)}"[:300]

    def kept_beside(self, form: Any) -> dict[str, Any]:
        """What a proposal keeps beside the form's fields."""
        return {}

    def state_of(self, row: Any) -> dict[str, Any]:
        """The state that a proposal is bound to."""
        state = snapshot(row)
        return {name: value for name, value in state.items() if name in self.bound} if self.bound else state

    def label_of(self, name: str) -> str:
        return self.labels.get(name) or label_of(self.model, name)

    def planned(self, form: Any) -> dict[str, Any]:
        """The row's values as the form would have them, as the trail tells them."""
        many = {field.name for field in self.model._meta.many_to_many} & set(form.cleaned_data)
        return columns(form.instance) | {
            name: sorted(named(related) for related in form.cleaned_data[name]) for name in many
        }

    def told(self, form: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, list[Any]]]:
        """What would change, before and after, by the labels of the page; and what only the second person reads."""
        planned = {name: value for name, value in self.planned(form).items() if name in form.fields}
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        private: dict[str, list[Any]] = {}
        for name, new in planned.items():
            old, label = form.before.get(name, ""), self.label_of(name)
            if old == new or (not old and not new and not isinstance(new, bool)):
                continue
            if isinstance(new, list):
                given, taken = sorted(set(new) - set(old or [])), sorted(set(old or []) - set(new))
                after |= {f"{label}: given": given} if given else {}
                before |= {f"{label}: taken away": taken} if taken else {}
            elif name in self.private:
                private[label] = [_in_words(old), _in_words(new)]
            else:
                after[label] = _in_words(new)
                before |= {label: _in_words(old)} if form.instance.pk else {}
        return before, after, private

    def _present(self, row: Any) -> Any:
        return self.model._meta.default_manager.get(pk=row.pk)

    # Carrying out what was agreed

    def filled_in(self, asked: ApprovalRequest, row: Any) -> Any:
        """The form of a proposal, filled in by its maker as it was, over the row as it is now."""
        request, written = proposals.rebuilt(asked)
        exists = bool(row.pk)
        made = self.get_form(request, row if exists else None, change=exists)
        made.asked = asked
        return made(written, instance=row)

    def store(self, form: Any, *, by: User, added: bool, facts: Mapping[str, Any]) -> str:
        """Save the columns that changed, and only those, and what hangs on the row; history and trail with them.

        Answers what happened in a sentence. The form is valid, its row held, and history knows who and why.
        """
        row = form.save(commit=False)
        if not added:
            keep_first_state(row)
        self.store_row(form, row, added=added)
        self.store_related(form, row)
        self.record(form, by=by, added=added, facts=facts)
        return "It is added." if added else "It is changed."

    def store_row(self, form: Any, row: Any, *, added: bool) -> None:
        """Save the row itself."""
        if added:
            row.save()
            return
        changed = [name for name, value in columns(row).items() if form.before.get(name) != value]
        if changed:
            stamps = [field.name for field in row._meta.concrete_fields if getattr(field, "auto_now", False)]
            row.save(update_fields=[*changed, *stamps])

    def store_related(self, form: Any, row: Any) -> None:
        """Save what hangs on the row."""
        form.save_m2m()

    def record(self, form: Any, *, by: User, added: bool, facts: Mapping[str, Any]) -> None:
        """Write the trail's entry, in the transaction of the change and as its last statement."""
        before, after = self.difference(form.before, snapshot(form.instance))
        if after or before:
            trail.record(
                Verb.ADDED if added else Verb.CHANGED,
                by=by,
                obj=form.instance,
                before=None if added else before,
                after=after,
                reason=form.cleaned_data["reason"],
                facts=facts,
            )

    def difference(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The fields that differ, before and after, as the trail may hold them."""
        changed = [name for name in after if before.get(name) != after[name] and (name in before or after[name] != "")]
        return (
            {name: self._for_trail(name, before.get(name, "")) for name in changed},
            {name: self._for_trail(name, after[name]) for name in changed},
        )

    def _for_trail(self, name: str, value: Any) -> Any:
        return HIDDEN if name in self.private and value else value

    # Deleting

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        self.check_changing(request, self.may_delete)
        with transaction.atomic():
            if request.method == "POST":
                one_at_a_time()
            obj = self.get_object(request, unquote(object_id))
            if obj is None:
                raise Http404
            form = DeletionForm(request.POST if request.method == "POST" else None)
            if request.method == "POST" and form.is_valid():
                self._said(request, self.propose_deletion(obj, by=_person(request), reason=form.cleaned_data["reason"]))
                return redirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Delete {self.opts.verbose_name}",
            "object": obj,
            "opts": self.opts,
            "form": form,
            "waiting": proposals.waiting_about(obj),
        }
        status = 422 if form.errors else 200
        return TemplateResponse(request, "admin/delete_confirmation.html", context, status=status)

    def propose_deletion(self, row: Any, *, by: User, reason: str) -> ApprovalRequest:
        """Ask the second person to agree that one row is deleted."""
        values, _ = self.difference({}, snapshot(row))
        return maker_checker.request(
            self.operation,
            row,
            by=by,
            object_id=self.called(row),
            summary=self.summary_of(proposals.DELETE, row),
            consequence="Its history stays.",
            note=reason,
            before={self.label_of(name): _in_words(self._for_trail(name, snapshot(row)[name])) for name in values},
            payload={
                "deed": proposals.DELETE,
                "pk": row.pk,
                "seen": self.state_of(row),
                **self.kept_beside_deletion(row),
            },
        )

    def kept_beside_deletion(self, row: Any) -> dict[str, Any]:
        """What the proposal of a deletion keeps beside the row's state."""
        return {}

    def remove(self, row: Any, *, by: User, reason: str, facts: Mapping[str, Any]) -> None:
        """Delete one row, with its history row and its trail entry. History knows who and why."""
        keep_first_state(row)
        before, _ = self.difference({}, snapshot(row))
        values = snapshot(row)
        name = trail_name(row)
        row.delete()
        trail.record(
            Verb.DELETED,
            by=by,
            object_type=self.model._meta.label_lower,
            object_id=name,
            before={field: self._for_trail(field, values[field]) for field in before},
            reason=reason,
            facts=facts,
        )


def _in_words(value: Any) -> Any:
    return ("Yes" if value else "No") if isinstance(value, bool) else value


def keep_first_state(obj: models.Model) -> None:
    """Give a row that came with the product, and so has no history, its first history row: as it is in the database."""
    past = getattr(obj, "history", None)
    if past is None or past.exists():
        return
    first: Any = obj._meta.base_manager.get(pk=obj.pk)
    because(first, "As it was before the first change")
    first._history_user = None  # noqa: SLF001, simple-history's way to say that nobody did it
    first.save(update_fields=[next(name for name in columns(first))])


def snapshot(obj: models.Model) -> dict[str, Any]:
    """The values of a row as the trail tells them: columns as texts, lists of related rows by their names."""
    return columns(obj) | {
        field.name: sorted(named(related) for related in getattr(obj, field.name).all()) if obj.pk else []
        for field in obj._meta.many_to_many
    }


UNTOLD: Final = frozenset({"id", "password", "last_login", "last_login_ip", "created_at", "updated_at", "date_joined"})


def columns(obj: models.Model) -> dict[str, Any]:
    """The columns of a row that people can change, as texts."""
    return {
        field.name: _told(obj, field)
        for field in obj._meta.concrete_fields
        if field.name not in UNTOLD and not getattr(field, "auto_now", False)
    }


def _told(obj: models.Model, field: Any) -> Any:
    value = getattr(obj, field.name)
    if isinstance(value, bool | int):
        return value
    if isinstance(value, models.Model):
        return trail_name(value)
    return "" if value in (None, "") else text_of(type(obj), field.name, value)


def trail_name(obj: models.Model) -> str:
    """What the trail calls an object."""
    names = (getattr(obj, attribute, None) for attribute in ("trail_name", "code", "name"))
    return str(next((name for name in names if name), obj.pk))


def _renamed(options: Any, one: str, many: str) -> Any:
    """A copy of a model's options under the names that people know."""
    copied = copy(options)
    copied.verbose_name, copied.verbose_name_plural = one, many
    return copied


def _person(request: HttpRequest) -> User:
    return cast("User", request.user)
