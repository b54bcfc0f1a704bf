"""The one search box: every reference in one statement, a person's data by their own indexes, names by the dictionary.

Whatever is found lies inside the asker's scope, in the same SQL that finds it: what is outside is not found, and the
answer to it is the answer to what does not exist.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.access import has, scope_of
from accounts.errors import Refused
from audit import trail
from audit.verbs import Verb
from transactions import elsewhere, names
from transactions.models import Search, Transaction
from transactions.names import NearName
from transactions.querysets import scoped_sql
from transactions.reading import LONGEST_LIST, PERSONAL, SHORTEST_PREFIX, Kind, Reading, read
from transactions.vocabulary import Side

if TYPE_CHECKING:
    from accounts.models import User

BY_PERSON: Final = "transactions.search_by_person"
SHOWN: Final = 20
MOST: Final = SHOWN + 1  # one more than is shown, to know that there are more
MOST_NAMES_TRIED: Final = 400
MOST_NAMES: Final = 40
MOST_NEAREST: Final = 5
KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True)
class Reference:
    """A kind of reference: the column that is shown, the one that is searched, its name."""

    field: str
    key: str
    label: str


REFERENCES: Final = (
    Reference("txn_id", "txn_key", "Transaction id"),
    Reference("partner_reference", "partner_key", "Partner reference"),
    Reference("bank_reference", "bank_key", "Bank reference"),
    Reference("rail_reference", "rail_key", "Rail reference"),
    Reference("uetr", "uetr_key", "UETR"),
    Reference("end_to_end_id", "end_to_end_key", "End-to-end id"),
    Reference("request_id", "request_key", "Request id"),
)


@dataclass(frozen=True)
class Hit:
    """A transaction that was found, and what of it fits: text in pieces (piece, whether it fits), or a masked value."""

    transaction: Transaction
    pieces: tuple[tuple[str, bool], ...] = ()
    masked: str = ""
    side: str = ""


@dataclass(frozen=True)
class Group:
    """What was found by one kind of thing. `has_more`: only the first are here."""

    label: str
    hits: Sequence[Hit]
    has_more: bool = False
    kind: Kind = Kind.REFERENCE


@dataclass
class Findings:
    """The answer to a search."""

    reading: Reading
    groups: list[Group] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)
    facets: list[str] = field(default_factory=list)
    nearest: list[str] = field(default_factory=list)
    elsewhere: list[elsewhere.Place] = field(default_factory=list)
    is_withheld: bool = False
    names_were_cut: bool = False

    @property
    def count(self) -> int:
        """How many transactions and other things are shown."""
        return len({hit.transaction.pk for group in self.groups for hit in group.hits}) + len(self.elsewhere)

    @property
    def has_more(self) -> bool:
        return any(group.has_more for group in self.groups)


@dataclass(frozen=True)
class OnlyMatch:
    """The one transaction that a reference leads to, and the kinds of reference by which it does."""

    txn_id: str
    labels: tuple[str, ...]


# Searching


def find(reading: Reading, user: User) -> Findings:
    """Look for everything that the text may be. A person's data only for who has the right; `is_withheld` says so."""
    findings = Findings(reading, is_withheld=bool(reading.personal_kinds) and not has(user, BY_PERSON))
    if Kind.REFERENCE in reading.kinds:
        _by_reference(findings, user)
        findings.elsewhere = elsewhere.places(reading.key, user)
        findings.searched += [kind.searched for kind in elsewhere.kinds_for(user)]
    if not findings.is_withheld:
        for kind in reading.personal_kinds:
            findings.searched.append(_SEARCHED[kind])
            _WAYS[kind](findings, user)
    if not findings.groups and not findings.elsewhere and Kind.REFERENCE in reading.kinds:
        findings.nearest = _nearest(reading.key, user)
    return findings


def only_match(reading: Reading, user: User) -> OnlyMatch | None:
    """The transaction to go straight to: one reference fits exactly, and nothing of any other kind does."""
    if Kind.REFERENCE not in reading.kinds:
        return None
    matches = _exact(reading.key, user)
    if len({pk for _, pk, _ in matches}) != 1 or elsewhere.places(reading.key, user):
        return None
    if reading.personal_kinds and has(user, BY_PERSON):
        others = Findings(reading)
        for kind in reading.personal_kinds:
            _WAYS[kind](others, user)
        if others.groups:
            return None
    return OnlyMatch(matches[0][2], tuple(REFERENCES[place].label for place, _, _ in matches))


def condition(reading: Reading, user: User) -> Q:
    """The same search as a condition on transactions, for lists. It does not narrow to the person's scope by itself."""
    if reading.is_list:
        return Q(pk__in={pk for pks in matches_of(reading, user).values() for pk in pks})
    fits = Q(pk__in=[])
    if Kind.REFERENCE in reading.kinds:
        fits |= _reference_condition(reading, user)
    if has(user, BY_PERSON):
        for kind in reading.personal_kinds:
            fits |= _as_condition(kind, reading, user)
    return fits


def _reference_condition(reading: Reading, user: User) -> Q:
    exact = {pk for _, pk, _ in _exact(reading.key, user)}
    if exact or not reading.may_begin_a_reference:
        return Q(pk__in=exact)
    begins = Q()
    for reference in REFERENCES:
        begins |= Q(**{f"{reference.key}__startswith": reading.key})
    return begins


def _as_condition(kind: Kind, reading: Reading, user: User) -> Q:
    match kind:
        case Kind.IBAN:
            return Q(beneficiary_iban=reading.key)
        case Kind.ACCOUNT:
            return Q(pk__in=Transaction.objects.to_account(reading.key).values("pk"))
        case Kind.CNIC:
            return Q(pk__in=Transaction.objects.of_person(id_number=reading.cnic_forms).values("pk"))
        case Kind.PHONE:
            return Q(pk__in=Transaction.objects.of_person(mobile=reading.phone_forms).values("pk"))
        case Kind.NAME:
            found = [name.raw for name in _visible_names(reading, user)[0]]
            return Q(beneficiary_name__in=found) | Q(remitter_name__in=found)
    return Q(pk__in=[])


# References


def _by_reference(findings: Findings, user: User) -> None:
    reading = findings.reading
    findings.searched.append(
        "Reference (transaction id, partner, bank and rail reference, UETR, end-to-end id, request id)"
    )
    rows = _exact(reading.key, user)
    if not rows and reading.may_begin_a_reference:
        findings.searched.append("Beginning of a reference")
        rows = _beginning(reading, user)
    found = _rows({pk for _, pk, _ in rows}, user)
    for place, reference in enumerate(REFERENCES):
        pks = {pk for at, pk, _ in rows if at == place}
        hits = [Hit(row, _marked(getattr(row, reference.field), reading.key)) for row in found if row.pk in pks]
        if hits:
            findings.groups.append(Group(reference.label, hits[:SHOWN], len(pks) > SHOWN))


def _exact(key: str, user: User) -> list[tuple[int, int, str]]:
    """Visible rows with exactly this reference: which kind, the row's key, its transaction id."""
    return _probe("{column} = %s", [key], REFERENCES, user)


def _beginning(reading: Reading, user: User) -> list[tuple[int, int, str]]:
    if not reading.may_begin_a_reference:
        return []
    return _probe("{column} >= %s AND {column} < %s", [reading.key, reading.key + "~"], REFERENCES, user)


def matches_of(reading: Reading, user: User) -> dict[str, set[int]]:
    """For each piece of a pasted list, by its key, the visible rows that it leads to: as a reference of any kind, and
    as an IBAN where the reader may search by one. One bounded index probe per piece and kind, all in one statement.
    """
    columns = [reference.key for reference in REFERENCES]
    if Kind.IBAN in reading.kinds and has(user, BY_PERSON):
        columns.append("beneficiary_iban")
    inside, parameters = scoped_sql(scope_of(user))
    arms = [
        f"(SELECT id FROM transactions_transaction WHERE {column} = asked.key AND {column} <> '' AND {inside}"  # noqa: S608 - all parts are ours
        f" LIMIT {MOST})"
        for column in columns
    ]
    statement = f"""
        SELECT asked.key, one.id FROM (SELECT unnest(%s::text[]) COLLATE "C" AS key) AS asked
        CROSS JOIN LATERAL ({" UNION ".join(arms)}) AS one
    """  # noqa: S608 - all parts are ours
    found: dict[str, set[int]] = {}
    with connection.cursor() as cursor:
        keys = sorted({piece.key for piece in reading.pieces if piece.key})
        cursor.execute(statement, [keys, *parameters * len(arms)])
        for key, pk in cursor.fetchall():
            found.setdefault(key, set()).add(pk)
    return found


def _nearest(key: str, user: User) -> list[str]:
    """Transaction ids, partner and bank references one slip away: a character lost, doubled, swapped or misread."""
    if not SHORTEST_PREFIX < len(key) <= 40:
        return []
    forms = sorted(_slips(key))
    rows = _probe("{column} = ANY(%s::text[])", [forms], REFERENCES[:3], user)
    found = _rows({pk for _, pk, _ in rows}, user)
    shown = {getattr(row, REFERENCES[place].field): None for row in found for place, pk, _ in rows if pk == row.pk}
    return list(shown)[:MOST_NEAREST]


def _probe(condition: str, values: list[Any], kinds: Sequence[Reference], user: User) -> list[tuple[int, int, str]]:
    """One bounded index probe per kind, all in one statement, each inside the scope.

    The columns stand in the text and "not empty" is literal, so that the partial indexes are used; so is the order.
    """
    inside, parameters = scoped_sql(scope_of(user))
    arms = [
        f"(SELECT {place} AS place, id, txn_id FROM transactions_transaction"  # noqa: S608 - all parts are ours
        f" WHERE {condition.format(column=kind.key)} AND {kind.key} <> '' AND {inside}"
        f" ORDER BY {kind.key} LIMIT {MOST})"
        for place, kind in enumerate(kinds)
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(arms), [*values, *parameters] * len(arms))
        return list(cursor.fetchall())


_LOOK_ALIKES: Final = ("O0", "0O", "I1", "1I", "L1", "1L", "S5", "5S", "B8", "8B", "Z2", "2Z")


def _slips(key: str) -> set[str]:
    """What the writer may have meant. Not a digit for another: in a run of numbers every neighbour exists."""
    places = range(len(key))
    lost = {
        key[:at] + letter + key[at:] for at in range(len(key) + 1) for letter in string.ascii_uppercase + string.digits
    }
    doubled = {key[:at] + key[at + 1 :] for at in places}
    swapped = {
        key[:at] + key[at + 1] + key[at] + key[at + 2 :]
        for at in places[:-1]
        if key[at].isdigit() != key[at + 1].isdigit()
    }
    misread = {key[:at] + pair[1] + key[at + 1 :] for at in places for pair in _LOOK_ALIKES if key[at] == pair[0]}
    return (lost | doubled | swapped | misread) - {key}


def _marked(reference: str, key: str) -> tuple[tuple[str, bool], ...]:
    """A reference in pieces: the part that the key fits, and the rest. Dashes inside the fitting part belong to it."""
    seen = 0
    for at, character in enumerate(reference):
        if character.upper() in string.ascii_uppercase + string.digits:
            seen += 1
        if seen == len(key):
            return tuple(piece for piece in ((reference[: at + 1], True), (reference[at + 1 :], False)) if piece[0])
    return ((reference, False),)


# A person's data


def _by_iban(findings: Findings, user: User) -> None:
    rows = Transaction.objects.visible_to(user).to_iban(findings.reading.key).for_rows().newest_first()[:MOST]
    _add(findings, Kind.IBAN, "Beneficiary IBAN", [Hit(row, masked="iban") for row in rows])


def _by_account(findings: Findings, user: User) -> None:
    rows = Transaction.objects.visible_to(user).to_account(findings.reading.key).for_rows().newest_first()[:MOST]
    _add(findings, Kind.ACCOUNT, "Beneficiary account", [Hit(row, masked="account") for row in rows])


def _by_cnic(findings: Findings, user: User) -> None:
    _by_party(findings, Kind.CNIC, "cnic", user, id_number=findings.reading.cnic_forms)


def _by_phone(findings: Findings, user: User) -> None:
    _by_party(findings, Kind.PHONE, "phone", user, mobile=findings.reading.phone_forms)


def _by_party(findings: Findings, kind: Kind, mask: str, user: User, **one_of: Sequence[str]) -> None:
    rows = Transaction.objects.visible_to(user).of_person(**one_of).for_rows().newest_first()[:MOST]
    label = "CNIC" if kind is Kind.CNIC else "Phone"
    _add(findings, kind, label, [Hit(row, masked=mask, side=Side(row.matched_side).label) for row in rows])


def _by_email(findings: Findings, user: User) -> None:
    """E-mail addresses are recognised so that they stay out of addresses and of the trail; they are not indexed."""


def _by_name(findings: Findings, user: User) -> None:
    found, findings.names_were_cut = _visible_names(findings.reading, user)
    findings.facets = [name.raw for name in found]
    asked = frozenset(map(_plain_word, findings.reading.text.split()))
    for side in (Side.BENEFICIARY, Side.REMITTER):
        hits = [
            Hit(row, _marked_words(getattr(row, f"{side}_name"), asked))
            for row in _rows_named(found, f"{side}_name", user)
        ]
        _add(findings, Kind.NAME, f"{side.label} name", hits)


def _visible_names(reading: Reading, user: User) -> tuple[list[NearName], bool]:
    """The nearest names that stand on a visible transaction, and whether any were left out."""
    near = names.like(reading.text)
    tried = {name.raw: name for name in near[:MOST_NAMES_TRIED]}
    inside, parameters = scoped_sql(scope_of(user))
    on_a_row = " OR ".join(
        f"EXISTS (SELECT FROM transactions_transaction WHERE {column} = asked.raw AND {inside})"
        for column in ("beneficiary_name", "remitter_name")
    )
    statement = f"""
        SELECT raw FROM unnest(%s::text[]) WITH ORDINALITY AS asked(raw, place) WHERE {on_a_row} ORDER BY place LIMIT %s
    """  # noqa: S608 - all parts are ours
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(tried), *parameters, *parameters, MOST_NAMES + 1])
        found = [tried[raw] for (raw,) in cursor.fetchall()]
    was_cut = len(near) > MOST_NAMES_TRIED or len(found) > MOST_NAMES
    return found[:MOST_NAMES], was_cut


def _rows_named(found: Sequence[NearName], column: str, user: User) -> list[Transaction]:
    """The newest visible rows of these names, the nearest names first: bounded per name, whatever its frequency."""
    inside, parameters = scoped_sql(scope_of(user))
    statement = f"""
        SELECT one.id FROM unnest(%s::text[], %s::int[]) AS asked(raw, tier)
        CROSS JOIN LATERAL (
            SELECT id, received_at FROM transactions_transaction
            WHERE {column} = asked.raw AND {inside} ORDER BY received_at DESC, id DESC LIMIT {MOST}
        ) AS one
        ORDER BY asked.tier, one.received_at DESC, one.id DESC LIMIT {MOST}
    """  # noqa: S608 - all parts are ours
    with connection.cursor() as cursor:
        cursor.execute(statement, [[name.raw for name in found], [name.tier for name in found], *parameters])
        order = [pk for (pk,) in cursor.fetchall()]
    by_key = {row.pk: row for row in _rows(order, user)}
    return [by_key[pk] for pk in order if pk in by_key]


def _marked_words(name: str, asked: frozenset[str]) -> tuple[tuple[str, bool], ...]:
    """A name in its words, those as written in the search marked."""
    pieces: list[tuple[str, bool]] = []
    for word in name.split(" "):
        pieces += [(" ", False), (word, _plain_word(word) in asked)]
    return tuple(pieces[1:])


def _plain_word(word: str) -> str:
    """A word without case, accents and punctuation, to mark it; the search itself compares in the database."""
    letters = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


def _add(findings: Findings, kind: Kind, label: str, hits: list[Hit]) -> None:
    if hits:
        findings.groups.append(Group(label, hits[:SHOWN], len(hits) > SHOWN, kind))


def _rows(pks: Any, user: User) -> list[Transaction]:
    return list(Transaction.objects.visible_to(user).filter(pk__in=pks).for_rows().newest_first()) if pks else []


_WAYS: Final[dict[Kind, Callable[[Findings, User], None]]] = {
    Kind.IBAN: _by_iban,
    Kind.CNIC: _by_cnic,
    Kind.ACCOUNT: _by_account,
    Kind.PHONE: _by_phone,
    Kind.EMAIL: _by_email,
    Kind.NAME: _by_name,
}
_SEARCHED: Final = {
    Kind.IBAN: "Beneficiary IBAN",
    Kind.CNIC: "CNIC of remitter and beneficiary",
    Kind.ACCOUNT: "Beneficiary account number",
    Kind.PHONE: "Phone of remitter and beneficiary",
    Kind.EMAIL: "Nothing: e-mail addresses cannot be searched",
    Kind.NAME: "Name of remitter and beneficiary, its words in any order, one slip per word",
}


# Keeping and recording


class SearchOver(Exception):
    """A kept search cannot be opened. The sentence says why and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def keep(given: str, user: User) -> str:
    """Keep what was typed for its owner, for 24 hours, and return the token that stands for it in addresses."""
    now = timezone.now()
    Search.objects.filter(expires_at__lt=now).delete()
    kept = Search.objects.create(owner=user, text=given.replace("\x00", "")[:LONGEST_LIST], expires_at=now + KEPT)
    return kept.token


def kept(token: str, user: User) -> Reading:
    """What the token stands for. Raises SearchOver for anybody but its owner, and when its time is over."""
    found = Search.objects.filter(token=token.replace("\x00", "")).first()
    if found is None or found.expires_at <= timezone.now():
        raise SearchOver("This search is over: searches are kept for 24 hours. Type it again.")
    if found.owner_id != user.pk:
        raise SearchOver("This search belongs to someone else. Type it again.")
    return read(found.text)


def record(reading: Reading, user: User, *, found: int) -> None:
    """Put a search into the trail: references with their text, anything else as a keyed hash.

    A search that may concern a person is refused when it cannot be recorded (DECISIONS.md section 9).
    """
    asked = {"asked": len(reading.pieces)} if reading.is_list else {}
    if reading.is_plain:
        text = {"references": reading.text.split("\n")} if reading.is_list else {"text": reading.text}
        trail.record_reading(Verb.SEARCHED, by=user, facts={**asked, **text, "found": found})
        return
    facts = {**asked, "kinds": [str(kind) for kind in reading.kinds], "hash": _digest(reading), "found": found}
    is_withheld = bool(PERSONAL.intersection(reading.kinds)) and not has(user, BY_PERSON)
    try:
        trail.record(Verb.SEARCHED_PERSON, by=user, facts=facts, result="DENIED" if is_withheld else "OK")
    except trail.CannotRecord as error:
        raise Refused(
            "Searches by a person's data must be recorded, and recording does not work now. "
            "Nothing was searched; references still work.",
            status=503,
        ) from error


def _words(reading: Reading) -> str:
    return " ".join(sorted(reading.text.casefold().split()))


def _digest(reading: Reading) -> str:
    """The same for the same thing however it was typed; without the trail's key nobody can try values against it."""
    same = reading.phone or (reading.key if Kind.NAME not in reading.kinds and not reading.is_list else _words(reading))
    digest = salted_hmac("transactions.search", same, secret=settings.AUDIT_HMAC_KEY, algorithm="sha256")
    return digest.hexdigest()[:32]
