"""Dagster's side of the API client: configuration in, plain objects out."""

from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.accounts import access_to
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import UzmanPostaClient


class AccountAccess(dg.Config):
    """How one account is reached. Holds the name of the variable with the key, never the key."""

    domain: str
    base_url: str
    api_key_variable: str | None = None
    requests_per_second: float | None = None
    max_parallel_details: int | None = None


class UzmanPosta(dg.ConfigurableResource["UzmanPosta"]):
    """The rate-limited API, one client an account. Keys are read from the environment when a run first needs them."""

    accounts: list[AccountAccess]
    timeout_seconds: float = 120
    max_attempts: int = 10
    page_limit: int = 1000
    budgets: str | None = None
    """The folder in which the processes of this machine share the rates of the keys."""
    _clients: dict[str, UzmanPostaClient] = PrivateAttr(default_factory=dict)

    def client(self, domain: str) -> UzmanPostaClient:
        """The client of one account, the same for all assets of a run."""
        if domain not in self._clients:
            self._clients[domain] = UzmanPostaClient(UzmanPostaApi(self._access(domain)))
        return self._clients[domain]

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _access(self, domain: str) -> Access:
        return access_to(domain, self.accounts, self, Path(self.budgets) if self.budgets else None)
