"""Entries of the journal as lines of a log: each written as rsyslog writes it, with a stamp of RFC 3339."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

FIELDS: Final = (
    "MESSAGE",
    "_HOSTNAME",
    "SYSLOG_IDENTIFIER",
    "_COMM",
    "SYSLOG_PID",
    "_PID",
    "MESSAGE_ID",
    "N_DROPPED",
)
"""What is asked for of each entry, beside the fields that journalctl always gives."""
MICROSECONDS: Final = 1_000_000
LONGEST_LINE: Final = 2**20
"""Longer texts become several lines, as they do in files."""
_DROPPED: Final = "a596d6fe7bfa4994828e72309e95d61e"
"""The id of journald's message that it dropped messages of a service, since they came too fast."""


class Entry(NamedTuple):
    """One entry. Its time is that at which journald took it, which is also what windows of journalctl go by."""

    cursor: str
    """What journalctl knows it by; nobody else reads anything out of it."""
    time: int
    """In microseconds since 1970."""
    boot: str
    uptime: int
    """In microseconds since the boot: it never goes back."""
    lines: tuple[str, ...]
    dropped: int
    """How many messages journald says it dropped before it."""


def entry_of(text: bytes) -> Entry:
    """Return an entry from a line of journalctl's JSON; ValueError or KeyError where it is none."""
    fields: dict[str, Any] = orjson.loads(text)
    at = int(fields["__REALTIME_TIMESTAMP"])
    head = _head(fields, at)
    message = fields.get("MESSAGE")
    if type(message) is str and "\n" not in message and len(message) <= LONGEST_LINE:
        lines: tuple[str, ...] = (head + message,)
    else:
        lines = tuple(head + piece for piece in _pieces(message))
    dropped = int(_text(fields["N_DROPPED"])) if fields.get("MESSAGE_ID") == _DROPPED and "N_DROPPED" in fields else 0
    return Entry(fields["__CURSOR"], at, fields["_BOOT_ID"], int(fields["__MONOTONIC_TIMESTAMP"]), lines, dropped)


def _head(fields: Mapping[str, object], at: int) -> str:
    seconds, microseconds = divmod(at, MICROSECONDS)
    program = _text(fields.get("SYSLOG_IDENTIFIER") or fields.get("_COMM") or "unknown")
    pid = fields.get("SYSLOG_PID") or fields.get("_PID")
    tag = f"{program}[{_text(pid)}]" if pid else program
    return f"{_second(seconds)}.{microseconds:06}+00:00 {_text(fields.get('_HOSTNAME') or 'localhost')} {tag}: "


@lru_cache(8)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _pieces(message: object) -> Iterator[str]:
    """Yield the lines of a message: at least one, which may be empty."""
    for line in _text(message).removesuffix("\n").split("\n"):
        yield line[:LONGEST_LINE]
        for start in range(LONGEST_LINE, len(line), LONGEST_LINE):
            yield line[start : start + LONGEST_LINE]


def _text(value: object) -> str:
    """Return the text of a field: JSON has it as such, as numbers of bytes, or as a list where it is there twice."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    if all(type(one) is int for one in value):
        content = bytes(value)
        try:
            return content.decode()
        except UnicodeDecodeError:
            return content.decode("latin-1")
    return "\n".join(map(_text, value))
