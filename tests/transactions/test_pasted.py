"""A pasted list: a verdict per line in the list's order, inside the scope, recorded without a person's data."""

from __future__ import annotations

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from tests.transactions.rows import lay
from transactions.reading import read

pytestmark = pytest.mark.django_db

IBAN = "PK36SCBL0000001123456702"  # the check digits are right
WRONG_IBAN = "PK37SCBL0000001123456702"


def look_up(client: Client, text: str) -> str:
    """Paste a list and follow to its answer."""
    response = client.post("/search/", {"q": text})
    assert response.status_code == 303, response.content.decode()
    assert re.fullmatch(r"/search/\?s=[\w-]+", response.headers["Location"])
    answer = client.get(response.headers["Location"])
    assert answer.status_code == 200
    return answer.content.decode()


def lines_of(page: str) -> list[tuple[str, str, str]]:
    """What was given, the answer, and the reference, of each line of the table."""
    rows = re.findall(r"<tr(?: data-id=\"([^\"]*)\")?>\s*<td class=\"num\" data-l=\"Line\">(.*?)</tr>", page, re.S)
    lines = []
    for reference, row in rows:
        given = re.search(r'<bdi class="mono">(.*?)</bdi>', row)
        answer = re.search(r'<td data-l="Answer">(.*?)</td>', row, re.S)
        assert given
        assert answer
        said = re.sub(r'<span class="visually-hidden">.*?</span>', "", answer[1])
        lines.append((given[1], re.sub(r"<[^>]*>", "", said).strip(), reference))
    return lines


@pytest.mark.parametrize("between", ["\n", ", ", ";", "\t", "\r\n", "\n\n , "])
def test_lines_are_answered_in_their_order(as_hina: Client, between: str) -> None:
    lay(45)
    lay(46)
    page = look_up(as_hina, between.join(["PSL000000099", "IC-2611-0046", "psl 000000045"]))
    assert lines_of(page) == [
        ("PSL000000099", "Not found", ""),
        ("IC-2611-0046", "Found", "PSL000000046"),
        ("psl 000000045", "Found", "PSL000000045"),
    ]


def test_three_hundred_with_unknown_and_repeated_ones_are_one_table(as_hina: Client) -> None:
    for number in range(1, 286):
        lay(number)
    given = [f"PSL{number:09d}" for number in range(1, 286)] + [f"PSL{number:09d}" for number in range(900, 910)]
    given += [f"IC-2611-{number:04d}" for number in (1, 2, 3)] + ["psl000000004", "PSL-000000005"]
    page = look_up(as_hina, "\n".join(given))
    lines = lines_of(page)
    assert [line[0] for line in lines] == given
    assert [line[1] for line in lines[:285]] == ["Found"] * 285
    assert [line[1] for line in lines[285:295]] == ["Not found"] * 10
    assert [line[1] for line in lines[295:298]] == ["Found"] * 3  # another reference of the same transaction
    assert [line[1] for line in lines[298:]] == ["Twice in your list, see line 4", "Twice in your list, see line 5"]
    assert lines[298][2] == "PSL000000004"
    assert "300 lines: 288 found, 10 not found, 2 twice in your list" in page


def test_the_number_of_statements_does_not_grow_with_the_list(as_hina: Client) -> None:
    for number in range(1, 61):
        lay(number)
    counts = []
    for most in (3, 60):
        response = as_hina.post("/search/", {"q": "\n".join(f"PSL{number:09d}" for number in range(1, most + 1))})
        with CaptureQueriesContext(connection) as asked:
            as_hina.get(response.headers["Location"])
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 15


def test_a_reference_of_several_transactions_says_so_and_leads_to_them(as_hina: Client) -> None:
    first = lay(45)
    lay(46, request_id=first.request_id)
    page = look_up(as_hina, f"{first.request_id}\nPSL000000046")
    assert [line[1] for line in lines_of(page)] == ["Several found", "Found"]
    assert f'name="q" value="{first.request_id}"' in page


def test_foreign_and_absent_lines_are_answered_alike(as_hina: Client) -> None:
    lay(45)
    lay(77, partner="RIA")
    page = look_up(as_hina, "PSL000000077\nPSL000000099\nPSL000000045")
    assert [line[1:] for line in lines_of(page)[:2]] == [("Not found", "")] * 2


def test_an_iban_is_found_and_one_with_a_slip_is_named(as_hina: Client) -> None:
    lay(45, beneficiary_iban=IBAN)
    page = look_up(as_hina, f"{IBAN}\nPK36 SCBL 0000 0011 2345 6702\n{WRONG_IBAN}\nPSL000000099")
    assert [line[1] for line in lines_of(page)] == [
        "Found",
        "Twice in your list, see line 1",
        "Check digit wrong",
        "Not found",
    ]


def test_without_the_right_an_iban_is_not_searched(as_tariq: Client) -> None:
    lay(45, beneficiary_iban=IBAN)
    page = look_up(as_tariq, f"{IBAN}\nPSL000000045")
    assert [line[1] for line in lines_of(page)] == ["Not found", "Found"]
    assert "Searching by IBAN needs a right" in page


def test_a_heading_over_the_column_is_answered_and_names_are_no_list(as_hina: Client) -> None:
    lay(45)
    assert lines_of(look_up(as_hina, "Reference\nPSL000000045\nPSL000000046"))[0] == ("Reference", "Not found", "")
    assert not read("Qureshi, Farhan").is_list
    assert not read("Model Town, Block 7, Lahore").is_list


def test_more_than_five_hundred_are_refused_and_nothing_typed_is_lost(as_hina: Client) -> None:
    text = "\n".join(f"PSL{number:09d}" for number in range(501))
    response = as_hina.post("/search/", {"q": text})
    page = response.content.decode()
    assert response.status_code == 422
    assert "You gave 501 lines. Look up 500 or fewer at a time" in page
    assert text in page


@pytest.mark.parametrize("text", ["7" * 201 + "\nPSL1", "PSL1\n" * 20_000])
def test_what_is_longer_than_any_list_is_refused(as_hina: Client, text: str) -> None:
    response = as_hina.post("/search/", {"q": text})
    assert response.status_code == 422
    assert "Nothing was searched" in response.content.decode()


def test_the_found_ones_open_as_a_list_for_their_owner_alone(as_hina: Client, as_omar: Client) -> None:
    for number in (45, 46, 47):
        lay(number)
    page = look_up(as_hina, "PSL000000045\nIC-2611-0046\nPSL000000099")
    (where,) = re.findall(r'href="(/transactions/\?s=[\w-]+)"', page)
    listed = as_hina.get(where).content.decode()
    assert re.findall(r'<tr data-id="([^"]+)"', listed) == ["PSL000000045", "PSL000000046"]
    assert "This search belongs to someone else" in as_omar.get(where).content.decode()


def test_references_are_recorded_in_clear_and_lists_with_ibans_are_not(as_hina: Client) -> None:
    lay(45, beneficiary_iban=IBAN)
    look_up(as_hina, "PSL000000045\nPSL000000099")
    look_up(as_hina, f"PSL000000045\n{IBAN}")
    plain, personal = [
        json.loads(entry.body) for entry in AuditEvent.objects.filter(verb__in=["searched", "searched_person"])
    ]
    assert plain["facts"] == {"asked": 2, "references": ["PSL000000045", "PSL000000099"], "found": 1}
    assert personal["verb"] == "searched_person"
    assert (personal["facts"]["asked"], personal["facts"]["found"]) == (2, 1)
    assert IBAN not in json.dumps(personal)


def test_hostile_lines_stay_text(as_hina: Client) -> None:
    page = look_up(as_hina, "<script>alert(1)</script>\n2\u202egnp.exe1\n😀 7")
    assert "<script>alert" not in page
    assert len(lines_of(page)) == 3
