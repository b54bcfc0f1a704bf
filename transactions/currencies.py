"""The currencies of ISO 4217 and how many decimals each has. Source: ISO 4217:2015, list one, amendment 177."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

_DEFAULT_MINOR_UNITS: Final = 2

_OTHER_MINOR_UNITS: Final = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}

CURRENCIES: Final = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
    CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
    GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL
    LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR
    PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY
    TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)


def is_currency(code: str) -> bool:
    """Whether `code` is a currency of ISO 4217 that money can be sent in. Metals, funds and test codes are not."""
    return code in CURRENCIES


def minor_units(code: str) -> int:
    """How many decimals an amount in this currency has. An unknown currency has two."""
    return _OTHER_MINOR_UNITS.get(code, _DEFAULT_MINOR_UNITS)


def smallest_amount(code: str) -> Decimal:
    """The smallest amount of this currency: 0.01 for PKR, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-minor_units(code))
