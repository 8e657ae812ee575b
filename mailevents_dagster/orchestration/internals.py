"""What this project uses of Dagster that its authors marked private: all of it, each use with its reason.

`test_internals.py` notices when Dagster changes one of them.
"""

from collections import defaultdict
from collections.abc import Set
from pathlib import Path
from typing import Any, Final

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage.event_log import SqliteEventLogStorage

from mailevents_dagster.model.feed import dagster_name
from mailevents_dagster.store.cursors import Span

ASSET_JOB: Final = "__ASSET_JOB"
"""The job that backfills and the Materialize button start. Runs carry its name, and no public constant does."""

NO_OUTPUT: Final[Any] = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}
"""Overrides of an instance that keeps nothing of what runs print. Configuration names the class by its module."""


class CheckSpec(dg.AssetCheckSpec):
    """A check of an asset whose key may hold any character.

    Dagster names the output of a check after the key of its asset and replaces `.` and `-` there, but not the @ of a
    mailbox, and then refuses that name. The name of a check cannot be given otherwise.
    """

    def get_python_identifier(self) -> str:
        return dagster_name(super().get_python_identifier())


def backfilled_spans(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, keys: Set[dg.AssetKey]
) -> dict[dg.AssetKey, list[Span]]:
    """Return what backfills under way have asked for of these assets, done or not, oldest first.

    Dagster has no public way to ask which partitions a backfill has. Windows, since a year of keys takes seconds.
    """
    asked: defaultdict[dg.AssetKey, list[Span]] = defaultdict(list)
    for backfill in instance.get_backfills(status=BulkActionStatus.REQUESTED):
        if backfill.is_asset_backfill:
            data = backfill.get_asset_backfill_data(repository.asset_graph)
            for key in keys & set(backfill.asset_selection or ()):
                windows = getattr(data.get_target_partitions_subset(key), "included_time_windows", ())
                asked[key] += [(int(window.start.timestamp()), int(window.end.timestamp())) for window in windows]
    return {key: sorted(spans) for key, spans in asked.items()}


def delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run's records, and the files that Dagster leaves of it: its output and SQLite's database of the run.

    Only the SQLite storage knows where the latter lies, and it never deletes it.
    """
    instance.delete_run(run_id)
    if isinstance(instance.event_log_storage, SqliteEventLogStorage):
        database = Path(instance.event_log_storage.path_for_shard(run_id))
        for path in (database, *(database.with_name(f"{database.name}-{kind}") for kind in ("wal", "shm"))):
            path.unlink(missing_ok=True)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
