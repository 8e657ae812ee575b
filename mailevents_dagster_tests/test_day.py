"""A day of all feeds in one run: the truth is in the files, and neither memory nor open files grow with the hours.

MAILEVENTS_DAY sets how many mails the busiest feed has in an hour; `make soak` has 5,000.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

from mailevents_dagster.model.hour import Hour, last_ended
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour
from mailevents_dagster.store.hour.commit import Commit
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster_tests.projects import KEY, project, same_events

pytestmark = pytest.mark.slow

MAILS = int(os.environ.get("MAILEVENTS_DAY", "60"))
HOURS = 24
GROWTH = 1.2
"""Of the last hours' memory over that of the busiest before: what allocators do. A leak would double it."""
OPEN_FOR_THE_NEXT = 6
"""Files of the hour that is asked for while these are counted; a leak of one an hour would be three times as many."""


def last_day() -> list[Hour]:
    """From six in the morning to six: generated mail is busiest in the middle."""
    hours = [last_ended(time.time() - 7200, "Europe/Istanbul")]
    while hours[0].stamp("%H") != "05":
        hours = [hours[0].previous]
    while len(hours) < HOURS:
        hours.insert(0, hours[0].previous)
    return hours


def collect_a_day(folder: Path) -> None:
    """Runs in a process of its own: says after each commit what the process has of the machine."""
    commit = OpenHour.commit

    def measured(work: OpenHour, *found: object) -> Commit:
        done = commit(work, *found)  # type: ignore[arg-type]
        open_files = len(os.listdir("/proc/self/fd"))
        sys.stdout.write(json.dumps([done.manifest.events, resident_bytes(), open_files]) + "\n")
        return done

    OpenHour.commit = measured  # type: ignore[assignment, method-assign]
    with project(folder, Behaviour(events_per_hour=MAILS)) as here:
        hours = last_day()
        assert here.materialize(list(FEED_KINDS), hours).success
        for feed in FEED_KINDS:
            assert here.materialized(feed) == {hour.key for hour in hours}
            for hour in hours:
                assert same_events(here.logged(feed, hour), here.truth(feed, hour)), (feed, hour)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_day_is_collected_whole_and_takes_no_more_memory_or_files_hour_by_hour(tmp_path: Path) -> None:
    collecting = subprocess.run(
        [sys.executable, "-m", __name__, str(tmp_path)],
        env={**os.environ, "UZMANPOSTA_KEY": KEY},
        stdout=subprocess.PIPE,
        check=True,
    )
    measured = [json.loads(line) for line in collecting.stdout.splitlines() if line.startswith(b"[")]
    assert len(measured) == HOURS * len(FEED_KINDS)
    # By feed, since each has its own load; from the third hour on, when what is made once is there.
    for first in range(0, len(measured), HOURS):
        events, memory, files = zip(*measured[first + 2 : first + HOURS], strict=True)
        busiest = events.index(max(events[:-6]))
        assert median(memory[-6:]) <= GROWTH * memory[busiest]
        assert median(files[-6:]) <= median(files[:6]) + OPEN_FOR_THE_NEXT


if __name__ == "__main__":
    collect_a_day(Path(sys.argv[1]))
