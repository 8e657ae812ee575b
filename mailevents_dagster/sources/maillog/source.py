"""Mail servers' logs as a source: what it makes of its part of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.source import FeedSettings, Queued, Source
from mailevents_dagster.settings.models import Settings
from mailevents_dagster.sources.maillog.feeds import BOUNCES, FEED_KINDS, SOURCE, SQS, lines_of
from mailevents_dagster.sources.maillog.settings import MailLogSettings

if TYPE_CHECKING:  # what loads settings need not load what collects
    from mailevents_dagster.sources.client import Client
    from mailevents_dagster.store.store import Store


def _configured(settings: Settings) -> Iterator[FeedSettings]:
    section = settings.section(MailLogSettings)
    for log in section.mail_logs:
        lines, bounces = lines_of(log.name, log.format), Feed(log.name, BOUNCES)
        start = settings.start if log.start is None else log.start
        access = {"endpoint": log.files or ", ".join(log.journal)}
        yield FeedSettings(lines, start, access=access)
        yield FeedSettings(bounces, start, made_of=(lines,))
        if section.bounces.sqs:
            sqs = section.bounces.sqs
            first = max(start, sqs.since or start)
            yield FeedSettings(Feed(log.name, SQS), first, made_of=(bounces,), access={"endpoint": sqs.queue})


def _queued(settings: Settings, store: Store) -> dict[Feed, Queued]:
    from mailevents_dagster.sources.maillog.publishing import queued

    return queued(settings, store)


def _tidy(settings: Settings, store: Store, now: float) -> None:
    from mailevents_dagster.sources.maillog.publishing import tidy

    tidy(settings, store, now)


def _client(settings: Settings, server: str) -> Client:
    from mailevents_dagster.sources.maillog.opening import client_of

    return client_of(settings, server)


MAILLOG: Final = Source(
    SOURCE, FEED_KINDS, MailLogSettings, "mail_logs", _configured, _client, queued=_queued, tidy=_tidy
)
