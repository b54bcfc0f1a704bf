"""The trail for auditors, in Django admin: sentences to read, and nothing to change."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.access import scope_of
from accounts.administration import AUDITS, ReadingAdmin
from accounts.models import User
from audit import sentences, trail
from audit.models import AuditEvent
from audit.verbs import Verb

OBJECTS: Final = (
    "transactions.transaction",
    "transactions.inquiry",
    "transactions.reasoncode",
    "accounts.user",
    "accounts.partner",
    "accounts.branch",
    "accounts.subagent",
    "auth.group",
)
"""The kinds of objects by whose name the trail is searched; with the kind the index is used."""


@admin.register(AuditEvent)
class AuditEventAdmin(ReadingAdmin):
    section = "Trail"
    to_read: ClassVar[str] = AUDITS
    list_display = ("seq", "at", "actor", "words", "result")
    ordering = ("-seq",)
    search_fields = ("actor",)  # only to show the box; get_search_results asks the indexed columns
    search_help_text = "A whole user name, transaction id, code or request id"
    fields = ("seq", "at", "actor", "words", "changed", "result", "request_id", "digest")
    readonly_fields = ("words", "changed", "digest")

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Entries follow their transaction; who does not see all transactions reads them on each one's page."""
        return rows if scope_of(request.user).is_everything else rows.none()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        about = Q(object_type__in=OBJECTS, object_id=term)
        return queryset.filter(Q(actor=term.lower()) | Q(request_id=term) | about), False

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """With the names of all people on the page, in one query."""
        page = super().get_changelist_instance(request)
        names = sentences.names_in(page.result_list)
        for entry in page.result_list:
            entry.names = names
        return page

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)
        self._record(request, "in Django admin")
        return answer

    def note_reading(self, request: HttpRequest, obj: Model, *, part: str = "") -> None:
        self._record(request, str(obj.pk))

    def _record(self, request: HttpRequest, what: str) -> None:
        person = request.user if isinstance(request.user, User) else None
        recorded = trail.record_reading(Verb.READ_TRAIL, by=person, object_type="audit.auditevent", object_id=what)
        request.reading_unrecorded = not recorded  # type: ignore[attr-defined]

    @admin.display(description="What")
    def words(self, entry: AuditEvent) -> str:
        return sentences.sentence(entry, getattr(entry, "names", None))

    @admin.display(description="From → to")
    def changed(self, entry: AuditEvent) -> SafeString | str:
        told = [(change.field, change.old, change.new) for change in sentences.changes(entry)]
        return format_html_join("", "<div>{}: <del>{}</del> → <ins>{}</ins></div>", told) or "Nothing"

    @admin.display(description="Hash")
    def digest(self, entry: AuditEvent) -> str:
        return bytes(entry.hash).hex()
