"""The text of alerts: one short message for all the news, which reads well in a chat and in a mail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from mailevents_dagster.alerts.troubles import Entry, Kind, News, Trouble
from mailevents_dagster.files.printable import counted, printable

NAMED: Final = 15
"""Troubles in one message; Slack shows 4,000 characters at once."""
CAUSES_NAMED: Final = 3
SAID_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Message:
    """A subject of one line, and the lines below it."""

    subject: str
    text: str


TEST: Final = Message(
    "mailevents: this is a test", "Somebody has tried whether alerts arrive here. They do; nothing is wrong."
)


def message_of(news: News, timezone: str) -> Message:
    """Return one message for all of the news."""
    heads = []
    if news.troubles:
        heads.append(f"{counted(len(news.troubles), 'trouble')} ({_causes(news.troubles)})")
    if news.over:
        heads.append(f"{counted(len(news.over), 'trouble')} over")
    lines = [*_listed(news.troubles, timezone)]
    if news.over:
        lines += [*([""] if lines else []), "Over:", *_listed(news.over, timezone, over=True)]
    lines += ["", "`mailevents status` shows all feeds, `mailevents alerts` all that is wrong."]
    return Message(printable(f"mailevents: {', '.join(heads)}", SAID_CHARACTERS), "\n".join(lines))


def line(trouble: Trouble, entry: Entry, timezone: str, *, over: bool = False) -> str:
    """Return a trouble in one line."""
    name = f"{'job ' if trouble.subject.kind is Kind.JOB else ''}{trouble.subject.name}"
    if over:
        return f"{name}: {trouble.cause}, {moment(entry.since, timezone)} to {moment(entry.seen, timezone)}"
    return (
        f"{name}: {trouble.cause}, since {moment(entry.since, timezone)}. "
        f"{printable(entry.said.replace(chr(10), ' '), SAID_CHARACTERS)}"
    )


def moment(time: float, timezone: str) -> str:
    return datetime.fromtimestamp(time, ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M")


def _listed(news: Sequence[tuple[Trouble, Entry]], timezone: str, *, over: bool = False) -> Iterator[str]:
    for trouble, entry in news[:NAMED]:
        yield f"- {line(trouble, entry, timezone, over=over)}"
    if len(news) > NAMED:
        yield f"and {len(news) - NAMED:,} more"


def _causes(news: Sequence[tuple[Trouble, Entry]]) -> str:
    causes = Counter(trouble.cause for trouble, _ in news).most_common()
    named = [cause if number == len(news) else f"{number:,} {cause}" for cause, number in causes[:CAUSES_NAMED]]
    return ", ".join([*named, "…"] if len(causes) > CAUSES_NAMED else named)
