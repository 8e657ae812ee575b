"""Python's garbage collection, kept away from what lives as long as the process."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def frozen_once_loaded() -> Iterator[None]:
    """Never look for garbage in what the block loads: not while it loads, not later and not at the end.

    Dagster and the definitions of a thousand feeds are millions of objects. Looking through them takes a quarter of
    the time to load them, some of every run's, and a third of a second when a short-lived process ends.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
