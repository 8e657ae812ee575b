"""Which blobs the files of hours name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

import pyarrow as pa

from mailevents_dagster.files.atomic import opened, publish
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.store.hour.snapshot_file import columns_of, reading
from mailevents_dagster.store.layout import Layout, days_in, names_in

SHA256: Final = re.compile(rb"[0-9a-f]{64}")
PARQUET: Final = ".parquet"


def named_in_snapshot(path: StoredPath, column: str) -> set[str]:
    """Return the blobs of an hour's events, which have one or several; DamagedError where there is no such column."""
    import pyarrow.compute as pc

    with reading(path):
        named = columns_of(path, [column]).column(column)
        if pa.types.is_list(named.type):
            named = pc.list_flatten(named)
    return {name for name in named.to_pylist() if name}


def named_in_text(path: StoredPath) -> Iterator[str]:
    """Yield what may be the name of a blob in a log or a journal, whether it is damaged or not."""
    with opened(path) as file:
        for line in file:
            for name in SHA256.findall(line):
                yield name.decode()


def doom(layout: Layout, files: Iterable[StoredPath], column: str) -> None:
    """Note the blobs that these files of an hour name, before the files go."""
    names = set[str]()
    for file in files:
        with suppress(DamagedError, FileNotFoundError):  # the log beside it names them, too
            names.update(named_in_snapshot(file, column) if PARQUET in file.name else named_in_text(file))
    if names:
        content = "".join(f"{name}\n" for name in sorted(names)).encode()
        with publish(layout.doomed_blobs / f"{hashlib.sha256(content).hexdigest()}.txt") as listed:
            listed.write(content)


def snapshots_of(layout: Layout, feed: Feed) -> Iterator[StoredPath]:
    """Yield all snapshots of a feed, whatever their hour."""
    for folder, names in days_in(layout.snapshots(feed)):
        for name in names:
            if name.endswith(PARQUET) and not name.startswith("."):
                yield folder / name


def journals_of(layout: Layout, feed: Feed) -> Iterator[StoredPath]:
    """Yield all journals of a feed: what they hold is not committed yet."""
    folder = layout.journals(feed)
    return (folder / name for name in names_in(folder) if name.endswith(".journal"))
