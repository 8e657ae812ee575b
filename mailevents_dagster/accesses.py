"""How each account is reached, from what was configured: for Dagster's resource and for commands. Loads no Dagster."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from mailevents_dagster.settings import SIMULATOR, Settings
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.simulator import embedded
from mailevents_dagster.store.layout import scratch_folder


class Account(Protocol):
    """One account as it is configured; it names the variable with the key, and never holds the key."""

    @property
    def domain(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def api_key_variable(self) -> str | None: ...
    @property
    def requests_per_second(self) -> float | None: ...
    @property
    def max_parallel_details(self) -> int | None: ...


class Manners(Protocol):
    """How the API of every account is asked."""

    @property
    def timeout_seconds(self) -> float: ...
    @property
    def max_attempts(self) -> int: ...
    @property
    def page_limit(self) -> int: ...


def access_of(settings: Settings, domain: str) -> Access:
    """How the account of a domain is reached, within the budget that it shares with every process."""
    account = next(account for account in settings.accounts if account.domain == domain)
    domains = [one.domain for one in settings.accounts]
    return access_to(account, settings.api, domains, budgets_folder(settings.storage))


def access_to(account: Account, manners: Manners, domains: Iterable[str], budgets: Path | None) -> Access:
    """How this account is reached: reads its key, and starts the simulator, which knows the domains, if it is on it."""
    simulated = account.base_url == SIMULATOR
    variable = account.api_key_variable
    return Access(
        domain=account.domain,
        base_url=embedded(domains) if simulated else account.base_url,
        key=os.environ[variable] if variable else SIMULATOR,
        key_variable=variable,
        requests_per_second=account.requests_per_second,
        max_parallel_details=account.max_parallel_details,
        timeout_seconds=manners.timeout_seconds,
        max_attempts=manners.max_attempts,
        page_limit=manners.page_limit,
        budget_file=budgets / f"{account.domain}.budget" if budgets else None,
    )


def budgets_folder(storage: str) -> Path:
    """Where the processes of this machine share the rates of the accounts."""
    return scratch_folder(storage) / "budgets"
