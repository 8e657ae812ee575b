"""Budgets of calls: each belongs to a key at its address, and all accounts that have the key share it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Protocol, TypeVar

from mailevents_dagster.settings import SIMULATOR
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


A = TypeVar("A", bound=Account)


def key_of(account: Account) -> str:
    """Return the key of an account, as the environment has it now; on the simulator it is one a domain."""
    return os.environ[account.api_key_variable] if account.api_key_variable else f"{SIMULATOR}-{account.domain}"


def sharing(account: Account, accounts: Iterable[A]) -> list[A]:
    """Return those of the accounts that have the same key at the same address; a key may be in two variables."""
    return [one for one in accounts if one.base_url == account.base_url and _is_same_key(one, account)]


def shared_rate(account: Account, accounts: Sequence[Account]) -> float | None:
    """Return the calls a second that all accounts with the key may make together: the lowest that any is given."""
    rates = [one.requests_per_second for one in sharing(account, accounts) if one.requests_per_second is not None]
    return min(rates, default=None)


def budget_name(account: Account) -> str:
    """Return the name of the budget's file, which names the key at its address and does not tell it."""
    named = f"{account.base_url} {key_of(account)}".encode(errors="surrogateescape")
    return f"{blake2b(named, digest_size=16).hexdigest()}.budget"


def budgets_folder(storage: str) -> Path:
    """Return where the processes of this machine share the rates of the keys."""
    return scratch_folder(storage) / "budgets"


def _is_same_key(one: Account, other: Account) -> bool:
    """Whether two accounts have one key; where the environment has none, they do by the name of its variable."""
    if not one.api_key_variable or not other.api_key_variable:
        return one.domain == other.domain
    names = one.api_key_variable, other.api_key_variable
    first, second = (os.environ.get(name) for name in names)
    return names[0] == names[1] or (first is not None and first == second)
