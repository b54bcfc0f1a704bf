"""Files: push bodies, NDJSON and CSV, through the same door as events."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from audit.models import AuditEvent
from backoffice.gateway.files import subject_of
from backoffice.gateway.kinds import SUBJECT
from backoffice.gateway.models import Delivery, Verdict
from exceptions.models import ExceptionItem
from tests.factories.accounts import PartnerFactory
from tests.gateway.telling import instruction, paid, received
from transactions.models import Event, Transaction

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ria")]
PUSH = Path(__file__).parent / "data" / "push_body.json"


def run(file: Path, *arguments: str) -> tuple[int, str, str]:
    """The exit code, what was printed, and what was said on the side."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_transactions", str(file), *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def written(folder: Path, name: str, content: Any) -> Path:
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return file


def test_a_push_body_gives_a_verdict_per_transaction_and_repeats_are_duplicates() -> None:
    code, out, _ = run(PUSH, "--partner", "RIA")
    assert code == 0
    assert out.count("accepted") == 3  # two rows and the sum
    held = Transaction.objects.get(txn_id="IMP-RIA-IC2611220102")
    assert (held.type, held.payout_method, str(held.settled_amount)) == ("OTC", "CASH", "25000.5000")
    assert held.request_id == "PUSH-2026-11-22-0001"
    assert Event.objects.get(transaction=held).event_id == "import:IMP-RIA-IC2611220102"
    assert bytes(Delivery.objects.get().body) == PUSH.read_bytes()
    assert AuditEvent.objects.filter(verb="file_imported").count() == 1

    code, out, _ = run(PUSH, "--partner", "RIA")
    assert code == 0
    assert "2 duplicate" in out
    assert Transaction.objects.count() == 2


def test_a_changed_amount_is_a_conflict_that_operators_see(tmp_path: Path, as_omar: Client) -> None:
    run(PUSH, "--partner", "RIA")
    push = json.loads(PUSH.read_text())
    push["transactions"][0]["transactionDetails"]["payingAmount"] = "110228.00"
    code, out, _ = run(written(tmp_path, "again.json", push), "--partner", "RIA")
    assert code == 1
    assert "1 conflict, 1 duplicate" in out
    assert "IC2611220101 belongs to transaction IMP-RIA-IC2611220101 with another body" in out
    item = ExceptionItem.objects.get()
    assert (item.kind, item.transaction.partner_reference) == ("conflict", "IC2611220101")
    assert item.facts["changed"] == ["data.transactionDetails.payingAmount"]
    assert Transaction.objects.get(partner_reference="IC2611220101").settled_amount == 110227
    page = as_omar.get("/gateway/problems/").content.decode()
    assert "IMP-RIA-IC2611220101" in page
    assert "payingAmount is not what was sent before" in page


def test_a_dry_run_tells_the_same_and_does_nothing(tmp_path: Path) -> None:
    run(PUSH, "--partner", "RIA")
    push = json.loads(PUSH.read_text())
    push["transactions"][0]["transactionDetails"]["payingAmount"] = "110228.00"
    push["transactions"].append(instruction("NEW"))
    push["transactions"].append(instruction("NEW"))
    file = written(tmp_path, "again.json", push)
    before = _everything()
    code, out, err = run(file, "--partner", "RIA", "--dry-run")
    assert code == 1
    assert "Nothing was done; would be: 1 accepted, 1 conflict, 2 duplicate" in out
    assert "totalTransactions says 2, but there are 4" in err
    assert _everything() == before


def _everything() -> list[Any]:
    """Every row of every table that an import may write, and the sequences behind them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")
        found: list[Any] = cursor.fetchall()
        tables = connection.introspection.table_names(cursor)
        for table in sorted(tables):
            cursor.execute(f'SELECT count(*), sum(hashtext(t::text)::bigint) FROM "{table}" t')
            found.append((table, cursor.fetchone()))
    return found


def test_ndjson_holds_events_and_instructions_and_says_which_line_is_bad(tmp_path: Path) -> None:
    lines = [
        *[json.dumps(one) for one in paid("T1")],
        "",
        json.dumps(instruction("T2", partner=None)),
        '{"partner":"RIA",',
        json.dumps(received("T3", details={"payingAmount": "x"})),
    ]
    file = written(tmp_path, "events.ndjson", "\n".join(lines))
    code, out, _ = run(file, "--partner", "RIA")
    assert code == 1
    assert "9 accepted, 2 rejected" in out
    assert "    11  rejected" in out
    assert "    12  rejected" in out
    assert Transaction.objects.get(txn_id="T1").stage == "credited"
    assert Transaction.objects.filter(txn_id="IMP-RIA-REF-T2").exists()
    assert bytes(Delivery.objects.get().body) == file.read_bytes()
    assert Verdict.objects.count() == 2


def test_csv_names_its_fields_in_the_first_line(tmp_path: Path) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    names = "partner payoutMethod transactionDetails.partnerReference transactionDetails.payingAmount"
    names += " transactionDetails.payingCurrency remitter.fullName beneficiary.fullName beneficiary.address.country"
    writer.writerow(names.split())
    writer.writerow(["RIA", "CASH", "C-1", "500.00", "PKR", "Zoë\nŁukasz".replace("\n", " "), "李小龙", ""])
    writer.writerow(["RIA", "CASH", "C-2", "500,00", "PKR", "A B", "C D", "N/A"])
    writer.writerow(["RIA", "CASH", "C-3"])
    file = tmp_path / "rows.csv"
    file.write_bytes(b"\xef\xbb\xbf" + buffer.getvalue().encode())
    code, out, _ = run(file)
    assert code == 1
    assert "1 accepted, 2 rejected" in out
    held = Transaction.objects.get()
    assert (held.partner_reference, held.beneficiary_name, held.destination_country) == ("C-1", "李小龙", "")


def test_many_rows_come_in_chunks_and_each_chunk_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "many.ndjson"
    file.write_text("\n".join(json.dumps(instruction(f"N{number}", cash=True)) for number in range(1_050)))
    code, out, err = run(file)
    assert (code, Transaction.objects.count(), Delivery.objects.count()) == (0, 1_050, 2)
    assert "1,000 rows" in err
    assert b"".join(bytes(one.body) for one in Delivery.objects.order_by("message_id")) == file.read_bytes()
    assert "1,050 accepted" in out


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "The file is empty"),
        ("binary.csv", b"a,b\n\xff\xfe,1\n", "not UTF-8"),
        ("quote.csv", b'a,b\n"x,1\n', "not CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(CommandError, match=sentence):
        run(file)
    with pytest.raises(CommandError, match="There is no file"):
        run(tmp_path / "nowhere.json")


@pytest.mark.parametrize("reference", ["IC-1", "a b/c?d#e", "حوالہ ۱۲۳", "~x~", "%", "x" * 64, "ح" * 64, "..", ""])
def test_transaction_ids_of_imports_are_plain_and_tell_references_apart(reference: str) -> None:
    made = subject_of("RIA", reference)
    assert SUBJECT.read(made) == made
    assert made != subject_of("RIA", reference + "'")
    assert made.startswith("IMP-RIA-")


def test_an_unknown_partner_is_refused_per_row(tmp_path: Path) -> None:
    PartnerFactory(code="GONE", is_active=False)
    file = written(tmp_path, "p.json", {"transactions": [instruction(partner="GONE"), instruction(partner=None), 7]})
    code, out, _ = run(file)
    assert code == 1
    assert "3 rejected" in out
