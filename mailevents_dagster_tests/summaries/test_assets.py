"""Summaries as assets: made in runs and shown with a chart."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail
from mailevents_dagster.summaries.counts import by
from mailevents_dagster_tests.conftest import mail
from mailevents_dagster_tests.projects import DOMAIN, SETTINGS, Project, project, stop_the_clock
from mailevents_dagster_tests.summaries.days import OF_DOMAINS
from mailevents_dagster_tests.summaries.making import (
    DAY,
    HOURS,
    INCOMING,
    NOW,
    OTHER,
    SIGN_INS,
    TWO_DOMAINS,
    collect,
    make,
    shown,
    summary,
)
from mailevents_dagster_tests.summaries.servers import BOUNCED, DELIVERED, keep_bounces, keep_lines

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch, NOW)


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
