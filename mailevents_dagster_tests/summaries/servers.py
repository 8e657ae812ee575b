"""What tests of summaries of mail servers share: lines and their bounces, committed as a collection would have done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from mailevents_dagster.model.event import Collection, Event
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.maillog.bounces.events import LINE_COLUMNS, bounce_rows
from mailevents_dagster.sources.maillog.bounces.format import bounce_event
from mailevents_dagster.sources.maillog.bounces.patterns import Patterns
from mailevents_dagster.sources.maillog.feeds import BOUNCES, lines_of
from mailevents_dagster.store.store import Store

SERVER = "mx1"
LINES = lines_of(SERVER, "postfix")
OF_BOUNCES = Feed(SERVER, BOUNCES)
DELIVERED = (
    "postfix/smtpd[1]: 3FA2B1C0: client=mail.example.org[192.0.2.205]",
    "postfix/cleanup[2]: 3FA2B1C0: message-id=<m@example.org>",
    "postfix/qmgr[3]: 3FA2B1C0: from=<s@example.net>, size=3450000, nrcpt=1 (queue active)",
    "postfix/smtp[4]: 3FA2B1C0: to=<r@example.org>, relay=MX.example.org[192.0.2.1]:25, delay=1, status=sent (250 Ok)",
    "postfix/qmgr[3]: 3FA2B1C0: removed",
)
"""A mail that came and went: an arrival, a delivery, a completion, and two more lines."""
BOUNCED = (
    "postfix/smtp[4]: 4FA2B1C0: to=<gone@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, dsn=5.1.1, "
    "status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 <gone@example.org>: no such user)"
)
DEFERRED = (
    "postfix/smtp[4]: 5FA2B1C0: to=<away@example.com>, relay=none, delay=1, dsn=4.4.1, "
    "status=deferred (connect to mx.example.com[192.0.2.9]:25: Connection timed out)"
)


Said = tuple[str, int, str]
"""A server, when in Unix seconds, and what its line says behind the stamp."""


def log_of(server: str) -> Feed:
    """The lines of a server; one whose name begins with `exim` runs Exim."""
    return lines_of(server, "exim" if server.startswith("exim") else "postfix")


def keep_log(store: Store, *said: Said, hours: Iterable[Hour] = ()) -> None:
    """Commits all hours that these lines, or these servers in these hours, are of."""
    of_hours: dict[tuple[str, Hour], list[Event]] = {(one[0], hour): [] for one in said for hour in hours}
    for server, at, words in sorted(said, key=lambda one: one[1]):
        hour = Hour.containing(at, store.timezone)
        stamp = datetime.fromtimestamp(at, UTC)
        head = f"{stamp:%Y-%m-%d %H:%M:%S}" if server.startswith("exim") else f"{stamp:%b %d %H:%M:%S} {server}"
        found = log_of(server).kind.rows.event_of(f"{head} {words}".encode(), at)
        of_hours.setdefault((server, hour), []).append(replace(found, time=at))
    for (server, hour), events in of_hours.items():
        _commit(store, log_of(server), hour, events)


def keep_lines(store: Store, hour: Hour, *said: str, feed: Feed = LINES, second: int = 5) -> None:
    """Commits the hour of a Postfix with what these lines say behind the host, at a second of the hour."""
    stamp = datetime.fromtimestamp(hour.start + second, UTC).strftime("%b %d %H:%M:%S")
    raws = [f"{stamp} {feed.domain} {words}".encode() for words in said]
    _commit(store, feed, hour, [feed.kind.rows.event_of(raw, hour.start) for raw in raws])


def keep_bounces(store: Store, hour: Hour, patterns: Patterns | None = None) -> None:
    """Commits the bounces in the lines that are there of the hour."""
    table = store.dataset(LINES, [hour]).to_table(columns=list(LINE_COLUMNS))
    _commit(store, OF_BOUNCES, hour, [bounce_event(row) for row in bounce_rows(table, SERVER, patterns)])


def _commit(store: Store, feed: Feed, hour: Hour, events: list[Event]) -> None:
    with store.open_hour(feed, hour) as work:
        work.commit(Collection(events, frozenset(), (), hour.end + 7200.0, closed=True, measures={}))
