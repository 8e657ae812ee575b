"""What the headers of an answer say: how long to wait, what time it is there. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds to wait, from a number or an HTTP date; None if the header is absent or unreadable.

    A date is compared with the date of the answer, which is by the same clock, or with `now` if there is none.
    """
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        until, sent = http_date(value), http_date(headers.get("Date", ""))
        if until is None:
            return None
        seconds = until - (now if sent is None else sent)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def http_date(text: str) -> float | None:
    """Return the Unix time of an HTTP date, which is UTC even if it names no zone; None if it cannot be read."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
