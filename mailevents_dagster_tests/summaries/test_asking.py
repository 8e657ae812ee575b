"""Which days of summaries are asked for by themselves, when, and when again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.model.day import Day
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster_tests.conftest import mail
from mailevents_dagster_tests.projects import DOMAIN, Project, project, stop_the_clock
from mailevents_dagster_tests.summaries.making import (
    DAY,
    HOURS,
    INCOMING,
    NOW,
    OTHER,
    OTHER_INCOMING,
    SIGN_INS,
    TWO_DOMAINS,
    VOLUMES,
    ZONE,
    collect,
    make,
    shown,
    summary,
)

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch, NOW)


def asking(here: Project) -> Callable[..., dict[dg.AssetKey, set[str]]]:
    """Looks as the daemon does, at a time; returns the days that are asked for."""
    cursor = None

    def asked(at: float = NOW) -> dict[dg.AssetKey, set[str]]:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(
            here.defs,
            here.instance,
            asset_selection=dg.AssetSelection.key_prefixes(["summaries"]),
            evaluation_time=datetime.fromtimestamp(at, UTC),
            cursor=cursor,
        )
        cursor = result.cursor
        found = {key: set(result.get_requested_partitions(key)) for key in [*VOLUMES, SIGN_INS]}
        return {key: days for key, days in found.items() if days}

    return asked


def test_a_day_is_asked_for_once_all_its_hours_are_there_and_again_when_one_changed(
    tmp_path: Path, fixed: FixedMail
) -> None:
    for feed in (INCOMING, OTHER_INCOMING):
        fixed.add(feed.domain, feed.name, [mail(hour.start + 5, f"{feed.domain[8:]}{hour.start}") for hour in HOURS])

    with project(tmp_path, source=fixed, settings=TWO_DOMAINS, now=lambda: NOW) as here:
        asked = asking(here)
        assert asked() == {}, "nothing is collected"
        collect(here, HOURS[:20], INCOMING, OTHER_INCOMING)
        assert asked() == {}, "hours of the day are missing"
        collect(here, HOURS[20:], INCOMING)
        assert asked() == {summary("volume"): {DAY.key}}, "the other domain still lacks hours"
        make(here, [summary("volume")])
        collect(here, HOURS[20:], OTHER_INCOMING)
        assert asked() == {summary("volume", OTHER): {DAY.key}, summary("volume", "all"): {DAY.key}}
        make(here, [summary("volume", OTHER), summary("volume", "all")])
        assert (asked(), asked()) == ({}, {}), "what was made is not made again"
        assert shown(here, summary("volume", "all"))["mails"] == 48

        fixed.add(DOMAIN, INCOMING.name, [mail(HOURS[-2].start + 77, "late")])
        here.run("reconcile")

        assert asked() == {summary("volume"): {DAY.key}, summary("volume", "all"): {DAY.key}}
        make(here, [summary("volume"), summary("volume", "all")])
        assert asked() == {}
        assert shown(here, summary("volume"))["mails"] == 25
        assert shown(here, summary("volume", "all"))["mails"] == 49


def test_a_day_whose_hours_never_come_is_made_of_what_is_there_after_eight_days(
    tmp_path: Path, fixed: FixedMail
) -> None:
    with project(tmp_path, source=fixed, settings=TWO_DOMAINS, now=lambda: NOW) as here:
        asked = asking(here)
        asked()
        collect(here, HOURS[3:], INCOMING)
        day = 86_400
        assert [asked(NOW + days * day) for days in range(8)] == [{}] * 8

        assert asked(NOW + 9 * day) == {summary("volume"): {DAY.key}, summary("volume", "all"): {DAY.key}}
        make(here, [summary("volume"), summary("volume", "all")])
        numbers = shown(here, summary("volume"))
        assert (numbers["hours_kept"], numbers["hours"], numbers["complete"]) == (21, 24, False)
        assert asked(NOW + 9 * day) == {}


def test_destroying_an_hour_asks_for_no_day(tmp_path: Path, fixed: FixedMail) -> None:
    with project(tmp_path, source=fixed, settings=TWO_DOMAINS, now=lambda: NOW) as here:
        asked = asking(here)
        asked()
        collect(here, HOURS, INCOMING)
        assert asked()
        make(here, [summary("volume")])
        asked()
        with destroying(here.store, INCOMING, HOURS[0], [], "mail_days: 1", print) as record:
            assert record
            observation = dg.AssetObservation(dg.AssetKey(INCOMING.asset_key), partition=HOURS[0].key)
            here.instance.report_runless_asset_event(observation)

        assert asked() == {}
        make(here, [summary("volume")])
        assert shown(here, summary("volume"))["hours_kept"] == 23


def test_the_first_day_may_begin_after_midnight(tmp_path: Path, fixed: FixedMail) -> None:
    first = Day.from_key("2026-11-14", ZONE)
    with project(tmp_path, source=fixed, settings=TWO_DOMAINS, now=lambda: NOW) as here:
        asked = asking(here)
        asked()
        collect(here, list(first.hours)[6:], INCOMING)

        assert asked() == {summary("volume"): {first.key}}
        assert make(here, [summary("volume")], first).success
        assert shown(here, summary("volume"))["hours_kept"] == 18
