"""How each account is reached, and which share a budget: that of a key belongs to all accounts that have it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b

from mailevents_dagster.settings import Settings
from mailevents_dagster.sharing.number_places import Place, place_of
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.settings import SIMULATOR, Account, UzmanPostaSettings
from mailevents_dagster.store.layout import scratch_folder


def access_of(settings: Settings, domain: str) -> Access:
    """Return how the account of a domain is reached: reads its key, and starts the simulator if it is on it."""
    api, accounts = settings.section(UzmanPostaSettings).api, settings.section(UzmanPostaSettings).accounts
    account = next(one for one in accounts if one.domain == domain)
    base_url = account.base_url
    if base_url == SIMULATOR:
        from mailevents_dagster.sources.uzmanposta.simulator import embedded  # a whole API, which few need

        base_url = embedded([one.domain for one in accounts])
    return Access(
        domain=account.domain,
        base_url=base_url,
        key=_key_of(account),
        key_variable=account.api_key_variable,
        requests_per_second=shared_rate(account, accounts),
        max_parallel_details=account.max_parallel_details,
        timeout_seconds=api.timeout_seconds,
        max_attempts=api.max_attempts,
        page_limit=api.page_limit,
        budget=_budget_of(settings, account),
    )


def sharing(account: Account, accounts: Sequence[Account]) -> list[Account]:
    """Return those of the accounts that have the same key at the same address; a key may be in two variables."""
    return [one for one in accounts if one.base_url == account.base_url and _is_same_key(one, account)]


def shared_rate(account: Account, accounts: Sequence[Account]) -> float | None:
    """Return the calls a second that all accounts with the key may make together: the lowest that any is given."""
    rates = [one.requests_per_second for one in sharing(account, accounts) if one.requests_per_second is not None]
    return min(rates, default=None)


def _key_of(account: Account) -> str:
    """Return the key of an account, as the environment has it now; on the simulator it is one a domain."""
    return os.environ[account.api_key_variable] if account.api_key_variable else f"{SIMULATOR}-{account.domain}"


def _budget_of(settings: Settings, account: Account) -> Place:
    """Return where the budget of a key is kept; its name names the key at its address and does not tell it."""
    named = f"{account.base_url} {_key_of(account)}".encode(errors="surrogateescape")
    name = blake2b(named, digest_size=16).hexdigest()
    file = scratch_folder(settings.storage) / "budgets" / f"{name}.budget"
    return place_of(f"uzmanposta {name}", file, settings.postgres)


def _is_same_key(one: Account, other: Account) -> bool:
    """Return whether two accounts have one key; where the environment has none, by the names of their variables."""
    if not one.api_key_variable or not other.api_key_variable:
        return one.domain == other.domain
    names = one.api_key_variable, other.api_key_variable
    first, second = (os.environ.get(name) for name in names)
    return names[0] == names[1] or (first is not None and first == second)
