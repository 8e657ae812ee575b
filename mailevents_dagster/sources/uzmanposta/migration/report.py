"""What is said at the end: where each feed begins, what stayed behind, what to do next. Never a key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from rich import box
from rich.markup import escape
from rich.table import Table

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings.loading import project_folder
from mailevents_dagster.sources.uzmanposta.migration.adopting import Adopted, Adoption
from mailevents_dagster.sources.uzmanposta.migration.migrating import Decided, Target, Written
from mailevents_dagster.sources.uzmanposta.migration.texts import moment


def of_sections(decided: Decided, written: Written, *, dry: bool) -> Iterator[Table | str]:
    """What became of sections, keys and files."""
    yield _feeds(decided)
    yield f"Hours are named in the time zone {decided.timezone}."
    for one in decided.moved:
        if one.position.time is None:
            yield f"[{one.section.name}] {one.position.fault}. It begins {one.why}."
    yield from _part("Not carried over as it was:", [*map(str, decided.behind), *decided.said])
    outcomes = (f"{one.path}: {one.done.value}" + (f" ({one.said})" if one.said else "") for one in written.outcomes)
    yield from _part("What would become of files:" if dry else "Files:", outcomes)
    yield from _part("To be mended:", written.problems)


def of_logs(old: Adoption, target: Target, written: Written) -> Iterator[Table | str]:
    """What became of old logs."""
    if old.logs.logs:
        yield _logs(old)
    elif not target.fault:
        yield "No hourly log of these feeds lies there; --adopt takes the folder that log_directory names."
    yield from _part("Left out:", (f"{count:,} files: {why}" for why, count in sorted(old.logs.left.items())))
    if old.found.unreadable.total():
        yield "What is unreadable is no record with a time; it is kept below `unreadable` in the storage."
    settings = written.settings or target.settings
    if settings and old.first is not None and old.first < settings.start:
        start = moment(old.first, settings.timezone)
        yield (
            f"The old logs begin before {target.file} does: hours from before its start do not show in the UI. Write "
            f"`start: {start}` there. The API is asked for nothing more by that: each cursor has its feed's first hour."
        )


def next_steps(decided: Decided, target: Target, written: Written, old: Adoption, *, dry: bool) -> Iterator[str]:
    """The end of the report."""
    yield ""
    if dry:
        yield "Nothing was written: this was a dry run."
    elif not any(one.done.changed for one in written.outcomes) and not any(one.hours for one in old.done.values()):
        yield "Nothing was changed." if decided.moved else "No section could be carried over; nothing was changed."
    else:
        yield "Next:"
        if target.folder != project_folder():
            yield f"  export MAILEVENTS_CONFIG={target.file}, here and where it will run"
        yield "  1. make check, then mailevents status: every feed stands there, with its missing hours."
        yield "  2. make ui, or the services of docs/operations.md: hours come in by themselves."
        yield "  3. When `mailevents status` says that all feeds are current, take the old tool out of the crontab."
        yield "  docs/migration.md has the rest, such as running both for a day, and the way back."


def _feeds(decided: Decided) -> Table:
    """A row for each section that became a feed."""
    made = Table(box=box.SIMPLE)
    for name in ("section", "feed", "position", "first hour"):
        made.add_column(name, no_wrap=True)
    for one in decided.moved:
        time = one.position.time
        at = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if time else "none"
        made.add_row(escape(one.section.name), str(one.feed), at, Hour(one.first, decided.timezone).key)
    return made


def _logs(old: Adoption) -> Table:
    """A row for each feed of the old logs."""
    made = Table(box=box.SIMPLE)
    made.add_column("old logs of")
    for name in ("files", "records", "unreadable", "repeats", "there before", "new", "hours written"):
        made.add_column(name, justify="right")
    for feed, files in sorted(old.found.files.items()):
        done = old.done.get(feed, Adopted())
        numbers = [files, old.found.hours[feed].total(), old.found.unreadable[feed]]
        numbers += [done.repeats, done.there, done.added, done.hours] if old.folder else []
        made.add_row(str(feed), *(f"{number:,}" for number in numbers))
    return made


def _part(head: str, said: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(said):
        if number == 0:
            yield ""
            yield head
        yield f"  {line}"
