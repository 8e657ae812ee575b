"""What is said at the end of moving over from another tool: what changes, what was written, what to do. No secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from mailevents_dagster.settings.first_files import Done, Outcome
from mailevents_dagster.settings.loading import project_folder


class Decided(Protocol):
    """What becomes of the files of the other tool."""

    @property
    def sections(self) -> str:
        """What the settings say of the source."""

    @property
    def changes(self) -> Sequence[str]:
        """What is not as it was, a sentence each."""

    @property
    def problems(self) -> Sequence[str]:
        """What is to be mended."""


def report(decided: Decided, outcomes: Sequence[Outcome], steps: Sequence[str], *, dry: bool) -> Iterator[str]:
    """Say what changes and what became of files, the settings last of them, and what is left to do."""
    settings = Path(str(outcomes[-1].path))
    yield from _part("What changes:", decided.changes)
    yield from _part("What would become of files:" if dry else "Files:", map(str, outcomes))
    if outcomes[-1].done is Done.LEFT:
        yield from _part(f"Add to {settings} what it lacks of this:", decided.sections.splitlines())
    yield from _part("To be mended:", decided.problems)
    yield ""
    if dry:
        yield "Nothing was written: this was a dry run."
    elif not any(one.done.changed for one in outcomes):
        yield "Nothing was changed."
    else:
        yield "Next:"
        if settings.parent != project_folder():
            yield f"  export MAILEVENTS_CONFIG={settings}, here and where it will run"
        yield from (f"  {number}. {step}" for number, step in enumerate(steps, 1))


def _part(head: str, lines: Iterable[str]) -> Iterator[str]:
    if listed := [f"  {line}" for line in lines]:
        yield from ("", head, *listed)
