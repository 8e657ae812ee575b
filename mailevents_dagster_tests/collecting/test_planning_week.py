"""Weeks on a clock of their own: whatever fails, every hour is closed in the end, once at a time, in few runs.

MAILEVENTS_WEEKS sets how many weeks are tried; `make soak` has 200.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import Phase, given, settings

from mailevents_dagster.collecting.planning import closing_end
from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.store.cursors import gaps
from mailevents_dagster_tests.collecting.weeks import CALM, WEEK, Script, World, most_runs, scripts

EXAMPLES = int(os.environ.get("MAILEVENTS_WEEKS", "8"))


@pytest.mark.slow
@given(scripts)
@settings(max_examples=EXAMPLES, phases=[Phase.generate])  # a week is not made smaller, that would take minutes
def test_after_any_week_every_hour_is_closed_that_the_api_still_had(script: Script) -> None:
    world = World(script)
    for _ in range(WEEK + CALM):
        made = world.tick()
    assert made
    end = closing_end(world.now, world.rules)
    forgotten = 0
    for feed in world.feeds:
        for first, last in gaps((world.start, end), world.cursors[feed].closed):
            # No hour of this week, and before it none that the API still had.
            assert feed.kind.asked_days
            assert last <= world.began
            forgotten += (last - first) // SECONDS
    assert (made.behind, made.waiting, made.forgotten) == (0, {}, forgotten)
    for feed in world.feeds:
        assert world.asked[feed] <= most_runs(world, feed)
