"""Every page of ours that a person can open, and the main pages of the administration: where it is and who opens it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from playwright.sync_api import Page

from compliance.models import Case
from tests.browser.world import NOWHERE, World


@dataclass(frozen=True)
class Place:
    """A page by name: who opens it, its address, and what is done there to see it as meant."""

    name: str
    who: str
    address: Callable[[World], str]
    do: Callable[[Page], None] = lambda page: None
    is_ours: bool = True
    answer: int = 200


def _at(address: str) -> Callable[[World], str]:
    return lambda world: address


def _stage(stage: str, part: str = "") -> Callable[[World], str]:
    return lambda world: world.page(stage) + part


def _case(kind: str) -> Callable[[World], str]:
    """The page of the case about the payment of this kind."""
    return lambda world: Case.objects.get(transaction__txn_id=world.kind[kind]).get_absolute_url()


def _case_of_stage(stage: str) -> Callable[[World], str]:
    return lambda world: Case.objects.get(transaction__txn_id=world.stage[stage]).get_absolute_url()


def _as_it_was(address: str) -> Callable[[World], str]:
    """The address, a moment ago."""
    return lambda world: f"{address}?t={datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _search(text: str, shows: str = "#results") -> Callable[[Page], None]:
    def do(page: Page) -> None:
        page.fill("#finder-q", text)
        page.press("#finder-q", "Enter")
        page.wait_for_selector(shows)

    return do


def _note_for_many(page: Page) -> None:
    page.locator("[name=ref]").first.check()
    page.locator("[name=ref]").nth(2).check()
    page.click("#bulk button >> text=Add note")
    page.wait_for_selector("textarea[name=text]")


def _wrong_password(page: Page) -> None:
    page.fill("#id_login", "nobody")
    page.fill("#id_password", "wrong")
    page.click("form button.w-100")
    page.wait_for_selector(".err-sum")


def _empty_inquiry(page: Page) -> None:
    page.click("#record-inquiry summary")
    page.click("#record-inquiry form button")
    page.wait_for_selector(".err-sum")


def _open_first_reveal(page: Page) -> None:
    page.locator("#parties details summary").first.click()


def _revealed(page: Page) -> None:
    form = page.locator("#accounts details, #account details").first
    form.locator("summary").click()
    form.locator("select").select_option("partner_inquiry")
    form.locator("button").click()
    page.wait_for_selector(".revealed")


def _choose_all(page: Page) -> None:
    page.check("#bulk-all")
    page.get_by_role("button", name="Ask the bank").click()
    page.wait_for_selector("#what")


def _upload_nothing(page: Page) -> None:
    page.get_by_role("button", name="Upload and check").click()
    page.wait_for_selector(".err-sum")


OURS = [
    Place("sign-in", "", _at("/login/")),
    Place("sign-in that failed", "", _at("/login/"), _wrong_password, answer=422),
    Place("dashboard", "nadia", _at("/?range=7d")),
    Place("dashboard with a bad filter", "hina", _at("/?range=foo&colour=red")),
    Place("radar", "omar", _at("/radar/")),
    Place("radar with a bad filter", "hina", _at("/radar/?colour=red")),
    Place("search", "hina", _at("/search/")),
    Place("search by prefix", "hina", _at("/search/?q=PSL00000000")),
    Place("search by name", "hina", _at("/search/"), _search("Mirza")),
    Place("search without a find", "hina", _at(f"/search/?q={NOWHERE}")),
    Place("pasted list", "hina", _at("/search/"), _search("PSL000000001, PSL000000002", "#pasted-list")),
    Place("list", "hina", _at("/transactions/?size=25")),
    Place("list with filters", "hina", _at("/transactions/?status=failed&status=pending&sort=created&size=25")),
    Place("list without rows", "hina", _at("/transactions/?status=failed&created=2020-01-01..2020-01-02")),
    Place("list with a bad filter", "hina", _at("/transactions/?status=foo&colour=red")),
    Place(
        "list by payout, own columns", "omar", _at("/transactions/?sort=-payout&cols=status,flags,reason,funds&size=25")
    ),
    Place("list of what needs attention", "mehwish", _at("/transactions/?attention=1&size=25")),
    Place("views of the list", "hina", _at("/transactions/views/")),
    Place("columns of the list", "hina", _at("/transactions/columns/")),
    Place("note for many", "hina", _at("/transactions/?size=25"), _note_for_many),
    Place("detail, completed", "hina", _stage("credited")),
    Place("detail, pending checks", "hina", _stage("compliance_review")),
    Place("detail, in review", "mehwish", _stage("compliance_review")),
    Place("detail, rejected", "mehwish", _stage("rejected_compliance")),
    Place("detail, failed", "omar", _stage("failed_retryable")),
    Place("detail, outcome unknown", "hina", _stage("outcome_unknown")),
    Place("detail, waiting at the counter", "bilal", _stage("cash_ready")),
    Place("detail, returned", "hina", _stage("returned")),
    Place("detail, events missing", "hina", lambda world: f"/transactions/{world.kind['paid:missing']}/"),
    Place("detail, rates differ", "sana", lambda world: f"/transactions/{world.kind['paid:fx_mismatch']}/"),
    Place("detail, from right to left", "hina", lambda world: f"/transactions/{world.rtl}/"),
    Place("detail, Chinese", "nadia", lambda world: f"/transactions/{world.chinese}/"),
    Place("detail, sparse", "hina", lambda world: f"/transactions/{world.sparse}/"),
    Place("detail, inquiry form with errors", "hina", _stage("settlement"), _empty_inquiry, answer=422),
    Place("detail, asking to reveal", "adeel", _stage("credited"), _open_first_reveal),
    Place("detail, revealed", "omar", _stage("credited"), _revealed),
    Place("timeline", "hina", _stage("returned", "timeline/")),
    Place("timeline, newest first", "mehwish", _stage("returned", "timeline/?order=newest")),
    Place("notes", "hina", _stage("credited", "notes/")),
    Place("related", "hina", _stage("credited", "related/")),
    Place("trail of a transaction", "nadia", _stage("credited", "audit/")),
    Place("inquiries", "hina", _at("/inquiries/?state=all")),
    Place("inquiries without rows", "bilal", _at("/inquiries/")),
    Place("inquiry, open", "hina", lambda world: f"/inquiries/{world.inquiry}/"),
    Place("inquiry, closed", "nadia", lambda world: f"/inquiries/{world.closed_inquiry}/"),
    Place("cases", "adeel", _at("/compliance/")),
    Place("cases, closed", "nadia", _at("/compliance/?tab=closed")),
    Place("cases with a bad filter", "mehwish", _at("/compliance/?colour=red")),
    Place("case, to be taken", "adeel", _case("review:title_close")),
    Place("case with hits", "mehwish", _case_of_stage("compliance_review")),
    Place("whitelist", "adeel", _at("/whitelist/")),
    Place("answers for partners", "adeel", _at("/compliance/answers/")),
    Place("an answer for partners", "mehwish", _at("/compliance/answers/pending/")),
    Place("intake problems", "omar", _at("/gateway/problems/")),
    Place("exceptions", "omar", _at("/exceptions/")),
    Place("exceptions by partner", "nadia", _at("/exceptions/?group=partner&state=all")),
    Place("exceptions with a bad filter", "sana", _at("/exceptions/?colour=red")),
    Place("exceptions of a group", "omar", _at("/exceptions/outcome-unknown/")),
    Place("exceptions of a transaction", "omar", lambda world: f"/exceptions/of/{world.stage['failed_retryable']}/"),
    Place("bulk job, chosen", "omar", _at("/exceptions/outcome-unknown/"), _choose_all),
    Place("bulk jobs", "omar", _at("/bulk/")),
    Place("spreadsheet to bring back", "omar", _at("/bulk/new/sheet/")),
    Place("reversals", "omar", _at("/reversals/")),
    Place("reversals, wrong file", "omar", _at("/reversals/"), _upload_nothing, answer=422),
    Place("RTGS", "tariq", _at("/rtgs/")),
    Place("reports", "sana", _at("/reports/")),
    Place("report, daily summary", "sana", _at("/reports/daily/?range=7d")),
    Place("report, failures", "mehwish", _at("/reports/failures/?range=30d")),
    Place("report, ageing", "sana", _at("/reports/ageing/?range=30d")),
    Place("report, reconciliation", "sana", _at("/reports/reconciliation/?range=7d")),
    Place("report, handover", "sana", _at("/reports/handover/?range=30d")),
    Place("report, screening", "mehwish", _at("/reports/screening/?range=30d")),
    Place("report, activity", "nadia", _at("/reports/activity/?range=today")),
    Place("report with a bad filter", "sana", _at("/reports/daily/?range=24h&colour=red")),
    Place("a deed", "omar", _stage("failed_retryable", "do/repush/")),
    Place("approvals", "sana", _at("/approvals/")),
    Place("approvals, decided", "nadia", _at("/approvals/?tab=done")),
    Place("approvals, one to decide", "sana", lambda world: f"/approvals/{world.approval}/"),
    Place("approvals, an own one", "omar", lambda world: f"/approvals/{world.approval}/"),
    Place("approvals, a change of settings", "admin2", lambda world: f"/approvals/{world.proposal}/"),
    Place("exports, none yet", "omar", _at("/exports/")),
    Place("export, choosing", "mehwish", _at("/exports/new/?status=failed")),
    Place("export of the trail, choosing", "nadia", _at("/exports/new/trail/?action=viewed")),
    Place("certificates, none yet", "sana", _at("/eprc/")),
    Place("certificate, issuing", "omar", _stage("credited", "eprc/")),
    Place("certificate, verifying", "hina", _at("/eprc/verify/")),
    Place("audit", "nadia", _at("/audit/")),
    Place("audit with filters", "nadia", _at("/audit/?action=viewed&range=7d&size=25")),
    Place("audit with a bad filter", "nadia", _at("/audit/?action=foo&colour=red")),
    Place("audit without entries", "nadia", _at("/audit/?actor=hina&range=2020-01-01..2020-01-02")),
    Place("audit, one entry", "nadia", _at("/audit/e/1/")),
    Place(
        "audit, one object",
        "nadia",
        lambda world: f"/audit/o/transactions.transaction/{world.page('returned').split('/')[2]}/",
    ),
    Place("audit, a partner as it was", "nadia", _as_it_was("/audit/o/accounts.partner/INSTANTCASH/at/")),
    Place("audit chain", "nadia", _at("/audit/chain/")),
    Place("transaction as it was", "nadia", lambda world: _as_it_was(world.page("returned") + "at/")(world)),
    Place("transaction, choosing a moment", "hina", _stage("credited", "at/")),
    Place("transaction, a moment to come", "hina", _stage("credited", "at/?t=2099-01-01T10:00")),
    Place("account", "hina", _at("/account/")),
    Place("notifications", "sana", _at("/notifications/?show=all")),
    Place("what one is told", "sana", _at("/account/notifications/")),
    Place("change password", "hina", _at("/account/password/")),
    Place("help, statuses", "hina", _at("/help/statuses/")),
    Place("help, keys", "hina", _at("/help/keys/")),
    Place("forbidden", "hina", _at("/gateway/problems/"), answer=403),
    Place("not found", "hina", _at(f"/transactions/{NOWHERE}/"), answer=404),
    Place("unreadable", "hina", _at("/search/?q=%00"), answer=400),
]

ADMINISTRATION = [
    Place("administration", "admin", _at("/admin/"), is_ours=False),
    Place("administration, people", "admin", _at("/admin/accounts/user/"), is_ours=False),
    Place("administration, a new person", "admin", _at("/admin/accounts/user/add/"), is_ours=False),
    Place("administration, roles", "admin", _at("/admin/auth/group/"), is_ours=False),
    Place("administration, partners", "admin", _at("/admin/accounts/partner/"), is_ours=False),
    Place("administration, reason codes", "admin", _at("/admin/transactions/reasoncode/"), is_ours=False),
    Place("administration, a new reason", "admin", _at("/admin/transactions/reasoncode/add/"), is_ours=False),
    Place("administration, a change that waits", "admin", lambda world: world.waits_at, is_ours=False),
    Place("administration of an auditor", "nadia", _at("/admin/"), is_ours=False),
]
