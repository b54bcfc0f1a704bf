"""The search page: one box for references, names, IBANs, CNICs and phone numbers.

What may concern a person never stands in an address: it is kept under a token, and the page is the token's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import requires
from accounts.models import User
from audit.trail import CannotRecord
from transactions import numbers, way_back
from transactions.pasted import look_up
from transactions.reading import LONGEST_TEXT, MOST_PIECES, Kind, Reading, read
from transactions.search import OnlyMatch, SearchOver, find, keep, kept, only_match, record

SEE_OTHER = 303


@requires("transactions.view_transactions")
@require_http_methods(["GET", "HEAD", "POST"])
def search(request: HttpRequest) -> HttpResponse:
    """POST takes what was typed and leads on: to the only match, or to the results' own address, which GET answers."""
    user = _reader(request)
    if request.method == "POST":
        return _take(request, read(request.POST.get("q", "")), user)
    if "s" in request.GET:
        return _results_of_token(request, request.GET["s"], user)
    reading = read(request.GET.get("q", ""))
    if reading.is_empty or (reading.is_plain and not reading.is_list):
        return _results_of_reference(request, reading, user)
    return _take(request, reading, user)


def _reader(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    return request.user


def _take(request: HttpRequest, reading: Reading, user: User) -> HttpResponse:
    if reading.is_empty:
        return _see_other(reverse("transactions:search"))
    if reading.is_too_long:
        return _page(request, reading, status=422)
    if not reading.is_list and (address := _numbered(reading, user)):
        return _see_other(address)
    if not reading.is_list and (only := only_match(reading, user)):
        with suppress(CannotRecord):  # an address of its own still answers, and says that it is not recorded
            return _straight_to(request, reading, only, user)
    if reading.is_plain and not reading.is_list:
        return _see_other(f"{reverse('transactions:search')}?{urlencode({'q': reading.text})}")
    return _see_other(f"{reverse('transactions:search')}?{urlencode({'s': keep(reading.given, user)})}")


def _results_of_reference(request: HttpRequest, reading: Reading, user: User) -> HttpResponse:
    if reading.is_empty:
        return _page(request, reading)
    if address := _numbered(reading, user):
        return _see_other(address)
    if only := only_match(reading, user):
        return _straight_to(request, reading, only, user)
    return _results(request, reading, user, urlencode({"q": reading.text}))


def _results_of_token(request: HttpRequest, token: str, user: User) -> HttpResponse:
    try:
        reading = kept(token, user)
    except SearchOver as over:
        return _page(request, read(""), sentence=over.sentence)
    query = urlencode({"s": token})
    list_url = f"{reverse('transactions:list')}?{query}"
    if reading.is_list:
        return _lookup(request, reading, user, query, list_url=list_url)
    return _results(request, reading, user, query, list_url=list_url)


def _lookup(request: HttpRequest, reading: Reading, user: User, query: str, *, list_url: str) -> HttpResponse:
    """A pasted list: a verdict per line, in its order."""
    answer = look_up(reading, user)
    record(reading, user, found=answer.count)
    return _page(
        request, reading, lookup=answer, back=way_back.mark("s", query), list_url=list_url if answer.count else ""
    )


def _results(request: HttpRequest, reading: Reading, user: User, query: str, list_url: str = "") -> HttpResponse:
    findings = find(reading, user)
    record(reading, user, found=findings.count)
    return _page(
        request,
        reading,
        findings=findings,
        back=way_back.mark("s", query),
        list_url=list_url if findings.groups else "",
    )


def _numbered(reading: Reading, user: User) -> str:
    """Where the number of something else than a transaction leads, or ""; that it was looked for is recorded."""
    address = numbers.address_of(reading.key, user)
    if address:
        record(reading, user, found=1)
    return address


def _straight_to(request: HttpRequest, reading: Reading, only: OnlyMatch, user: User) -> HttpResponse:
    record(reading, user, found=1)
    messages.info(request, f"Only match for {reading.text} ({', '.join(only.labels)}).")
    return _see_other(reverse("transactions:detail", args=[only.txn_id]))


def _see_other(address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    response.status_code = SEE_OTHER
    return response


def _page(request: HttpRequest, reading: Reading, *, status: int = 200, **more: Any) -> HttpResponse:
    limits = {"longest": LONGEST_TEXT, "most_pieces": MOST_PIECES}
    context = {"reading": reading, "read_as": _read_as(reading), "findings": None, "lookup": None, **limits, **more}
    return render(request, "transactions/search.html", context, status=status)


def _read_as(reading: Reading) -> str:
    """What the text was taken for, in words: "IBAN (check digits correct)", "CNIC or reference"."""
    words = []
    for kind in reversed(reading.kinds):
        if kind is Kind.IBAN:
            fits = "check digits correct" if reading.iban_fits else "check digits do not match"
            words.append(f"IBAN ({fits})")
        elif kind is Kind.PHONE:
            words.append(f"phone number {reading.phone}")
        elif kind is not Kind.REFERENCE or len(reading.kinds) == 1 or any(map(str.isdigit, reading.key)):
            words.append(str(kind))
    text = " or ".join(words)
    return text[:1].upper() + text[1:]
