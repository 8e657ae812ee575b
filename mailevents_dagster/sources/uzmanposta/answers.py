"""What an answer of the API says: its records, how long to wait, what time it is there. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.rows import Record, Row, row_of
from mailevents_dagster.sources.uzmanposta.schema import typed_fields


class WrongAnswerError(ValueError):
    """An answer with status 200 that is not what was asked for."""


def rows_in(feed: Feed, answer: object) -> Sequence[Row]:
    if not isinstance(answer, list) or not all(isinstance(record, dict) for record in answer):
        raise WrongAnswerError(f"not a list of records but {_shape(answer)}")
    return [row_of(feed.kind.category, record) for record in answer]


def record_in(queue_id: str, answer: object) -> Record:
    if not isinstance(answer, dict):
        raise WrongAnswerError(f"not a record but {_shape(answer)}")
    if str(answer.get("queue_id")) != queue_id:
        raise WrongAnswerError("a record without this mail's queue id")
    return Record(one_line(answer), typed_fields("mail", answer), frozenset(answer))


def _shape(answer: object) -> str:
    inner = f" with {len(answer)} entries" if isinstance(answer, (list, dict)) else ""
    return f"a {type(answer).__name__}{inner}"


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
