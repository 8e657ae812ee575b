"""Old suppression lists: each is a whole list, so that one a month is enough of those that nobody looks at any more."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.model.day import Day
from mailevents_dagster.settings.models import Settings
from mailevents_dagster.sources.outcomes.feeds import SUPPRESSION_LIST, outcomes_of
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings
from mailevents_dagster.store.opening import retention_of
from mailevents_dagster.store.store import Store

EACH_DAY_FOR: Final = 60
"""Days of which each list is kept; of those before, the last of each month."""


def thin(settings: Settings, store: Store, now: float) -> None:
    """Remove old lists, but those that a legal hold on the domain's outcomes keeps."""
    holds = retention_of(settings).holds
    oldest = Day.containing(now, store.timezone).ago(EACH_DAY_FOR).key
    for domain in settings.section(DeliverabilitySettings).deliverability:
        feed, dates = outcomes_of(domain.domain), store.layout.part_dates(domain.domain, SUPPRESSION_LIST)
        last_of_months = {date[:7]: date for date in dates}
        for date in dates:
            hours = list(Day.from_key(date, store.timezone).hours)
            is_held = any(hold.keeps(feed, hour) for hold in holds for hour in hours)
            if date < oldest and date != last_of_months[date[:7]] and not is_held:
                store.layout.part(domain.domain, SUPPRESSION_LIST, date).unlink(missing_ok=True)
