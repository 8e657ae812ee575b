"""What one process has under way as other processes see it: real commands beside each other, at an API that is slow."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mailevents_dagster.build import build_defs
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, FixedMail, Request, Simulator
from mailevents_dagster_tests.collecting_process import listings
from mailevents_dagster_tests.commands import Place, hours_ago, set_up, written
from mailevents_dagster_tests.conftest import mail

INCOMING = feed_of("a.example", "mail/incominglog")
MAILS = 400


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Hours of so many mails that one of them takes longer than all that a test does beside it."""
    fixed = FixedMail()
    for ago in range(4):
        start = hours_ago(ago).start
        fixed.add("a.example", "mail/incominglog", [mail(start + n, f"Q{start}x{n}") for n in range(MAILS)])
    with Simulator(Behaviour(latency_seconds=1.0), source=fixed, domains=["a.example", "b.example"]) as api:
        yield set_up(tmp_path, api)


@contextmanager
def collecting(place: Place, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the middle of an hour of a.example's mail; killed when the block ends."""
    asks = threading.Event()

    def first(request: Request) -> bool:
        if request.kind == "detail":
            asks.set()
        return False

    place.api.fail_next(first, Answer(500), times=None)
    with place.start("collect", *arguments) as running:
        try:
            assert asks.wait(120)
            yield running
        finally:
            running.kill()


def tick(place: Place, name: str) -> Any:
    """What the daemon would do now, by its sensor."""
    defs = build_defs(place.settings)
    repository = defs.get_repository_def()
    resources = {"event_store": defs.resources["event_store"]} if defs.resources else {}
    with (
        dg.DagsterInstance.from_config(str(place.folder / ".dagster")) as instance,
        dg.build_sensor_context(instance, repository_def=repository, resources=resources) as context,
    ):
        return repository.get_sensor_def(name).evaluate_tick(context)


def feeds_asked_for(made: Any) -> set[str]:
    return {str(feed_of(*_parts(key))) for request in made.run_requests for key in request.asset_selection or ()}


def _parts(key: dg.AssetKey) -> tuple[str, str]:
    return key.path[1], "/".join(key.path[2:])


def test_what_a_command_collects_is_seen_as_under_way_by_other_commands_and_by_the_sensor(place: Place) -> None:
    hour, other = written(hours_ago(1)), written(hours_ago(2))
    with collecting(place, "--hour", hour, "--feed", "a.example mail/*"):
        second = place.run("collect", "--hour", hour, "--feed", "a.example mail/*")
        third = place.run("collect", "--hour", other, "--feed", "a.example mail/*")

        assert (second.returncode, third.returncode) == (3, 3)
        assert "a.example mail/incominglog is left out: a run is collecting it" in second.stderr
        assert listings(place.api.calls, hours_ago(1)) == 1, "no list call was made for it"
        assert listings(place.api.calls, hours_ago(2)) == 0
        asked = feeds_asked_for(tick(place, "follow_feeds"))
        assert asked == {"a.example authentication", "b.example mail/incominglog"}
        beside = place.run("collect", "--hour", hour, "--feed", "* authentication")
        assert beside.returncode == 0, "feeds that nobody has under way are collected beside it"


def test_what_is_caught_up_is_seen_as_under_way_too(place: Place) -> None:
    with collecting(place, "--from", written(hours_ago(3))):
        second = place.run("collect", "--hour", written(hours_ago(1)))

        assert second.returncode == 3
        for feed in place.settings.feeds:
            assert f"{feed} is left out: a run is collecting it" in second.stderr
