"""The plan of a warm-up: how many mails a day of it may have, and what the next day may have. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mailevents_dagster.sources.outcomes.settings.warmup import WarmupSettings

WORST_COMPLAINTS: Final = 0.001
"""Gmail and Yahoo ask senders to stay below one complaint in a thousand mails."""
WORST_HARD: Final = 0.02
"""More unknown addresses than these look like a list that was bought or never cleaned."""
WORST_REFUSED: Final = 0.05
"""Refused for reputation or content: growing on makes it worse."""
FEW: Final = 50
"""Mails below which a share says nothing."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a sending address did on a day."""

    mails: int
    hard: int
    refused: int
    complained: int

    @property
    def harm(self) -> str:
        """Return why more mails would do harm; empty where nothing speaks against them."""
        if self.mails < FEW:
            return ""
        shares = (
            (self.complained, WORST_COMPLAINTS, "were called spam"),
            (self.hard, WORST_HARD, "went to addresses that do not exist"),
            (self.refused, WORST_REFUSED, "were refused for reputation or content"),
        )
        found = ((count / self.mails, most, why) for count, most, why in shares)
        return "; ".join(f"{share:.2%} {why}, at most {most:.1%} is good" for share, most, why in found if share > most)


def cap(settings: WarmupSettings, day: int | None) -> int | None:
    """Return the most mails of a day of the plan, the first of which is 0; None once it is warm, or without a plan."""
    if day is None:
        return None
    planned = settings.plan[day] if day < len(settings.plan) else _grown(settings, day - len(settings.plan) + 1)
    return planned if planned < settings.most else None


def _grown(settings: WarmupSettings, days: int) -> int:
    last = settings.plan[-1]
    # Past the day on which it is warm, powers would only become too large to hold.
    grown = last * settings.growth ** min(days, 1000) if settings.growth > 1 else last
    return int(min(grown, settings.most))


def next_cap(settings: WarmupSettings, day: int | None, sent: Sent) -> int | None:
    """Return the most mails of the day after: no more than today's where today did harm."""
    today, tomorrow = cap(settings, day), cap(settings, None if day is None else day + 1)
    if not sent.harm:
        return tomorrow
    return min((one for one in (today, tomorrow, sent.mails) if one is not None), default=sent.mails)
