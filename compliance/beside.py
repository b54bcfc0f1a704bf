"""The cases before and after one in the queue that it was opened from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import QueryDict

from compliance.filters import CaseQuery, before, beyond
from transactions import way_back

if TYPE_CHECKING:
    from compliance.dossier import CaseDossier


@dataclass(frozen=True, slots=True)
class Beside:
    """The cases beside one in the queue that it was opened from, and the way back to that queue."""

    previous_url: str = ""
    next_url: str = ""
    back_url: str = ""


def beside(dossier: CaseDossier) -> Beside:
    """What stands before and after the case in its queue; nothing where it was not opened from one."""
    query, case, back = _queue_of(dossier), dossier.case, way_back.address(dossier.mark)
    if query is None or (query.is_closed and case.closed_at is None):
        return Beside(back_url=back)
    after = query.rows.filter(beyond(case, closed=query.is_closed)).first()
    ahead = query.rows.filter(before(case, closed=query.is_closed)).reverse().first()
    previous_url, next_url = (f"{one.get_absolute_url()}?from={dossier.mark}" if one else "" for one in (ahead, after))
    return Beside(previous_url, next_url, back)


def _queue_of(dossier: CaseDossier) -> CaseQuery | None:
    """The queue that the case was opened from."""
    params = way_back.query_of(dossier.mark, "c") if dossier.mark else None
    if params is None:
        return None
    plain = QueryDict(mutable=True)
    for name, values in params.lists():
        if name != "after":
            plain.setlist(name, values)
    query = CaseQuery(plain, dossier.user, dossier.now)
    return None if query.troubles else query
