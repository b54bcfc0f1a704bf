"""The live stream over HTTP, served as in production: who is told what, until when, and what it costs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from guardian.shortcuts import remove_perm

from accounts import actions
from accounts.models import Partner, User
from accounts.permissions import Role
from accounts.sessions import LAST_SEEN, SIGNED_IN_AT
from backoffice.demo.people import PEOPLE
from tests.browser.serving import application, running
from tests.database import end_other_sessions
from tests.factories.accounts import PartnerFactory, grant
from tests.gateway import telling
from tests.people import person
from tests.proofs.serving import Web, web_processes
from tests.transactions.ears import Ear, cookie_of, until
from transactions import hub as hubs
from transactions.hub import Listener, send_all
from transactions.live import Change
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = int(os.environ.get("LIVE_SECONDS", "8"))
STREAMS = int(os.environ.get("LIVE_STREAMS", "100"))
MOST_GROWTH = 20 * 1024  # kB: the server keeps the newest changes up to a number, and nothing for a stream
_numbers = count(1)

Listen = Callable[..., Ear]


@pytest.fixture
def url() -> Iterator[str]:
    with running(application()) as address:
        yield address
    end_other_sessions()


@pytest.fixture
def listen(url: str) -> Iterator[Listen]:
    """Opens a stream of a person of the demo, and waits for its first words."""
    opened: list[Ear] = []

    def one(who: str | User = "hina", *, cookie: str = "", waits: bool = True, **how: Any) -> Ear:
        user = person(who) if isinstance(who, str) else who
        ear = Ear(url, cookie or cookie_of(user), **how)
        opened.append(ear)
        if waits:
            until(lambda: "beat" in ear.kinds(), "the first words of a stream")
        return ear

    yield one
    for ear in opened:
        ear.close()


@pytest.fixture(autouse=True)
def organisations() -> None:
    for code in ("INSTANTCASH", "RIA", "HARBOUR"):
        PartnerFactory(code=code)


def tell(partner: str = "INSTANTCASH") -> str:
    """A new transaction of this partner."""
    reference = f"{partner}-{next(_numbers)}"
    amount = {"payingAmount": f"{1_000 + next(_numbers)}.00"}  # else it looks like another one sent twice
    telling.take_in(telling.received(reference, partner=partner, details=amount), message_id=reference)
    return reference


def take_away(user: User, partner: Partner) -> None:
    """Let this person see the partner no more."""
    remove_perm("accounts.see_partner", user, partner)


def test_the_stream_tells_of_a_change_at_once_by_reference_and_version(listen: Listen) -> None:
    ear = listen("hina")

    reference = tell()

    took = until(lambda: ear.heard, "the change", seconds=5)
    assert ear.said[-1].data == [reference, 1]
    assert took < 2
    assert "content-encoding: identity" in ear.head.lower()
    assert "x-accel-buffering: no" in ear.head.lower()
    assert "no-store" in ear.head.lower()
    assert "content-security-policy" in ear.head.lower()


def test_nobody_hears_of_a_foreign_transaction(listen: Listen) -> None:
    hina, omar = listen("hina"), listen("omar")

    foreign, own = tell("RIA"), tell("INSTANTCASH")

    until(lambda: len(omar.heard) == 2, "both changes")
    until(lambda: hina.heard, "the own change")
    assert omar.heard == [foreign, own]
    assert hina.heard == [own]


@pytest.mark.parametrize(("who", "status"), [("admin", 403), ("", 302)])
def test_only_who_may_see_transactions_may_listen(url: str, who: str, status: int) -> None:
    ear = Ear(url, cookie_of(person(who)) if who else "")
    try:
        assert ear.status == status
    finally:
        ear.close()


def test_what_was_missed_is_told_after_a_break(listen: Listen) -> None:
    before = listen("hina")
    tell()
    until(lambda: before.heard, "a change")
    before.close()
    missed = [tell(), tell()]

    after = listen("hina", last_id=before.said[-1].id)

    until(lambda: len(after.heard) == 2, "what was missed")
    assert after.heard == missed
    assert "resync" not in after.kinds()


@pytest.mark.parametrize("last_id", ["another-7", "7", "-", "x-9999999999999999999999", "٣-٣"])
def test_who_comes_with_an_unknown_id_is_told_once_to_fetch_everything(listen: Listen, last_id: str) -> None:
    ear = listen("hina", query=f"?last={last_id}" if last_id.isascii() else "?last=%D9%A3")
    until(lambda: "resync" in ear.kinds(), "the resync")
    reference = tell()
    until(lambda: ear.heard, "the change")

    assert ear.kinds().count("resync") == 1
    assert ear.heard == [reference]


def test_a_page_is_told_what_changed_since_it_was_put_together(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "MARGIN", 0.2)
    listen("omar")
    time.sleep(0.3)
    tell()
    time.sleep(0.5)
    moment = time.time()
    since_then = tell()

    ear = listen("hina", query=f"?since={moment}")

    until(lambda: ear.heard, "what changed")
    assert ear.heard == [since_then]
    assert "resync" not in ear.kinds()
    early = listen("hina", query=f"?since={moment - 3_600}")
    until(lambda: "resync" in early.kinds(), "the resync of a page older than the memory")


def test_a_bad_address_of_the_stream_is_refused_in_words(url: str) -> None:
    ear = Ear(url, cookie_of(person("hina")), query="?since=yesterday")
    try:
        assert ear.status == 400
    finally:
        ear.close()


# -- until when ----------------------------------------------------------------------------------------------------


def test_a_grant_that_is_taken_away_is_in_force_for_the_next_change(listen: Listen) -> None:
    omar = person("omar")
    omar.user_permissions.clear()
    hina = listen("hina")
    granted, harbour = person("hina"), Partner.objects.get(code="HARBOUR")
    assert tell("HARBOUR")

    grant(granted, harbour)
    seen = tell("HARBOUR")
    until(lambda: hina.heard, "a change of the partner that was granted")
    take_away(granted, harbour)
    tell("HARBOUR")
    own = tell("INSTANTCASH")
    until(lambda: len(hina.heard) == 2, "an own change")

    assert hina.heard == [seen, own]


def _sign_out(user: User, cookie: str) -> None:
    from django.test import Client

    client = Client()
    name, _, value = cookie.partition("=")
    client.cookies[name] = value
    client.post("/logout/")


def _deactivate(user: User, cookie: str) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def _suspend(user: User, cookie: str) -> None:
    actions.suspend(user, by=person("admin"), reason="Account stolen")


def _take_role(user: User, cookie: str) -> None:
    user.groups.clear()


def _change_password(user: User, cookie: str) -> None:
    user.set_password("another long password")
    user.save(update_fields=["password"])


def _age(name: str, seconds: float) -> Callable[[User, str], None]:
    def make_old(user: User, cookie: str) -> None:
        session = Session.objects.get(pk=cookie.partition("=")[2])
        data = session.get_decoded() | {name: time.time() - seconds}
        Session.objects.filter(pk=session.pk).update(session_data=Session.get_session_store_class()().encode(data))

    return make_old


@pytest.mark.parametrize(
    "end",
    [_sign_out, _deactivate, _suspend, _take_role, _change_password, _age(LAST_SEEN, 901), _age(SIGNED_IN_AT, 43_201)],
    ids=["signed out", "deactivated", "suspended", "role taken", "other password", "idle", "too old"],
)
def test_who_may_not_listen_any_more_is_cut_off_within_five_seconds(
    listen: Listen, end: Callable[[User, str], None]
) -> None:
    user = person("hina")
    cookie = cookie_of(user)
    ear, other = listen(user, cookie=cookie), listen("omar")

    end(user, cookie)
    took = until(lambda: ear.ended, "the end of the stream", seconds=6)
    tell()
    until(lambda: other.heard, "the change, elsewhere")

    assert took <= 5
    assert ear.kinds()[-1] == "over"
    assert ear.heard == []


def test_a_stream_does_not_keep_its_session_alive(listen: Listen) -> None:
    cookie = cookie_of(person("hina"))
    key = cookie.partition("=")[2]
    _age(LAST_SEEN, 600)(person("hina"), cookie)
    before = Session.objects.get(pk=key).session_data

    ear = listen("hina", cookie=cookie)
    tell()
    until(lambda: ear.heard, "a change")

    assert Session.objects.get(pk=key).session_data == before


# -- what it costs -------------------------------------------------------------------------------------------------


def test_a_person_and_a_process_have_only_so_many_streams(
    url: str, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "MOST_OF_ONE_PERSON", 2)
    monkeypatch.setattr(hubs, "MOST_STREAMS", 3)
    first = listen("hina")
    listen("hina")

    assert listen("hina", waits=False).status == 429
    listen("omar")
    assert listen("sana", waits=False).status == 503
    first.close()
    until(lambda: listen("sana", waits=False).status == 200, "the place that was left")


def test_streams_end_when_the_listening_connection_is_lost_and_come_back(listen: Listen) -> None:
    ear = listen("hina")
    tell()
    until(lambda: ear.heard, "a change")

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE '%% listening' AND datname = current_database()"
        )
    until(lambda: ear.ended, "the end of the stream")
    missed = tell()
    again = listen("hina", last_id=ear.said[-1].id)

    until(lambda: "resync" in again.kinds(), "the resync")
    reference = tell()
    until(lambda: reference in again.heard, "a change", seconds=5)
    assert missed not in again.heard


def test_who_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "PATIENCE", 0.05)

    async def words() -> Any:
        while True:
            yield b"data: {}\n\n"

    async def never(message: Any) -> None:
        await asyncio.sleep(3600)

    with pytest.raises(TimeoutError):
        asyncio.run(send_all(words(), never))


def test_who_falls_behind_is_told_to_fetch_everything_and_nothing_waits_for_them() -> None:
    hub = hubs.Hub()
    hub._era = "era"
    slow = Listener(1, "key", scope=hubs.Scope(True, frozenset(), True, frozenset()))
    for number in range(1, 2 * hubs.KEPT + 1):
        hub._number = number
        hub._kept.append(hubs.Heard(number, 0.0, Change(number, 1, None, 1), b"data: []\n\n"))

    assert hub._words_for(slow) == b"id: era-%d\nevent: resync\ndata: {}\n\n" % (2 * hubs.KEPT)
    assert hub._words_for(slow) == b""
    assert len(hub._kept) == hubs.KEPT


def test_a_hundred_streams_of_all_roles_hear_nothing_foreign_while_scopes_change() -> None:
    """Issue B, Show 5, against a process of its own; LIVE_SECONDS and LIVE_STREAMS make it longer and wider."""
    codes = ("INSTANTCASH", "RIA", "HARBOUR")
    names = [one.username for one in PEOPLE if one.role != Role.ADMINISTRATOR]
    people_ = {name: person(name) for name in names}
    cookies = {name: cookie_of(user) for name, user in people_.items()}
    wanderer = people_["hina"]
    granted: dict[str, list[tuple[float, float]]] = {"RIA": [], "HARBOUR": []}
    partners = {code: Partner.objects.get(code=code) for code in codes}
    told: dict[str, float] = {}
    with web_processes(1) as (web,), contextlib.ExitStack() as opened:
        ears: list[tuple[str, Ear]] = []
        for name, _ in zip(_again(names), range(STREAMS), strict=False):
            ear = Ear(f"http://127.0.0.1:{web.port}", cookies[name])
            opened.callback(ear.close)
            ears.append((name, ear))
        until(lambda: all("beat" in ear.kinds() for _, ear in ears), "the first words of all streams", seconds=60)
        memory = [_memory(web)]
        until_ = time.monotonic() + SECONDS
        while time.monotonic() < until_:
            for code in ("RIA", "HARBOUR"):
                grant(wanderer, partners[code])
                begun = time.monotonic()
                for each in codes:
                    told[tell(each)] = time.monotonic()
                take_away(wanderer, partners[code])
                granted[code].append((begun, time.monotonic()))
                for each in codes:
                    told[tell(each)] = time.monotonic()
            memory.append(_memory(web))
        connections = _connections()
        allowed = {name: _visible(user) for name, user in people_.items()}
        time.sleep(1.0)
        ended_early = [name for name, ear in ears if ear.ended]
        User.objects.filter(pk=wanderer.pk).update(is_active=False)
        cut_off = until(lambda: all(ear.ended for name, ear in ears if name == "hina"), "the end of her streams")
        left = [name for name, ear in ears if ear.ended]
    end_other_sessions()

    every, half = set(told), len(memory) // 2
    print(
        f"\n  {len(ears)} streams, {len(told):,} changes in {SECONDS} s: {memory[0]:,} kB at first,"
        f" {memory[half]:,} at half time, {max(memory[half:]):,} at most after it;"
        f" connections {connections}; cut off in {cut_off:.1f} s"
    )
    assert [name for name in connections if name.endswith(" listening")] == ["openremit web listening"]
    assert connections["openremit web listening"] == 1
    assert ended_early == []
    assert cut_off <= 5
    assert set(left) == {"hina"}
    for name, ear in ears:
        if name != "hina":
            assert set(ear.heard) == allowed[name] & every, name
            continue
        assert allowed["hina"] & every <= set(ear.heard)
        for one in ear.said:
            if one.kind == "message" and (reference := one.data[0]) not in allowed["hina"]:
                windows = granted[reference.rpartition("-")[0]]
                assert any(told[reference] <= over and one.at >= begun for begun, over in windows), reference
    assert len(every) >= SECONDS
    assert max(memory[half:]) - memory[half] < MOST_GROWTH, "memory grows"


def _again(names: list[str]) -> Iterator[str]:
    while True:
        yield from names


def _visible(user: User) -> set[str]:
    fresh = User.objects.get(pk=user.pk)
    return set(Transaction.objects.visible_to(fresh).values_list("txn_id", flat=True))


def _memory(web: Web) -> int:
    """What the server's process holds, in kB."""
    lines = Path(f"/proc/{web.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def _connections() -> dict[str, int]:
    """How many connections each process has to this database, by the name it gives itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name, count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'openremit %' GROUP BY 1 ORDER BY 1"
        )
        return dict(cursor.fetchall())
