"""Uzman Posta as a source: what it makes of its part of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.source import Budget, FeedSettings, Source
from mailevents_dagster.settings.models import Settings
from mailevents_dagster.sources.uzmanposta.accounts import access_of, shared_rate, sharing
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, SOURCE
from mailevents_dagster.sources.uzmanposta.settings import UzmanPostaSettings

if TYPE_CHECKING:  # what loads settings need not load what collects
    from mailevents_dagster.model.hour import Hour
    from mailevents_dagster.sources.client import Client
    from mailevents_dagster.store.store import Store
    from mailevents_dagster.store.verify import Finding


def _configured(settings: Settings) -> Iterator[FeedSettings]:
    for account in settings.section(UzmanPostaSettings).accounts:
        for name in account.feeds:
            kind = FEED_KINDS[name]
            start = settings.start if account.start is None else account.start
            access = {
                "account": account.api_key_variable or "(needs no key)",
                "endpoint": f"{account.base_url}{kind.metadata['endpoint']}",
                "requests_per_second": account.requests_per_second,
            }
            yield FeedSettings(Feed(account.domain, kind), start, account.sections.get(name), access=access)


def _client(settings: Settings, domain: str) -> Client:
    from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
    from mailevents_dagster.sources.uzmanposta.collect import UzmanPostaClient

    return UzmanPostaClient(UzmanPostaApi(access_of(settings, domain)))


def _budgets(settings: Settings) -> dict[str, Budget]:
    accounts = settings.section(UzmanPostaSettings).accounts
    return {
        account.domain: Budget(rate, {one.domain for one in sharing(account, accounts)})
        for account in accounts
        if (rate := shared_rate(account, accounts)) is not None
    }


def _compare(
    settings: Settings, store: Store, hours: Sequence[tuple[Feed, Hour]]
) -> Iterator[tuple[Sequence[Finding], int]]:
    from mailevents_dagster.sources.uzmanposta.compare import compare

    return compare(settings, store, hours)


UZMANPOSTA: Final = Source(
    SOURCE, FEED_KINDS, UzmanPostaSettings, "accounts", _configured, _client, _budgets, compare=_compare
)
