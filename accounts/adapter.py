"""Signing in and out through allauth: the lock, the trail, and no self-registration.

Five failures lock a user name for 30 minutes; the page warns from the third. A name that does not exist counts and
locks the same way, so that nothing tells the two apart. An address that fails fifty times is locked too.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest

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

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        if signing_in.is_locked(credentials.get("username", ""), self._address(request)):
            signing_in.note_locked_try(credentials.get("username", ""))
            raise ValidationError(ONE_TEXT)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        signing_in.note_failure(credentials.get("username", ""), self._address(request))

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> Any:
        signing_in.note_success(request, user, self._address(request))
        return super().post_login(request, user, **kwargs)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return "/"

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """allauth's own messages are not ours."""

    @staticmethod
    def _address(request: HttpRequest) -> str:
        return str(request.META.get("REMOTE_ADDR", ""))
