"""The IO manager of summaries: stores counts as Parquet files and loads them as readers ask."""

from typing import Final

import dagster as dg
import pandas as pd
import pyarrow as pa

from mailevents_dagster.orchestration.io_manager import StoreManager
from mailevents_dagster.summaries.counts import nothing
from mailevents_dagster.summaries.stored import read_summary, write_summary

ALL: Final = "all"
"""In asset keys in the place of a domain, which has a dot."""
FILE: Final = "parquet_file"


class SummaryStore(StoreManager):
    """The counts of days, one Parquet file each."""

    def handle_output(self, context: dg.OutputContext, obj: pa.Table) -> None:
        path = self.store.layout.summary(*_place(context.asset_key, context.partition_key))
        write_summary(path, obj)
        context.add_output_metadata({FILE: dg.MetadataValue.path(str(path))})

    def load_input(self, context: dg.InputContext) -> pd.DataFrame | pa.Table:
        """Return the counts of the days, one after the other, as the type that the input is annotated with."""
        layout = self.store.layout
        paths = [layout.summary(*_place(context.asset_key, key)) for key in context.asset_partition_keys]
        table = pa.concat_tables([nothing(), *(found for path in paths if (found := read_summary(path)) is not None)])
        return table.to_pandas() if context.dagster_type.typing_type is pd.DataFrame else table


def _place(key: dg.AssetKey, day: str) -> tuple[str, str | None, str]:
    """Return name, domain (None for all) and day of a summary, as the layout takes them."""
    *_, domain, name = key.path
    return name, None if domain == ALL else domain, day
