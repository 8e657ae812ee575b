"""What is loaded once and lives as long as the process: nobody looks through it for garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def long_lived() -> Iterator[None]:
    """Keep all that the block loads out of Python's search for garbage, while it is loaded, later, and at the end.

    Dagster and the definitions of a thousand feeds are millions of objects. Looking through them takes a quarter of
    the time to load them, some of every run's, and a third of a second when a short-lived process ends.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
