"""Loads the settings and builds the definitions; nothing else."""

from mailevents_dagster.build import build_defs
from mailevents_dagster.orchestration.garbage_collection import frozen_once_loaded
from mailevents_dagster.sources.catalog import load_project

with frozen_once_loaded():
    defs = build_defs(load_project())
