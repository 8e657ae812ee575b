"""The records that an answer of the API holds. Pure."""

from __future__ import annotations

from collections.abc import Sequence

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
