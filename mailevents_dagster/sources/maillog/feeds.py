"""The feeds that a mail server's log has: its lines, the bounces among them, and what a queue took of these."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.feed import Feed, FeedKind

if TYPE_CHECKING:
    from mailevents_dagster.model.columns import RowFormat
    from mailevents_dagster.model.outcome import OutcomesOf

SOURCE: Final = "maillog"
CATEGORY: Final = "maillog"
PROGRAMS: Final = {"exim": "Exim", "postfix": "Postfix"}
"""The names of the programs by the formats of their logs."""


def _line_rows(format_: str, server: str | None = None) -> RowFormat:
    from mailevents_dagster.sources.maillog.formats import line_format

    return line_format(format_, server)


def _bounce_rows() -> RowFormat:
    from mailevents_dagster.sources.maillog.bounces.format import BOUNCE_ROWS

    return BOUNCE_ROWS


def _receipt_rows() -> RowFormat:
    from mailevents_dagster.sources.receipts import RECEIPT_ROWS

    return RECEIPT_ROWS


def _deliveries() -> OutcomesOf:
    from mailevents_dagster.sources.maillog.outcomes import deliveries

    return partial(deliveries, _all_lines_of)


def _failures() -> OutcomesOf:
    from mailevents_dagster.sources.maillog.outcomes import failures

    return partial(failures, _all_lines_of)


def _line_kind(format_: str) -> FeedKind:
    return FeedKind(
        source=SOURCE,
        name=f"{CATEGORY}/{format_}",
        category=CATEGORY,
        type=format_,
        summary=f"The lines of a log of {PROGRAMS[format_]}: what each tells, and the line itself.",
        load_rows=partial(_line_rows, format_),
        key=(),
        makes_calls=False,
        owner="server",
        has_json_log=False,
        log_folder=CATEGORY,
        is_in_lives=True,
        load_outcomes=_deliveries,
        facts={"read from": "the growing file and all that rotation leaves of it, or systemd's journal"},
    )


BOUNCES: Final = FeedKind(
    source=SOURCE,
    name=f"{CATEGORY}/bounces",
    category=CATEGORY,
    type="bounces",
    summary="Each recipient and attempt that failed, why, and which of the operator's patterns it matches.",
    load_rows=_bounce_rows,
    key=("bounces",),
    makes_calls=False,
    owner="server",
    log_folder=CATEGORY,
    load_outcomes=_failures,
    facts={"made of": "the committed lines of the same hour"},
)
SQS: Final = FeedKind(
    source=SOURCE,
    name=f"{CATEGORY}/sqs",
    category=CATEGORY,
    type="sqs",
    summary="The bounces that were published to the queue: what it answered to each, and when.",
    load_rows=_receipt_rows,
    key=("sqs",),
    makes_calls=False,
    owner="server",
    is_delivery=True,
    log_folder=CATEGORY,
    facts={"made of": "the committed bounces of the same hour, and the outbox"},
)
FEED_KINDS: Final = {kind.name: kind for kind in (*map(_line_kind, PROGRAMS), BOUNCES, SQS)}
"""Every feed that a log can have, by its name."""


def _all_lines_of(server: str) -> list[Feed]:
    return [lines_of(server, format_) for format_ in PROGRAMS]


def lines_of(server: str, format_: str) -> Feed:
    """Return the feed of the lines of a server, which is the host of lines that name none."""
    kind = FEED_KINDS[f"{CATEGORY}/{format_}"]
    return Feed(server, replace(kind, load_rows=partial(_line_rows, format_, server)))
