"""How each account is reached, from what was configured: for Dagster's resource and for commands. Loads no Dagster."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b
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
    return access_to(domain, settings.accounts, settings.api, budgets_folder(settings.storage))


def access_to(domain: str, accounts: Sequence[Account], manners: Manners, budgets: Path | None) -> Access:
    """How one of the accounts is reached: reads its key, and starts the simulator if it is on it.

    Accounts of one key at one address share its budget, which is the lowest that any of them is given.
    """
    account = next(one for one in accounts if one.domain == domain)
    key = os.environ[account.api_key_variable] if account.api_key_variable else SIMULATOR
    sharing = [one for one in accounts if (one.base_url, _key(one)) == (account.base_url, key)]
    rates = [one.requests_per_second for one in sharing if one.requests_per_second is not None]
    simulated = account.base_url == SIMULATOR
    return Access(
        domain=account.domain,
        base_url=embedded([one.domain for one in accounts]) if simulated else account.base_url,
        key=key,
        key_variable=account.api_key_variable,
        requests_per_second=min(rates, default=None),
        max_parallel_details=account.max_parallel_details,
        timeout_seconds=manners.timeout_seconds,
        max_attempts=manners.max_attempts,
        page_limit=manners.page_limit,
        budget_file=budgets / f"{_digest(account.base_url, key)}.budget" if budgets else None,
    )


def _key(account: Account) -> str | None:
    return os.environ.get(account.api_key_variable) if account.api_key_variable else SIMULATOR


def _digest(base_url: str, key: str) -> str:
    """What names the key at its address and does not tell it."""
    return blake2b(f"{base_url} {key}".encode(errors="surrogateescape"), digest_size=16).hexdigest()


def budgets_folder(storage: str) -> Path:
    """Where the processes of this machine share the rates of the keys."""
    return scratch_folder(storage) / "budgets"
