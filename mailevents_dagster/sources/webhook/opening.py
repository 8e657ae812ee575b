"""The client of a webhook, made as the settings say."""

from __future__ import annotations

from functools import partial

from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.webhook.collect import Webhook, WebhookClient
from mailevents_dagster.sources.webhook.feeds import CATEGORY, feed_of
from mailevents_dagster.sources.webhook.placing import Placing, reach_of
from mailevents_dagster.sources.webhook.providers import PROVIDERS
from mailevents_dagster.sources.webhook.settings import WebhookSettings, start_of
from mailevents_dagster.sources.webhook.simulator import simulate
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store


def client_of(settings: Settings, name: str, store: Store | None = None) -> WebhookClient:
    """Return the client of a webhook that the settings name."""
    store = store or store_of(settings)
    webhook = next(one for one in settings.section(WebhookSettings).webhooks if one.name == name)
    kept_days = settings.retention.days.get(CATEGORY)
    reach = reach_of(settings.automation.catch_up_days, kept_days)
    spool, start = store.layout.webhook_spool(name), start_of(webhook, settings)
    return WebhookClient(
        store,
        Webhook(
            feed_of(name, webhook.provider),
            PROVIDERS[webhook.provider],
            spool,
            Placing(settings.timezone, start, reach),
            kept_days,
            partial(simulate, spool, start) if webhook.is_simulated else lambda _: None,
        ),
    )


def tidy(settings: Settings, store: Store, _now: float) -> None:
    """Remove what is committed from the spools, also of webhooks that nobody collects."""
    for webhook in settings.section(WebhookSettings).webhooks:
        client_of(settings, webhook.name, store).sweep()
