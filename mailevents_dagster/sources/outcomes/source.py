"""What became of mails as a source: its feeds are made of those of all other sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.source import FeedSettings, Queued, Source
from mailevents_dagster.settings.models import Settings
from mailevents_dagster.sources.outcomes.feeds import FEED_KINDS, SOURCE, outcomes_of
from mailevents_dagster.sources.outcomes.receivers import receivers_of
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings, DomainSettings

if TYPE_CHECKING:  # what loads settings need not load what collects
    from mailevents_dagster.sources.client import Client
    from mailevents_dagster.store.store import Store


def _configured(settings: Settings) -> Iterator[FeedSettings]:
    others = [one for other in settings.sources if other.name != SOURCE for one in other.configured(settings)]
    for domain in settings.section(DeliverabilitySettings).deliverability:
        told_by = [one for one in others if tells_of(domain, one.feed)]
        if told_by:
            start = max(settings.start if domain.start is None else domain.start, min(one.start for one in told_by))
            yield FeedSettings(outcomes_of(domain.domain), start, made_of=tuple(one.feed for one in told_by))
            for receiver in receivers_of(domain):
                yield FeedSettings(receiver.feed, start, access={"endpoint": receiver.place})


def tells_of(domain: DomainSettings, feed: Feed) -> bool:
    """Return whether a feed tells what became of mails of a domain."""
    if feed.kind.load_outcomes is None:
        return False
    named = {"maillog": domain.servers, "mailbox": domain.bounces_to, "webhook": domain.webhooks}.get(feed.kind.source)
    if named is not None:
        return feed.domain in named
    is_of_all = feed.kind.source in ("maillog", "webhook")
    return is_of_all or feed.domain.rpartition("@")[2] == domain.domain


def _client(settings: Settings, domain: str) -> Client:
    from mailevents_dagster.sources.outcomes.collect import OutcomesClient
    from mailevents_dagster.store.opening import store_of

    made_of = next(one.made_of for one in settings.configured if one.feed == outcomes_of(domain))
    starts = {one.feed: one.start for one in settings.configured}
    judged = settings.section(DeliverabilitySettings).judged(domain)
    return OutcomesClient(store_of(settings), {feed: starts[feed] for feed in made_of}, judged)


def _queued(settings: Settings, store: Store) -> dict[Feed, Queued]:
    from mailevents_dagster.sources.outcomes.pushing import queued

    return queued(settings, store)


def _tidy(settings: Settings, store: Store, now: float) -> None:
    from mailevents_dagster.sources.outcomes.pushing import tidy
    from mailevents_dagster.sources.outcomes.thinning import thin

    tidy(settings, store, now)
    thin(settings, store, now)


OUTCOMES_SOURCE: Final = Source(
    SOURCE,
    FEED_KINDS,
    DeliverabilitySettings,
    "deliverability",
    _configured,
    _client,
    queued=_queued,
    tidy=_tidy,
)
