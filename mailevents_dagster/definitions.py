"""Loads the settings and builds the definitions; nothing else."""

from mailevents_dagster.build import build_defs
from mailevents_dagster.orchestration.long_lived import long_lived
from mailevents_dagster.settings import load_project

with long_lived():
    defs = build_defs(load_project())
