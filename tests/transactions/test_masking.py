"""What is left of a person's data when it is hidden (UI.md section 5.5)."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transactions.masking import MASKS, Masked, mask_address, mask_birth_date, mask_iban


@pytest.mark.parametrize(
    ("kind", "value", "visual", "spoken"),
    [
        ("cnic", "42101-1234121-1", "•••••-••••121-1", "CNIC hidden, ends in 1 2 1 1"),
        ("cnic", "4210112341211", "•••••-••••121-1", "CNIC hidden, ends in 1 2 1 1"),
        ("cnic", "123", "••••••", "CNIC hidden"),
        ("id", "AB1234567", "••••••567", "ID hidden, ends in 5 6 7"),
        ("id", "AB123", "••••••", "ID hidden"),
        ("iban", "PK94UNIL0109000275521486", "PK94 UNIL •••• •••• •••• 1486", "IBAN hidden, ends in 1 4 8 6"),
        ("iban", "not an iban", "••••••iban", "IBAN hidden, ends in i b a n"),
        ("account", "00123456789012", "••••••9012", "Account number hidden, ends in 9 0 1 2"),
        ("account", "1234", "••••••", "Account number hidden"),
        ("phone", "+923001234567", "+92 ••• ••• 4567", "Phone hidden, ends in 4 5 6 7"),
        ("phone", "+971501234567", "+971 ••• ••• 4567", "Phone hidden, ends in 4 5 6 7"),
        ("phone", "+12025550143", "+1 ••• ••• 0143", "Phone hidden, ends in 0 1 4 3"),
        ("phone", "03001234567", "••• ••• 4567", "Phone hidden, ends in 4 5 6 7"),
        ("phone", "115", "••••••", "Phone hidden"),
        ("email", "ahmed@domain.pk", "a•••@domain.pk", "E-mail hidden, starts with a, at domain.pk"),
        ("email", "a@domain.pk", "••••••", "E-mail hidden"),
        ("email", "nothing", "••••••", "E-mail hidden"),
        ("birth_date", "1983-02-04", "•• ••• 1983", "Date of birth hidden, year 1983"),
        ("birth_date", "unknown", "••••••", "Date of birth hidden"),
        ("address", "House 4, Street 7, Lahore", "••••••", "Address hidden"),
    ],
)
def test_each_kind_shows_only_its_own_part(kind: str, value: str, visual: str, spoken: str) -> None:
    assert MASKS[kind](value) == Masked(visual, spoken)


def test_a_date_of_birth_may_be_a_date() -> None:
    assert str(mask_birth_date(dt.date(1983, 2, 4))) == "•• ••• 1983"


def test_an_address_shows_city_and_country() -> None:
    address = {"line1": "House 4", "city": "Karachi", "country": "Pakistan", "postcode": "75500"}
    assert mask_address(address) == Masked("••••••, Karachi, Pakistan", "Address hidden, in Karachi, Pakistan")


@pytest.mark.parametrize("iban", ["NO9386011117947", "MT84MALT011000012345MTLCAST001S", "GB29NWBK60161331926819"])
def test_an_iban_of_any_length_hides_the_account(iban: str) -> None:
    hidden = mask_iban(iban)
    assert hidden.visual.startswith(f"{iban[:4]} {iban[4:8]} ")
    assert hidden.visual.endswith(f" {iban[-4:]}")
    assert iban[8:-4] not in hidden.visual


@example("cnic", "000AA0000")
@given(st.sampled_from(["cnic", "id", "account", "phone", "email", "birth_date", "address"]), st.text(max_size=60))
def test_no_text_makes_a_mask_fail_or_show_more_than_half_of_its_digits(kind: str, text: str) -> None:
    hidden = MASKS[kind](text)
    digits = re.findall(r"\d", text, re.ASCII)
    shown = re.findall(r"\d", hidden.visual.partition("@")[0], re.ASCII)
    assert kind == "birth_date" or kind == "phone" or len(shown) <= max(1, len(digits) // 2)


@given(st.from_regex(r"[0-9]{13}", fullmatch=True))
def test_a_cnic_never_shows_its_first_nine_digits(digits: str) -> None:
    assert re.sub(r"\D", "", MASKS["cnic"](digits).visual) == digits[9:]
