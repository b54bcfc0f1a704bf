"""The dictionary of names: fed by the intake, asked by the search. It forgives word order and one slip per word.

Two small tables: the distinct names with their words, and the distinct words with their one-letter deletions and their
sound. A misspelt word finds its neighbours through the deletions both have in common, so that a letter too many, too
few, another or swapped costs one index probe; Mohammed finds Muhammad through the sound. Nothing here reads a
transaction: who may see whom is for the caller to ask.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from django.db import connection

LONGEST_NAME: Final = 64
MOST_WORDS: Final = 8
LONGEST_WORD: Final = 40  # a longer one is compared as it is; PostgreSQL's levenshtein takes 255 bytes
NEIGHBOURS: Final = 16
EXACT_NAMES: Final = 1_000
NEAR_NAMES: Final = 2_000
BATCH: Final = 5_000

_LEARN = """
WITH fresh AS (
    INSERT INTO transactions_name (raw)
    SELECT DISTINCT raw COLLATE "C" FROM unnest(%s::text[]) AS given(raw) ORDER BY 1
    ON CONFLICT DO NOTHING
    RETURNING words
)
INSERT INTO transactions_nameword (word)
SELECT DISTINCT word COLLATE "C" FROM fresh, unnest(words) AS word ORDER BY 1
ON CONFLICT DO NOTHING
"""

_ALL_NAMES = """
SELECT beneficiary_name FROM transactions_transaction UNION SELECT remitter_name FROM transactions_transaction
"""

_ASKED = "SELECT name_words(%s)"

_NEIGHBOURS = """
SELECT asked.word, near.word, near.distance
FROM unnest(%s::text[]) AS asked(word)
CROSS JOIN LATERAL (
    SELECT found.word, levenshtein(found.word, asked.word) AS distance
    FROM (
        SELECT word FROM transactions_nameword WHERE deletions && word_deletions(asked.word)
        UNION
        SELECT word FROM transactions_nameword
        WHERE sound = word_sound(asked.word) AND sound <> ''
          AND levenshtein_less_equal(left(word, 60), asked.word, 3) <= least(3, length(asked.word) / 2)
    ) AS found
    ORDER BY distance, found.word
    LIMIT %s
) AS near
WHERE near.distance <= least(3, length(asked.word) / 2)
"""


@dataclass(frozen=True, slots=True)
class NearName:
    """A name of the dictionary and how far it is from what was asked: 0 when every word is there as written."""

    raw: str
    distance: int
    surplus: int

    @property
    def tier(self) -> int:
        """Names of one tier fit equally well: just these words as written, then more words, then misspelt ones."""
        return 2 * self.distance + (self.surplus > 0)


def learn(names: Iterable[str]) -> None:
    """Add names to the dictionary, in the present database transaction. What is known already costs one index probe.

    Call it once per transaction with all its names: rows are written in one order, so that two deliveries cannot wait
    for each other.
    """
    given = sorted({name for name in names if name})
    if given:
        with connection.cursor() as cursor:
            cursor.execute(_LEARN, [given])


def backfill() -> int:
    """Learn the names of all transactions. Returns how many distinct names were read."""
    read = 0
    with connection.cursor() as cursor:
        cursor.execute(_ALL_NAMES)
        names = [raw for (raw,) in cursor.fetchall()]
    for batch in _batches(names):
        learn(batch)
        read += len(batch)
    return read


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    walk = iter(names)
    while batch := list(islice(walk, BATCH)):
        yield batch


def words_of(text: str) -> list[str]:
    """The words of a name as the dictionary compares them: lower case, without accents and punctuation."""
    with connection.cursor() as cursor:
        cursor.execute(_ASKED, [text])
        (found,) = cursor.fetchone() or ([],)
    return list(found)


def like(text: str) -> list[NearName]:
    """The names that hold every word of `text` in any order, as written or nearly so; exact ones first.

    A single Latin letter beside other words is an initial. At most a few thousand names are looked at, those with the
    words as written before the others.
    """
    asked = list(dict.fromkeys(words_of(text)))[:MOST_WORDS]
    initials = [word for word in asked if len(word) == 1 and word in string.ascii_lowercase]
    whole = [word for word in asked if word not in initials]
    if not whole:
        whole, initials = initials, []
    if not whole:
        return []
    near = _neighbours(whole)
    found = {name.raw: name for raw, words in _names_with(whole, near) if (name := _rank(raw, words, near, initials))}
    return sorted(found.values(), key=lambda name: (name.distance, name.surplus, name.raw))


def _neighbours(asked: Sequence[str]) -> dict[str, dict[str, int]]:
    """For each asked word the words of the dictionary near it with their distance, the word itself included."""
    near = {word: {word: 0} for word in asked}
    with connection.cursor() as cursor:
        cursor.execute(_NEIGHBOURS, [[word for word in asked if len(word) <= LONGEST_WORD], NEIGHBOURS])
        for word, neighbour, distance in cursor.fetchall():
            near[word].setdefault(neighbour, distance)
    return near


def _names_with(asked: Sequence[str], near: dict[str, dict[str, int]]) -> list[tuple[str, list[str]]]:
    """Names that hold all words as written, then names that hold for each word it or a neighbour of it."""
    each = " AND ".join(["words && %s::text[]"] * len(asked))
    statement = f"""
        (SELECT raw, words FROM transactions_name WHERE words @> %s::text[] LIMIT %s)
        UNION ALL (SELECT raw, words FROM transactions_name WHERE {each} LIMIT %s)
    """  # noqa: S608 - the text is ours: the same condition once per word
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(asked), EXACT_NAMES, *(list(near[word]) for word in asked), NEAR_NAMES])
        return list(cursor.fetchall())


def _rank(raw: str, words: list[str], near: dict[str, dict[str, int]], initials: Sequence[str]) -> NearName | None:
    """How far a name is from the asked words; None if an initial fits no word of it."""
    if not all(any(word.startswith(initial) for word in words) for initial in initials):
        return None
    distance = sum(min(known[word] for word in words if word in known) for known in near.values())
    return NearName(raw, distance, max(0, len(words) - len(near)))
