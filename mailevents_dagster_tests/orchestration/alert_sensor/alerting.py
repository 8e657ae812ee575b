"""A project whose troubles are told to a webhook, and how they come and go."""

from __future__ import annotations

import errno
import time
from typing import Any

import dagster as dg

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor, Failure
from mailevents_dagster_tests.projects import DOMAIN, Project

FEEDS = ["mail/incominglog", "authentication"]
ALERTS = """
alerts: {{webhook: "${{THE_WEBHOOK}}"}}
"""


class Clock:
    """The time as the sensor has it."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def tick(here: Project, defs: dg.Definitions | None = None) -> str:
    """What the sensor says of a tick."""
    repository = (defs or here.defs).get_repository_def()
    with dg.build_sensor_context(here.instance, repository_def=repository) as context:
        made: Any = repository.get_sensor_def("tell_troubles").evaluate_tick(context)
    assert not made.run_requests
    return str(made.skip_message)


def fail(here: Project, feed: str = FEEDS[0], cause: str = "timeout", times: int = 2) -> None:
    """The feed's hour now running failed so often."""
    hour = Hour.containing(time.time(), "Europe/Istanbul")
    failure = Failure(times, time.time(), cause, f"GET https://api: {cause}.")
    cursor = Cursor(failed={hour.start: failure}, failures_in_a_row=times)
    write_cursor(here.store.layout.cursor(feed_of(DOMAIN, feed)), cursor, here.store.timezone)


def mend(here: Project, feed: str = FEEDS[0]) -> None:
    write_cursor(here.store.layout.cursor(feed_of(DOMAIN, feed)), Cursor(committed_at=time.time()), here.store.timezone)


def job_that(fails: bool) -> Any:
    @dg.op(name="keeps_house")
    def op() -> None:
        if fails:
            raise OSError(errno.ENOSPC, "No space left on device", "/data")

    @dg.job(name="housekeeping")
    def job() -> None:
        op()

    return job
