"""How far long work is: shown live on a terminal, in plain lines elsewhere, which load nothing of what draws."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.collecting.totals import Numbers, Totals

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    from mailevents_dagster.collecting.planning import Ask
    from mailevents_dagster.model.feed import Feed

SHOW_EVERY: Final = 0.2
"""Seconds between two pictures of a bar: some work has a million steps."""
SAY_EVERY: Final = 10.0
"""Seconds between two lines where no terminal shows the progress."""
FEEDS_SHOWN: Final = 12


@contextmanager
def progress(out: "Console", total: int | None, said: Callable[[int], str]) -> Iterator[Callable[[int], None]]:
    """Show how much of a total is done; the block calls what it is given with each advance.

    `said` returns the text for what is done so far.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    done = 0
    interval = Every(SHOW_EVERY if out.is_terminal else SAY_EVERY)
    columns = (BarColumn(), TextColumn("{task.description}", markup=False), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bars:
        task = bars.add_task("", total=total)

        def advance(more: int) -> None:
            nonlocal done
            done += more
            if not interval.has_passed():
                return
            if out.is_terminal:
                bars.update(task, completed=done, description=said(done))
            else:
                out.print(said(done), markup=False, highlight=False)

        yield advance


class CollectionProgress:
    """Shows how far a collection is, by the heartbeats of this process and of others that work for it."""

    def __init__(self, out: "Console", totals: Totals, *, quiet: bool) -> None:
        self.expected = 0
        """Hours, each counted once a feed."""
        self._out = out
        self.totals = totals
        self._quiet = quiet
        self._interval = Every(SAY_EVERY)
        self._asked: set[Feed] = set()
        self._live = _live(out) if out.is_terminal and not quiet else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def expect(self, ask: "Ask") -> None:
        self.expected += ask.feed_hours
        self._asked.update(ask.feeds)

    def show(self) -> None:
        others = self.totals.beside(self._asked) if self._live or not self._quiet else []
        if self._live:
            self._live.update(self._picture(others))
        elif not self._quiet and self._interval.has_passed():
            self._out.print(self._line(others), highlight=False)

    def _line(self, others: list[dict[str, Any]]) -> str:
        numbers = sum((Numbers.of(one["metrics"]) for one in others), self.totals.numbers())
        details = [
            (one.progress.details_done, one.progress.details_wanted) for one in self.totals.beats() if one.progress
        ]
        details += [(one["details_done"], one["details_wanted"]) for one in others if one["details_wanted"]]
        done, wanted = sum(done for done, _ in details), sum(wanted for _, wanted in details)
        said = [f"{numbers.hours + numbers.failed_hours:,} of {self.expected:,} hours"]
        said += [f"{done:,} of {wanted:,} details of the hours at hand"] if wanted else []
        said += [f"{numbers.events:,} new events, {numbers.events / self.totals.seconds:,.1f} a second"]
        if numbers.api_calls:
            failed = f"{numbers.failed_hours:,} hours and {numbers.api_errors:,} calls failed"
            said += [failed, f"told to wait for {numbers.throttled_seconds:,.0f} s"]
        else:
            said += [f"{numbers.failed_hours:,} hours failed"]
        return ", ".join(said)

    def _picture(self, others: list[dict[str, Any]]) -> "Table":
        from rich.table import Table

        whole, table = Table.grid(), Table.grid(padding=(0, 2))
        rows = [(str(one.feed), str(one.hour), one.progress) for one in self.totals.beats() if one.hour]
        for feed, hour, done in rows[:FEEDS_SHOWN]:
            details = f"{done.details_done:,} of {done.details_wanted:,} details" if done else "listing"
            table.add_row(feed, hour, details)
        for one in others[: max(0, FEEDS_SHOWN - len(rows))]:
            table.add_row(f"{one['domain']} {one['feed']}", one["hour"], f"{one['metrics']['events']:,} new events")
        whole.add_row(table)
        whole.add_row(self._line(others))
        return whole


def _live(out: "Console") -> "Live":
    from rich.live import Live

    return Live(console=out, refresh_per_second=4, transient=True)


def show_warnings(out: "Console") -> Callable[[str, int], None]:
    """Return what prints the lines of a run that say what is wrong; the others are in its log and in the UI."""

    def show(line: str, level: int) -> None:
        if level >= logging.WARNING:
            out.print(line, style="red" if level >= logging.ERROR else "yellow", markup=False, highlight=False)

    return show
