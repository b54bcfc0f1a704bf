"""Every address × every role × own, foreign and missing objects × every method, against an expectation file.

A new address without a line in `matrix.txt` fails. Beside the status of every answer this holds: no canary of a
foreign partner or branch, no word of screening outside compliance and no full personal number in any body or header;
a foreign object answers byte for byte like one that does not exist; nothing is written by a safe method or by a
request that was refused. What looks at a header of htmx's is asked for again by htmx; where nobody looks, the header
changes nothing. `python -m tests.proofs matrix` measures; `REWRITE=1` writes the file anew for a review.
"""

from __future__ import annotations

import logging
import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.db import connection, transaction
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.proofs.matrix_world import CANARIES, PERSONS, World, build, watched_headers

EXPECTATIONS = Path(__file__).with_name("matrix.txt")
KINDS = ("own", "foreign", "missing")
UNSAFE = ("POST",)
REST = ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
# Django admin is one mechanism with many addresses: every kind of person, but not every one of a kind
ADMIN_PERSONS = ("hina", "omar", "mehwish", "nadia", "admin", "viewer", "superuser", "anonymous")
ADMIN_REST = frozenset({"admin", "superuser"})
MAY_BE_WRITTEN = {  # by a safe method or a refusal: that it was read or refused, and the session itself
    "audit_auditevent",
    "django_session",
    "transactions_search",
    "accounts_signinfailure",
}
WRITTEN = """
    SELECT oid, pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
        + pg_stat_get_xact_tuples_deleted(oid)
    FROM unnest(%s::oid[]) oid
"""
CSRF = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": ?"[^"]*"')
CLOCK = re.compile(rb"\d\d:\d\d:\d\d|datetime=\"[^\"]*\"")


@dataclass(frozen=True)
class Address:
    """One URL pattern by its name, and the parameters it takes."""

    name: str
    parameters: tuple[str, ...]

    @property
    def is_admin(self) -> bool:
        return self.name.startswith("admin:")


class Ground:
    """One database transaction: each request is taken back to its beginning, and what it wrote to is known."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT relid, relname FROM pg_stat_xact_user_tables")
            self.names = dict(cursor.fetchall())
        self.known = self._counted()
        self.beginning = transaction.savepoint()

    @contextmanager
    def taken_back(self) -> Iterator[None]:
        """A block of which nothing stays, whatever state it leaves the transaction in."""
        yield
        transaction.savepoint_rollback(self.beginning)
        transaction.set_rollback(False)

    def written(self) -> set[str]:
        """The tables that were written to since this was asked last, also if it was taken back; PostgreSQL counts."""
        before, self.known = self.known, self._counted()
        return {self.names[table] for table, count in self.known.items() if count != before[table]}

    def _counted(self) -> dict[int, int]:
        with connection.cursor() as cursor:
            cursor.execute(WRITTEN, [list(self.names)])
            return dict(cursor.fetchall())


@dataclass
class Findings:
    """What was tried and what broke."""

    tried: int = 0
    by_htmx: int = 0
    broken: list[str] = field(default_factory=list)
    statuses: dict[tuple[str, str], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def note(self, sentence: str) -> None:
        self.broken.append(sentence)


def run(size: int | None = None, *, rest_by: Collection[str] = PERSONS) -> tuple[int, int]:
    """Walk everything; `size` bounds the number of addresses (None: all), `rest_by` says who asks by the methods that
    no page knows. Returns (requests tried, findings).
    """
    findings = Findings()
    logging.getLogger("django.request").setLevel(logging.CRITICAL)  # thousands of refusals are expected
    with transaction.atomic():
        world = build()
    with watched_headers() as looked:
        for address in list(addresses())[:size]:
            with transaction.atomic():  # one for each: thousands of requests in one transaction become slow
                _walk(address, world, findings, Ground(), looked, rest_by)
                transaction.set_rollback(True)
    if os.environ.get("REWRITE"):
        EXPECTATIONS.write_text("".join(f"{line}\n" for line in _lines(findings)))
    elif size is None:
        _compare(findings, rest_by)
    for sentence in findings.broken[:400]:
        print(f"  {sentence}")
    return findings.tried, len(findings.broken)


# -- addresses --------------------------------------------------------------------------------------------------------


def addresses(resolver: URLResolver | None = None, spaces: tuple[str, ...] = ()) -> Iterator[Address]:
    """All named patterns of the product, Django admin's included."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            inner = (*spaces, entry.namespace) if entry.namespace else spaces
            yield from addresses(entry, inner)
        elif isinstance(entry, URLPattern):
            name = ":".join((*spaces, entry.name or str(entry.pattern)))
            yield Address(name, tuple(entry.pattern.converters) or tuple(entry.pattern.regex.groupindex))


def _path(address: Address, kind: str, person: str, world: World) -> str | None:
    if "url" in address.parameters:  # admin's catch-all
        return "/admin/nothing-here/"
    arguments = {name: world.argument(address.name, name, kind, person) for name in address.parameters}
    if any(value is None for value in arguments.values()):
        return None
    return reverse(address.name, kwargs=arguments) if address.parameters else reverse(address.name)


# -- requests ---------------------------------------------------------------------------------------------------------


def _walk(
    address: Address, world: World, findings: Findings, ground: Ground, looked: set[str], rest_by: Collection[str]
) -> None:
    for person in ADMIN_PERSONS if address.is_admin else PERSONS:
        ask = partial(_ask, address, person=person, world=world, findings=findings, ground=ground)
        for method in ("GET", *UNSAFE):
            kinds = KINDS if address.parameters else ("own",)
            looked.clear()
            answers = [ask(method, kind) for kind in kinds]
            findings.statuses[(address.name, method)][person] = "/".join(_word(answer) for answer in answers)
            if len(answers) == len(KINDS):
                _same(address, method, person, answers, world, findings)
            if method == "GET" and any(name.startswith("hx-") for name in looked):
                findings.by_htmx += 1
                ask(method, "own", HTTP_HX_REQUEST="true")
        for method in REST if person in (ADMIN_REST if address.is_admin else rest_by) else ():
            findings.statuses[(address.name, method)][person] = _word(ask(method, "own"))


def _ask(
    address: Address,
    method: str,
    kind: str,
    *,
    person: str,
    world: World,
    findings: Findings,
    ground: Ground,
    **headers: str,
) -> HttpResponse | None:
    path = _path(address, kind, person, world)
    if path is None:
        return None
    findings.tried += 1
    with ground.taken_back():
        answer: HttpResponse = world.client(person).generic(method, path, **headers)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        answer.seen = body
    where = f"{method} {path} as {person}"
    _no_unexpected_write(where, method, answer, ground.written(), findings)
    _no_canary(where, answer, body, person, kind, findings)
    if answer.status_code >= 500 and address.name != "readyz":  # not ready: no worker runs here
        findings.note(f"{where}: {answer.status_code}")
    return answer


def _word(answer: HttpResponse | None) -> str:
    if answer is None:
        return "-"
    if answer.status_code in (301, 302, 303) and answer["Location"].startswith("/login/"):
        return "login"
    return str(answer.status_code)


def _no_unexpected_write(where: str, method: str, answer: HttpResponse, written: set[str], findings: Findings) -> None:
    refused = answer.status_code >= 400 or _word(answer) == "login"
    if method in UNSAFE and not refused:
        return
    if unexpected := written - MAY_BE_WRITTEN:
        findings.note(f"{where}: wrote {', '.join(sorted(unexpected))}")


def _no_canary(where: str, answer: HttpResponse, body: bytes, person: str, kind: str, findings: Findings) -> None:
    text = body + str(dict(answer.headers)).encode()
    for canary in CANARIES[person]:
        if canary in text and not (kind == "foreign" and canary in where.encode()):
            findings.note(f"{where}: shows {canary.decode()!r}")


def _same(
    address: Address, method: str, person: str, answers: list[HttpResponse | None], world: World, findings: Findings
) -> None:
    """For people with a narrow scope the foreign object must answer like the missing one."""
    _, foreign, missing = answers
    if person not in world.narrow or foreign is None or missing is None:
        return
    bodies = [
        _neutral(answer.seen, address, kind, person, world)
        for answer, kind in ((foreign, "foreign"), (missing, "missing"))
    ]
    if bodies[0] != bodies[1]:
        findings.note(f"{method} {address.name} as {person}: foreign and missing differ")


def _neutral(body: bytes, address: Address, kind: str, person: str, world: World) -> bytes:
    body = CLOCK.sub(b"", CSRF.sub(b"", body)).replace(str(_path(address, kind, person, world)).encode(), b"?")
    for name in {"reference", "number"} & set(address.parameters):  # a reference may be echoed, a row's number may not
        body = body.replace(str(world.argument(address.name, name, kind, person)).encode(), b"?")
    return body


# -- expectations -----------------------------------------------------------------------------------------------------


def _lines(findings: Findings) -> Iterator[str]:
    for (name, method), by_person in findings.statuses.items():
        yield f"{name} {method} | {_grouped(by_person)}"


def _grouped(by_person: Mapping[str, str]) -> str:
    grouped: dict[str, list[str]] = defaultdict(list)
    for person, word in by_person.items():
        grouped[word].append(person)
    return "; ".join(f"{word}: {' '.join(people)}" for word, people in grouped.items())


def _expected() -> dict[tuple[str, str], dict[str, str]]:
    """The answer to each person, by the address and the method; the inverse of `_lines`."""
    expected = {}
    for line in filter(str.strip, EXPECTATIONS.read_text().splitlines()):
        key, _, groups = line.partition(" | ")
        name, method = key.split()
        words = [group.partition(": ") for group in groups.split("; ")]
        expected[name, method] = {person: word for word, _, people in words for person in people.split()}
    return expected


def _compare(findings: Findings, rest_by: Collection[str]) -> None:
    expected = _expected()
    for (name, method), answers in findings.statuses.items():
        if (name, method) not in expected:
            findings.note(f"{name} {method}: no line in {EXPECTATIONS.name}; this address is new")
            continue
        were = expected.pop((name, method))
        if method in REST and not name.startswith("admin:"):
            were = {person: word for person, word in were.items() if person in rest_by}
        if answers != were:
            findings.note(f"{name} {method}: is now {_grouped(answers)}; it was {_grouped(were)}")
    for name, method in expected:
        findings.note(f"{name} {method}: stands in {EXPECTATIONS.name} but is no address any more")
    if not findings.by_htmx:
        findings.note("nobody looked at a header of htmx's, not even to send somebody to the sign-in page")
