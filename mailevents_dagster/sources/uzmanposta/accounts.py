"""How each account is reached, from what was configured: for Dagster's resource and for commands. Loads no Dagster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mailevents_dagster.settings import SIMULATOR, Settings
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.keys import Account, budget_name, budgets_folder, key_of, shared_rate
from mailevents_dagster.sources.uzmanposta.simulator import embedded


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
    simulated = account.base_url == SIMULATOR
    return Access(
        domain=account.domain,
        base_url=embedded([one.domain for one in accounts]) if simulated else account.base_url,
        key=key_of(account),
        key_variable=account.api_key_variable,
        requests_per_second=shared_rate(account, accounts),
        max_parallel_details=account.max_parallel_details,
        timeout_seconds=manners.timeout_seconds,
        max_attempts=manners.max_attempts,
        page_limit=manners.page_limit,
        budget_file=budgets / budget_name(account) if budgets else None,
    )
