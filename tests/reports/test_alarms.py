"""What stands still raises its alarm in the worker's next round, is told to those who must act, and ends."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Notification, Partner, User
from audit.models import AuditEvent
from audit.verbs import Verb
from backoffice import heartbeat, worker
from backoffice.reports import alarms
from backoffice.reports.alarms import watch
from backoffice.reports.health import usual_gap
from backoffice.reports.models import Alarm, Rollup
from tests.factories.accounts import PartnerFactory
from tests.factories.audit import VerificationFactory
from tests.factories.backoffice import WorkerHeartbeatFactory
from tests.factories.gateway import DeliveryFactory
from tests.factories.reports import AlarmFactory
from tests.transactions.rows import NOW, lay

pytestmark = pytest.mark.django_db

KIND = Alarm.Kind


def open_now() -> list[tuple[str, str]]:
    return list(Alarm.objects.open().order_by("kind", "about").values_list("kind", "about"))


def arrivals(partner: str, *, every: timedelta, last: datetime, how_many: int = 12, first: int = 0) -> None:
    for number in range(how_many):
        lay(first + number, partner=partner, stage="credited", received_at=last - number * every)


def test_a_partner_that_goes_silent_raises_its_alarm_and_ends_it_when_it_speaks() -> None:
    arrivals("RIA", every=timedelta(seconds=20), last=NOW)
    arrivals("MARJAN", every=timedelta(hours=1), last=NOW, first=100)
    watch(NOW + timedelta(minutes=5))
    assert open_now() == []
    watch(NOW + timedelta(minutes=5, seconds=1))
    assert open_now() == [(KIND.PARTNER_SILENT, "RIA")]
    (alarm,) = Alarm.objects.all()
    assert (alarm.sentence, alarm.since) == (
        f"Nothing has come from {alarm.partner.name}; usually instructions come every 20 s.",
        NOW,
    )
    watch(NOW + timedelta(minutes=6))
    assert Alarm.objects.count() == 1
    lay(50, partner="RIA", stage="credited", received_at=NOW + timedelta(minutes=6))
    watch(NOW + timedelta(minutes=7))
    alarm.refresh_from_db()
    assert alarm.closed_at == NOW + timedelta(minutes=7)
    verbs = list(AuditEvent.objects.order_by("seq").values_list("verb", flat=True))
    assert verbs == [Verb.ALARM_RAISED, Verb.ALARM_ENDED]


def test_a_slow_partner_may_be_quiet_for_ten_times_its_usual_gap() -> None:
    arrivals("MARJAN", every=timedelta(hours=1), last=NOW)
    watch(NOW + timedelta(hours=10))
    assert open_now() == []
    watch(NOW + timedelta(hours=10, seconds=1))
    assert open_now() == [(KIND.PARTNER_SILENT, "MARJAN")]


def test_what_usually_comes_together_has_no_pace_in_seconds() -> None:
    arrivals("RIA", every=timedelta(0), last=NOW)
    watch(NOW + timedelta(minutes=6))
    (alarm,) = Alarm.objects.all()
    assert alarm.sentence == f"Nothing has come from {alarm.partner.name}; usually instructions come several at once."


def test_of_a_few_arrivals_nobody_can_say_what_is_usual() -> None:
    assert usual_gap([NOW - timedelta(seconds=20 * number) for number in range(9)]) is None
    assert usual_gap([NOW - timedelta(seconds=20 * number) for number in range(10)]) == timedelta(seconds=20)


def test_a_feed_that_stalls_raises_its_alarm() -> None:
    for number in range(12):
        DeliveryFactory(received_at=NOW - timedelta(seconds=number))
    watch(NOW + timedelta(minutes=5))
    assert open_now() == []
    watch(NOW + timedelta(minutes=5, seconds=1))
    assert open_now() == [(KIND.FEED_STALLED, "feed")]
    assert Alarm.objects.get().sentence == "The platform sends nothing; usually deliveries come every 1 s."


def test_a_stage_over_its_limit_in_which_nothing_failed_raises_its_alarm() -> None:
    row = lay(1, stage="payment", stage_deadline=NOW)
    lay(2, stage="failed_retryable", stage_deadline=NOW)
    watch(NOW)
    assert open_now() == []
    watch(NOW + timedelta(seconds=1))
    assert open_now() == [(KIND.STAGE_OVER, "payment 1LINK")]
    assert Alarm.objects.get().sentence == (
        "Payment on 1LINK is over its limit, and nothing failed: ask why nothing moves."
    )
    type(row).objects.filter(pk=row.pk).update(stage_deadline=NOW + timedelta(hours=1))
    watch(NOW + timedelta(seconds=2))
    assert open_now() == []


def test_a_broken_trail_is_among_the_alarms() -> None:
    VerificationFactory(broken_seq=3, broken_kind="edited", finished_at=NOW)
    watch(NOW + timedelta(seconds=1))
    assert open_now() == [(KIND.CHAIN_BROKEN, "trail")]
    assert Alarm.objects.get().sentence == "The audit chain is broken at event 3."


def test_sums_that_differed_are_an_alarm_until_a_recount_finds_none() -> None:
    lay(1)
    worker.fold_rollup(0)
    Rollup.objects.filter(grain="hour").update(number=9)
    worker.recount_rollup(0)
    assert open_now() == [(KIND.NUMBERS_DIFFER, "rollup")]
    assert Alarm.objects.get().sentence.startswith(
        "The sums differed from the transactions in 1 rows and were put right."
    )
    worker.recount_rollup(0)
    assert open_now() == []


def test_another_worker_notices_one_that_died() -> None:
    now = timezone.now()
    WorkerHeartbeatFactory(name="worker-1", beat_at=now - timedelta(seconds=31))
    WorkerHeartbeatFactory(name="worker-2", beat_at=now)
    worker.watch(0)
    assert open_now() == [(KIND.WORKER_DEAD, "worker-1")]
    heartbeat.beat("worker-1")
    worker.watch(0)
    assert open_now() == []


def test_a_worker_that_is_back_records_that_it_was_away() -> None:
    alarms.note_gap("worker-1", NOW, now=NOW + timedelta(minutes=9))
    (alarm,) = Alarm.objects.all()
    assert (alarm.since, alarm.closed_at) == (NOW, NOW + timedelta(minutes=9))
    assert AuditEvent.objects.filter(verb__in=[Verb.ALARM_RAISED, Verb.ALARM_ENDED]).count() == 2


def test_where_no_worker_is_left_every_page_of_those_who_must_act_says_so(
    as_omar: Client, as_admin: Client, as_hina: Client
) -> None:
    sign = WorkerHeartbeatFactory(beat_at=timezone.now() - timedelta(seconds=31))
    for client in (as_omar, as_admin):
        assert "No worker gives a sign of life since" in client.get("/account/").content.decode()
    assert "sign of life" not in as_hina.get("/account/").content.decode()
    heartbeat.beat(sign.name)
    assert "sign of life" not in as_omar.get("/account/").content.decode()


def test_an_alarm_is_on_each_page_until_its_reader_has_seen_it(as_omar: Client, as_sana: Client, omar: User) -> None:
    alarm = AlarmFactory()
    page = as_omar.get("/account/").content.decode()
    assert alarm.sentence in page
    assert '/radar/">1<span class="visually-hidden"> waiting' in page
    answer = as_omar.post(f"/radar/alarms/{alarm.pk}/seen/")
    assert answer["Location"] == "/radar/"
    as_omar.post(f"/radar/alarms/{alarm.pk}/seen/")
    assert alarm.sentence not in as_omar.get("/account/").content.decode()
    assert alarm.sentence in as_sana.get("/account/").content.decode()
    radar = as_sana.get("/radar/").content.decode()
    assert f"Seen by <bdi>{omar}</bdi>" in radar
    assert AuditEvent.objects.filter(verb=Verb.ALARM_SEEN).count() == 1


def test_alarms_are_told_to_those_who_work_on_them_and_see_all_of_what_they_are_about(
    hina: User, omar: User, bilal: User, mehwish: User, nadia: User, admin: User
) -> None:
    AlarmFactory()
    AlarmFactory(kind=KIND.STAGE_OVER, about="payment 1LINK", partner=None)
    AlarmFactory(kind=KIND.STAGE_OVER, about="compliance_review", partner=None)
    AlarmFactory(kind=KIND.WORKER_DEAD, about="worker", partner=None)
    AlarmFactory(kind=KIND.CHAIN_BROKEN, about="trail", partner=None)
    read = {
        user.username: set(Alarm.objects.open().visible_to(user).values_list("about", flat=True))
        for user in (hina, omar, bilal, mehwish, nadia, admin)
    }
    assert read == {
        "hina": set(),
        "omar": {"RIA", "payment 1LINK", "worker"},
        "bilal": set(),
        "mehwish": {"compliance_review"},
        "nadia": {"RIA", "payment 1LINK", "compliance_review", "worker", "trail"},
        "admin": {"worker"},
    }


def told(user: User) -> list[str]:
    """What this person has not read, as somebody whose rights are read anew."""
    fresh = User.objects.get(pk=user.pk)
    return [one.sentence for one in Notification.objects.visible_to(fresh).unread()]


def wrong(kind: Alarm.Kind, about: str, partner: Partner | None = None) -> alarms.Wrong:
    return alarms.Wrong(kind, about, f"{about} is wrong.", NOW, partner.pk if partner else None)


def test_an_alarm_is_told_once_to_everybody_who_may_see_it_and_to_nobody_else(
    hina: User, omar: User, bilal: User, mehwish: User, nadia: User, admin: User
) -> None:
    everybody = (hina, omar, bilal, mehwish, nadia, admin)
    for found in (
        [wrong(KIND.PARTNER_SILENT, "RIA", PartnerFactory(code="RIA"))],
        [wrong(KIND.STAGE_OVER, "payment 1LINK"), wrong(KIND.STAGE_OVER, "compliance_review")],
        [wrong(KIND.WORKER_DEAD, "worker")],
        [wrong(KIND.CHAIN_BROKEN, "trail")],
    ):
        alarms.settle(found[0].kind, found, now=NOW)
    for user in everybody:
        seen = Alarm.objects.open().visible_to(user).values_list("sentence", flat=True)
        assert sorted(told(user)) == sorted(seen), user
    assert told(hina) == told(bilal) == []


def test_a_notification_of_an_alarm_ends_with_it_and_the_next_alarm_is_told_anew(omar: User) -> None:
    one = wrong(KIND.FEED_STALLED, "feed")
    for _ in range(2):
        alarms.settle(one.kind, [one], now=NOW)
        alarms.settle(one.kind, [one], now=NOW)
        assert told(omar) == ["feed is wrong."]
        alarms.settle(one.kind, [], now=NOW)
        assert told(omar) == []


def test_who_does_not_see_all_any_more_does_not_read_of_what_is_about_all(omar: User) -> None:
    alarms.settle(KIND.STAGE_OVER, [wrong(KIND.STAGE_OVER, "payment 1LINK")], now=NOW)
    assert told(omar) == ["payment 1LINK is wrong."]
    omar.user_permissions.clear()
    assert told(omar) == []


def test_who_has_seen_an_alarm_is_not_told_of_it_any_more(as_omar: Client, omar: User, sana: User) -> None:
    alarms.settle(KIND.FEED_STALLED, [wrong(KIND.FEED_STALLED, "feed")], now=NOW)
    as_omar.post(f"/radar/alarms/{Alarm.objects.get().pk}/seen/")
    assert (told(omar), told(sana)) == ([], ["feed is wrong."])


def test_the_notification_leads_to_a_page_that_its_reader_may_open(
    as_omar: Client, as_nadia: Client, as_admin: Client
) -> None:
    for kind in (KIND.WORKER_DEAD, KIND.CHAIN_BROKEN):
        alarms.settle(kind, [wrong(kind, "it")], now=NOW)
    for client in (as_omar, as_nadia, as_admin):
        mine = Notification.objects.filter(recipient=client.session["_auth_user_id"])
        assert mine
        assert [client.get(one.url).status_code for one in mine] == [200] * len(mine)


def test_an_alarm_that_is_not_ones_own_answers_like_none(as_mehwish: Client) -> None:
    alarm = AlarmFactory()
    foreign, missing = (as_mehwish.post(f"/radar/alarms/{pk}/seen/").status_code for pk in (alarm.pk, 999_999))
    assert (foreign, missing) == (404, 404)
    assert alarm.seen.count() == 0


def test_two_workers_raise_one_alarm(django_db_blocker: object) -> None:
    wrong = alarms.Wrong(KIND.FEED_STALLED, "feed", "The platform sends nothing.", NOW)
    alarms.settle(KIND.FEED_STALLED, [wrong], now=NOW)
    alarms.settle(KIND.FEED_STALLED, [wrong], now=NOW)
    assert alarms._raise(wrong, NOW) is None
    assert open_now() == [(KIND.FEED_STALLED, "feed")]
