"""Loads the settings and builds the definitions; nothing else."""

import gc

from mailevents_dagster.build import build_defs
from mailevents_dagster.settings import load_project

# Of a thousand feeds these are millions of objects that live as long as the process. Looking through them for garbage
# takes a quarter of the time to load them, and some of every run's.
gc.disable()
try:
    defs = build_defs(load_project())
    gc.freeze()
finally:
    gc.enable()
