"""What kind of API is simulated: every point on which the vendor's contract is silent is a choice here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

COMPUTED: Final = "computed"
"""As `Behaviour.retry_after`: whole seconds until the rate limit allows the next call."""


EVENTS_PER_HOUR: Final = 60.0
"""Lively enough to look at, small enough to wait for."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the API behaves; the defaults are what is known or thought most likely of the real one."""

    seed: int = 1
    events_per_hour: float = EVENTS_PER_HOUR
    """Mean of `mail/incominglog` over a week; the other feeds are in proportion."""
    latency_seconds: float = 0.0
    page_limit: int = 1000
    bounds: Literal["[s,e]", "[s,e)", "(s,e]", "(s,e)"] = "[s,e]"
    cap: Literal["newest", "oldest"] = "newest"
    """Which rows a full page keeps."""
    order: Literal["newest_first", "oldest_first"] = "newest_first"
    shuffle_ties: bool = False
    """Whether rows of one second change places from call to call, also across the edge of a full page."""
    requests_per_second: float | None = None
    """Calls allowed to one key within any second; the next one is answered 429."""
    retry_after: str | None = COMPUTED
    """The header of a 429, word for word; None leaves it out."""
    visible_after_seconds: float = 0.0
    """How long after their own time rows appear in listings."""
    bad_keys: frozenset[str] = frozenset()
    forbidden_domains: frozenset[str] = frozenset()
    refuses_older_than_days: Mapping[str, float] = field(default_factory=dict)
    """How far back it looks, by category; what is not in here is as the vendor's API has it."""
