"""Text that nobody sends by accident."""

from __future__ import annotations

import sys

import pyarrow as pa

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.schema import COLUMNS, FIELDS
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING

HOLD = feed_of(DOMAIN, "quarantine/hold")
TEXTS = {
    "a way up": "../../../../quarantines",
    "an absolute path": "/etc/passwd",
    "a way up on Windows": "..\\..\\C:\\x:y",
    "dots": "..",
    "line ends": "a\nb\r\nc\u2028d\x85e\x0bf",
    "NUL": "a\x00b\x00",
    "quotes": '"\'`$(id)`;--\\"',
    "patterns": "{domain}{0}%Y%s%n*?[!-~]",
    "terminal codes": "\x1b]0;owned\x07\x1b[31m\x9b2J\u202e",
    "a lone surrogate": "a\ud800",
    "a megabyte": "x" * 2**20,
}
NO_ADDRESS = ("a lone surrogate", "a megabyte")
"""Texts that as a queue id can be no part of an address, so that such a mail has no detail."""

DEEP = b"[" * 10_000 + b"]" * 10_000
EDGE = b"[" * 1020 + b"]" * 1020
"""As deep as can be read. Python 3.11 cannot write it; later ones can, and keep such a record like any other."""
CAN_BE_WRITTEN = sys.version_info >= (3, 12)

HOUR_FILES = {
    INCOMING: (
        "data/output/example.com/mail/incominglog/example.com_incominglog_2026-11-20_12.log",
        "data/parquet/domain=example.com/category=mail/type=incominglog/date=2026-11-20/12.parquet",
        "data/manifests/example.com/mail/incominglog/2026-11-20/12.json",
        "data/cursors/example.com/mail/incominglog.json",
        "data/locks/example.com/mail/incominglog.lock",
        "data/locks/example.com/mail/incominglog/cursor.lock",
        "data/locks/example.com/mail/incominglog/12.lock",
    ),
    HOLD: (
        "data/output/example.com/quarantine/hold/example.com_hold_2026-11-20_12.log",
        "data/parquet/domain=example.com/category=quarantine/type=hold/date=2026-11-20/12.parquet",
        "data/manifests/example.com/quarantine/hold/2026-11-20/12.json",
        "data/cursors/example.com/quarantine/hold.json",
        "data/locks/example.com/quarantine/hold.lock",
        "data/locks/example.com/quarantine/hold/cursor.lock",
        "data/locks/example.com/quarantine/hold/12.lock",
    ),
    AUTHENTICATION: (
        "data/output/example.com/authentication/example.com_auth_2026-11-20_12.log",
        "data/parquet/domain=example.com/category=authentication/type=auth/date=2026-11-20/12.parquet",
        "data/manifests/example.com/authentication/2026-11-20/12.json",
        "data/cursors/example.com/authentication.json",
        "data/locks/example.com/authentication.lock",
        "data/locks/example.com/authentication/cursor.lock",
        "data/locks/example.com/authentication/12.lock",
    ),
}


def text_fields(feed: Feed) -> list[tuple[str, str]]:
    """The text columns of a feed, each with the field of the record that it shows."""
    columns = COLUMNS[feed.kind.category]
    return [(column.name, FIELDS.get(column.name, column.name)) for column in columns if column.type == pa.string()]


def fit_for_a_log(message: str) -> bool:
    return message.isprintable() and len(message) < 700
