"""The records of an aggregate report, kept as lines of JSON: beyond 8 MB in a file without a name, not in memory."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from typing import Final, TypedDict, cast

import orjson

_IN_MEMORY: Final = 2**23


Texts = dict[str, str | None]
"""Values by their names; None where there is none."""


class Evaluated(TypedDict):
    """What the receiver made of it. `dkim` and `spf` are the aligned results."""

    disposition: str | None
    dkim: str | None
    spf: str | None
    reason: list[Texts]


class AuthResults(TypedDict):
    """What DKIM and SPF gave, whoever's domain it was."""

    dkim: list[Texts]
    spf: list[Texts]


class Record(TypedDict):
    """Mails of one source that were treated alike."""

    source_ip: str
    count: int
    policy_evaluated: Evaluated
    identifiers: Texts
    auth_results: AuthResults
    dkim_aligned: bool | None
    """None where the receiver does not say."""
    spf_aligned: bool | None
    dmarc_passed: bool | None
    extension: dict[str, object]


class Records:
    """Records in the order of their report; they can be read again and again."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed with the last use
        weakref.finalize(self, self._file.close)
        self._count = self._messages = 0

    def __len__(self) -> int:
        return self._count

    @property
    def messages(self) -> int:
        """How many mails the records count."""
        return self._messages

    def add(self, record: Record) -> None:
        """Add a record; not while they are read."""
        self._file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
        self._count += 1
        self._messages += record["count"]

    def lines(self) -> Iterator[bytes]:
        """Yield each record as JSON, without the end of its line."""
        self._file.seek(0)
        for line in self._file:
            yield line[:-1]

    def __iter__(self) -> Iterator[Record]:
        return (cast("Record", orjson.loads(line)) for line in self.lines())
