"""What a person may be told when a deed is not done."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied


class Refused(Exception):
    """A deed was not done and nothing changed. `sentence` says why and what to do; `status` is the HTTP answer."""

    def __init__(
        self, sentence: str, *, status: int = 409, verb: str = "", object_type: str = "", object_id: str = ""
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.verb = verb
        self.object_type = object_type
        self.object_id = object_id


class Throttled(Refused):
    """Too many of something in a while. The sentence says until when."""

    def __init__(self, sentence: str, *, verb: str = "", object_type: str = "", object_id: str = "") -> None:
        super().__init__(sentence, status=429, verb=verb, object_type=object_type, object_id=object_id)


class MissingPermission(PermissionDenied):
    """The person's roles do not hold `permission` ("app.codename")."""

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        self.permission = permission
