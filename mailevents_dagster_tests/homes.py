"""Dagster's home, in which nothing happened yet: to make its databases takes a process half a second, to copy them a
twentieth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg


def make_home(folder: Path) -> None:
    """Write the databases into the folder, as one finds them where a project has been opened before."""
    for name, content in _databases().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@cache
def _databases() -> Mapping[str, bytes]:
    with TemporaryDirectory() as folder:
        with dg.instance_for_test(temp_dir=folder) as made:
            made.get_runs_count()
            made.all_instigator_state()
        return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*.db")}


@contextmanager
def in_files() -> Iterator[dg.DagsterInstance]:
    """An instance with files."""
    with TemporaryDirectory() as folder:
        make_home(Path(folder))
        with dg.instance_for_test(temp_dir=folder) as made:
            yield made
