"""The dictionary of names, asked directly: what it finds, in which order, and what learning costs."""

from __future__ import annotations

import random

import pytest

from tests.pace import busy_seconds
from transactions import names
from transactions.models import Name, NameWord

pytestmark = pytest.mark.django_db

KNOWN = [
    "Muhammad Usman Qureshi",
    "Usman Ghani",
    "Ayesha Siddiqui",
    "José Muñoz-García",
    "عائشہ صدیقی",
    "محمد عثمان",
    "王伟",
    "N. Ahmed",
    "Nadeem Ahmed",
    "Farhan Ahmed Raza",
]


@pytest.fixture(autouse=True)
def _known() -> None:
    names.learn(KNOWN)


def found(text: str) -> list[str]:
    return [name.raw for name in names.like(text)]


def test_words_are_found_in_any_order() -> None:
    assert found("Qureshi Muhammad Usman") == ["Muhammad Usman Qureshi"]
    assert found("siddiqui ayesha") == ["Ayesha Siddiqui"]


def test_accents_case_and_punctuation_do_not_matter() -> None:
    assert found("MUNOZ garcia jose") == ["José Muñoz-García"]
    assert found("Jose\u0301 Mun\u0303oz") == ["José Muñoz-García"]


@pytest.mark.parametrize("slip", ["Ayehsa", "Ayesa", "Ayeshaa", "Ayisha", "Aysha"])
def test_one_slip_in_a_word_is_forgiven(slip: str) -> None:
    assert found(f"{slip} Siddiqui") == ["Ayesha Siddiqui"]


def test_a_name_that_sounds_the_same_is_found() -> None:
    assert "Muhammad Usman Qureshi" in found("Mohammed Usman")


def test_names_as_written_stand_above_near_ones() -> None:
    names.learn(["Amna Khan", "Amina Khan", "Amna Begum Khan"])
    assert found("Amna Khan") == ["Amna Khan", "Amna Begum Khan", "Amina Khan"]


def test_urdu_is_found_whichever_keyboard_wrote_it() -> None:
    assert found("صديقي عائشه") == ["عائشہ صدیقی"]
    assert found("مُحمّد عثمان") == ["محمد عثمان"]
    assert found("王伟") == ["王伟"]


def test_an_initial_fits_names_that_begin_with_it() -> None:
    assert set(found("N Ahmed")) == {"N. Ahmed", "Nadeem Ahmed"}
    assert found("F. Ahmed") == ["Farhan Ahmed Raza"]


@pytest.mark.parametrize("text", ["", "...", "😀", "'; DROP TABLE x; --", "a" * 300, "%", "_" * 9, "\u0640", "x " * 50])
def test_nothing_is_found_for_what_is_no_name(text: str) -> None:
    assert found(text) == []


def test_learning_twice_changes_nothing() -> None:
    before = Name.objects.count(), NameWord.objects.count()
    names.learn([*KNOWN, KNOWN[0], ""])
    assert (Name.objects.count(), NameWord.objects.count()) == before


def test_ten_thousand_new_names_are_learnt_within_three_seconds() -> None:
    """Of the processors' time: the machine may be busy."""
    dice = random.Random(1)
    letters = "abcdefghijklmnoprstuwyz"
    words = ["".join(dice.choices(letters, k=dice.randint(4, 9))) for _ in range(4_000)]
    new = [" ".join(dice.choices(words, k=3)) for _ in range(10_000)]
    begun = busy_seconds()
    names.learn(new)
    took = busy_seconds() - begun
    print(f"{len(new) / took:,.0f} names/s")
    assert took < 3


def test_a_misspelt_word_of_every_known_name_still_finds_it() -> None:
    """Recall with one letter deleted, doubled, replaced or swapped in the longest word, over an invented dictionary."""
    from backoffice.demo.names import PAKISTAN

    dice = random.Random(7)
    people = sorted({PAKISTAN.name(dice) for _ in range(400)})
    names.learn(people)
    hits = sum(person in found(_slip(person, dice)) for person in people)
    assert hits / len(people) >= 0.95


def _slip(name: str, dice: random.Random) -> str:
    words = name.split()
    longest = max(range(len(words)), key=lambda at: len(words[at]))
    word, at = words[longest], dice.randrange(1, len(words[longest]) - 1)
    words[longest] = dice.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + dice.choice("aeiou") + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )
    return " ".join(words)
