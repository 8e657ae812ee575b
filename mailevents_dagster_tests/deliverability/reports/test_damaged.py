"""Reports that were damaged in random places: whatever is in a file, it becomes values."""

from __future__ import annotations

import io
import random

import pyarrow as pa
import pytest

from mailevents_dagster.deliverability.complaints import rows as complaints
from mailevents_dagster.deliverability.dmarc import rows as dmarc
from mailevents_dagster.deliverability.reports.reading import read_reports
from mailevents_dagster.deliverability.reports.values import Feedback
from mailevents_dagster_tests.deliverability.reports.samples import aggregate, connections, gzipped, record, zipped
from mailevents_dagster_tests.deliverability.reports.test_feedback import ABUSE, report
from mailevents_dagster_tests.deliverability.reports.test_packings import TEXT, mail, part

WHOLE = {
    "xml": aggregate(record(), record("2001:db8::1")),
    "gzip": gzipped(aggregate()),
    "zip": zipped(("a.xml", aggregate()), ("b.json", connections())),
    "json": connections(),
    "mail": mail(TEXT, part(gzipped(aggregate()), "Content-Type: application/gzip")),
    "complaint": report(ABUSE),
    "failure": report(ABUSE.replace("abuse", "auth-failure")),
}
PIECES = (b"<", b"&", b">", b'"', b"\0", b"{", b"[", b"<!", b"--", b"=?", b"\r\n", b"<record>", b"</record>", b"1e999")


def damaged(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                data[at:at] = chance.choice(PIECES)
            case 2:
                del data[at : at + chance.randrange(1, 50)]
            case _:
                other = chance.randrange(len(data) + 1)
                data[at:at] = data[other : other + chance.randrange(1, 200)]
    return bytes(data)


@pytest.mark.parametrize("kind", WHOLE)
def test_whatever_is_damaged_becomes_values(kind: str) -> None:
    for seed in range(150):
        content = damaged(WHOLE[kind], random.Random(f"{kind} {seed}"))
        for found in read_reports("a", io.BytesIO(content)):
            pa.Table.from_pylist([*dmarc.rows_of(found, "example.com")], dmarc.SCHEMA)
            if isinstance(found, Feedback):
                pa.Table.from_pylist([*complaints.rows_of(found, "example.com")], complaints.SCHEMA)
