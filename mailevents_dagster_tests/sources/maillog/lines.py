"""Lines of mail servers as a table of committed events, for tests of what is made of them."""

from __future__ import annotations

from types import ModuleType

import pyarrow as pa

from mailevents_dagster.sources.maillog.grammar import exim, postfix
from mailevents_dagster.sources.maillog.grammar.columns import COLUMNS

START = 1_795_996_800
"""2026-11-30 00:00 UTC."""

Line = tuple[str, float, str]
"""A server, seconds since the start, and what its line says behind the stamp."""


def table(*lines: Line) -> pa.Table:
    """Return lines as the store keeps them; a server whose name begins with `exim` runs Exim."""
    return pa.concat_tables([_rows(server, second, words) for server, second, words in lines])


def _rows(server: str, second: float, words: str) -> pa.Table:
    grammar: ModuleType = exim if server.startswith("exim") else postfix
    head = "2026-11-30 00:00:00" if grammar is exim else "Nov 30 00:00:00 mx"
    arrays = grammar.understand(pa.array([f"{head} {words}"]))
    times = pa.array([int((START + second) * 1000)], pa.timestamp("ms", tz="UTC"))
    names = ["domain", "event_time", *(column.name for column in COLUMNS)]
    return pa.table([pa.array([server]), times, *arrays], names=names)
