"""What is said at the end: where each feed begins, what stayed behind, what to do next. Never a key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from rich import box
from rich.markup import escape
from rich.table import Table

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings.first_files import written_start
from mailevents_dagster.settings.loading import project_folder
from mailevents_dagster.sources.uzmanposta.migration.adopting import Adoption
from mailevents_dagster.sources.uzmanposta.migration.migrating import Decided, Target, Written


def of_sections(decided: Decided, written: Written, *, dry: bool) -> Iterator[Table | str]:
    """Say what became of sections, keys and files."""
    yield _feeds(decided)
    yield f"Hours are named in the time zone {decided.timezone}."
    for one in decided.moved:
        if one.position.time is None:
            yield f"[{one.name}] {one.position.fault}. It begins {one.why}."
    yield from _part("Not carried over as it was:", [*decided.behind, *decided.notes])
    yield from _part("What would become of files:" if dry else "Files:", map(str, written.outcomes))
    yield from _part("To be mended:", written.problems)


def of_logs(old: Adoption, target: Target, written: Written) -> Iterator[Table | str]:
    """Say what became of old logs."""
    if old.logs.files:
        yield _logs(old)
    elif not target.fault:
        yield "There is no hourly log of these feeds; --adopt takes the folder that log_directory names."
    yield from _part("Left out:", (f"{count:,} files: {why}" for why, count in sorted(old.logs.left.items())))
    if any(adopted.unreadable for adopted in old.feeds.values()):
        yield "What is unreadable is not a record with a time; it is kept below `unreadable` in the storage."
    settings = written.settings or target.settings
    if settings and old.first is not None and old.first < settings.start:
        start = written_start(old.first, settings.timezone)
        yield (
            f"The old logs begin before {target.file} does: hours from before its start do not show in the UI. Write "
            f"`start: {start}` there. The API is asked for nothing more by that: each cursor has its feed's first hour."
        )


def next_steps(decided: Decided, target: Target, written: Written, old: Adoption, *, dry: bool) -> Iterator[str]:
    """Say what to do next, or that nothing was changed."""
    yield ""
    if dry:
        yield "Nothing was written: this was a dry run."
    elif not any(one.done.changed for one in written.outcomes) and not any(one.written for one in old.feeds.values()):
        yield "Nothing was changed." if decided.moved else "No section could be carried over; nothing was changed."
    else:
        yield "Next:"
        if target.folder != project_folder():
            yield f"  export MAILEVENTS_CONFIG={target.file}, here and where it will run"
        yield "  1. make check, then mailevents status: it lists every feed with its missing hours."
        yield "  2. make ui, or the services of docs/operations.md: hours are then collected by themselves."
        yield "  3. When `mailevents status` says that all feeds are current, take the old tool out of the crontab."
        yield "  docs/migration.md has the rest, such as running both for a day, and the way back."


def _feeds(decided: Decided) -> Table:
    made = Table(box=box.SIMPLE)
    for name in ("section", "feed", "position", "first hour"):
        made.add_column(name, no_wrap=True)
    for one in decided.moved:
        time = one.position.time
        at = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if time else "none"
        made.add_row(escape(one.name), str(one.feed), at, Hour(one.first, decided.timezone).key)
    return made


def _logs(old: Adoption) -> Table:
    made = Table(box=box.SIMPLE)
    made.add_column("old logs of")
    for name in ("files", "records", "unreadable", "repeats", "there before", "new", "hours written"):
        made.add_column(name, justify="right")
    for feed, one in sorted(old.feeds.items()):
        numbers = [one.files, one.hours.total(), one.unreadable]
        numbers += [one.repeats, one.there, one.added, one.written] if old.folder else []
        made.add_row(str(feed), *(f"{number:,}" for number in numbers))
    return made


def _part(head: str, lines: Iterable[str]) -> Iterator[str]:
    if listed := [f"  {line}" for line in lines]:
        yield from ("", head, *listed)
