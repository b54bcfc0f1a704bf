"""Loads the reference data of transactions into an empty database. Idempotent: what is there stays as administrators left it.

Sources: DOMAIN.md section 2 (ISO 20022 external reason codes and OpenRemit's API codes), DECISIONS.md section 6 (limits).
"""

from __future__ import annotations

from typing import Any, Final

# code | family | retry class | who acts ("" = by family) | sentence | what helps | answer for the partner
_REASONS: Final = """
AC01 | account | CORRECT | | The account number is not correct. | The partner sends the correct account number. | The account number is not correct. Please send the correct one.
AC03 | account | CORRECT | | The beneficiary's account number is not right for its bank. | The partner sends the correct account number. | The beneficiary's account number is not correct. Please send the correct one.
AC04 | account | RETURN | | The account is closed. | The money goes back; the partner may send to another account. | The beneficiary's account is closed.
AC07 | account | RETURN | | The beneficiary's account is closed. | The money goes back; the partner may send to another account. | The beneficiary's account is closed.
AC06 | account | CORRECT | | The account is blocked. | The beneficiary asks the bank; the partner may send another account. | The beneficiary's account cannot be credited. Please send another account.
AC14 | account | CORRECT | | The beneficiary's kind of account cannot take this payment. | The partner sends another account. | The beneficiary's account cannot take this payment. Please send another account.
AG01 | agent | CORRECT | | The bank does not allow this payment on this kind of account. | The partner sends another account. | The bank does not allow this payment on this account.
AG02 | agent | CORRECT | | The bank does not know this kind of payment. | The partner checks the kind of payment. | The payment instruction is not correct. Please check it.
AGNT | agent | CORRECT | | The bank named in the instruction is not correct. | The partner sends the correct bank. | The bank named is not correct. Please send the correct one.
AM01 | amount | CORRECT | | The amount is zero. | The partner sends the correct amount. | The amount is not correct. Please send the correct one.
AM02 | amount | CORRECT | | The amount is not allowed for this payment. | The partner sends another amount. | The amount is not allowed for this payment.
AM03 | amount | CORRECT | | The currency is not allowed for this payment. | The partner sends another currency. | The currency is not allowed for this payment.
AM04 | funds | RETRY | | The settlement account does not hold enough money. | Treasury funds the account, then operations tries again. | 
AM05 | duplicate | NEVER | | The bank says that this payment was sent before. | Never send it again. Operations finds the first payment. | This reference was sent before.
DUPL | duplicate | NEVER | | The payment is a duplicate. | Never send it again. Operations finds the first payment. | This reference was sent before.
AM06 | amount | CORRECT | | The amount is too low. | The partner sends another amount. | The amount is below the minimum.
AM09 | amount | CORRECT | | The amount is not the one agreed. | The partner sends the correct amount. | The amount is not correct. Please send the correct one.
AM13 | amount | RETRY | operations | The amount is over the limit of the payment network. | Another rail may take it. | 
AM14 | amount | RETRY | operations | The amount is over the limit agreed with the bank. | Another rail may take it. | 
AM07 | compliance | COMPLIANCE | | The amount is blocked by the regulator. | Compliance decides. | 
BE01 | title | CORRECT | | The name does not agree with the account's owner. | Compliance looks at it; the partner may correct the name. | The beneficiary's name does not agree with the account. Please send the correct name.
BE04 | party_data | CORRECT | | The beneficiary's address is missing or not correct. | The partner completes the address. | The beneficiary's address is missing or not correct. Please complete it.
BE05 | party_data | CORRECT | | The bank does not know who started the payment. | The partner completes the remitter's data. | The remitter's data are not complete. Please complete them.
BE06 | party_data | CORRECT | | The bank does not know the beneficiary. | The partner checks the beneficiary's data. | The beneficiary is not known to the bank. Please check the data.
BE07 | party_data | CORRECT | | The remitter's address is missing. | The partner completes the address. | The remitter's address is missing. Please complete it.
CNPC | cash_payout | RETURN | | The cash was not picked up in time. | The money goes back. | The cash was not picked up in time.
CUST | recall | RETURN | | The customer asked for the money back. | The money goes back. | The payment was called back at the customer's request.
FOCR | recall | RETURN | | The payment was called back by the sending bank. | The money goes back. | The payment was called back.
DS24 | technical | INQUIRE | | The bank did not answer in time. | Ask the bank first; never send it again before it answers. | 
DT01 | technical | CORRECT | partner | A date is not correct. | The partner sends the correct date. | A date in the instruction is not correct. Please send the correct one.
ED05 | technical | INQUIRE | | The settlement failed. | Ask the bank first, then try again. | 
FF01 | technical | CORRECT | partner | The instruction's format is not correct. | The partner sends it in the agreed format. | The instruction's format is not correct.
RC01 | technical | CORRECT | partner | The bank identifier is not correct. | The partner sends the correct bank. | The bank named is not correct. Please send the correct one.
RF01 | technical | CORRECT | partner | The reference was used before. | The partner sends a reference of its own for each payment. | The reference was used before. Please send a new one.
FRAD | compliance | NEVER | | The payment was reported as fraud. | Compliance decides. | 
FR01 | compliance | NEVER | | The payment is suspected to be fraud. | Compliance decides. | 
MD07 | compliance | NEVER | | The beneficiary has died. | Compliance decides. | 
MS02 | other | INQUIRE | | The beneficiary's side refused without a reason. | Ask the bank. | 
MS03 | other | INQUIRE | | The bank refused without a reason. | Ask the bank. | 
NARR | other | INQUIRE | | The bank gave its reason as free text. | Read the bank's text, then ask the bank. | 
NOAS | recall | INQUIRE | | The beneficiary did not answer the recall. | Ask the bank. | 
NOOR | recall | INQUIRE | | The bank never received the original payment. | Ask the bank. | 
RR01 | compliance | CORRECT | | The regulator asks for the remitter's account or identification. | The partner completes the data. | 
RR02 | compliance | CORRECT | | The regulator asks for the remitter's name or address. | The partner completes the data. | 
RR03 | compliance | CORRECT | | The regulator asks for the beneficiary's name or address. | The partner completes the data. | 
RR04 | compliance | COMPLIANCE | | The payment was stopped for a regulatory reason. | Compliance decides. | 
TECH | technical | INQUIRE | | There was a technical problem. | Ask the bank first, then try again. | 
ARDT | recall | NEVER | | The money was already sent back. | Nothing more to do. | The money was already sent back.
LEGL | recall | NEVER | | A legal decision stands against it. | Operations refers it to legal. | 
00 | other | NEVER | nobody | OpenRemit accepted the request. | Nothing to do. | 
05 | technical | CORRECT | partner | OpenRemit found a mistake in the instruction. | The partner corrects the instruction. | The instruction is not correct. Please correct it.
10 | duplicate | NEVER | | OpenRemit has this reference already. | Never send it again. Operations finds the first payment. | This reference was sent before.
14 | technical | INQUIRE | | OpenRemit did not find the payment. | Ask the bank. | 
20 | technical | INQUIRE | | The bank did not answer in time. | Ask the bank first; never send it again before it answers. | 
30 | technical | INQUIRE | | The payment was not in a state that allows this. | Ask the bank. | 
41 | technical | INQUIRE | | The bank's system reported a failure. | Ask the bank first, then try again. | 
96 | technical | INQUIRE | | OpenRemit's system did not work properly. | Ask the bank first, then try again. | 
99 | technical | INQUIRE | | OpenRemit could not do it. | Ask the bank first, then try again. | 
400 | technical | CORRECT | partner | OpenRemit could not read the request. | The partner corrects the instruction. | The instruction is not correct. Please correct it.
401 | technical | RETRY | | OpenRemit did not accept the credentials. | Operations renews the credentials, then tries again. | 
408 | technical | INQUIRE | | The bank did not answer in time. | Ask the bank first; never send it again before it answers. | 
429 | technical | RETRY | | Too many requests at once. | Trying again can help. | 
500 | technical | INQUIRE | | The bank's system reported an error. | Ask the bank first, then try again. | 
503 | technical | INQUIRE | | The bank's system was not available. | Ask the bank first, then try again. | 
"""
_API_CODES: Final = frozenset("00 05 10 14 20 30 41 96 99 400 401 408 429 500 503".split())

_PURPOSES: Final = {
    "SALA": "Salary",
    "PENS": "Pension",
    "STDY": "Study",
    "TAXS": "Tax",
    "FAMI": "Family support",
    "SAVG": "Savings",
    "MDCS": "Medical treatment",
    "GIFT": "Gift",
    "PROP": "Purchase of property",
    "BUSI": "Business",
}

# stage | rail | coming from step | amount | unit
_LIMITS: Final = """
intake | | | 2 | minutes
validation | | | 2 | minutes
title_fetch | | | 2 | minutes
screening | | | 5 | minutes
ready | | | 5 | minutes
payment | | | 5 | minutes
payment | INTERNAL | | 2 | minutes
payment | 1LINK | | 5 | minutes
payment | RAAST | | 2 | minutes
payment | RTGS | | 15 | minutes
settlement | | | 60 | minutes
settlement | INTERNAL | | 15 | minutes
settlement | 1LINK | | 60 | minutes
settlement | RAAST | | 5 | minutes
settlement | RTGS | | 240 | minutes
outcome_unknown | | | 60 | minutes
outcome_unknown | INTERNAL | | 30 | minutes
outcome_unknown | 1LINK | | 60 | minutes
outcome_unknown | RAAST | | 30 | minutes
outcome_unknown | RTGS | | 240 | minutes
rtgs_queue | | | 120 | minutes
cash_ready | | | 36000 | minutes
compliance_review | | screening | 240 | minutes
compliance_review | | title_fetch | 480 | minutes
compliance_review | | compliance_review | 480 | minutes
compliance_review | | validation | 1 | bank_days
compliance_review | | intake | 1 | bank_days
compliance_review | | | 480 | minutes
pending_approval | | | 240 | minutes
failed_retryable | | | 60 | minutes
"""

_ANSWERS: Final = {
    "received": "{reference}, {amount}, received {received}. We have the instruction and it is being processed. The next update is due by {next_update}.",
    "validated": "{reference}, {amount}, received {received}. It is being processed; nothing is needed from you. The next update is due by {next_update}.",
    "pending": "{reference}, {amount}, received {received}. It is being processed. The next update is due by {next_update}.",
    "pending_cash": "{reference}, {amount}, received {received}. The cash is ready to be picked up at {place} with an identity document.",
    "failed": "{reference}, {amount}, received {received}. Not paid. The money was not sent. {reason}",
    "failed_retryable": "{reference}, {amount}, received {received}. Not paid yet. {reason} The next update is due by {next_update}.",
    "cancelled": "{reference}, {amount}, received {received}. Cancelled before payment. The money was not sent.",
    "returned": "{reference}, {amount}, received {received}. The money came back on {returned}. {reason}",
    "completed": "{reference}, {amount}, received {received}. Paid on {paid} by {rail}, reference {rail_reference}.",
}


def load(apps: Any) -> None:
    """Add every reason code, purpose, limit and answer text that is not there yet."""
    _load_reasons(apps.get_model("transactions", "ReasonCode"))
    purposes = apps.get_model("transactions", "PurposeCode").objects
    for code, text in _PURPOSES.items():
        purposes.get_or_create(code=code, defaults={"text": text})
    _load_limits(apps.get_model("transactions", "StageLimit"))
    answers = apps.get_model("transactions", "AnswerText").objects
    for key, text in _ANSWERS.items():
        if not answers.filter(key=key).exists():
            answers.create(key=key, version=1, text=text)


def _load_reasons(model: Any) -> None:
    for line in _REASONS.strip().splitlines():
        code, family, retry_class, who_acts, sentence, helps, answer = (part.strip() for part in line.split("|"))
        model.objects.get_or_create(
            code=code,
            defaults={
                "family": family,
                "retry_class": retry_class,
                "who_acts": who_acts,
                "sentence": sentence,
                "helps": helps,
                "answer": answer,
                "is_api_code": code in _API_CODES,
            },
        )


def _load_limits(model: Any) -> None:
    for line in _LIMITS.strip().splitlines():
        stage, rail, step, amount, unit = (part.strip() for part in line.split("|"))
        model.objects.get_or_create(
            stage=stage, rail=rail, partner=None, step=step, defaults={"amount": int(amount), "unit": unit}
        )
