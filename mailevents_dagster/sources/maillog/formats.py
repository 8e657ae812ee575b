"""What the store needs to know of log lines: the line itself is the record, and its grammar gives the columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import blake2b
from typing import Final

import pyarrow as pa

from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.sources.maillog.grammar import exim, postfix
from mailevents_dagster.sources.maillog.grammar.columns import COLUMNS
from mailevents_dagster.sources.maillog.stamps import time_of

Understand = Callable[[pa.StringArray], Sequence[pa.Array]]

GRAMMARS: Final[dict[str, Understand]] = {"exim": exim.understand, "postfix": postfix.understand}
_HOST: Final = [column.name for column in COLUMNS].index("host")


def identity_of(line: bytes) -> bytes:
    """Return the digest by which a line is known again; equal ones are told apart by counting them."""
    return blake2b(line, digest_size=16).digest()


@cache
def line_format(format_: str, server: str | None) -> RowFormat:
    """Return how lines become rows; lines that name no host get that of the server."""
    understand = GRAMMARS[format_]

    def read(lines: pa.StringArray) -> Sequence[pa.Array]:
        arrays = list(understand(lines))
        if server is not None:
            arrays[_HOST] = arrays[_HOST].fill_null(server)
        return arrays

    return RowFormat(COLUMNS, read, _event_of, lambda _: None, known_column="known", outcome_column="event")


def _event_of(line: bytes, time: int) -> Event:
    digest = identity_of(line)
    found = time_of(line.decode(), time)
    return Event(time if found is None else found, digest, digest, Detail.WHOLE, line)
