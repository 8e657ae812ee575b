"""The answers about a domain as daily assets: made, checked, refused for days that are over, and asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from mailevents_dagster.build import build_defs
from mailevents_dagster.deliverability import parts
from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster.model.columns import Column
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.outcome import Became
from mailevents_dagster.settings import Settings
from mailevents_dagster_tests.deliverability.told import DAY, NOON, keep, said, settings_in

pytestmark = pytest.mark.slow
NUMBER = Column("number", pa.int64(), "A number.")


def _look(work: Work) -> Made:
    before = work.stored("world", work.day)
    rows = pa.table({"number": pa.array([len(before) if before else 0], pa.int64())})
    verdicts = {"calm": Verdict(passed=False, said="It is not.", numbers={"times": 3})}
    return Made(rows, {"seen": 1}, verdicts, said="*words*")


WORLD = Part("world", "What is there now.", (NUMBER,), _look, checks={"calm": "Whether it is calm."})


def made(settings: Settings, name: str, day: str, raise_on_error: bool = True) -> dg.ExecuteInProcessResult:
    defs = build_defs(settings)
    key = dg.AssetKey(["deliverability", "example.com", name])
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [one for one in defs.assets or () if isinstance(one, dg.AssetsDefinition) and key in one.keys],
            partition_key=day,
            resources=defs.resources,
            instance=instance,
            raise_on_error=raise_on_error,
        )


def test_a_day_shows_its_numbers_its_words_its_picture_and_its_verdicts(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    keep(settings, said(NOON.start, Became.DELIVERED))
    found = made(settings, "warmup", DAY.key)
    (materialization,) = found.asset_materializations_for_node("deliverability__example_com__warmup")
    metadata = materialization.metadata
    assert metadata["mails"].value == 1
    assert str(metadata["chart"].value).startswith("![warmup](data:image/png")
    assert {one.check_name for one in found.get_asset_check_evaluations()} == {
        "within_plan",
        "no_harm",
        "streams_apart",
    }


def test_what_looks_at_the_world_is_made_of_today_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PARTS", (WORLD,))
    settings = settings_in(tmp_path)
    today = Day.containing(time.time(), "UTC")
    found = made(settings, "world", today.key)
    (check,) = found.get_asset_check_evaluations()
    assert (check.passed, check.description, check.metadata["times"].value) == (False, "It is not.", 3)
    failed = made(settings, "world", DAY.key, raise_on_error=False)
    assert not failed.success
    assert _said(failed.all_events).count("only") == 1


def _said(events: Sequence[dg.DagsterEvent]) -> str:
    (failure,) = [one.step_failure_data for one in events if one.is_step_failure]
    return str(failure.user_failure_data.description if failure.user_failure_data else "")


def test_every_answer_of_a_domain_is_an_asset_and_without_a_domain_there_is_none(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    keys = {"/".join(key.path) for one in build_defs(settings).assets or () for key in getattr(one, "keys", ())}
    assert {f"deliverability/example.com/{name}" for name in ("bounces", "warmup", "queues", "proof")} <= keys
