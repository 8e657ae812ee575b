"""An API that is probed, and what the probe tells of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.probe import calls_needed, probe
from mailevents_dagster.sources.uzmanposta.probe_findings import Finding
from mailevents_dagster.sources.uzmanposta.simulator import Simulator
from mailevents_dagster_tests.conftest import DOMAIN, INCOMING, KEY, mail

DAY = 86_400
HOLD = feed_of(DOMAIN, "quarantine/hold")
BOUNDS = ("[s,e]", "[s,e)", "(s,e]", "(s,e)")
SETTLES = 600.0
Ask = Callable[..., dict[str, Finding]]


def row(at: int, name: str) -> dict[str, Any]:
    """A mail whose record is two seconds older than what became of it."""
    return {**mail(at, name, subject="secret"), "time": at - 2}


def rows(now: int, number: int, days: float = 9) -> Sequence[dict[str, Any]]:
    """Mails from now on back, at even distances."""
    distance = days * DAY / number
    return [mail(now - 10 - int(place * distance), f"Q{place}", subject="secret") for place in range(number)]


def asking(api: Simulator) -> Ask:
    """What the probe says, by the beginning of each question; it makes no more calls than it says beforehand."""

    def answers(feed: Feed = INCOMING, wait: float = 0, **access: Any) -> dict[str, Finding]:
        api.calls.clear()
        reached = Access(DOMAIN, api.base_url, KEY, max_attempts=1, **access)
        told, calls = probe(reached, feed, SETTLES, wait, sleep=lambda _: None)
        assert calls == api.calls.count() <= calls_needed(feed, waits=wait > 0)
        for one in told:
            assert not any(word in one.found for word in (KEY, "@", DOMAIN, "secret"))
        return {" ".join(one.question.split()[:3]): one for one in told}

    return answers
