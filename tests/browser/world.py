"""The small world of the browser tests: about three hundred transactions, one of every stage, and the odd ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from backoffice.demo import people, stories
from backoffice.gateway.intake import receive
from tests.gateway import telling
from transactions.models import Inquiry, Transaction
from transactions.vocabulary import Stage

Json = dict[str, Any]

PARTNER = "INSTANTCASH"  # hina's
BRANCH = "1003"  # bilal's
PLAIN = 230
KINDS = (
    "paid:fx_mismatch",
    "paid:duplicate",
    "paid:missing",
    "paid:screened_after",
    "paid:second_attempt",
    "paid:hits_released",
    "paid:moved_to_rtgs",
    "contradictory:paid_after_failure",
    "review:title_close",
    "review:fields",
    "blocked:missing",
    "failed:CNPC",
    "cancelled:counter",
)
RTL_NAME = "محمد احمد خان"
CHINESE_NAME = "王小明"
NOWHERE = "PSL999999999"


@dataclass
class World:
    """What the tests may name: references by stage, by kind, and by what is odd about them."""

    now: datetime
    stage: dict[str, str] = field(default_factory=dict)
    kind: dict[str, str] = field(default_factory=dict)
    sparse: str = ""
    rtl: str = ""
    chinese: str = ""
    kuwait: str = ""
    japan: str = ""
    foreign: str = ""
    approval: str = ""
    proposal: str = ""
    waits_at: str = ""
    inquiry: str = ""
    closed_inquiry: str = ""

    def page(self, stage: str) -> str:
        """The address of the transaction that stands in this stage."""
        return f"/transactions/{self.stage[stage]}/"

    def plain(self, place: int = 1) -> Transaction:
        """A plainly paid transaction of hina's partner; each place is another one, for tests that change it."""
        found: Transaction = Transaction.objects.get(txn_id=f"PSL{5_000 + place:09d}")
        return found


def build() -> World:
    """Tell everything to the intake and let people ask about some of it."""
    people.create_organisations()
    people.create_people()
    world = World(now=datetime.now(UTC))
    numbers = count(1)
    told: list[Json] = []

    def tell(events: list[Json]) -> str:
        told.extend(events)
        return str(events[0]["subject"])

    for stage in Stage.values:
        world.stage[stage] = tell(stories.story_for_stage(stage, partner=PARTNER, branch=BRANCH, number=next(numbers)))
    for kind in KINDS:
        world.kind[kind] = tell(stories.story_of_kind(kind, partner=PARTNER, number=next(numbers)))
    world.foreign = tell(stories.story_for_stage("credited", partner="HARBOUR", number=next(numbers)))
    world.kuwait = tell(_from_kuwait(numbers))
    world.rtl = tell(_named(RTL_NAME, "فاطمة الزهراء", next(numbers)))
    world.chinese = tell(_named(CHINESE_NAME, "李华", next(numbers)))
    world.sparse = tell(_sparse())
    world.japan = tell(_from_japan())
    for place in range(1, PLAIN + 1):
        partner = PARTNER if place % 3 else "RIA"
        age = timedelta(minutes=7 * place) if place < 60 else timedelta(hours=3 * place)
        tell(stories.story_of_kind("paid", partner=partner, number=5_000 + place, age=age))
    receipt = receive(told, message_id="browser", source="demo")
    if refused := [result for result in receipt.events if result.errors]:
        raise ValueError(f"The intake refused {len(refused)} events of the world, the first: {refused[0]}")
    _ask(world)
    _tell(world)
    _ask_a_second_person(world)
    return world


def _ask_a_second_person(world: World) -> None:
    """A cancellation that waits for the checker, and a reason code whose change waits for another administrator."""
    from accounts import proposals
    from accounts.models import User
    from exceptions import actions
    from transactions.models import ReasonCode

    omar, admin = (User.objects.get(username=name) for name in ("omar", "admin"))
    row = Transaction.objects.get(txn_id=world.stage["cash_ready"])
    asked = actions.cancel(row, by=omar, reason_code="CUST", note="The sender asked by telephone.")
    world.approval = str(getattr(asked, "number"))  # noqa: B009, a cancellation always asks a second person
    reason = ReasonCode.objects.get(code="AC04")
    names = ("sentence", "helps", "answer", "family", "retry_class", "who_acts")
    written = {name: getattr(reason, name) for name in names} | {"sentence": "The account was closed by its bank."}
    world.proposal = proposals.propose(reason, by=admin, reason="Plainer words.", **written).number
    world.waits_at = f"/admin/transactions/reasoncode/{reason.pk}/change/"


def _from_kuwait(numbers: Any) -> list[Json]:
    """A transaction sent in dinars, which have three decimals."""
    while True:
        events = stories.story_of_kind("paid", partner="INSTANTCASH", number=next(numbers))
        if events[0]["data"]["transactionDetails"]["settlementCurrency"] == "KWD":
            return events


def _from_japan() -> list[Json]:
    """A transaction sent in yen, which have no decimals."""
    sent = {"settlementAmount": "61237", "settlementCurrency": "JPY", "settlementRate": "1.8"}
    return telling.paid("YEN1", partner=PARTNER, details=sent)


def _named(beneficiary: str, remitter: str, number: int) -> list[Json]:
    events = stories.story_of_kind("paid", partner=PARTNER, number=number)
    data = events[0]["data"]
    data["beneficiary"]["fullName"], data["remitter"]["fullName"] = beneficiary, remitter
    return events


def _sparse() -> list[Json]:
    """Only what an instruction must have, and the words for nothing that partners send instead of leaving it out."""
    data = telling.instruction("SPARSE1", partner=PARTNER, cash=True)
    data["transactionDetails"] |= {"narration": "null", "purposeOfPayment": "N/A"}
    data["beneficiary"] = {"fullName": "Bakhtawar", "nationality": "", "mobileNumber": "NA"}
    data["remitter"] = {"fullName": "Nazir", "address": {"city": "N/A"}}
    return [telling.received("SPARSE1") | {"data": data}]


def _ask(world: World) -> None:
    """Two inquiries of hina's: one open, one closed."""
    from accounts.models import User
    from transactions import actions

    hina = User.objects.get(username="hina")
    numbers = []
    for stage in ("settlement", "credited"):
        asked = Transaction.objects.get(txn_id=world.stage[stage])
        inquiry = actions.log_inquiry(
            asked,
            by=hina,
            channel=Inquiry.Channel.PHONE,
            asked_by="Faisal at the desk",
            reference_asked=asked.partner_reference,
            question="Where is the money?",
            answer="It is on its way.",
            answer_version="test",
        )
        numbers.append(inquiry.number)
    world.inquiry, world.closed_inquiry = numbers
    actions.close_inquiry(Inquiry.objects.get(number=world.closed_inquiry), by=hina, note="Told by e-mail.")


def _tell(world: World) -> None:
    """sana was told twice and has read of it once."""
    from accounts import notifications
    from accounts.models import User
    from accounts.notifications import Subject

    sana = User.objects.get(username="sana")
    for number in ("A-000901", "A-000902"):
        sentence = f"Omar Siddiqui asks: Cancel before payout: {world.stage['cash_ready']}"
        about = Subject("accounts.approvalrequest", number, "/approvals/")
        notifications.tell("approval_waits", [sana], about=about, sentence=sentence)
        if number == "A-000901":
            notifications.mark_read(by=sana)
