"""A run of Dagster, for what it loads: forks of a process that has imported this load none of it."""

from __future__ import annotations

import dagster as dg

from mailevents_dagster_tests.homes import in_files


@dg.asset
def nothing() -> None: ...


with in_files() as records:
    dg.materialize([nothing], instance=records)
