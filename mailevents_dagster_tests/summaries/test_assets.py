"""Summaries as assets: made in runs, shown with a chart, asked for by themselves and again when an hour changed."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.summaries.counts import by
from mailevents_dagster_tests.conftest import mail
from mailevents_dagster_tests.projects import DOMAIN, SETTINGS, Project, project, range_tags, stop_the_clock
from mailevents_dagster_tests.summaries.days import OF_DOMAINS
from mailevents_dagster_tests.summaries.servers import BOUNCED, DELIVERED, keep_bounces, keep_lines

pytestmark = pytest.mark.slow

ZONE = "Europe/Istanbul"
DAY = Day.from_key("2026-11-16", ZONE)
HOURS = list(DAY.hours)
NOW = DAY.end + 5 * 3600 + 1800.0
OTHER = "example.org"
INCOMING = feed_of(DOMAIN, "mail/incominglog")
OTHER_INCOMING = feed_of(OTHER, "mail/incominglog")
TWO_DOMAINS = (
    SETTINGS.replace("2026-11-01T00:00", "2026-11-14T06:00").split("accounts:")[0]
    + """accounts:
  - {{domain: example.com, api_key: "${{UZMANPOSTA_KEY}}", feeds: [mail/incominglog, authentication]}}
  - {{domain: example.org, api_key: "${{UZMANPOSTA_KEY}}", feeds: [mail/incominglog]}}
"""
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch, NOW)


def summary(name: str, domain: str = DOMAIN) -> dg.AssetKey:
    return dg.AssetKey(["summaries", domain, name])


VOLUMES = {summary("volume", domain) for domain in (DOMAIN, OTHER, "all")}
SIGN_INS = summary("sign_ins")


def make(
    here: Project, keys: Sequence[dg.AssetKey], day: Day = DAY, extra: Sequence[dg.AssetsDefinition] = ()
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [*(here.defs.assets or ()), *extra],
        selection=list(keys),
        resources=here.defs.resources,
        instance=here.instance,
        partition_key=day.key,
    )


def shown(here: Project, key: dg.AssetKey) -> dict[str, object]:
    event = here.instance.get_latest_materialization_event(key)
    assert event
    assert event.asset_materialization
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def collect(here: Project, hours: Sequence[Hour], *feeds: Feed) -> None:
    keys = [dg.AssetKey(feed.asset_key) for feed in feeds]
    assert here.run("collect_hours", tags=range_tags(hours), asset_selection=keys).success


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


def test_each_summary_shows_its_numbers_and_a_small_chart(tmp_path: Path) -> None:
    with project(tmp_path, Behaviour(events_per_hour=6), now=lambda: NOW) as here:
        here.materialize([feed.name for feed in here.settings.feeds], HOURS)
        keys = [summary(name) for name in OF_DOMAINS]

        assert make(here, keys).success

        for key in keys:
            numbers = shown(here, key)
            assert (numbers["complete"], numbers["hours_kept"]) == (True, numbers["hours"])
            found = re.fullmatch(r"!\[.*\]\(data:image/png;base64,(.*)\)", str(numbers["chart"]))
            assert found
            picture = b64decode(found[1])
            assert picture.startswith(b"\x89PNG")
            assert len(picture) < 30_000
        mails = sum(len(here.truth(feed, hour)) for feed in ("mail/incominglog", "mail/outgoinglog") for hour in HOURS)
        assert shown(here, summary("volume"))["mails"] == mails > 0


def test_nothing_that_dagster_shows_names_a_user_or_an_address(tmp_path: Path) -> None:
    with project(tmp_path, Behaviour(events_per_hour=20), now=lambda: NOW) as here:
        here.materialize(["authentication"], HOURS)
        make(here, [SIGN_INS])

        failed = [one for hour in HOURS for one in here.truth("authentication", hour) if one["status"] == "failed"]
        numbers = shown(here, SIGN_INS)
        assert numbers["failed"] == len(failed) > 20
        users, addresses = ({str(one[name]) for one in failed} for name in ("email", "srcip"))
        assert (numbers["users_with_failures"], numbers["addresses_with_failures"]) == (len(users), len(addresses))
        everything = "".join(entry.to_json() for entry in here.instance.all_logs(_run_of(here, SIGN_INS)))
        assert not [name for name in users | addresses if name in everything]
        file = Path(str(here.store.layout.summary("sign_ins", DOMAIN, DAY.key)))
        stored = pd.read_parquet(file)
        assert set(stored[stored.measure == "failures_of_user"].key) == users, "they stand in the file"


def _run_of(here: Project, key: dg.AssetKey) -> str:
    event = here.instance.get_latest_materialization_event(key)
    assert event
    return event.run_id


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


def test_all_domains_together_say_which_share_of_them_they_are(tmp_path: Path, fixed: FixedMail) -> None:
    with project(tmp_path, source=fixed, settings=TWO_DOMAINS, now=lambda: NOW) as here:
        collect(here, HOURS[:1], INCOMING)
        make(here, [summary("volume")])

        assert make(here, [summary("volume", "all")]).success

        numbers = shown(here, summary("volume", "all"))
        assert (numbers["domains"], numbers["domains_missing"]) == (1, 1)


@pytest.mark.parametrize("annotation", [pd.DataFrame, pa.Table])
def test_assets_on_a_summary_get_its_counts(tmp_path: Path, fixed: FixedMail, annotation: type) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(HOURS[0].start + 5)])
    got: list[pa.Table | pd.DataFrame] = []

    with project(tmp_path, source=fixed, settings=TWO_DOMAINS, now=lambda: NOW) as here:

        def reader(counts) -> None:  # type: ignore[no-untyped-def]
            got.append(counts)

        reader.__annotations__["counts"] = annotation
        days = next(one.partitions_def for one in here.defs.assets or () if summary("volume") in one.keys)  # type: ignore[union-attr]
        asset = dg.asset(ins={"counts": dg.AssetIn(summary("volume"))}, partitions_def=days)(reader)
        collect(here, HOURS[:1], INCOMING)
        make(here, [summary("volume"), asset.key], extra=[asset])

    [counts] = got
    assert isinstance(counts, annotation)
    table = counts if isinstance(counts, pa.Table) else pa.Table.from_pandas(counts)
    assert by(table, "mails") == {"": 1}


def test_each_domain_has_the_summaries_of_its_feeds_and_one_domain_alone_none_of_all(tmp_path: Path) -> None:
    def keys(settings: str) -> set[str]:
        with project(tmp_path, settings=settings) as here:
            graph = here.defs.get_repository_def().asset_graph
            return {"/".join(key.path[1:]) for key in graph.materializable_asset_keys if key.path[0] == "summaries"}

    of_mail = {"volume", "deliverability"}
    both = {f"{domain}/{name}" for domain in (DOMAIN, OTHER, "all") for name in of_mail}
    assert keys(TWO_DOMAINS) == both | {f"{DOMAIN}/sign_ins"}
    assert keys(SETTINGS) == {f"{DOMAIN}/{name}" for name in OF_DOMAINS}
    assert keys(SETTINGS + "summaries: {{enabled: false}}\n") == set()


TWO_SERVERS = (
    TWO_DOMAINS.split("accounts:", maxsplit=1)[0]
    + """mail_logs:
  - {{name: mx1, format: postfix, files: simulator}}
  - {{name: mx2, format: exim, files: simulator}}
"""
)


def test_servers_have_summaries_of_their_own_and_of_all_servers(tmp_path: Path) -> None:
    with project(tmp_path, settings=TWO_SERVERS, now=lambda: NOW) as here:
        graph = here.defs.get_repository_def().asset_graph
        made = {key for key in graph.materializable_asset_keys if key.path[0] == "summaries"}
        names = ("server_traffic", "server_bounces")
        assert made == {summary(name, server) for name in names for server in ("mx1", "mx2", "all")}
        assert graph.get(summary("server_traffic", "all")).group_name == "all_servers"
        assert "Server **mx1**" in str(graph.get(summary("server_traffic", "mx1")).description)
        keep_lines(here.store, HOURS[12], *DELIVERED, BOUNCED)
        keep_bounces(here.store, HOURS[12])

        assert make(here, sorted(made)).success

        numbers = shown(here, summary("server_traffic", "all"))
        assert (numbers["arrivals"], numbers["servers"], numbers["servers_missing"]) == (1, 2, 0)
        assert shown(here, summary("server_bounces", "mx1"))["hard"] == 1
        everything = "".join(entry.to_json() for entry in here.instance.all_logs(_run_of(here, sorted(made)[0])))
        assert "gone@example.org" not in everything


@pytest.mark.parametrize(("enabled", "status"), [("true", "RUNNING"), ("false", "STOPPED")])
def test_the_sensor_of_summaries_runs_as_automation_is_set(tmp_path: Path, enabled: str, status: str) -> None:
    with project(tmp_path, settings=SETTINGS + f"automation: {{{{enabled: {enabled}}}}}\n") as here:
        [sensor] = [one for one in here.defs.sensors or () if one.name == "make_summaries"]
        assert isinstance(sensor, dg.AutomationConditionSensorDefinition)
        assert sensor.default_status is dg.DefaultSensorStatus[status]
