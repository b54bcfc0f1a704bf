"""How one remittance is told as events: a teller with a clock who writes down what the platform would send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from backoffice.demo import names
from backoffice.demo.world import Instruction, Json, World, amount, stamp

SOURCE: Final = "/openremit/platform"
RECEIVED: Final = "openremit.transaction.received"
STAGE: Final = "openremit.transaction.stage"
SCREENED: Final = "openremit.screening.completed"
COMMAND_DONE: Final = "openremit.command.completed"

REASONS: Final[dict[str, str]] = {
    "AC01": "Account number incorrect",
    "AC04": "Account closed",
    "AC07": "Creditor account closed",
    "AM04": "Insufficient funds in the settlement account",
    "AM05": "Duplicate of an earlier payment",
    "ARDT": "Already returned",
    "BE01": "Account title differs from the beneficiary's name",
    "BE04": "Beneficiary address missing",
    "CNPC": "Cash not picked up in the holding period",
    "CUST": "Cancelled at the sender's request",
    "DS24": "Timed out waiting for the answer",
    "DT01": "Date of birth is not a date",
    "DUPL": "Payment already made",
    "ED05": "Settlement failed at the rail",
    "FOCR": "Following the partner's cancellation request",
    "FR01": "Suspected fraud",
    "FRAD": "Fraudulent origin",
    "LEGL": "Legal decision",
    "MD07": "Beneficiary deceased",
    "MS03": "Rejected by the beneficiary's bank without a reason",
    "NARR": "See narrative: bank's switch under maintenance",
    "RR04": "Regulatory reason",
    "TECH": "Technical problem at the bank's host",
}
"""The words the platform sends with a reason code."""

_LISTS: Final = ("OFAC SDN", "UNSC consolidated", "NACTA proscribed")
_REFERENCE_KIND: Final = {"1LINK": "STAN", "RAAST": "MESSAGE_ID", "RTGS": "UNIQUE_ID"}
_FINAL_RAIL_STATUS: Final = {"INTERNAL": "ACSC", "1LINK": "ACSC", "RAAST": "ACSC", "RTGS": "ACCC", "CASH": "ACCC"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the platform says: its type, its data but for the times, and when, in seconds after the instruction."""

    type: str
    data: Json
    begun: float
    ended: float | None


class Teller:
    """Tells one instruction's story step by step; `clock` is in seconds after the instruction came in."""

    def __init__(self, instruction: Instruction, world: World) -> None:
        self.instruction = instruction
        self.world = world
        self.rng: Random = world.rng
        self.clock = 0.0
        self.steps: list[Step] = [Step(RECEIVED, instruction.data, 0.0, 0.0)]
        self.rail = instruction.rail
        self.attempt = 1

    # -- time ---------------------------------------------------------------------------------------------------------

    def wait(self, least: float, most: float) -> Teller:
        """Time passes in which nothing is said."""
        self.clock += self.rng.uniform(least, most)
        return self

    # -- what is said -------------------------------------------------------------------------------------------------

    def say(
        self, stage: str, result: str, *, channel: str, took: tuple[float, float] = (0.05, 0.4), **facts: Any
    ) -> Teller:
        """A stage event. STARTED says only when; any other result says from when to when."""
        data: Json = {"stage": stage, "channel": channel, "attempt": facts.pop("attempt", 1), "result": result}
        code = facts.pop("code", None)
        if code:
            data |= {"reasonCode": code, "reason": REASONS[code]}
        data |= {name: value for name, value in facts.items() if value is not None}
        begun = self.clock
        if result == "STARTED":
            self.steps.append(Step(STAGE, data, begun, None))
        else:
            self.clock += self.rng.uniform(*took)
            self.steps.append(Step(STAGE, data, begun, self.clock))
        return self

    # -- the first stages ---------------------------------------------------------------------------------------------

    def intake(self) -> Teller:
        channel = self.rng.choice(("PUSH", "PUSH", "PUSH", "PULL"))
        return self.say(
            "intake", "SUCCESS", channel=channel, response={"responseCode": "00", "responseMessage": "Accepted"}
        )

    def validation(self, code: str | None = None) -> Teller:
        if code is None:
            return self.say(
                "validation",
                "SUCCESS",
                channel="PLATFORM",
                response={"rules": "mandatory, IBAN, limits, currency, cut-off"},
            )
        return self.say(
            "validation", "FAILED", channel="PLATFORM", code=code, response={"responseCode": "05", "missingField": code}
        )

    def title_fetch(self, match: str = "MATCH") -> Teller:
        """The bank's answer about the account title; cash has no account, so nothing is fetched."""
        one = self.instruction
        if one.bank is None:
            return self.say(
                "title_fetch", "SKIPPED", channel="INTERNAL", response={"responseMessage": "Cash payout: no account"}
            )
        channel = "INTERNAL" if one.kind == "FT" else "1LINK"
        request = {
            "endpoint": "/title-fetch",
            "method": "POST",
            "bankCode": one.bank.code,
            "accountNumber": one.account,
        }
        response: Json = {"responseCode": "00", "titleMatch": match, "elapsedMs": self.rng.randint(180, 2400)}
        if match == "NO_DATA":
            response["responseMessage"] = "No title for this account"
            return self.say("title_fetch", "REVIEW", channel=channel, took=(1, 4), request=request, response=response)
        response["accountTitle"] = {
            "MATCH": one.beneficiary.upper(),
            "CLOSE": names.nearly(one.beneficiary, self.rng),
            "NO_MATCH": names.PAKISTAN.name(self.rng).upper(),
        }[match]
        if match == "MATCH":
            return self.say(
                "title_fetch", "SUCCESS", channel=channel, took=(0.3, 2.5), request=request, response=response
            )
        return self.say(
            "title_fetch", "REVIEW", channel=channel, took=(0.3, 2.5), code="BE01", request=request, response=response
        )

    def screened(self, party: str, status: str = "CLEAR", *, timing: str = "PRE", hits: int = 1) -> Teller:
        """A screening result of one party on one list."""
        day = self.instruction.at - timedelta(days=1)
        data: Json = {
            "party": party,
            "timing": timing,
            "list": {"name": self.rng.choice(_LISTS), "version": f"{day:%Y-%m-%d}", "fetchedAt": stamp(day)},
        }
        data["status"] = status
        if status == "HITS":
            data["hits"] = [self._hit(party) for _ in range(hits)]
        begun = self.clock
        self.clock += self.rng.uniform(0.1, 0.9)
        self.steps.append(Step(SCREENED, data, begun, self.clock))
        return self

    def _hit(self, party: str) -> Json:
        rng, facts = self.rng, self.instruction.data["remitter" if party == "SENDER" else "beneficiary"]
        ours, born = facts["fullName"], str(rng.randint(1950, 1985))
        theirs = names.nearly(ours, rng)
        return {
            "entityId": f"{rng.choice(('SDN', 'UNSC', 'NACTA'))}-{self.world.digits(5)}",
            "score": f"0.{rng.randint(85, 98)}",
            "threshold": "0.85",
            "names": [theirs],
            "aliases": [names.PAKISTAN.name(rng)],
            "dateOfBirth": born,
            "nationality": rng.choice(("PK", "AF", "YE", "SY")),
            "programme": rng.choice(("SDGT", "1267", "FOURTH SCHEDULE")),
            "fields": [
                {"field": "name", "ours": ours, "theirs": theirs, "agreement": "CLOSE"},
                _birth_compared(facts.get("dateOfBirth"), born),
            ],
        }

    def screening(self, result: str = "SUCCESS", hits_on: str = "RECEIVER") -> Teller:
        """Both parties screened, then the platform's word on the stage."""
        if result == "TIMEOUT":
            self.screened("SENDER").screened("RECEIVER", "ERROR")
            return self.say(
                "screening",
                "TIMEOUT",
                channel="SCREENING",
                took=(30, 31),
                code="DS24",
                response={"responseMessage": "List service did not answer"},
            )
        for party in ("SENDER", "RECEIVER"):
            hit = result == "REVIEW" and party == hits_on
            self.screened(party, "HITS" if hit else "CLEAR", hits=self.rng.choice((1, 1, 2, 3)) if hit else 0)
        response = {"checked": 2, "hits": 1 if result == "REVIEW" else 0}
        return self.say("screening", result, channel="SCREENING", took=(0.2, 1.5), response=response)

    def checked(self) -> Teller:
        """The whole way to routing with nothing found."""
        return self.intake().wait(0.1, 2).validation().wait(0.1, 2).title_fetch().wait(0.1, 2).screening().wait(0.5, 8)

    # -- decisions of people at the platform or a branch --------------------------------------------------------------

    def reviewed(
        self, result: str = "SUCCESS", code: str | None = None, hours: tuple[float, float] = (0.1, 3)
    ) -> Teller:
        self.wait(hours[0] * 3600, hours[1] * 3600)
        return self.say("compliance_review", result, channel="REVIEW_DESK", code=code)

    def approval(self, result: str, code: str | None = None) -> Teller:
        return self.say("approval", result, channel="BRANCH", code=code)

    # -- the money ----------------------------------------------------------------------------------------------------

    def reference(self) -> Json:
        """The rail's and the bank's references of the present attempt."""
        one = self.instruction
        return {
            name: value
            for name, value in references(one.number, one.at, self.rail, self.attempt).items()
            if name != "rrn"
        }

    def submit(self, attempt: int = 1) -> Teller:
        """The payment goes to its rail: an attempt is open."""
        self.attempt = attempt
        stage, channel = ("rtgs", "RTGS") if self.rail == "RTGS" else ("payment", self.rail)
        one = self.instruction
        request: Json = {
            "endpoint": f"/{stage}",
            "method": "POST",
            "amount": amount(one.paying, 2),
            "currency": "PKR",
            "accountNumber": one.account,
        }
        request["messageType"] = {"1LINK": "0200", "RAAST": "pacs.008", "RTGS": "pacs.008"}.get(self.rail, "posting")
        return self.say(stage, "STARTED", channel=channel, rail=self.rail, attempt=attempt, request=request)

    def outcome(
        self, result: str, funds: str, *, attempt: int = 1, code: str | None = None, status: str | None = None
    ) -> Teller:
        """The rail's answer to the open attempt."""
        took = {"INTERNAL": (0.3, 2), "1LINK": (1, 12), "RAAST": (0.8, 9), "RTGS": (30, 400)}[self.rail]
        facts = self.reference()
        response: Json = {"responseCode": "00" if result == "SUCCESS" else "20" if result == "TIMEOUT" else "41"}
        if facts.get("railReferenceKind") == "STAN":
            found = references(self.instruction.number, self.instruction.at, self.rail, self.attempt)
            response |= {"stan": found["railReference"], "rrn": found["rrn"]}
        if result == "TIMEOUT":
            took, facts = (60, 61), {}
            response["responseMessage"] = "No answer within 60 s"
        status = (
            status
            or {"SUCCESS": "ACSC" if funds == "WITH_BENEFICIARY" else "ACSP", "FAILED": "RJCT", "TIMEOUT": None}[result]
        )
        stage, channel = ("rtgs", "RTGS") if self.rail == "RTGS" else ("payment", self.rail)
        return self.say(
            stage,
            result,
            channel=channel,
            took=took,
            rail=self.rail,
            attempt=attempt,
            code=code,
            railStatus=status,
            fundsPosition=funds,
            response=response,
            **facts,
        )

    def settlement(self, result: str = "SUCCESS", funds: str = "WITH_BENEFICIARY", code: str | None = None) -> Teller:
        status = _FINAL_RAIL_STATUS[self.rail] if result == "SUCCESS" else "RJCT"
        facts = self.reference()
        return self.say(
            "settlement",
            result,
            channel=self.rail,
            rail=self.rail,
            code=code,
            railStatus=status,
            fundsPosition=funds,
            **facts,
        )

    def pay(self, attempt: int = 1, *, settles: bool | None = None) -> Teller:
        """The usual good end on this instruction's rail; `settles` says whether the rail confirms only later."""
        if self.rail == "CASH":
            return self.counter().wait(900, 30_000).hand_out()
        self.submit(attempt)
        later = (
            self.rail == "RTGS" or (self.rail == "1LINK" and self.rng.random() < 0.35) if settles is None else settles
        )
        if not later:
            return self.outcome("SUCCESS", "WITH_BENEFICIARY", attempt=attempt)
        self.outcome("SUCCESS", "AT_RAIL", attempt=attempt)
        most = {"RTGS": 10_000, "1LINK": 2_400, "RAAST": 200}.get(self.rail, 600)
        return self.wait(most / 12, most).settlement()

    def counter(self) -> Teller:
        """Released to the counter: the beneficiary may come."""
        return self.say(
            "cash_payout",
            "STARTED",
            channel="COUNTER",
            rail="CASH",
            request={"counter": self.instruction.branch or "any"},
        )

    def hand_out(self) -> Teller:
        return self.say(
            "cash_payout",
            "SUCCESS",
            channel="COUNTER",
            took=(40, 300),
            rail="CASH",
            **self.reference(),
            fundsPosition="WITH_BENEFICIARY",
            response={"counter": self.instruction.branch or "1004"},
        )

    def inquiry(self, funds: str, code: str | None = None) -> Teller:
        """The platform asks the rail what became of the payment."""
        facts = self.reference() if funds != "NOT_SENT" else {}
        return self.say(
            "inquiry",
            "SUCCESS",
            channel=self.rail,
            took=(1, 6),
            rail=self.rail,
            fundsPosition=funds,
            code=code,
            **facts,
        )

    def returned(self, code: str) -> Teller:
        return self.say(
            "return",
            "SUCCESS",
            channel=self.rail,
            rail=self.rail,
            code=code,
            railStatus="RJCT",
            fundsPosition="RETURNED",
        )

    def cancelled(self, code: str = "CUST") -> Teller:
        return self.say("cancellation", "SUCCESS", channel="PLATFORM", code=code, fundsPosition="NOT_SENT")


def _birth_compared(ours: str | None, theirs: str) -> Json:
    if ours is None:
        return {"field": "dateOfBirth", "theirs": theirs, "agreement": "MISSING"}
    return {
        "field": "dateOfBirth",
        "ours": ours,
        "theirs": theirs,
        "agreement": "SAME" if ours[:4] == theirs else "DIFFERENT",
    }


def references(number: int, at: datetime, rail: str, attempt: int = 1) -> dict[str, str]:
    """What the bank and the rail call an attempt: unique within any million transactions of a rail."""
    number += (attempt - 1) * 400_000
    if rail == "CASH":
        return {"bankReference": f"CP{at:%y%j}{number % 10**9:09d}"}
    found = {"bankReference": f"FT{at:%y%j}{number % 10**9:09d}"}
    if rail == "1LINK":
        stan = f"{number % 1_000_000:06d}"
        found |= {"railReference": stan, "rrn": f"{at:%y%j}{stan}0"}
    elif rail == "RAAST":
        found["railReference"] = f"ORMBPKKA{at:%y%m%d}{number:010d}"
    elif rail == "RTGS":
        found["railReference"] = f"RTGS{at:%y%m%d}{number:07d}"
    return found | ({"railReferenceKind": _REFERENCE_KIND[rail]} if rail in _REFERENCE_KIND else {})


def render(step: Step, *, txn_id: str, sequence: int, start: datetime) -> Json:
    """The CloudEvents envelope of a step of a transaction that came in at `start`."""
    data = step.data
    if step.type == STAGE:
        data = {**data, "startedAt": stamp(start + timedelta(seconds=step.begun))}
        if step.ended is not None:
            data["endedAt"] = stamp(start + timedelta(seconds=step.ended))
    return {
        "specversion": "1.0",
        "id": f"{txn_id}.{sequence}",
        "source": SOURCE,
        "type": step.type,
        "subject": txn_id,
        "time": stamp(start + timedelta(seconds=step.begun if step.ended is None else step.ended)),
        "sequence": sequence,
        "datacontenttype": "application/json",
        "data": data,
    }
