"""Stories on a page: HTML that needs nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from mailevents_dagster.deliverability.trace.story import Recipient, Record, Story
from mailevents_dagster.summaries.report import STYLE

_HEAD: Final = ("time", "what", "server", "answer", "told by")


def page(sought: str, stories: Sequence[Story], timezone: str) -> str:
    """Return a page with all stories, the newest first, and the records that they rest on."""
    title = f"What became of {sought}"
    body = "\n".join(line for one in stories for line in _story(one, ZoneInfo(timezone)))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        f'<p class="soft">{len(stories):,} mails; times are of {escape(timezone)}.</p>\n{body}\n</body>\n</html>\n'
    )


def step_text(said: Any) -> tuple[str, str, str]:
    """Return what a step says, for people: what became of it, where, and the answer."""
    class_ = f" ({said['class']}: {said.get('rule', '')})" if "class" in said else ""
    where = " → ".join(str(said[name]) for name in ("server", "relay_host") if name in said)
    tls = " over TLS" if said.get("tls") else ""
    return f"{said['outcome']}{class_}", where + tls, str(said.get("text") or said.get("code") or "")


def _story(story: Story, zone: ZoneInfo) -> Iterator[str]:
    yield f"<section><h2>{_of(story.subject or story.message_id or ', '.join(story.queue_ids))}</h2>"
    facts = {
        "Message-ID": story.message_id,
        "queue ids": ", ".join(story.queue_ids),
        "from": story.sender,
        "accepted": _time(story.accepted_at, zone),
    }
    yield "<p>" + " · ".join(f"{name}: {_of(value)}" for name, value in facts.items() if value) + "</p>"
    for recipient in story.recipients:
        yield from _recipient(recipient, zone)
    yield from _records(story.records, zone)
    yield "</section>"


def _recipient(recipient: Recipient, zone: ZoneInfo) -> Iterator[str]:
    yield f"<h3>{_of(recipient.address or 'no recipient named')}: {_of(recipient.final)}</h3><table>"
    yield "<tr>" + "".join(f"<th>{name}</th>" for name in _HEAD) + "</tr>"
    for step in recipient.steps:
        cells = (_time(step.time, zone), *step_text(step.said), step.said.get("feed", ""))
        yield "<tr>" + "".join(f"<td>{_of(cell)}</td>" for cell in cells) + "</tr>"
    yield "</table>"


def _records(records: Sequence[Record], zone: ZoneInfo) -> Iterator[str]:
    if records:
        yield "<table><caption>Records</caption><tr><th>time</th><th>feed</th><th>record</th></tr>"
        for one in records:
            cells = (_time(one.time, zone), one.feed, one.raw)
            yield "<tr>" + "".join(f"<td>{_of(cell)}</td>" for cell in cells) + "</tr>"
        yield "</table>"


def _time(time: datetime | None, zone: ZoneInfo) -> str:
    return time.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if time else ""


def _of(value: object) -> str:
    return escape(str(value))
