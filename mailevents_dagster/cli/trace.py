"""`mailevents trace`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mailevents_dagster.cli.terminal import Exit, configured, console, json_option, show_json, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailevents_dagster.deliverability.trace.finding import Sought
    from mailevents_dagster.deliverability.trace.story import Story
    from mailevents_dagster.settings import Settings

DAYS: Final = 366
"""How far back is looked where nothing else is asked."""


@click.command()
@click.argument("sought", metavar="MESSAGE-ID|QUEUE-ID|ADDRESS")
@click.option(
    "--domain", "domains", multiple=True, metavar="DOMAIN", help="Of deliverability, may be repeated; else all."
)
@click.option("--from", "first", metavar="DAY", help="First day, such as 2026-11-01; else a year back.")
@click.option("--to", "last", metavar="DAY", help="Last day; else today.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many mails.")
@click.option(
    "--page", "page_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write HTML."
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write JSON with every record, the files it lies in, and their digests.",
)
@json_option()
def trace(
    sought: str,
    domains: tuple[str, ...],
    first: str | None,
    last: str | None,
    limit: int,
    page_file: Path | None,
    evidence: Path | None,
    *,
    as_json: bool,
) -> None:
    """Tell the story of a mail: accepted, each attempt with the answer, and what came after, from all feeds.

    Names people and subjects: it is for whoever may know them. Ends with 3 where nothing is told.
    """
    from dataclasses import asdict

    from mailevents_dagster.deliverability.trace.page import page

    settings = configured()
    asked = _sought(settings, sought, first, last)
    stories = list(_stories(settings, domains, asked, limit))
    if evidence:
        _write(evidence, _json({"sought": sought, "made_at": time.time(), "mails": [asdict(one) for one in stories]}))
    if page_file:
        _write(page_file, page(sought, stories, settings.timezone).encode())
    if as_json:
        show_json(_plain([asdict(one) for one in stories]))
    elif stories:
        _show(stories, settings.timezone)
    if not stories:
        click.echo(f"Nothing is told of {sought} from {asked.first} to {asked.last}.", err=True)
        sys.exit(Exit.NOTHING)


def _sought(settings: "Settings", text: str, first: str | None, last: str | None) -> "Sought":
    from datetime import timedelta

    from mailevents_dagster.deliverability.trace.finding import Sought
    from mailevents_dagster.model.day import Day

    def day(option: str, written: str | None, otherwise: Day) -> Day:
        try:
            return Day.from_key(written, settings.timezone) if written else otherwise
        except ValueError as error:
            raise click.UsageError(f"{option} `{written}` is not a day; write it like 2026-11-20.") from error

    today = Day.containing(time.time(), settings.timezone)
    oldest = max(today.date - timedelta(days=DAYS), Day.containing(settings.start, settings.timezone).date)
    found = Sought(text, day("--from", first, Day(oldest, settings.timezone)), day("--to", last, today))
    if found.last < found.first:
        raise click.UsageError("--to lies before --from.")
    return found


def _stories(settings: "Settings", domains: "Sequence[str]", sought: "Sought", limit: int) -> "Iterator[Story]":
    from mailevents_dagster.collecting.interval import Every
    from mailevents_dagster.deliverability.trace.finding import find
    from mailevents_dagster.deliverability.trace.records import records_of
    from mailevents_dagster.deliverability.trace.story import story
    from mailevents_dagster.sources.outcomes.feeds import OUTCOMES, SOURCE
    from mailevents_dagster.store.opening import store_of

    judged = [feed.domain for feed in settings.feeds if feed.kind == OUTCOMES]
    unknown = [one for one in domains if one.lower() not in judged]
    if unknown or not judged:
        there = ", ".join(judged) or "none"
        raise click.UsageError(f"Mails of domains in the section deliverability are traced; it has: {there}.")
    store, interval = store_of(settings), Every(2.0)
    others = [feed for feed in settings.feeds if feed.kind.source != SOURCE]

    def note(said: str) -> None:
        if interval.has_passed():
            click.echo(said, err=True)

    for domain in [one.lower() for one in domains] or judged:
        for outcomes in find(store, domain, sought, limit, note).values():
            yield story(outcomes.to_pylist(), records_of(store, others, outcomes, note))


def _show(stories: "Sequence[Story]", timezone: str) -> None:
    from zoneinfo import ZoneInfo

    from rich.markup import escape

    from mailevents_dagster.deliverability.trace.page import step_text

    out, zone = console(), ZoneInfo(timezone)
    for one in stories:
        ids = ", ".join([*([one.message_id] if one.message_id else []), *one.queue_ids])
        out.print(
            f"[bold]{escape(one.subject or '')}[/bold] {escape(ids)} from {escape(one.sender or '')}", soft_wrap=True
        )
        rows = table("recipient", "time", "what", "where", "answer", "told by", whole=("time",))
        for recipient in one.recipients:
            for step in recipient.steps:
                at = step.time.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
                cells = (recipient.address or "", at, *step_text(step.said), step.said.get("feed", ""))
                rows.add_row(*(escape(str(cell)) for cell in cells))
        out.print(rows)


def _write(path: Path, content: bytes) -> None:
    from mailevents_dagster.files.atomic import publish

    with publish(path.absolute()) as file:
        file.write(content)
    click.echo(f"{path}: written.", err=True)


def _json(content: object) -> bytes:
    import json

    return json.dumps(_plain(content), ensure_ascii=False, indent=2).encode() + b"\n"


def _plain(content: Any) -> Any:
    """Return times as text, and all else as it is."""
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return content.isoformat() if hasattr(content, "isoformat") else content
