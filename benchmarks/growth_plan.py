"""What many domains come to: calls, runs, rows and requests, worked out from what one feed costs. Arithmetic alone."""

from __future__ import annotations

from dataclasses import dataclass

import click

HOURS = 24


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one feed: what benchmarks/growth.py and benchmarks/scale.py measured, and what tests count."""

    follow_cpu: float
    """Seconds of a processor that following a feed once takes."""
    close_cpu: float
    """And closing an hour of it, with its checks."""
    rows_an_hour: float
    """Of the event log that stay: closing an hour, with its checks."""
    row_bytes: float
    """Of a row of the event log, in SQLite with its indices."""
    kept_bytes: float
    """Of an hour: log, Parquet file and manifest."""
    look_seconds: float
    """Seconds of the sensor's look at one feed."""


@dataclass(frozen=True, slots=True)
class Prices:
    """In dollars; an example, since they differ by region and change."""

    thousand_writes: float
    thousand_reads: float
    gigabyte_month: float


@dataclass(frozen=True, slots=True)
class Size:
    """So many domains, each an account with a key, and how often their running hours are followed."""

    domains: int
    feeds_a_domain: int
    mail_feeds: int
    """Of them those with details."""
    events: float
    """An hour and feed of mails."""
    follow_minutes: float
    settle_minutes: float = 10.0

    @property
    def feeds(self) -> int:
        return self.domains * self.feeds_a_domain

    @property
    def looks(self) -> float:
        """Looks at a running hour, a day: until it has settled, the hour before is looked at, too."""
        return 1440 / self.follow_minutes * (1 + self.settle_minutes / 60)

    @property
    def listings(self) -> float:
        """A day and feed: followed, closed, and listed again the day after."""
        return self.looks + HOURS + HOURS

    @property
    def calls_a_second(self) -> float:
        """Of a domain, a detail each mail."""
        details = self.mail_feeds * self.events * HOURS
        return (self.feeds_a_domain * self.listings + details) / 86_400

    @property
    def changed(self) -> float:
        """Looks, a day and feed, that find something new: no more than there are events."""
        return min(self.looks, self.events * HOURS)

    @property
    def writes(self) -> float:
        """Requests to an object store that write, a day and feed: 5 where something is new, 1 where nothing is.

        And 3 to close an hour. To list it again the day after takes none.
        """
        return 5 * self.changed + (self.looks - self.changed) + 3 * HOURS

    @property
    def reads(self) -> float:
        """And those that read, the sensor's and the schedule's looks at the cursor among them."""
        return 2 * self.looks + (2 + 3) * HOURS + 1440 / self.follow_minutes + HOURS


def show(size: Size, costs: Costs, prices: Prices) -> None:
    """Print what this size comes to."""
    rows = size.feeds * HOURS * costs.rows_an_hour
    follow = size.feeds * costs.follow_cpu
    closing = size.feeds * costs.close_cpu
    kept = size.feeds * HOURS * costs.kept_bytes
    writes, reads = size.feeds * size.writes * 30, size.feeds * size.reads * 30
    dollars = writes / 1000 * prices.thousand_writes + reads / 1000 * prices.thousand_reads
    lines = [
        ("calls a second and key", f"{size.calls_a_second:.3f}"),
        ("the sensor's look, seconds", f"{size.feeds * costs.look_seconds:,.1f}"),
        ("a follow run, CPU seconds", f"{follow:,.0f}"),
        ("  of its interval on one processor", f"{follow / (size.follow_minutes * 60):.2f}"),
        ("closing an hour, CPU seconds", f"{closing:,.0f}"),
        ("  of an hour on one processor", f"{closing / 3600:.2f}"),
        ("rows of the event log a day", f"{rows:,.0f}"),
        ("  a second", f"{rows / 86_400:,.1f}"),
        ("  a year, and their size", f"{rows * 365:,.0f}, {rows * 365 * costs.row_bytes / 1e9:,.0f} GB"),
        ("kept a day, a year", f"{kept / 1e9:,.2f} GB, {kept * 365 / 1e12:,.2f} TB"),
        ("requests a month: writes, reads", f"{writes:,.0f}, {reads:,.0f}"),
        ("  what they cost", f"${dollars:,.0f}"),
        ("  what a year of hours costs a month", f"${kept * 365 / 1e9 * prices.gigabyte_month:,.0f}"),
    ]
    click.echo(
        f"\n{size.domains:,} domains of {size.feeds_a_domain} feeds, {size.events:g} events an hour and feed of mails, "
        f"followed every {size.follow_minutes:g} minutes"
    )
    for what, number in lines:
        click.echo(f"  {what:<38} {number:>30}")
