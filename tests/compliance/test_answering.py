"""What partners are told: written by one, agreed on by another, and none of the words that a partner must not read."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts import maker_checker
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, User
from audit.models import AuditEvent
from compliance import actions
from tests.compliance.test_views import text
from tests.factories.transactions import TransactionFactory
from tests.people import person, signed_in
from transactions.models import AnswerText

pytestmark = pytest.mark.django_db
NEW = "{reference}, {amount}: it goes its way. The next update is due by {next_update}."
PAGE = "/compliance/answers/pending/"


def asked(by: User, words: str = NEW) -> ApprovalRequest:
    return actions.ask_for_answer_text("pending", by=by, version=1, text=words, note="Plainer words.")


def test_a_text_answers_once_a_second_person_agreed(
    as_adeel: Client, as_mehwish: Client, as_hina: Client, mehwish: User
) -> None:
    row = TransactionFactory(stage="payment", partner="INSTANTCASH")
    old = AnswerText.objects.get(key="pending")
    answer = as_adeel.post(PAGE, {"version": 1, "text": NEW, "note": "Plainer words."})
    assert answer.status_code == 302
    one = ApprovalRequest.objects.get()
    page = text(as_mehwish.get(one.get_absolute_url()))  # type: ignore[arg-type]
    assert "it goes its way" in page, "the second person reads both texts"
    assert old.text in page
    assert "it goes its way" not in text(as_hina.get(row.get_absolute_url()))  # type: ignore[arg-type]
    assert "Write it anew" not in text(as_adeel.get(PAGE)), "one at a time"  # type: ignore[arg-type]
    maker_checker.approve(one, by=mehwish)
    made = AnswerText.objects.get(key="pending", version=2)
    assert (made.text, made.approval) == (NEW, one)
    page = text(as_hina.get(row.get_absolute_url()))  # type: ignore[arg-type]
    assert "it goes its way" in page
    assert "pending v2" in page
    assert AnswerText.objects.get(pk=old.pk).text == old.text
    assert AuditEvent.objects.get(verb="added", object_type="transactions.answertext").said["actor"] == "mehwish"


@pytest.mark.parametrize(
    "word", ["screening", "Compliance", "SANCTIONED", "aml", "matched", "under review", "suspicious", "on hold"]
)
def test_a_word_that_hints_is_refused_by_its_name_at_every_door(as_adeel: Client, mehwish: User, word: str) -> None:
    told = f"{{reference}} is {word}."
    answer = as_adeel.post(PAGE, {"version": 1, "text": told, "note": "Plainer words."})
    named = word.split()[-1].removesuffix("ED").removesuffix("ed")
    assert answer.status_code == 422
    assert f"“{named}” hints at the checks" in text(answer)  # type: ignore[arg-type]
    assert told.removeprefix("{reference} ") in text(answer), "nothing typed is lost"  # type: ignore[arg-type]
    with pytest.raises(Refused, match=named):  # by function call
        asked(person("adeel"), told)
    smuggled = maker_checker.request(
        "answer_text",
        AnswerText.objects.get(key="pending"),
        by=person("adeel"),
        object_id="pending",
        summary="Change",
        payload={"text": told},
    )
    with pytest.raises(Refused, match=named):  # past the writer: the second person's decision asks again
        maker_checker.approve(smuggled, by=mehwish)
    assert AnswerText.objects.filter(key="pending").count() == 1


def test_an_unknown_placeholder_is_named(as_adeel: Client) -> None:
    answer = as_adeel.post(PAGE, {"version": 1, "text": "{cnic} of {reference}", "note": "More."})
    assert "“cnic” is not one of the placeholders" in text(answer)  # type: ignore[arg-type]


def test_nobody_agrees_with_himself_and_nobody_outside_takes_part(adeel: User, mehwish: User) -> None:
    own = asked(mehwish)
    for name in ("mehwish", "adeel", "omar", "nadia", "admin"):
        with pytest.raises((Refused, MissingPermission)):
            maker_checker.approve(own, by=person(name))
    for name in ("hina", "omar", "sana", "tariq", "rabia", "bilal", "admin"):
        assert signed_in(person(name)).get(PAGE).status_code == 403
        with pytest.raises(MissingPermission):
            asked(person(name))
    assert signed_in(person("nadia")).get(PAGE).status_code == 200
    assert signed_in(person("nadia")).post(PAGE, {"text": NEW}).status_code == 403
    assert AnswerText.objects.filter(key="pending").count() == 1


def test_a_text_that_was_replaced_meanwhile_is_not_written_over(adeel: User, mehwish: User, yusuf: User) -> None:
    maker_checker.approve(asked(adeel), by=mehwish)
    with pytest.raises(Refused, match="came into force while you were writing"):
        asked(adeel, "{reference} goes on.")
    with pytest.raises(Refused, match="says that already"):
        actions.ask_for_answer_text("pending", by=adeel, version=2, text=NEW, note="Again.")


def test_the_database_takes_no_new_version_of_one_person() -> None:
    with pytest.raises(IntegrityError, match="two_people_agree_on_a_new_text"), transaction.atomic():
        AnswerText.objects.create(key="pending", version=2, text=NEW)
