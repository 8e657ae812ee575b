"""How one account is reached: its address, its key, and how it may be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mailevents_dagster.sharing.number_places import Place

MOST_PARALLEL: Final = 64


@dataclass(frozen=True, slots=True)
class Access:
    """How one account is reached."""

    domain: str
    base_url: str
    key: str
    key_variable: str | None = None
    requests_per_second: float | None = None
    max_parallel_details: int | None = None
    """None: found from the rate and the time that answers take."""
    timeout_seconds: float = 120
    max_attempts: int = 10
    page_limit: int = 1000
    budget: Place | None = None
    """Where all who have the key share the rate; without it, it is this client's own."""

    def __repr__(self) -> str:
        return f"Access({self.domain}, {self.base_url}, key from {self.key_variable})"
