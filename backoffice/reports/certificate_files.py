"""Many e-PRCs as one ZIP, with an index that says of each payment which certificate it has, or why none."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Final

from accounts.errors import Refused
from backoffice.reports import certificates, writing
from transactions.models import Transaction

if TYPE_CHECKING:
    from accounts.models import User
    from backoffice.reports.models import Export

HEADER: Final = ("Payment", "Certificate", "File", "Why there is none")
NOT_FOUND: Final = "It is not in your scope any more."
_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)


def write(export: Export, owner: User, out: IO[bytes], of_life: Callable[[int], None]) -> int:
    """Issue what is not issued yet, each by itself, and put the papers into a ZIP; how many there are.

    Begun anew after a crash it issues nothing twice: what has a certificate keeps it.
    """
    index: list[writing.Row] = []
    count = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for done, reference in enumerate(export.references, 1):
            try:
                number, paper = _certificate_of(reference, owner)
            except Refused as refusal:
                index.append((reference, "", "", refusal.sentence))
            else:
                count += 1
                index.append((reference, number, f"{number}.pdf", ""))
                archive.writestr(_part(f"{number}.pdf"), paper)
            of_life(done)
        listed = io.BytesIO()
        writing.write_csv(listed, HEADER, index)
        archive.writestr(_part("index.csv"), listed.getvalue())
    return count


def _certificate_of(reference: str, owner: User) -> tuple[str, bytes]:
    payment = Transaction.objects.visible_to(owner).called(reference).first()
    if payment is None:
        raise Refused(NOT_FOUND)
    certificate = certificates.issue(payment, by=owner)
    return certificate.number, certificates.paper_of(certificate)


def _part(name: str) -> zipfile.ZipInfo:
    part = zipfile.ZipInfo(name, _FIRST_DAY)
    part.compress_type = zipfile.ZIP_DEFLATED
    return part
