"""What is said at the end: where each feed begins, what stayed behind, what to do next. Never a key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.table import Table

from mailevents_dagster.hours import Hour
from mailevents_dagster.migration.migrating import Decided, Written
from mailevents_dagster.migration.writing import Done


def table(decided: Decided) -> Table:
    """A row for each section that became a feed."""
    made = Table(box=box.SIMPLE)
    for name in ("section", "feed", "position", "first hour"):
        made.add_column(name, no_wrap=True)
    for one in decided.moved:
        time = one.position.time
        at = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if time else "none"
        made.add_row(escape(one.section.name), str(one.feed), at, Hour(one.first, decided.timezone).key)
    return made


def lines(decided: Decided, written: Written, folder: Path, *, dry: bool) -> Iterator[str]:
    """The report below the table."""
    yield f"Hours are named in the time zone {decided.timezone}."
    for one in decided.moved:
        if one.position.time is None:
            yield f"[{one.section.name}] {one.position.fault}. It begins {one.why}."
    yield from _part("Not carried over:", [*map(str, decided.behind), *decided.said])
    outcomes = [f"{one.path}: {one.done.value}" + (f" ({one.said})" if one.said else "") for one in written.outcomes]
    yield from _part("Would be done:" if dry else "Files:", outcomes)
    yield from _part("To be mended:", _problems(written))
    if not any(one.done.changed for one in written.outcomes):
        yield "Nothing was changed." if decided.moved else "No section could be carried over; nothing was changed."
    elif dry:
        yield "Nothing was written: this was a dry run."
    else:
        yield from _next(folder)


def _problems(written: Written) -> list[str]:
    left = [one for one in written.outcomes if one.done is Done.LEFT and one.path.endswith(".yaml")]
    return [
        *written.problems,
        *(f"{feed}: not in {left[0].path}; add it there, and run this again for its cursor"
          for feed in written.not_in_settings),
    ]  # fmt: skip


def _part(head: str, said: list[str]) -> Iterator[str]:
    if said:
        yield ""
        yield head
        yield from (f"  {line}" for line in said)


def _next(folder: Path) -> Iterator[str]:
    config = "" if folder == Path() else f" --config {folder / 'mailevents.yaml'}"
    yield from _part(
        "Next:",
        [
            f"1. mailevents{config} status: every feed stands there, with its missing hours.",
            "2. make ui, or both processes as docs/automation.md says: hours come in by themselves.",
            "3. When the feeds are current, take the old tool's line out of the crontab.",
            "docs/migration.md has the rest, such as running both for a day, and the way back.",
        ],
    )
