"""The own time of a record, as listings filter by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def own_time(record: dict[str, Any]) -> int | None:
    """Unix seconds: that of the first recipient, else the record's own; None where there is nothing to read."""
    for value in _candidates(record):
        time = seconds(value)
        if time is not None:
            return time
    return None


def known_time(record: dict[str, Any]) -> int:
    """The own time of a record; 1970 where it has none to read."""
    return own_time(record) or 0


def seconds(value: object) -> int | None:
    """A time as a number or as text, in whole seconds."""
    if not isinstance(value, (int, float, str)):
        return None
    try:
        return int(float(value))
    except (ValueError, OverflowError):
        return None


def _candidates(record: dict[str, Any]) -> Iterator[object]:
    recipients = record.get("recipients")
    if isinstance(recipients, list) and recipients and isinstance(recipients[0], dict):
        yield recipients[0].get("time")
    for name in ("time", "timestamp", "starttime"):
        yield record.get(name)
