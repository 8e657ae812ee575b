"""Loads the settings and builds the definitions; nothing else."""

from mailevents_dagster.build import build_defs
from mailevents_dagster.settings import load_project

defs = build_defs(load_project())
