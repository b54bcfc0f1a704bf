"""The search box, as people use it: what leads straight on, what lists, what is refused, what is recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from tests.database import owner_connection
from tests.transactions.rows import lay
from transactions.models import Search, Transaction

pytestmark = pytest.mark.django_db

IBAN = "PK36SCBL0000001123456702"  # the check digits are right
CNIC = "4210112345671"
PHONE = "+923001234567"

REFERENCES = {
    "txn_id": ("PSL000000045", "Transaction id"),
    "partner_reference": ("IC-2611-0045", "Partner reference"),
    "bank_reference": ("FT26326000045", "Bank reference"),
    "rail_reference": ("ORMB/PKKA/0000000045", "Rail reference"),
    "uetr": ("8d5b0c1e-2f0d-4f63-9a51-00000000002d", "UETR"),
    "end_to_end_id": ("E2E.IC.0000000045", "End-to-end id"),
    "request_id": ("REQ-8f0c21ab-000045", "Request id"),
}


def _full_width(text: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


def _fours(text: str) -> list[str]:
    return [text[at : at + 4] for at in range(0, len(text), 4)]


WRITINGS = {
    "as it is": lambda text: text,
    "lower case": str.lower,
    "upper case": str.upper,
    "spaces around": lambda text: f"  \t{text} ",
    "spaces inside": lambda text: " ".join(_fours(text)),
    "dashes inside": lambda text: "-".join(_fours(text)),
    "typographic dashes": lambda text: "–".join(_fours(text)),
    "zero width": lambda text: "\u200b".join(text),
    "byte order mark": lambda text: f"\ufeff{text}",
    "no-break spaces": lambda text: f"\u00a0{text[:3]}\u00a0{text[3:]}\u202f",
    "full width": _full_width,
    "nothing but letters and digits": lambda text: re.sub("[^A-Za-z0-9]", "", text),
}


@pytest.fixture
def row(hina: User) -> Transaction:
    """Instant Cash's transaction 45, which hina may see."""
    return lay(
        45,
        remitter_name="Farhan Qureshi",
        beneficiary_name="Muhammad Usman Khan",
        beneficiary_iban=IBAN,
        remitter={"mobile": "+971501234567"},
        beneficiary={"id_type": "CNIC", "id_number": CNIC, "mobile": PHONE},
    )


def ask(client: Client, text: str) -> tuple[str, str]:
    """Type `text` into the box and follow to the answer: where it ended, and the page there."""
    response = client.post("/search/", {"q": text})
    assert response.status_code == 303, response.content.decode()
    where = response.headers["Location"]
    answer = client.get(where)
    assert answer.status_code == 200
    return where, answer.content.decode()


def found(page: str) -> list[str]:
    return re.findall(r'<tr data-id="([^"]+)"', page)


# References


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("kind", REFERENCES)
def test_a_reference_leads_straight_to_its_page_however_it_is_written(
    row: Transaction, as_hina: Client, kind: str, writing: str
) -> None:
    reference, label = REFERENCES[kind]
    response = as_hina.post("/search/", {"q": WRITINGS[writing](reference)})
    assert response.status_code == 303
    assert response.headers["Location"] == "/transactions/PSL000000045/"
    (message,) = [str(message) for message in _messages(as_hina, response)]
    assert message.startswith("Only match for ")
    assert message.endswith(f"({label}).")


def _messages(client: Client, response: object) -> list[object]:
    from django.contrib.messages import get_messages
    from django.test import RequestFactory

    request = RequestFactory().get("/")
    request.COOKIES = {name: morsel.value for name, morsel in client.cookies.items()}
    request.session = client.session
    from django.contrib.messages.storage import default_storage

    request._messages = default_storage(request)
    return list(get_messages(request))


def test_an_address_with_a_reference_leads_there_too(row: Transaction, as_hina: Client) -> None:
    response = as_hina.get("/search/", {"q": "psl 000000045"})
    assert (response.status_code, response.headers["Location"]) == (303, "/transactions/PSL000000045/")


def test_a_reference_of_two_transactions_lists_them(row: Transaction, as_hina: Client) -> None:
    lay(46, request_id=row.request_id)
    where, page = ask(as_hina, row.request_id)
    assert where == "/search/?q=REQ-8f0c21ab-000045"
    assert found(page) == ["PSL000000045", "PSL000000046"]
    assert "<mark>REQ-8f0c21ab-000045</mark>" in page


def test_a_reference_that_fits_two_kinds_of_one_transaction_still_leads_there(
    row: Transaction, as_hina: Client
) -> None:
    Transaction.objects.filter(pk=row.pk).update(bank_reference=row.partner_reference)
    assert as_hina.post("/search/", {"q": "IC26110045"}).headers["Location"] == "/transactions/PSL000000045/"


def test_a_beginning_of_four_characters_lists_and_never_jumps(row: Transaction, as_hina: Client) -> None:
    _, page = ask(as_hina, "psl-00000")
    assert found(page) == ["PSL000000045"]
    assert "<mark>PSL00000</mark>0045" in page
    _, page = ask(as_hina, "PS1")
    assert found(page) == []


def test_more_than_twenty_show_the_first_twenty(as_hina: Client) -> None:
    for number in range(1, 24):
        lay(number)
    _, page = ask(as_hina, "PSL0000")
    assert len(found(page)) == 20
    assert "The first 20 are shown" in page


def test_foreign_and_absent_references_are_answered_alike(row: Transaction, as_hina: Client) -> None:
    foreign = lay(77, partner="RIA", beneficiary_name="Somebody Else")
    for reference in ["PSL000000077", "IC-2611-0077", foreign.uetr]:
        absent = reference.replace("77", "99") if "77" in reference else reference[:-2] + "ff"
        answers = [_bare(ask(as_hina, text)[1], text) for text in (reference, absent)]
        assert answers[0] == answers[1]
        assert "Nothing found for" in answers[0]


def _bare(page: str, echoed: str) -> str:
    """A page without what was typed and without the tokens that differ from one answer to the next."""
    return re.sub(r'value="[A-Za-z0-9]{64}"', "", page).replace(echoed, "")


def test_a_person_of_one_branch_finds_only_its_transactions(as_bilal: Client, bilal: User) -> None:
    lay(1, branch="1003")
    lay(2, branch="1004")
    lay(3, branch="")
    assert as_bilal.post("/search/", {"q": "PSL000000001"}).headers["Location"] == "/transactions/PSL000000001/"
    for reference in ("PSL000000002", "PSL000000003"):
        assert found(ask(as_bilal, reference)[1]) == []


def test_nothing_found_says_what_was_searched_and_where(row: Transaction, as_hina: Client) -> None:
    _, page = ask(as_hina, "PSL000000999")
    assert "Nothing found for “<bdi>PSL000000999</bdi>”." in page
    assert "Reference (transaction id, partner, bank and rail reference, UETR" in page
    assert "all transactions that you may see" in page


@pytest.mark.parametrize("slip", ["PSL00000045", "PSL0000000045", "PSLO00000045", "PS0L00000045"])
def test_nothing_found_offers_the_nearest_visible_reference(row: Transaction, as_hina: Client, slip: str) -> None:
    _, page = ask(as_hina, slip)
    assert 'href="/search/?q=PSL000000045"' in page


def test_the_nearest_reference_is_never_a_foreign_one(as_hina: Client) -> None:
    lay(45, partner="RIA")
    _, page = ask(as_hina, "PSL00000045")
    assert "Did you mean" not in page


# A person's data


@pytest.mark.parametrize(
    "text",
    [
        IBAN,
        "PK36 SCBL 0000 0011 2345 6702",
        "pk36scbl0000001123456702",
        CNIC,
        "42101-1234567-1",
        "42101 1234567 1",
        PHONE,
        "0300 1234567",
        "03001234567",
        "923001234567",
        "0092 300 1234567",
        "+92 (300) 123-4567",
        "+971 50 123 4567",
        "00971501234567",
        "Usman Khan Muhammad",
        "usman muhammed",
        "qureshi farhan",
    ],
)
def test_a_persons_data_finds_in_a_list_and_stands_in_no_address_and_no_trail(
    row: Transaction, as_hina: Client, text: str
) -> None:
    where, page = ask(as_hina, text)
    assert re.fullmatch(r"/search/\?s=[\w-]{20,40}", where)
    assert found(page)[0] == "PSL000000045"
    title = re.search("<title>(.*?)</title>", page)
    assert title is not None
    assert text not in title[1]
    assert text not in where
    last = json.loads(AuditEvent.objects.latest("seq").body)
    assert last["verb"] == "searched_person"
    assert last["facts"]["found"] == 1
    assert len(last["facts"]["hash"]) == 32
    trail = "".join(AuditEvent.objects.values_list("body", flat=True))
    assert not any(piece in trail for piece in (text, IBAN, CNIC, "3001234567", "Usman", "usman", "Qureshi", "qureshi"))


def test_the_page_of_a_persons_data_shows_it_masked(row: Transaction, as_hina: Client) -> None:
    _, page = ask(as_hina, "Muhammad Usman Khan")
    assert "<mark>Usman</mark>" in page
    for text in (IBAN, CNIC, PHONE):
        _, page = ask(as_hina, text)
        body = page.replace(f'value="{text}"', "").replace(f"hone number {PHONE}", "")
        assert text not in body


def test_the_same_number_is_hashed_alike_however_it_is_typed(row: Transaction, as_hina: Client) -> None:
    hashes = set()
    for text in (PHONE, "0300-1234567", "00923001234567"):
        ask(as_hina, text)
        hashes.add(json.loads(AuditEvent.objects.latest("seq").body)["facts"]["hash"])
    assert len(hashes) == 1


@pytest.mark.parametrize("text", [IBAN, "42101-1234567-1", "03001234567", "Usman Khan", "a@b.example", "عثمان"])
def test_an_address_with_a_persons_data_is_turned_into_a_token(row: Transaction, as_hina: Client, text: str) -> None:
    response = as_hina.get("/search/", {"q": text})
    assert response.status_code == 303
    assert re.fullmatch(r"/search/\?s=[\w-]{20,40}", response.headers["Location"])
    assert response.content == b""


def test_iban_says_whether_the_check_digits_are_right(row: Transaction, as_hina: Client) -> None:
    assert "IBAN (check digits correct)" in ask(as_hina, IBAN)[1]
    wrong = IBAN.replace("PK36", "PK37")
    assert "IBAN (check digits do not match)" in ask(as_hina, wrong)[1]


def test_a_number_of_thirteen_digits_is_sought_as_cnic_and_as_reference(row: Transaction, as_hina: Client) -> None:
    lay(46, bank_reference=CNIC)
    _, page = ask(as_hina, CNIC)
    assert set(found(page)) == {"PSL000000045", "PSL000000046"}
    assert "CNIC or reference" in page
    assert ">Bank reference" in page
    assert ">CNIC" in page


def test_a_number_of_thirteen_digits_that_is_only_a_reference_leads_there(as_hina: Client, hina: User) -> None:
    lay(46, bank_reference="1234567890123")
    assert as_hina.post("/search/", {"q": "1234567890123"}).headers["Location"] == "/transactions/PSL000000046/"


def test_a_name_lists_even_when_only_one_fits(row: Transaction, as_hina: Client) -> None:
    where, page = ask(as_hina, "Farhan Qureshi")
    assert where.startswith("/search/?s=")
    assert found(page) == ["PSL000000045"]
    assert "Remitter name" in page


def test_names_of_foreign_transactions_are_not_named(row: Transaction, as_hina: Client) -> None:
    lay(50, partner="RIA", beneficiary_name="Zebunnisa Farooqi")
    _, page = ask(as_hina, "Zebunisa Farooqi")
    assert "Nothing found" in page
    assert "Zebunnisa" not in page


def test_names_that_fit_are_offered_to_choose_from(row: Transaction, as_hina: Client) -> None:
    lay(51, beneficiary_name="Usman Khan")
    lay(52, beneficiary_name="Usman Khan Lodhi")
    _, page = ask(as_hina, "Khan Usman")
    assert re.findall(r'name="q" value="([^"]+)"', page) == [
        "Usman Khan",
        "Muhammad Usman Khan",
        "Usman Khan Lodhi",
    ]


def test_rows_of_equally_near_names_stand_newest_first(as_hina: Client) -> None:
    lay(1, beneficiary_name="Zahid Anwar Gul")
    lay(2, beneficiary_name="Amir Zahid")
    lay(3, beneficiary_name="Zahid")
    lay(4, beneficiary_name="Zahyd Gul")
    _, page = ask(as_hina, "zahid")
    assert found(page) == ["PSL000000003", "PSL000000001", "PSL000000002", "PSL000000004"]


# Tokens


def test_a_search_is_its_owners_alone(row: Transaction, as_hina: Client, as_omar: Client) -> None:
    where, _ = ask(as_hina, "Farhan Qureshi")
    for address in (where, where.replace("/search/", "/transactions/")):
        page = as_omar.get(address).content.decode()
        assert "This search belongs to someone else. Type it again." in page
        assert found(page) == []
        assert "Qureshi" not in page


def test_a_search_is_kept_for_a_day(row: Transaction, as_hina: Client) -> None:
    where, _ = ask(as_hina, "Farhan Qureshi")
    Search.objects.update(expires_at=timezone.now())
    for address in (where, where.replace("/search/", "/transactions/"), "/search/?s=never", f"/search/?s={'x' * 300}"):
        page = as_hina.get(address).content.decode()
        assert "kept for 24 hours. Type it again." in page
        assert found(page) == []
    ask(as_hina, "Farhan Qureshi")
    assert Search.objects.count() == 1


def test_the_list_takes_the_same_token(row: Transaction, as_hina: Client) -> None:
    lay(60)
    for text in ("Farhan Qureshi", IBAN, CNIC, PHONE):
        where, _ = ask(as_hina, text)
        page = as_hina.get(where.replace("/search/", "/transactions/")).content.decode()
        assert found(page) == ["PSL000000045"]
        assert "Found by your search" in page


# Rights


def test_without_the_right_only_references_are_searched(row: Transaction, as_tariq: Client) -> None:
    assert as_tariq.post("/search/", {"q": "PSL000000045"}).headers["Location"] == "/transactions/PSL000000045/"
    for text in (IBAN, CNIC, PHONE, "Farhan Qureshi"):
        _, page = ask(as_tariq, text)
        assert "needs a right that your roles do not give" in page
        assert found(page) == []
        last = json.loads(AuditEvent.objects.latest("seq").body)
        assert (last["verb"], last["result"]) == ("searched_person", "DENIED")


def test_an_auditor_and_an_operator_search_everything(row: Transaction, as_nadia: Client, as_omar: Client) -> None:
    lay(46, partner="RIA", beneficiary_name="Farhan Qureshi")
    for client in (as_nadia, as_omar):
        assert set(found(ask(client, "Farhan Qureshi")[1])) == {"PSL000000045", "PSL000000046"}


def test_an_administrator_may_not_search(as_admin: Client) -> None:
    assert as_admin.get("/search/").status_code == 403
    assert as_admin.post("/search/", {"q": "PSL000000045"}).status_code == 403


def test_a_stranger_is_asked_to_sign_in(client: Client) -> None:
    assert client.get("/search/").headers["Location"].startswith("/login/")
    assert client.post("/search/", {"q": CNIC}).headers["Location"] == "/login/?next=/"


# Recording


def test_a_reference_is_recorded_with_its_text(row: Transaction, as_hina: Client) -> None:
    as_hina.post("/search/", {"q": "psl-000000045"})
    last = json.loads(AuditEvent.objects.latest("seq").body)
    assert (last["verb"], last["actor"]) == ("searched", "hina")
    assert last["facts"] == {"text": "psl-000000045", "found": 1}


@pytest.fixture
def unwritable(transactional_db: None) -> Iterator[None]:
    """The application role may not add to the trail any more."""
    with owner_connection(autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON audit_auditevent FROM openremit_app")
        yield
        owner.execute("GRANT INSERT ON audit_auditevent TO openremit_app")


def test_what_cannot_be_recorded_is_searched_by_reference_only(as_hina: Client, unwritable: None) -> None:
    lay(45, beneficiary_name="Farhan Qureshi", beneficiary_iban=IBAN)
    assert as_hina.post("/search/", {"q": "PSL000000045"}).headers["Location"] == "/search/?q=PSL000000045"
    assert as_hina.get("/search/?q=PSL000000045").headers["Location"] == "/transactions/PSL000000045/"
    for text in ("Farhan Qureshi", IBAN):
        answer = as_hina.get(as_hina.post("/search/", {"q": text}).headers["Location"])
        assert answer.status_code == 503
        assert "Nothing was searched; references still work." in answer.content.decode()
        assert found(answer.content.decode()) == []


# Bad input

HOSTILE = [
    "",
    "\x00",
    "\u200b\ufeff",
    "%",
    "____",
    "%' OR '1'='1",
    '"; DROP TABLE transactions_transaction; --',
    "\\",
    "😀😀😀😀",
    "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    "<script>alert(1)</script>",
    "{{ 7*7 }} {% now %}",
    "x" * 10_000,
    "1" * 10_000,
    "ﷺ" * 150,
    "a\x00b\x00c4",
    "٠" * 13,
    "-" * 100,
    "+",
    "(((",
    "@",
    "a@b",
    "\u0640\u064b",
    " ".join("abcdefghijklmnopqrstuvwxyz" * 3),
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_whatever_is_typed_gets_an_answer(row: Transaction, as_hina: Client, text: str) -> None:
    for response in (as_hina.post("/search/", {"q": text}), as_hina.get("/search/", {"q": text})):
        assert response.status_code in (200, 303, 422) or (response.status_code == 400 and "\x00" in text)
        if response.status_code == 303:
            page = as_hina.get(response.headers["Location"])
            assert page.status_code == 200
            assert "<script>alert" not in page.content.decode()


def test_what_is_too_long_says_so(as_hina: Client) -> None:
    response = as_hina.post("/search/", {"q": "7" * 10_000})
    assert response.status_code == 422
    assert "too long to search for: 200 characters or fewer" in response.content.decode()


def test_a_name_with_a_comma_is_no_list(row: Transaction, as_hina: Client) -> None:
    assert found(ask(as_hina, "Qureshi, Farhan")[1]) == ["PSL000000045"]


# What the platform told


def test_a_transaction_of_the_intake_is_found_by_everything_that_it_carries(as_nadia: Client) -> None:
    from tests.factories.transactions import TransactionFactory

    row = TransactionFactory(
        stage="settlement",
        data={
            "remitter": {"fullName": "Zubaida Ansari", "mobileNumber": "+971501234567"},
            "beneficiary": {
                "fullName": "Haroon Kakar",
                "mobileNumber": "03001234567",
                "idDetails": {"idType": "CNIC", "idNumber": "42101-1234567-1"},
            },
        },
    )
    row.refresh_from_db()
    for field in REFERENCES:
        if reference := getattr(row, field):
            answer = as_nadia.post("/search/", {"q": reference.lower()})
            assert answer.headers["Location"] == row.get_absolute_url(), field
    texts = ["Ansari Zubaida", "haron kakar", CNIC, "0300-1234567", "00971501234567", row.beneficiary_iban]
    for text in filter(None, texts):
        assert found(ask(as_nadia, text)[1]) == [row.txn_id], text
