"""Dagster's home: its records, opened by one process at a time. Loads Dagster and locks only to open them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dagster import DagsterInstance

TWO_HEADS: Final = "more than one head"
"""What Alembic says of a database that two processes made at once: each noted its version."""

AWAY: Final = "DagsterPostgresException"
"""What Dagster's records in PostgreSQL raise when that does not answer. Its module is loaded where it is used alone."""


class DamagedHomeError(Exception):
    """Dagster's records cannot be opened as they are."""


@contextmanager
def this_instance() -> Iterator[DagsterInstance]:
    """Open Dagster's records below DAGSTER_HOME.

    What runs print is not kept: Dagster would redirect this process's output during each step, the terminal's
    included, and several runs at a time would mix it up.
    """
    from alembic.util import CommandError
    from dagster import DagsterInstance

    from mailevents_dagster.files.locks import holding
    from mailevents_dagster.orchestration.internals import NO_OUTPUT

    home = Path(os.environ["DAGSTER_HOME"])
    with holding(home / "opening.lock"):  # nobody else makes the home's databases meanwhile
        try:
            opened = DagsterInstance.local_temp(str(home), NO_OUTPUT)  # nothing about it is temporary
        except CommandError as error:
            if TWO_HEADS not in str(error):
                raise
            raise DamagedHomeError(
                f"Dagster's records in {home} were made by two processes at once and cannot be opened. Move its "
                f"folders `history` and `schedules` away: they are made anew, and come to show the stored hours, which "
                f"lie elsewhere and are whole."
            ) from error
        except Exception as error:
            if type(error).__name__ != AWAY:
                raise
            raise DamagedHomeError(
                f"Dagster's records are in the PostgreSQL that {home / 'dagster.yaml'} names, and that cannot be used: "
                f"{str(error.__cause__).strip().splitlines()[0]}. See that it runs, and that the address is right."
            ) from error
    with opened as instance:
        yield instance
