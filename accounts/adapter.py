"""Signing in and out through allauth: the pause after failures, the trail, and no self-registration.

A name that does not exist counts and pauses the same way, and every failure has one text, so that nothing tells a
wrong name, a wrong password, a deactivated person and a pause apart.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import signing_in
from accounts.models import User

ONE_TEXT = "User name or password is not right."


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's hooks, each handed on to accounts.signing_in."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": ONE_TEXT,
        "account_inactive": ONE_TEXT,
        "too_many_login_attempts": ONE_TEXT,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_ajax(self, request: HttpRequest) -> bool:
        """allauth's own answers in JSON are not ours."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        username = credentials.get("username", "")
        if not signing_in.take_try(username, self._address(request)):
            signing_in.note_locked_try(username)
            raise ValidationError(ONE_TEXT)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        signing_in.note_failure(credentials.get("username", ""), self._address(request))

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        try:
            signing_in.note_success(request, user, self._address(request))
        except DatabaseError:
            logout(request)  # nobody works here unrecorded
            raise
        messages.info(request, signing_in.last_sign_in(request))
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return str(settings.LOGIN_REDIRECT_URL)

    def is_safe_url(self, url: str | None) -> bool:
        """Only addresses of this very site."""
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """allauth's own messages are not ours."""

    @staticmethod
    def _address(request: HttpRequest) -> str:
        return str(request.META.get("REMOTE_ADDR", ""))
