"""The life of an export: ask, agree where it is unmasked, make, watch, cancel, take, delete.

The database writes the rows (COPY), with filter and scope in the SQL and one snapshot for all of them, so that the file
is of one moment and no row passes through memory as an object. The file grows under another name and has its own only
when it is whole; a run that was lost is begun anew, since half a file of one moment and half of another is none.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import logging
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self
from uuid import uuid5
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import EmptyResultSet, PermissionDenied
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from accounts import maker_checker, notifications
from accounts.access import check
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, User
from accounts.notifications import Subject
from audit import trail
from audit.verbs import Verb
from backoffice.reports import sql, writing
from backoffice.reports.columns import Column, Kind, among
from backoffice.reports.models import Export
from backoffice.reports.sources import MOST, SOURCES, Question, Source, access_of
from transactions import formats
from transactions.bank_days import ZONE
from transactions.discretion import without_numbers

log = logging.getLogger(__name__)

State = Export.State
TASK: Final = "backoffice.make_export"
UNMASKED: Final = "unmasked_export"
KEPT: Final = dt.timedelta(days=7)
UNMASKED_KEPT: Final = dt.timedelta(days=1)
FINISHED: Final = notifications.Kind(
    "export_finished",
    "An export of mine is ready, or could not be made",
    rights=frozenset({"reports.create_export", "reports.issue_eprc"}),
)
LOST_AFTER: Final = dt.timedelta(minutes=2)
"""A run that gives no sign of life for this long has lost its worker."""
QUIET_AFTER: Final = dt.timedelta(minutes=1)
"""A run that gives none for this long is told as interrupted; a million rows are put in order within it."""
MOST_RUNS: Final = 3
MOST_UNFINISHED: Final = 5
SIGN_SECONDS: Final = 0.5
LOOK_EVERY: Final = 1_000
BUFFER: Final = 1 << 18
csv.field_size_limit(1 << 27)  # an entry of the trail may be long; what people upload has limits of its own
_ONE_HELPER: Final = {
    "max_parallel_workers_per_gather": "1",
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
}
CHANGED: Final = "What you may see has changed since you asked for this export. Ask for it again."


class Stopped(Exception):
    """The export was cancelled, or another run took over: what this run wrote is thrown away."""


# -- asking -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask(
    source: Source,
    question: Question,
    *,
    by: User,
    columns: Sequence[str],
    kind: str,
    expected: int | None = None,
    is_unmasked: bool = False,
    reason: str = "",
) -> Export:
    """Ask for the rows of a question as a file; the worker makes it, for an unmasked one when another person agreed.

    Refused for no rows, for more than a million, and where another number matches than the person was shown.
    """
    source.check(by)
    chosen = among(source.columns_for(by), columns)
    if source.columns and not chosen:
        raise _refused("Choose at least one column.")
    promised = _count(source, question, expected)
    _check_columns(chosen, by, is_unmasked=is_unmasked, reason=reason)
    if Export.objects.of(by).unfinished().count() >= MOST_UNFINISHED:
        raise _refused(f"You have {MOST_UNFINISHED} exports under way. Wait for one of them, or cancel one.")
    export = Export(
        number=_next_number(),
        source=source.key,
        owner=by,
        owner_person=by.person_key,
        query=question.query,
        references=list(question.references),
        moment=question.moment,
        asked=" · ".join(question.words)[:1000],
        columns=[column.key for column in chosen],
        format=kind,
        zone=by.time_zone,
        access=access_of(by),
        promised=promised,
        is_unmasked=is_unmasked,
        reason=reason if is_unmasked else "",
        state=State.ASKED if is_unmasked else State.WAITING,
    )
    export.save(force_insert=True)
    facts: dict[str, Any] = {"rows": source.counted(promised), "format": export.format, "unmasked": is_unmasked}
    _record(Verb.EXPORT_ASKED, export, by=by, reason=without_numbers(export.reason), **facts)
    if is_unmasked:
        export.approval = _ask_second(export, source, by)
        export.save(update_fields=["approval"])
    else:
        _call_worker(export)
    return export


def _count(source: Source, question: Question, expected: int | None) -> int:
    found = question.count()
    if found > MOST:
        raise _refused(f"This would be more than {MOST:,} rows, which is the limit. Choose a shorter period.")
    if not found:
        raise _refused("Nothing matches any more, so there is nothing to export.")
    if expected is not None and found != expected:
        told = f"{source.counted(expected)} matched when you looked; {found:,} do now."
        raise _refused(f"{told} Nothing was started. Look again and confirm.")
    return found


def _check_columns(chosen: Sequence[Column], by: User, *, is_unmasked: bool, reason: str) -> None:
    if not is_unmasked:
        return
    check(by, "reports.request_unmasked")
    if not reason.strip():
        raise _refused("Say why the personal data are needed clear: a second person decides on it.")
    if not clear_columns(chosen, by):
        raise _refused("None of the chosen columns holds personal data that your role may see clear.")


def clear_columns(chosen: Sequence[Column], user: User) -> list[Column]:
    """The columns that an unmasked export shows clear to this person."""
    return [column for column in chosen if column.hides and _may(user, column.hides)]


def _may(user: User, right: str) -> bool:
    try:
        check(user, right)
    except PermissionDenied:
        return False
    return True


def _ask_second(export: Export, source: Source, by: User) -> ApprovalRequest:
    chosen = among(source.columns_for(by), export.columns)
    clear = ", ".join(column.label for column in clear_columns(chosen, by))
    return maker_checker.request(
        UNMASKED,
        export,
        by=by,
        summary=f"Unmasked export of {source.counted(export.promised)}: {clear}"[:300],
        consequence="A file with these personal data is made for one day. Only the person who asked can take it.",
        note=export.reason,
    )


def _next_number() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('reports_export_number')")
        (number,) = cursor.fetchone()
    return f"X-{dt.datetime.now(ZONE).year}-{number:06d}"


def _call_worker(export: Export) -> None:
    """Let the worker make it; the call commits with the deed. A call that waits already is enough."""
    lock = f"export-{export.pk}"
    with suppress(AlreadyEnqueued), transaction.atomic():
        app.configure_task(TASK, lock=lock, queueing_lock=lock).defer(export=export.pk)


# -- the second person ------------------------------------------------------------------------------------------------


def agreed(export: Export, request: ApprovalRequest, checker: User) -> str:
    """Another officer agreed: the worker makes the file. The caller holds the export."""
    export.state, export.checker, export.checker_person = State.WAITING, checker, checker.person_key
    export.approval = request
    export.save(update_fields=["state", "checker", "checker_person", "approval"])
    _call_worker(export)
    return f"The worker makes {export.number}."


def why_not_agree(export: Export) -> str:
    """What is in the way of an unmasked export now, whoever agrees; "" where nothing is."""
    if export.state != State.ASKED:
        return f"{export.number} is {State(export.state).label.lower()}."
    owner = User.objects.get(pk=export.owner_id)
    return why_not_now(export, owner)


def why_not_now(export: Export, owner: User) -> str:
    """Why this person gets no such file now; "" while what they may see is what it was when they asked."""
    if not owner.is_active:
        return "The account that asked for this export is not active any more."
    try:
        SOURCES[export.source].check(owner)
        if export.is_unmasked:
            check(owner, "reports.request_unmasked")
    except MissingPermission as missing:
        return f"Your role does not allow this export any more ({missing.permission})."
    return "" if access_of(owner) == export.access else CHANGED


# -- what its owner does ----------------------------------------------------------------------------------------------


@transaction.atomic
def cancel(export: Export, *, by: User) -> Export:
    """Stop it, or take the question back from the second person. What was written so far is thrown away."""
    present = _own(export, by)
    if present.is_over:
        return present
    if present.approval is not None and present.approval.is_pending:
        maker_checker.withdraw(present.approval, by=by, note="The export was cancelled.")
    _end(present, State.CANCELLED, "You cancelled it.")
    _record(Verb.EXPORT_CANCELLED, present, by=by)
    return present


@transaction.atomic
def discard(export: Export, *, by: User) -> Export:
    """Delete a file before its time."""
    present = _own(export, by)
    if not present.is_ready:
        return present
    _end(present, State.EXPIRED, "You deleted its file.")
    _record(Verb.EXPORT_DELETED, present, by=by, because="its owner asked for it")
    present.path.unlink(missing_ok=True)
    return present


@transaction.atomic
def take(export: Export, *, by: User) -> Path:
    """The whole file, for its owner; that it is taken is recorded before.

    Refused where what the person may see has changed since, where the file is not there, and where it is not whole.
    """
    present = _own(export, by)
    if not present.is_ready or (present.expires_at is not None and present.expires_at <= timezone.now()):
        raise _refused(f"{present.number} is {present.get_state_display().lower()}: there is no file to take.", present)
    if because := why_not_now(present, User.objects.get(pk=by.pk)):
        raise _refused(because, present)
    if not present.path.is_file() or present.path.stat().st_size != present.size:
        raise _refused("The file is not there any more, or not whole. Ask for the export again.", present)
    present.downloads, present.downloaded_at = present.downloads + 1, timezone.now()
    present.save(update_fields=["downloads", "downloaded_at"])
    _record(Verb.EXPORT_DOWNLOADED, present, by=by, rows=present.rows, sha256=present.sha256)
    return present.path


def _own(export: Export, by: User) -> Export:
    present: Export = Export.objects.locked().get(pk=export.pk)
    if present.owner_id != by.pk:
        raise _refused("Only the person who asked for this export can do this.", present, status=403)
    return present


# -- the worker's part ------------------------------------------------------------------------------------------------


def run(key: int) -> None:
    """Make the file of an export, from its first row, in its owner's name. Called again after a crash too."""
    export = Export.objects.select_related("owner").get(pk=key)
    with trail.acting(kind="USER", actor=export.owner.username, request_id=uuid5(export.key, "made").hex):
        number = _begin(export)
        if number is None:
            return
        part = export.part_of(number)
        try:
            _make(export, number, part)
        except Stopped:
            log.info("%s was stopped in run %s", export.number, number)
        except (OperationalError, InterfaceError):
            raise  # the database went away: the export is begun anew when it is back
        except (Refused, PermissionDenied) as refusal:
            _refuse(export, number, refusal.sentence if isinstance(refusal, Refused) else CHANGED)
        except Exception:
            reference = f"E-{secrets.token_hex(3).upper()}"
            log.exception("%s failed in run %s, reference %s", export.number, number, reference)
            _refuse(export, number, f"Something went wrong on our side. Ask again. Reference {reference}.")
        finally:
            part.unlink(missing_ok=True)


def _begin(export: Export) -> int | None:
    """Count a new run; None when there is nothing to make any more."""
    with transaction.atomic():
        present: Export = Export.objects.locked().get(pk=export.pk)
        if present.state not in (State.WAITING, State.RUNNING):
            return None
        for lost in range(1, present.run + 1):
            present.part_of(lost).unlink(missing_ok=True)
        if present.run >= MOST_RUNS:
            _end(present, State.REFUSED, f"It was interrupted {MOST_RUNS} times. Ask for a smaller part.")
            _record(Verb.EXPORT_MADE, present, by=present.owner, result="FAILED", told=present.sentence)
            return None
        present.run, present.done, present.state = present.run + 1, 0, State.RUNNING
        present.seen_at = timezone.now()
        present.started_at = present.started_at or present.seen_at
        present.save(update_fields=["run", "done", "state", "seen_at", "started_at"])
        again = f", run {present.run}" if present.run > 1 else ""
        _record(Verb.EXPORT_STARTED, present, by=present.owner, run=again)
    return int(present.run)


def _make(export: Export, number: int, part: Path) -> None:
    owner = User.objects.get(pk=export.owner_id)  # with the rights and the scope of this moment
    if because := why_not_now(export, owner):
        raise Refused(because)
    source = SOURCES[export.source]
    columns = among(source.columns_for(owner), export.columns)
    folder = part.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as out,
        Signs(export, number) as signs,
    ):
        if source.write is not None:
            rows = source.write(export, owner, out, signs.of_life)
        else:
            rows = _write(export, columns, statement_of(export, source, columns, owner), out, signs)
        if rows > MOST:
            raise Refused(f"More than {MOST:,} rows match now, which is the limit. Choose a shorter period.")
        out.flush()
        os.fsync(out.fileno())
        out.seek(0)
        digest = hashlib.file_digest(out, "sha256").hexdigest()
    _finish(export, number, part, rows, digest, columns, owner)


Statement = tuple[str, Sequence[Any]] | None


def statement_of(export: Export, source: Source, columns: Sequence[Column], owner: User) -> Statement:
    """The query whose rows the file holds, the owner's question asked once more; None where nothing can match."""
    question = source.ask_again(export, owner, export.moment)
    maker = source.maker(owner, export.moment, export.is_unmasked)
    is_csv = export.format == Export.Format.CSV and not _speaks(columns)
    cells = {}
    for place, column in enumerate(columns):
        cell = column.make(maker)
        cells[f"cell_{place}"] = sql.guarded(cell) if is_csv and column.is_guarded else cell
    rows = source.joined(question.rows, export.columns).annotate(**cells).values_list(*cells)[: MOST + 1]
    try:
        found: tuple[str, Sequence[Any]] = rows.query.sql_with_params()
    except EmptyResultSet:
        return None
    return found


def _write(export: Export, columns: Sequence[Column], statement: Statement, out: IO[bytes], signs: Signs) -> int:
    header = [column.label for column in columns]
    if export.format == Export.Format.XLSX:
        rows = _as_rows(statement, columns, export.zone, signs) if statement else iter(())
        return writing.write_xlsx(out, header, rows, title=str(export.get_source_display()))
    if _speaks(columns):
        return writing.write_csv(
            out, header, _as_rows(statement, columns, export.zone, signs) if statement else iter(())
        )
    out.write(writing.BYTE_ORDER_MARK + writing.csv_line(header) + b"\n")
    return _as_bytes(statement, export.zone, out, signs) if statement else 0


def _speaks(columns: Sequence[Column]) -> bool:
    """Whether words that the database does not know are among them: then each row passes through here."""
    return any(column.speaker for column in columns)


def _as_bytes(statement: tuple[str, Sequence[Any]], zone: str, out: IO[bytes], signs: Signs) -> int:
    """Rows as the database writes them: one block is one row."""
    count, buffer = 0, bytearray()
    with transaction.atomic(), connection.cursor() as cursor:
        _prepare(cursor, zone)
        with cursor.copy(f"COPY ({statement[0]}) TO STDOUT (FORMAT csv)", statement[1]) as copy:
            for block in copy:
                buffer += block
                count += 1
                if len(buffer) >= BUFFER:
                    out.write(buffer)
                    buffer.clear()
                    signs.of_life(count)
        _prepare(cursor, "UTC")
    out.write(buffer)
    return count


def _as_rows(
    statement: tuple[str, Sequence[Any]], columns: Sequence[Column], zone: str, signs: Signs
) -> Iterator[list[writing.Value]]:
    """Rows as values, one at a time."""
    numbers = [place for place, column in enumerate(columns) if column.kind is Kind.NUMBER]
    speakers = [(place, column.speaker()) for place, column in enumerate(columns) if column.speaker]
    with transaction.atomic(), connection.cursor() as cursor:
        _prepare(cursor, zone)
        with cursor.copy(f"COPY ({statement[0]}) TO STDOUT (FORMAT csv)", statement[1]) as copy:
            for count, row in enumerate(csv.reader(str(block, "utf-8") for block in copy), 1):
                cells: list[writing.Value] = list(row)
                for place in numbers:
                    text = row[place]
                    cells[place] = Decimal(text) if text else None
                for place, say in speakers:
                    cells[place] = say(row[place])
                yield cells
                if count % LOOK_EVERY == 0:
                    signs.of_life(count)
        _prepare(cursor, "UTC")


def _prepare(cursor: Any, zone: str) -> None:
    """Times in this zone, as long as it takes, and with one more process of the server, until the transaction ends.

    Django reads its own times in UTC alone. One helper makes a file faster, more would take from the pages.
    """
    for name, value in {"TimeZone": zone, "statement_timeout": "0", **_ONE_HELPER}.items():
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def _finish(
    export: Export, number: int, part: Path, rows: int, digest: str, columns: Sequence[Column], owner: User
) -> None:
    with transaction.atomic():
        present: Export = Export.objects.locked().select_related("owner").get(pk=export.pk)
        if present.state != State.RUNNING or present.run != number:
            raise Stopped
        now = timezone.now()
        present.rows = present.done = rows
        present.size, present.sha256 = part.stat().st_size, digest
        present.expires_at = now + (UNMASKED_KEPT if present.is_unmasked else KEPT)
        if rows != present.promised:
            present.sentence = SOURCES[present.source].differs.format(promised=present.promised, rows=rows)
        present.sidecar = _sidecar(present, columns, owner, now)
        _end(present, State.READY, present.sentence)
        day = timezone.localtime(present.expires_at, ZoneInfo(present.zone))
        told = f"{present.number} is ready: {SOURCES[present.source].counted(rows)}."
        _tell(present, f"{told} It is deleted on {formats.date(day)}.")
        _record(Verb.EXPORT_MADE, present, by=present.owner, told=f"{rows:,} rows", sha256=digest, rows=rows)
        part.replace(present.path)  # last: where anything above fails there is no file under its own name


def _sidecar(export: Export, columns: Sequence[Column], owner: User, now: dt.datetime) -> dict[str, Any]:
    """What the file is, for whoever finds it later."""
    clear = set(clear_columns(columns, owner)) if export.is_unmasked else set()
    return {
        "export": export.number,
        "file": export.name,
        "sha256": export.sha256,
        "bytes": export.size,
        "rows": export.rows,
        "rows_when_asked": export.promised,
        "difference": export.sentence or None,
        "what": SOURCES[export.source].noun[1],
        "filters": export.asked.split(" · "),
        "as_at": writing.text_of(export.moment, dt.UTC),
        "asked_by": owner.username,
        "asked_at": writing.text_of(export.created_at, dt.UTC),
        "made_at": writing.text_of(now, dt.UTC),
        "time_zone": export.zone,
        "personal_data": _how_clear(export, clear),
        "agreed_by": export.checker.username if export.checker else None,
        "reason": export.reason or None,
        "columns": [
            {"name": one.key, "heading": one.label, "kind": one.kind, "masked": bool(one.hides) and one not in clear}
            for one in columns
        ],
        "note": writing.GUARD if export.format == Export.Format.CSV else None,
    }


def _how_clear(export: Export, clear: set[Column]) -> str:
    if export.source == Export.Source.CERTIFICATES:
        return "clear: certificates name remitter, beneficiary and account"
    return "clear where the columns say so" if clear else "masked"


def _refuse(export: Export, number: int, sentence: str) -> None:
    with transaction.atomic():
        present: Export = Export.objects.locked().select_related("owner").get(pk=export.pk)
        if present.state == State.RUNNING and present.run == number:
            _end(present, State.REFUSED, sentence)
            _tell(present, f"{present.number} was not made. {sentence}")
            _record(Verb.EXPORT_MADE, present, by=present.owner, result="FAILED", told=sentence)


def _tell(export: Export, sentence: str) -> None:
    notifications.tell(FINISHED.key, [export.owner], about=Subject.of(export), sentence=sentence)


class Signs:
    """The signs of life of a run, given on a connection of its own: the other one is busy with the rows.

    `of_life` raises Stopped once the export was cancelled or another run has begun.
    """

    def __init__(self, export: Export, number: int) -> None:
        self.key, self.number = export.pk, number
        self._next = time.monotonic() + SIGN_SECONDS
        self._connection: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._connection is not None:
            self._connection.close()

    def of_life(self, rows: int) -> None:
        """Say how many rows are written, at most twice a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SIGN_SECONDS
        if self._connection is None:
            self._connection = connection.copy()
        with self._connection.cursor() as cursor:
            cursor.execute(
                "UPDATE reports_export SET done = %s, seen_at = now() WHERE id = %s AND run = %s AND state = 'running'",
                [rows, self.key, self.number],
            )
            if cursor.rowcount:
                return
            cursor.execute("SELECT state, run FROM reports_export WHERE id = %s", [self.key])
            if cursor.fetchone() is not None:
                raise Stopped


@transaction.atomic
def look_after(*, now: dt.datetime | None = None) -> int:
    """Begin anew what lost its worker, and end what nobody agreed on. For the worker; answers how many."""
    now = now or timezone.now()
    count = 0
    for export in (
        Export.objects.unfinished().select_for_update(of=("self",), skip_locked=True).select_related("approval")
    ):
        request = export.approval
        if export.state == State.ASKED and request is not None and not request.is_pending:
            _end(export, State.REFUSED, maker_checker.decided_before(request))
            count += 1
        elif export.state != State.ASKED and (export.seen_at or export.created_at) < now - LOST_AFTER:
            _call_worker(export)
            count += 1
    return count


@transaction.atomic
def delete_old(*, now: dt.datetime | None = None) -> int:
    """Delete the files whose time is over, and what lost runs left behind. For the worker; answers how many ended."""
    over = list(Export.objects.over(now or timezone.now()).locked())
    for export in over:
        _end(export, State.EXPIRED, "Its time was over.")
    if over:
        numbers = [export.number for export in over]
        trail.record(
            Verb.EXPORT_DELETED, object_type="reports.export", facts={"count": len(over), "exports": numbers[:100]}
        )
    for export in over:
        export.path.unlink(missing_ok=True)
    _sweep()
    return len(over)


def _sweep() -> None:
    """Files that belong to no export that is kept, a day old or more."""
    folder = Path(settings.EXPORT_DIR)
    kept = {export.path.name for export in Export.objects.filter(state=State.READY)}
    for file in folder.glob("*.*") if folder.is_dir() else ():
        if file.name not in kept and file.stat().st_mtime < time.time() - 86_400:
            file.unlink(missing_ok=True)


# -- how it stands -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """How an export stands, for its page: a word, a sentence, and how far it is of how many rows."""

    word: str
    sentence: str = ""
    is_over: bool = False
    is_lost: bool = False

    @property
    def is_under_way(self) -> bool:
        return not self.is_over


def standing_of(export: Export, *, now: dt.datetime | None = None) -> Standing:
    """How it stands now. A run that lost its worker is told as what it is: interrupted, and no file."""
    now, request = now or timezone.now(), export.approval
    word = str(State(export.state).label)
    if export.is_over:
        return Standing(word, export.sentence, is_over=True)
    if export.state == State.ASKED and request is not None and not request.is_pending:
        return Standing(str(State.REFUSED.label), maker_checker.decided_before(request), is_over=True)
    if export.state == State.RUNNING and (export.seen_at or now) < now - QUIET_AFTER:
        told = f"Interrupted after {export.done:,} of {export.promised:,} rows. The worker begins anew within minutes."
        return Standing("Interrupted", told, is_lost=True)
    if export.run > 1:
        return Standing(word, "It was interrupted and began anew, so that all its rows are of one moment.")
    return Standing(word)


# -- words ------------------------------------------------------------------------------------------------------------


def _end(export: Export, state: State, sentence: str) -> None:
    export.state, export.sentence, export.ended_at = state, sentence[:500], timezone.now()
    export.save()


def _record(verb: Verb, export: Export, *, by: User, reason: str = "", result: str = "OK", **facts: Any) -> None:
    about = {"what": f"{SOURCES[export.source].noun[1]}: {export.asked}"}
    trail.record(verb, by=by, obj=export, reason=reason, result=result, facts=about | facts)


def _refused(sentence: str, export: Export | None = None, *, status: int = 409) -> Refused:
    number = export.number if export else ""
    return Refused(sentence, status=status, verb="export", object_type="reports.export", object_id=number)
