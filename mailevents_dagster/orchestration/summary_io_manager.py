"""The IO managers of what is made of days: stored as Parquet files, and loaded as readers ask."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import pyarrow as pa

from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.orchestration.io_manager import StoreManager
from mailevents_dagster.sources.maillog.lives import SCHEMA
from mailevents_dagster.summaries.counts import COUNTS
from mailevents_dagster.summaries.stored import read_summary, write_summary

if TYPE_CHECKING:
    import pandas as pd

ALL: Final = "all"
"""In asset keys in the place of a domain, which has a dot, or of a server."""
FILE: Final = "parquet_file"


class SummaryStore(StoreManager):
    """The counts of days, one Parquet file each."""

    def handle_output(self, context: dg.OutputContext, obj: pa.Table) -> None:
        _write(context, self.store.layout.summary(*_place(context.asset_key, context.partition_key)), obj)

    def load_input(self, context: dg.InputContext) -> "pd.DataFrame | pa.Table":
        """Return the counts of the days, one after the other, as the type that the input is annotated with."""
        layout = self.store.layout
        paths = (layout.summary(*_place(context.asset_key, key)) for key in context.asset_partition_keys)
        return _loaded(paths, COUNTS, context.dagster_type.typing_type)


class LivesStore(StoreManager):
    """The lives of mails that ended on a day, one Parquet file a day."""

    def handle_output(self, context: dg.OutputContext, obj: pa.Table) -> None:
        _write(context, self.store.layout.lives(context.partition_key), obj)

    def load_input(self, context: dg.InputContext) -> "pd.DataFrame | pa.Table":
        """Return the lives of the days, one after the other, as the type that the input is annotated with."""
        paths = map(self.store.layout.lives, context.asset_partition_keys)
        return _loaded(paths, SCHEMA, context.dagster_type.typing_type)


def _write(context: dg.OutputContext, path: StoredPath, made: pa.Table) -> None:
    write_summary(path, made)
    context.add_output_metadata({FILE: dg.MetadataValue.path(str(path))})


def _loaded(paths: Iterable[StoredPath], schema: pa.Schema, wanted: Any) -> "pd.DataFrame | pa.Table":
    import pandas as pd  # only readers need it, and it takes half a second

    found = (made for path in paths if (made := read_summary(path)) is not None)
    table = pa.concat_tables([schema.empty_table(), *found])
    return table.to_pandas() if wanted is pd.DataFrame else table


def _place(key: dg.AssetKey, day: str) -> tuple[str, str | None, str]:
    """Return name, domain (None for all) and day of a summary, as the layout takes them."""
    *_, domain, name = key.path
    return name, None if domain == ALL else domain, day
