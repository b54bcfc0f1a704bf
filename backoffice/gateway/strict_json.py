"""JSON as a sender may write it: one value, no surprises. What Python's parser lets through or trips over is refused
with a sentence: numbers that are none, keys that stand twice, text that no database can hold, nesting without an end.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

MAXIMUM_DEPTH: Final = 32
LONGEST_INTEGER: Final = 19
LONGEST_NUMBER: Final = 40
LARGEST_EXPONENT: Final = 300

_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_NUL: Final = "\\u0000"


class Unreadable(ValueError):
    """The body is not JSON as it must be. `sentence` says what is wrong and what to send instead."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def loads(body: bytes) -> Any:
    """The value that `body` holds. Numbers with a fraction are Decimals. Raises Unreadable for everything else."""
    text = _decoded(body)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_constant,
        )
    except RecursionError:
        raise Unreadable(_TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"The body is not JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}."
        ) from None
    _check(value, walks_text=_NUL in text or bool(_SURROGATE.search(text)))
    return value


def dumps(value: Any, *, sort_keys: bool = False) -> str:
    """`value` as JSON text without spaces. Decimals are written as the numbers they came as."""
    try:
        return (_SORTED if sort_keys else _PLAIN).encode(value)
    except TypeError:
        return _written(value, sort_keys=sort_keys)


_PLAIN: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_SORTED: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)
_TOO_DEEP: Final = f"The body is nested more than {MAXIMUM_DEPTH} levels deep. Send it flatter."


def _decoded(body: bytes) -> str:
    if body.startswith(b"\xef\xbb\xbf"):
        raise Unreadable("The body starts with a byte order mark. Send it as UTF-8 without one.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"Byte {error.start + 1} of the body is not UTF-8. Send the body as UTF-8.") from None
    if not text.strip():
        raise Unreadable("The body is empty. Send one event or a list of events.")
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Unreadable(f"The key “{_shown(twice)}” stands twice in one object. Send each key once.")
    return made


def _integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise Unreadable(f"A whole number has {len(text)} digits. Send at most {LONGEST_INTEGER - 1}.")
    return int(text)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
        exponent = number.adjusted()
    except (InvalidOperation, OverflowError):
        exponent = LARGEST_EXPONENT + 1
    if len(text) > LONGEST_NUMBER or abs(exponent) > LARGEST_EXPONENT:
        raise Unreadable(f"The number {text[:20]}… cannot be held exactly. Send it as plain decimal text.")
    return number


def _constant(text: str) -> NoReturn:
    raise Unreadable(f"{text} is not a number in JSON. Leave the field out or send a number.")


def _check(value: Any, *, walks_text: bool) -> None:
    """Refuses nesting that is too deep, and text that cannot be stored, which is looked for only when suspected."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAXIMUM_DEPTH:
            raise Unreadable(_TOO_DEEP)
        if walks_text:
            for one in level:
                _check_text(one)
        level = [inner for one in level for inner in _inside(one, leaves=walks_text)]


def _inside(value: Any, *, leaves: bool) -> list[Any]:
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [one for one in held if leaves or isinstance(one, dict | list)]


def _check_text(value: Any) -> None:
    texts = value.keys() if isinstance(value, dict) else [value] if isinstance(value, str) else ()
    for text in texts:
        if not is_storable(text):
            told = "holds a character that no text has (NUL or half a surrogate pair). Remove it."
            raise Unreadable(f"The text “{_shown(text)}” {told}")


def is_storable(text: str) -> bool:
    """Whether the text holds neither NUL nor half of a surrogate pair, which no database keeps."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _shown(text: str) -> str:
    return text[:40].encode("utf-8", "replace").decode().replace("\x00", "?")


def _written(value: Any, *, sort_keys: bool) -> str:
    match value:
        case dict():
            items = sorted(value.items()) if sort_keys else value.items()
            return "{" + ",".join(f"{dumps(k)}:{dumps(v, sort_keys=sort_keys)}" for k, v in items) + "}"
        case list() | tuple():
            return "[" + ",".join(dumps(one, sort_keys=sort_keys) for one in value) + "]"
        case Decimal():
            return str(value)
        case _:
            raise Unreadable(f"A value of type {type(value).__name__} is not JSON.")
