"""Dagster's home: its records, opened by one process at a time. Loads Dagster when one is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mailevents_dagster.files.locks import holding

if TYPE_CHECKING:
    from dagster import DagsterInstance

TWO_HEADS: Final = "more than one head"
"""What Alembic says of a database that two processes made at once: each noted the version it had come to."""


class DamagedHomeError(Exception):
    """Dagster's records cannot be opened as they are."""


@contextmanager
def this_instance() -> Iterator[DagsterInstance]:
    """Dagster's records below DAGSTER_HOME.

    What runs print is not kept: Dagster would turn this process's output over for the time of each step, the
    terminal's included, and several runs at a time would mix it up.
    """
    from dagster import DagsterInstance
    from dagster._core.instance.ref import InstanceRef

    silent: Any = {
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        }
    }
    home = Path(os.environ["DAGSTER_HOME"])
    with _one_at_a_time(home):
        opened = DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=silent))
    with opened as instance:
        yield instance


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    """Keep others from making the home's databases meanwhile; say what to do where some have done so at once."""
    from alembic.util import CommandError

    try:
        with holding(home / "opening.lock"):
            yield
    except CommandError as error:
        if TWO_HEADS not in str(error):
            raise
        raise DamagedHomeError(
            f"Dagster's records in {home} were made by two processes at once and cannot be opened. Move its folders "
            f"`history` and `schedules` away: they are made anew, and come to show the stored hours, which lie "
            f"elsewhere and are whole."
        ) from error
