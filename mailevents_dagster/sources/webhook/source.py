"""Webhooks as a source: what it makes of its part of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.source import FeedSettings, Source
from mailevents_dagster.settings.models import Settings
from mailevents_dagster.sources.webhook.feeds import FEED_KINDS, SOURCE, feed_of
from mailevents_dagster.sources.webhook.settings import SIMULATOR, WebhookSettings, start_of

if TYPE_CHECKING:  # what loads settings need not load what collects
    from mailevents_dagster.sources.client import Client
    from mailevents_dagster.store.store import Store


def _configured(settings: Settings) -> Iterator[FeedSettings]:
    section = settings.section(WebhookSettings)
    for webhook in section.webhooks:
        path = section.receiver.path_of(webhook.name)
        access = {"endpoint": SIMULATOR if webhook.is_simulated else path}
        yield FeedSettings(feed_of(webhook.name, webhook.provider), start_of(webhook, settings), access=access)


def _client(settings: Settings, name: str) -> Client:
    from mailevents_dagster.sources.webhook.opening import client_of

    return client_of(settings, name)


def _tidy(settings: Settings, store: Store, now: float) -> None:
    from mailevents_dagster.sources.webhook.opening import tidy

    tidy(settings, store, now)


WEBHOOK: Final = Source(SOURCE, FEED_KINDS, WebhookSettings, "webhooks", _configured, _client, tidy=_tidy)
