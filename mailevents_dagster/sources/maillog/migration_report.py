"""What is said at the end of moving over from maillog_events: what changes, what was written, what to do. No key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mailevents_dagster.settings.first_files import Done, Outcome
from mailevents_dagster.settings.loading import project_folder
from mailevents_dagster.sources.maillog.migration import SETTINGS, Decided


def report(decided: Decided, folder: Path, outcomes: Sequence[Outcome], *, dry: bool) -> Iterator[str]:
    """Say what changes and what became of files, and what is left to do."""
    yield from _part("What changes:", decided.changes)
    yield from _part("What would become of files:" if dry else "Files:", map(str, outcomes))
    if outcomes[-1].done is Done.LEFT:
        yield from _part(f"Add to {folder / SETTINGS} what it lacks of this:", decided.sections.splitlines())
    yield from _part("To be mended:", decided.problems)
    yield ""
    if dry:
        yield "Nothing was written: this was a dry run."
    elif not any(one.done.changed for one in outcomes):
        yield "Nothing was changed."
    else:
        yield from _next_steps(folder)


def _next_steps(folder: Path) -> Iterator[str]:
    yield "Next:"
    if folder != project_folder():
        yield f"  export MAILEVENTS_CONFIG={folder / SETTINGS}, here and where it will run"
    yield "  1. make check, then mailevents status: it lists the log with its missing hours."
    yield "  2. systemctl disable --now maillog: while the old tool runs, both publish."
    yield "  3. make ui, or the services of docs/operations.md: bounces are then published by themselves."


def _part(head: str, lines: Iterable[str]) -> Iterator[str]:
    if listed := [f"  {line}" for line in lines]:
        yield from ("", head, *listed)
