"""Dagster's private parts as this project uses them: each test goes red when Dagster changes one of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set
from functools import cache
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager

import mailevents_dagster
from mailevents_dagster.orchestration.internals import ASSET_JOB, NO_OUTPUT, backfilled_spans, delete_run

PACKAGE = Path(mailevents_dagster.__file__).parent
INTERNALS = PACKAGE / "orchestration" / "internals.py"
HOURS = dg.HourlyPartitionsDefinition("2026-11-17-00:00", end_date="2026-11-18-00:00", timezone="UTC")
MIDNIGHT, HOUR = 1_794_873_600, 3600


@dg.asset(partitions_def=HOURS)
def hourly() -> None:
    print("a line of output")  # noqa: T201


@dg.asset(partitions_def=HOURS)
def other() -> None: ...


@dg.asset
def without_partitions() -> None: ...


DEFS = dg.Definitions([hourly, other, without_partitions])


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def backfill(instance: dg.DagsterInstance, name: str, asset: dg.AssetsDefinition, keys: list[str] | None) -> None:
    """Somebody asks for these partitions of an asset, or for all of them."""
    instance.add_backfill(
        PartitionBackfill.from_asset_partitions(
            backfill_id=name,
            asset_graph=DEFS.get_repository_def().asset_graph,
            partition_names=keys,
            asset_selection=[asset.key],
            backfill_timestamp=MIDNIGHT + 48.0 * HOUR,
            tags={},
            dynamic_partitions_store=instance,
            all_partitions=keys is None,
            title=None,
            description=None,
            run_config=None,
        )
    )


def asked(instance: dg.DagsterInstance) -> dict[dg.AssetKey, list[tuple[int, int]]]:
    return backfilled_spans(instance, DEFS.get_repository_def(), {hourly.key, other.key, without_partitions.key})


def test_the_job_that_materializes_has_the_name_that_is_known(instance: dg.DagsterInstance) -> None:
    assert ASSET_JOB == IMPLICIT_ASSET_JOB_NAME
    assert DEFS.resolve_implicit_global_asset_job_def().name == ASSET_JOB


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`")
def test_backfills_under_way_say_which_hours_they_have_asked_for(instance: dg.DagsterInstance) -> None:
    assert asked(instance) == {}
    backfill(instance, "late", hourly, ["2026-11-17-05:00", "2026-11-17-06:00", "2026-11-17-09:00"])
    backfill(instance, "early", hourly, ["2026-11-17-00:00"])
    backfill(instance, "all", other, None)

    spans = {
        hourly.key: [
            (MIDNIGHT, MIDNIGHT + HOUR),
            (MIDNIGHT + 5 * HOUR, MIDNIGHT + 7 * HOUR),
            (MIDNIGHT + 9 * HOUR, MIDNIGHT + 10 * HOUR),
        ],
        other.key: [(MIDNIGHT, MIDNIGHT + 24 * HOUR)],
    }
    assert asked(instance) == spans


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`")
@pytest.mark.parametrize("status", [one for one in BulkActionStatus if one is not BulkActionStatus.REQUESTED])
def test_backfills_that_are_over_ask_for_nothing(instance: dg.DagsterInstance, status: BulkActionStatus) -> None:
    backfill(instance, "over", hourly, ["2026-11-17-05:00"])
    [made] = instance.get_backfills()
    instance.update_backfill(made.with_status(status))

    assert asked(instance) == {}


def test_of_a_deleted_run_nothing_is_left_on_disk(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    job = DEFS.resolve_implicit_global_asset_job_def()
    run, kept = (job.execute_in_process(instance=instance, partition_key="2026-11-17-05:00").run_id for _ in range(2))
    assert [path for path in tmp_path.rglob("*") if run in str(path)], "SQLite has a file for each run"

    delete_run(instance, run)

    assert not [path for path in tmp_path.rglob("*") if run in str(path)]
    assert not instance.has_run(run)
    assert instance.all_logs(kept)


def test_an_instance_that_keeps_no_output_runs_jobs_and_leaves_what_they_print_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path), NO_OUTPUT) as silent:
        assert isinstance(silent.compute_log_manager, NoOpComputeLogManager)
        job = DEFS.resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=silent, partition_key="2026-11-17-05:00").success
    assert "a line of output" in capfd.readouterr().out


# --- who imports what


@cache
def imported() -> Mapping[Path, Set[str]]:
    """Every module that is imported anywhere in a module of the package, and every name that comes from one."""
    return {path: set(_names(ast.parse(path.read_text()))) for path in sorted(PACKAGE.rglob("*.py"))}


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of_dagster(name: str) -> bool:
    return name.split(".")[0] in {"dagster", "dagster_shared"}


def test_nothing_private_of_dagster_is_imported_elsewhere() -> None:
    private = {
        path: [name for name in names if of_dagster(name) and ("._" in name or "dagster_shared" in name)]
        for path, names in imported().items()
    }
    assert private.pop(INTERNALS), "what is looked for is found where it is"
    assert {str(path): names for path, names in private.items() if names} == {}


def test_nothing_private_of_dagster_is_named_in_a_text_elsewhere() -> None:
    found = [path for path in PACKAGE.rglob("*.py") if "dagster._" in path.read_text()]
    assert found == [INTERNALS]


def test_dagster_is_imported_by_orchestration_and_where_all_is_put_together_alone() -> None:
    importing = {
        path.relative_to(PACKAGE).as_posix() for path, names in imported().items() if any(map(of_dagster, names))
    }
    assert {path for path in importing if not path.startswith("orchestration/")} == {"build.py"}
