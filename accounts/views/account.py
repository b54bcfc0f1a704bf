"""Signing in and out, and one's own account."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView
from django.contrib import messages
from django.contrib.auth import logout as end_session
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import actions, signing_in
from accounts.access import permissions_of, requires, scope_of, work_scope_of
from accounts.forms import PasswordForm, PreferencesForm, SignInForm
from accounts.models import Branch, Partner, User
from accounts.permissions import PERMISSIONS
from accounts.sessions import why_signed_out
from audit import trail
from audit.verbs import Verb


class SignIn(LoginView):  # type: ignore[misc]
    """allauth's sign-in with our page; of allauth's other pages none is mounted."""

    form_class = SignInForm
    template_name = "account/login.html"

    def form_invalid(self, form: SignInForm) -> HttpResponse:
        response: HttpResponse = self.render_to_response(self.get_context_data(form=form), status=422)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super(LoginView, self).get_context_data(**kwargs)  # past allauth's links to its pages
        username = self.request.POST.get("login", "")
        return context | {
            "signed_out_because": why_signed_out(self.request),
            "tries_left": signing_in.tries_left(username) if username else None,
            "paused_until": signing_in.paused_until(username) if username else None,
        }


login = SignIn.as_view()


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session. Without one there is nothing to end, and the answer is the same."""
    if request.user.is_authenticated:
        trail.record_denial(Verb.SIGNED_OUT, by=request.user, obj=request.user)  # nobody is kept in for want of a trail
        end_session(request)
    return redirect("accounts:login")


@requires()
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """How the product shows itself to the reader, and what the reader may do."""
    user = _person(request)
    form = PreferencesForm(request.POST or None, instance=User.objects.get(pk=user.pk))
    if request.method == "POST" and form.is_valid():
        if actions.choose_preferences(by=user, **form.cleaned_data):
            messages.success(request, "Your preferences are saved.")
        return redirect("accounts:account")
    context = {
        "form": form,
        "last_sign_in": signing_in.last_sign_in(request),
        "roles": user.groups.order_by("name"),
        "rights": [PERMISSIONS[name].label for name in PERMISSIONS if name in permissions_of(user)],
        "scope": _scope_in_words(user),
    }
    return render(request, "account/account.html", context, status=422 if form.errors else 200)


@requires()
@require_POST
def stay(request: HttpRequest) -> HttpResponse:
    """A sign of life: any request of a person prolongs the session (accounts.sessions), this one does nothing else."""
    if request.headers.get("X-Requested-With") == "fetch":
        return HttpResponse(status=204)
    where = request.POST.get("next", "/")
    safe = url_has_allowed_host_and_scheme(where, allowed_hosts=None) and where.startswith("/")
    return redirect(where if safe else "/")


@sensitive_post_parameters("old_password", "new_password1", "new_password2")
@requires()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Choose a new password; wrong guesses at the present one count like those at the sign-in page."""
    user = _person(request)
    form = PasswordForm(user, request.POST or None)
    if request.method == "POST":
        address = str(request.META.get("REMOTE_ADDR", ""))
        if not signing_in.take_try(user.username, address):
            signing_in.note_locked_try(user.username)
            form.add_error(None, "Too many tries. Wait 30 minutes and try again.")
        elif form.is_valid():
            actions.choose_password(form.cleaned_data["new_password1"], by=user)
            signing_in.give_back(user.username, address)
            update_session_auth_hash(request, user)
            messages.success(request, "Your password is changed. Your other sessions have ended.")
            return redirect("accounts:account")
        elif form.has_error("old_password", "password_incorrect"):
            signing_in.note_failure(user.username, address)
        else:
            signing_in.give_back(user.username, address)
    return render(request, "account/password.html", {"form": form}, status=422 if form.errors else 200)


def _person(request: HttpRequest) -> User:
    """The signed-in person, behind `requires`."""
    if not isinstance(request.user, User):
        raise TypeError("this view is for signed-in people")
    return request.user


def _scope_in_words(user: User) -> list[tuple[str, str, str]]:
    """What the person sees and works on: one line for partners and one for branches."""
    see, work = scope_of(user), work_scope_of(user)
    partners = dict(Partner.objects.in_bulk(see.partner_ids | work.partner_ids))
    branches = dict(Branch.objects.in_bulk(see.branch_ids | work.branch_ids))
    return [
        (
            "Partners",
            "all" if see.all_partners else _names(partners, see.partner_ids),
            "all" if work.all_partners else _names(partners, work.partner_ids),
        ),
        (
            "Branches",
            "all" if see.all_branches else _names(branches, see.branch_ids),
            "all" if work.all_branches else _names(branches, work.branch_ids),
        ),
    ]


def _names(found: dict[int, Any], wanted: frozenset[int]) -> str:
    return ", ".join(sorted(str(found[pk]) for pk in wanted)) or "none"
