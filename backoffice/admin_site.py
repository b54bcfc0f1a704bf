"""Django admin as the administrators' place: behind our own sign-in, with our own rights and only pages of ours."""

from __future__ import annotations

from functools import update_wrapper
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse

from accounts.access import ask_to_sign_in
from accounts.administration import Base, may_open
from accounts.errors import MissingPermission
from accounts.permissions import PROPOSE_PEOPLE
from accounts.views import account as views

SECTIONS: Final = ("People and rights", "Organisations", "Reference data", "Transactions", "Intake", "Trail")
READS: Final = ("GET", "HEAD")


class Site(admin.AdminSite):
    """The site that `admin.site` is (backoffice.admin_config)."""

    site_header = "OpenRemit Backoffice administration"
    site_title = "OpenRemit Backoffice administration"
    index_title = "Administration"
    site_url = "/"
    empty_value_display = "–"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take only pages of ours: those that packages bring change rows without reason, history or trail."""
        if admin_class is not None and issubclass(admin_class, Base):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return may_open(request.user)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """No view answers before the person is known and admitted; a past is only ever read."""
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if "/history/" in request.path and request.method not in READS:
                return HttpResponseNotAllowed(READS)
            if not request.user.is_authenticated:
                return ask_to_sign_in(request)
            if not self.has_permission(request):
                raise MissingPermission(PROPOSE_PEOPLE)
            return inner(request, *args, **kwargs)

        return update_wrapper(guarded, inner)

    def get_urls(self) -> list[Any]:
        """Without the redirect to any object's page, which tells what exists."""
        return [url for url in super().get_urls() if getattr(url, "name", "") != "view_on_site"]

    # there is one sign-in, one sign-out and one place to change a password

    def login(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return ask_to_sign_in(request) if not request.user.is_authenticated else redirect("admin:index")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return views.logout(request)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return redirect("accounts:password")

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return redirect("accounts:account")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The pages that this reader may open, under the headings of the trade and not of the code."""
        found = [model for app in self._build_app_dict(request, app_label).values() for model in app["models"]]
        sections: dict[str, list[Any]] = {name: [] for name in SECTIONS}
        for model in found:
            page: Any = self._registry[model["model"]]
            if page.names[1]:
                model["name"] = page.names[1].capitalize()
            sections[page.section].append(model)
        return [
            {
                "name": name,
                "app_label": name.lower().replace(" ", "-"),
                "app_url": reverse("admin:index"),
                "has_module_perms": True,
                "models": sorted(listed, key=lambda model: str(model["name"])),
            }
            for name, listed in sections.items()
            if listed
        ]
