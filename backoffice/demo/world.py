"""The invented world of the demo: partners, branches, corridors, banks, people, amounts and references. Pure Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from itertools import accumulate
from math import pi, sin
from random import Random
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID

from backoffice.demo import names

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Partner:
    """A money transfer operator that sends us remittances; `weight` is its share of the traffic in per mille."""

    code: str
    name: str
    prefix: str
    weight: int
    countries: tuple[str, ...]
    country_words: str = "iso2"


@dataclass(frozen=True, slots=True)
class Branch:
    code: str
    name: str
    city: str


@dataclass(frozen=True, slots=True)
class Corridor:
    """A sending country and currency; `rate` is PKR for one unit, `digits` the currency's minor units."""

    country: str
    iso3: str
    name: str
    currency: str
    digits: int
    rate: Decimal
    dial: str
    cities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank as the switch knows it: the four letters of its IBANs and its six-digit IMD."""

    code: str
    name: str
    imd: str
    weight: int


PARTNERS: Final = (
    Partner("INSTANTCASH", "Instant Cash", "IC", 300, ("AE", "OM", "KW")),
    Partner("RIA", "RIA", "RI", 200, ("GB", "US", "SA", "AE")),
    Partner("XPRESS", "Xpress Money", "XM", 90, ("SA", "AE", "OM"), "iso3"),
    Partner("JINGLE", "Jingle Pay", "JP", 80, ("AE",), "name"),
    Partner("SAFARILINK", "Safari Link", "SL", 60, ("SA", "KW")),
    Partner("MARJAN", "Marjan Exchange", "MJ", 55, ("OM", "AE")),
    Partner("NORDPAY", "NordPay", "NP", 50, ("GB", "US")),
    Partner("HARBOUR", "Harbour Remit", "HR", 45, ("GB",)),
    Partner("ALNOOR", "Al Noor Transfer", "AN", 40, ("SA", "KW")),
    Partner("BLUEKITE", "Blue Kite", "BK", 30, ("US",)),
    Partner("SILKWAY", "Silkway Money", "SW", 30, ("KW", "AE")),
    Partner("TEMBO", "Tembo Send", "TS", 20, ("GB", "OM")),
)
BRANCHES: Final = (
    Branch("1003", "Lahore Gulberg", "Lahore"),
    Branch("1004", "Karachi Saddar", "Karachi"),
    Branch("2001", "Islamabad Blue Area", "Islamabad"),
    Branch("2002", "Peshawar Cantt", "Peshawar"),
    Branch("3001", "Multan Chowk", "Multan"),
    Branch("3002", "Mirpur AJK", "Mirpur"),
)
BRANCH_WEIGHTS: Final = (30, 24, 16, 12, 10, 8)
CORRIDORS: Final = (
    Corridor(
        "AE",
        "ARE",
        "United Arab Emirates",
        "AED",
        2,
        Decimal("76.02"),
        "+9715",
        ("Dubai", "Sharjah", "Abu Dhabi", "Ajman"),
    ),
    Corridor("SA", "SAU", "Saudi Arabia", "SAR", 2, Decimal("74.35"), "+9665", ("Riyadh", "Jeddah", "Dammam")),
    Corridor(
        "GB",
        "GBR",
        "United Kingdom",
        "GBP",
        2,
        Decimal("368.40"),
        "+4477",
        ("Birmingham", "Bradford", "London", "Luton"),
    ),
    Corridor(
        "US", "USA", "United States", "USD", 2, Decimal("279.15"), "+1555", ("Houston", "Chicago", "Edison", "Fremont")
    ),
    Corridor("KW", "KWT", "Kuwait", "KWD", 3, Decimal("908.60"), "+9656", ("Kuwait City", "Hawalli", "Salmiya")),
    Corridor("OM", "OMN", "Oman", "OMR", 3, Decimal("725.10"), "+9689", ("Muscat", "Sohar", "Salalah")),
)
CORRIDOR_OF: Final = {corridor.country: corridor for corridor in CORRIDORS}
OWN_BANK: Final = Bank("ORMB", "OpenRemit Model Bank", "600001", 0)
BANKS: Final = (
    Bank("UNIL", "United Bank", "588974", 22),
    Bank("HABB", "Habib Bank", "600648", 22),
    Bank("MUCB", "MCB Bank", "589388", 14),
    Bank("MEZN", "Meezan Bank", "627873", 14),
    Bank("ALFH", "Bank Alfalah", "627100", 10),
    Bank("BAHL", "Bank AL Habib", "627197", 6),
    Bank("ASCB", "Askari Bank", "603011", 4),
    Bank("SONE", "Soneri Bank", "786110", 3),
    Bank("BKIP", "BankIslami", "639357", 3),
    Bank("KHYB", "Bank of Khyber", "627618", 2),
)
PURPOSES: Final = (
    ("FAMI", 62),
    ("SALA", 10),
    ("PENS", 5),
    ("STDY", 7),
    ("TAXS", 2),
    ("SAVG", 6),
    ("GIFT", 5),
    ("MDCS", 3),
)
FUNDS_SOURCES: Final = (
    ("SALARY", 70),
    ("SAVINGS", 12),
    ("BUSINESS", 10),
    ("GIFT", 3),
    ("PROPERTY_SALE", 2),
    ("PENSION", 3),
)
RELATIONSHIPS: Final = (
    ("SPOUSE", 30),
    ("PARENT", 30),
    ("SIBLING", 18),
    ("CHILD", 8),
    ("SELF", 8),
    ("FRIEND", 4),
    ("EMPLOYEE", 2),
)
NARRATIONS: Final = (
    "Family support",
    "Monthly household expenses",
    "School fees",
    "Medical treatment",
    "House construction",
    "Eid gift",
    "Savings",
)
CITIES: Final = (
    "Lahore",
    "Karachi",
    "Islamabad",
    "Peshawar",
    "Multan",
    "Mirpur",
    "Faisalabad",
    "Sialkot",
    "Gujrat",
    "Quetta",
    "Swat",
    "Jhelum",
)
STREETS: Final = (
    "Chenab Road",
    "Gulshan Lane",
    "Canal View",
    "Model Town",
    "Satellite Town",
    "Khayaban Street",
    "Mall Road",
    "Civil Lines",
)
RAAST_MAXIMUM: Final = Decimal(200_000)
RTGS_USUAL: Final = Decimal(1_000_000)


def weighted(pairs: Sequence[tuple[T, int]], rng: Random) -> T:
    """One of `pairs` by its weight."""
    return rng.choices([one for one, _ in pairs], [weight for _, weight in pairs])[0]


def iban(bank: str, account: str) -> str:
    """A Pakistani IBAN with correct mod-97 check digits for a four-letter bank code and a 16-digit account."""
    digits = "".join(str(int(letter, 36)) for letter in bank) + account + "252000"
    return f"PK{98 - int(digits) % 97:02d}{bank}{account}"


def amount(value: Decimal, digits: int) -> str:
    """An amount as decimal text with exactly the currency's minor units."""
    return f"{value:.{digits}f}"


def rate_on(corridor: Corridor, day: date) -> Decimal:
    """The day's rate: the corridor's base moving slowly, four decimals."""
    swing = Decimal(repr(round(1 + 0.015 * sin(2 * pi * day.toordinal() / 90) + 0.002 * sin(day.toordinal()), 6)))
    return (corridor.rate * swing).quantize(Decimal("0.0001"))


def uuid4(rng: Random) -> str:
    """A version-4 UUID from the given source of chance."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def end_to_end_id(prefix: str, txn_id: str, at: datetime) -> str:
    """The initiating party's id of a remittance."""
    return f"E2E{prefix}{at:%y%m%d}{txn_id[-9:]}"


def partner_reference(prefix: str, txn_id: str, at: datetime) -> str:
    """The partner's own reference of a remittance."""
    return f"{prefix}{at:%y%m}{txn_id[3:]}"


def request_id(txn_id: str, rng: Random) -> str:
    """The id of the push request that a remittance came with."""
    return f"REQ-{rng.getrandbits(32):08x}-{txn_id[-6:]}"


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


@dataclass(frozen=True, slots=True)
class Person:
    """A remitter or beneficiary: `facts` is the JSON of the push body."""

    name: str
    facts: Json = field(hash=False)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One remittance as a partner sends it, with what the platform needs to know to process it."""

    txn_id: str
    number: int
    at: datetime
    partner: Partner
    branch: str | None
    kind: str
    rail: str
    bank: Bank | None
    account: str
    beneficiary: str
    paying: Decimal
    data: Json = field(hash=False)


class World:
    """Draws everything from one source of chance: the same seed gives the same world."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = Random(seed)

    @cached_property
    def _partner_weights(self) -> list[int]:
        return list(accumulate(partner.weight for partner in PARTNERS))

    def partner(self) -> Partner:
        return self.rng.choices(PARTNERS, cum_weights=self._partner_weights)[0]

    def digits(self, count: int) -> str:
        return f"{self.rng.randrange(10**count):0{count}d}"

    def cnic(self) -> str:
        """13 digits; the first is a province."""
        return f"{self.rng.randint(1, 7)}{self.digits(12)}"

    def account(self, bank: Bank) -> str:
        return iban(bank.code, f"{self.rng.choice(('0000', '0001', '0010', '1102'))}{self.digits(12)}")

    def day_of_birth(self) -> str:
        return (date(1955, 1, 1) + timedelta(days=self.rng.randrange(18_000))).isoformat()

    def remitter(self, corridor: Corridor, words: str) -> Person:
        """A sender abroad, with a passport or NICOP and an address in the sending country."""
        rng = self.rng
        name, nationality = names.draw(names.REMITTERS[corridor.country], rng)
        nicop = nationality == "PK" and rng.random() < 0.4
        facts: Json = {
            "fullName": name,
            "nationality": _country(nationality, words),
            "idDetails": {
                "idType": "NICOP" if nicop else "PASSPORT",
                "idNumber": self.cnic()
                if nicop
                else f"{rng.choice('ABCDEFGHKLMNPR')}{rng.choice('ABCDEFGHJKLMNPST')}{self.digits(7)}",
                "issueDate": f"20{rng.randint(17, 24)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
                "expiryDate": f"20{rng.randint(27, 34)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
                "issueCountry": _country(nationality, words),
            },
            "dateOfBirth": self.day_of_birth(),
            "mobileNumber": f"{corridor.dial}{self.digits(7)}",
            "address": {
                "line1": f"{rng.randint(1, 240)} {rng.choice(STREETS)}",
                "city": rng.choice(corridor.cities),
                "country": _country(corridor.country, words),
            },
        }
        if rng.random() < 0.3:
            facts["email"] = f"sender{self.digits(6)}@example.com"
        return Person(name, facts)

    def recipient(self, words: str) -> Person:
        """A beneficiary in Pakistan."""
        rng = self.rng
        name, nationality = names.draw(names.BENEFICIARIES, rng)
        facts: Json = {
            "fullName": name,
            "nationality": _country("PK" if nationality in ("SA", "PL") else nationality, words),
            "idDetails": {"idType": "CNIC", "idNumber": self.cnic()},
            "mobileNumber": f"+923{rng.randint(0, 4)}{self.digits(8)}",
            "address": {
                "line1": f"House {rng.randint(1, 900)}, {rng.choice(STREETS)}",
                "city": rng.choice(CITIES),
                "country": _country("PK", words),
            },
            "relationship": weighted(RELATIONSHIPS, rng),
        }
        return Person(name, facts)

    def sent_amount(self, corridor: Corridor, rate: Decimal, least: Decimal, most: Decimal) -> Decimal:
        """A sent amount people would choose (mostly round), worth between `least` and `most` PKR."""
        rng = self.rng
        worth = Decimal(int(rng.lognormvariate(10.7, 0.85)))
        if rng.random() < 0.012:
            worth *= 25
        worth = min(max(worth, least * Decimal("1.02")), most * Decimal("0.98"))
        sent = worth / rate
        step = Decimal(10) if sent > 400 else Decimal(5) if sent > 60 else Decimal(1)
        if rng.random() < 0.75 and sent > step * 4:
            rounded = (sent / step).quantize(Decimal(1), ROUND_HALF_UP) * step
            sent = rounded if least <= rounded * rate <= most else sent
        return sent.quantize(Decimal(1).scaleb(-corridor.digits))

    def instruction(
        self,
        number: int,
        at: datetime,
        *,
        txn_id: str = "",
        partner: str | None = None,
        branch: str | None = None,
        kind: str | None = None,
        rail: str | None = None,
        least: Decimal = Decimal(1_500),
        most: Decimal = Decimal(4_800_000),
        like: Instruction | None = None,
    ) -> Instruction:
        """One instruction received at `at`. What is named narrows the draw; `like` repeats another payment."""
        rng = self.rng
        from_partner = (
            next(one for one in PARTNERS if one.code == partner)
            if partner
            else like.partner
            if like
            else self.partner()
        )
        corridor = CORRIDOR_OF[rng.choice(from_partner.countries)]
        rate = rate_on(corridor, at.date())
        kind = kind or (like.kind if like else _kind_for(rail, rng))
        least, most = _within(rail, kind, least, most)
        sent = self.sent_amount(corridor, rate, least, most)
        paying = (sent * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
        txn_id = txn_id or f"PSL{number:09d}"
        data: Json = {"partner": from_partner.code}
        if rng.random() < 0.6:
            data["agentCode"] = f"{from_partner.prefix}-{rng.randint(1, 12):03d}"
        code = branch or (
            rng.choices(BRANCHES, BRANCH_WEIGHTS)[0].code if rng.random() < (0.9 if kind == "OTC" else 0.35) else None
        )
        if code:
            data["branchCode"] = code
        data |= {
            "type": kind,
            "uetr": uuid4(rng),
            "endToEndId": end_to_end_id(from_partner.prefix, txn_id, at),
            "requestId": request_id(txn_id, rng),
        }
        data["payoutMethod"] = "CASH" if kind == "OTC" else "ACCOUNT"
        details: Json = {
            "partnerReference": partner_reference(from_partner.prefix, txn_id, at),
            "purposeOfPayment": weighted(PURPOSES, rng),
            "payingAmount": amount(paying, 2),
            "payingCurrency": "PKR",
            "settlementAmount": amount(sent, corridor.digits),
            "settlementCurrency": corridor.currency,
            "settlementRate": str(rate),
            "commissionAmount": amount(Decimal(rng.choice((0, 10, 15, 20))) * (100 / corridor.rate), corridor.digits),
            "sourceOfFunds": weighted(FUNDS_SOURCES, rng),
            "sentAt": stamp(at - timedelta(seconds=rng.randint(20, 900))),
        }
        if rng.random() < 0.4:
            details["narration"] = rng.choice(NARRATIONS)
        data["transactionDetails"] = details
        words = from_partner.country_words
        recipient = self.recipient(words)
        data["remitter"] = self.remitter(corridor, words).facts
        data["beneficiary"] = recipient.facts
        bank, account = None, ""
        if kind != "OTC":
            bank = OWN_BANK if kind == "FT" else rng.choices(BANKS, [one.weight for one in BANKS])[0]
            account = self.digits(14) if kind == "FT" and rng.random() < 0.25 else self.account(bank)
            recipient.facts["bankDetails"] = {
                "bankCode": bank.code,
                "bankName": bank.name,
                "accountNumber": account,
                "accountTitle": recipient.name,
            }
        if like:
            for name in ("remitter", "beneficiary"):
                data[name] = like.data[name]
            for name in (
                "payingAmount",
                "settlementAmount",
                "settlementCurrency",
                "settlementRate",
                "commissionAmount",
            ):
                details[name] = like.data["transactionDetails"][name]
            bank, account, paying = like.bank, like.account, like.paying
        return Instruction(
            txn_id=txn_id,
            number=number,
            at=at,
            partner=from_partner,
            branch=code,
            kind=kind,
            rail=rail or (like.rail if like else _rail_for(kind, paying, rng)),
            bank=bank,
            account=account,
            beneficiary=like.beneficiary if like else recipient.name,
            paying=paying,
            data=data,
        )


def _country(code: str, words: str) -> str:
    iso3, name = _COUNTRIES[code]
    return {"iso2": code, "iso3": iso3, "name": name}[words]


def iso2(word: str) -> str:
    """The two letters of a country of this world, however a partner writes it."""
    return next(code for code, words in _COUNTRIES.items() if word in (code, *words))


def _kind_for(rail: str | None, rng: Random) -> str:
    if rail is None:
        return weighted((("IBFT", 62), ("FT", 18), ("OTC", 20)), rng)
    return {"INTERNAL": "FT", "CASH": "OTC"}.get(rail, "IBFT")


def _within(rail: str | None, kind: str, least: Decimal, most: Decimal) -> tuple[Decimal, Decimal]:
    """The amounts in PKR a rail takes: RAAST has a maximum, RTGS is for large ones, counters pay moderate sums."""
    if rail == "RTGS":
        return max(least, RTGS_USUAL), max(most, RTGS_USUAL * 2)
    if rail == "RAAST":
        return least, min(most, RAAST_MAXIMUM)
    if rail == "1LINK":
        return least, min(most, RTGS_USUAL)
    return least, min(most, Decimal(450_000)) if kind == "OTC" else most


def _rail_for(kind: str, paying: Decimal, rng: Random) -> str:
    if kind != "IBFT":
        return "INTERNAL" if kind == "FT" else "CASH"
    if paying >= RTGS_USUAL:
        return "RTGS"
    return "RAAST" if paying <= RAAST_MAXIMUM and rng.random() < 0.55 else "1LINK"


_COUNTRIES: Final = {
    "PK": ("PAK", "Pakistan"),
    "AE": ("ARE", "United Arab Emirates"),
    "SA": ("SAU", "Saudi Arabia"),
    "GB": ("GBR", "United Kingdom"),
    "US": ("USA", "United States"),
    "KW": ("KWT", "Kuwait"),
    "OM": ("OMN", "Oman"),
    "BD": ("BGD", "Bangladesh"),
    "CN": ("CHN", "China"),
    "PH": ("PHL", "Philippines"),
    "NP": ("NPL", "Nepal"),
    "PL": ("POL", "Poland"),
    "VN": ("VNM", "Viet Nam"),
    "LK": ("LKA", "Sri Lanka"),
}
