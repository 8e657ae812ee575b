"""Mailboxes as a source: what it makes of its part of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.source import FeedSettings, Queued, Source
from mailevents_dagster.settings.models import Settings
from mailevents_dagster.sources.mailbox.feeds import FEED_KINDS, SFTP, SOURCE, messages_of
from mailevents_dagster.sources.mailbox.settings import SIMULATOR, MailboxSettings

if TYPE_CHECKING:  # what loads settings need not load what collects
    from mailevents_dagster.model.hour import Hour
    from mailevents_dagster.sources.client import Client
    from mailevents_dagster.store.store import Store
    from mailevents_dagster.store.verify import Finding


def _configured(settings: Settings) -> Iterator[FeedSettings]:
    for mailbox in settings.section(MailboxSettings).mailboxes:
        start = settings.start if mailbox.start is None else mailbox.start
        is_simulated = mailbox.tenant_id == SIMULATOR
        asked = mailbox.base_url if mailbox.protocol == "graph" else f"imaps://{mailbox.host}:{mailbox.port}"
        messages = messages_of(mailbox.address)
        yield FeedSettings(messages, start, access={"endpoint": SIMULATOR if is_simulated else asked})
        if mailbox.deliver:
            access = {"endpoint": mailbox.deliver.sftp.host}
            yield FeedSettings(Feed(mailbox.address, SFTP), start, made_of=(messages,), access=access)


def _client(settings: Settings, address: str) -> Client:
    from mailevents_dagster.sources.mailbox.opening import client_of

    return client_of(settings, address)


def _queued(settings: Settings, store: Store) -> dict[Feed, Queued]:
    from mailevents_dagster.sources.mailbox.delivery.sftp_feed import queued

    return queued(settings, store)


def _tidy(settings: Settings, store: Store, now: float) -> None:
    from mailevents_dagster.sources.mailbox.delivery.sftp_feed import tidy

    tidy(settings, store, now)


def _compare(
    settings: Settings, store: Store, hours: Sequence[tuple[Feed, Hour]]
) -> Iterator[tuple[Sequence[Finding], int]]:
    from mailevents_dagster.sources.mailbox.compare import compare

    return compare(settings, store, hours)


MAILBOX: Final = Source(
    SOURCE,
    FEED_KINDS,
    MailboxSettings,
    "mailboxes",
    _configured,
    _client,
    queued=_queued,
    tidy=_tidy,
    compare=_compare,
    compares_daily=True,
)
