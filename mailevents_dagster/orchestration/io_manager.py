"""Dagster's side of the store: shows hours one by one as they are committed; readers get them as they ask."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.collected_hours import CollectedHours
from mailevents_dagster.orchestration.metadata import hour_metadata, hour_sentence
from mailevents_dagster.orchestration.run_sign_ins import fail_the_gone, sign_in
from mailevents_dagster.sources.catalog import FEED_KINDS
from mailevents_dagster.store.store import Store

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.dataset as ds

COLUMNS = "columns"
"""Metadata key of an asset's input: the columns to load, all where it is not given."""


class EventStore(dg.ConfigurableIOManager):
    """The stored hours of all feeds: shows each as soon as it is committed, loads them as readers ask."""

    storage: str
    timezone: str
    log_file_name: str

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Sign in for as long as the process lives: the run has its last word after its resources are gone."""
        if context.run and context.instance:  # a sensor has no run
            sign_in(self.runs, context.run.run_id)
            fail_the_gone(context.instance, self.runs, time.time())

    @property
    def runs(self) -> Path:
        """Where the runs of this machine sign in."""
        return self.store.layout.runs

    @property
    def store(self) -> Store:
        return Store(self.storage, self.timezone, self.log_file_name, FEED_KINDS)

    def handle_output(self, context: dg.OutputContext, obj: CollectedHours) -> None:
        """Shows hour by hour what was written. If a later hour fails, those done still count as materialized."""
        done: dict[str, dict[str, Any]] = {}
        log = obj.log
        try:
            for hour in obj:
                key = hour.commit.manifest.hour
                done[key] = hour_metadata(hour.feed, hour.commit, hour.measures)
                log.info(hour_sentence(hour.commit, hour.measures))
                for note in hour.notes:
                    log.warning(f"{hour.feed} {key}: {note}")
        except BaseException:
            for key, metadata in done.items():
                context.log_event(dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata))
            obj.report_failures()  # behind them: Dagster shows no verdict that is older than what it speaks of
            raise
        for key, metadata in done.items():
            obj.context.add_asset_metadata(metadata, partition_key=key)

    def load_input(self, context: dg.InputContext) -> "pd.DataFrame | pa.Table | ds.Dataset":
        """The hours asked for, with the columns named in the input's metadata, as the type it is annotated with."""
        import pandas as pd  # readers alone need them, and they take half a second
        import pyarrow.dataset as ds

        store = self.store
        feed = feed_of(context.asset_key)
        hours = [Hour.from_key(key, store.timezone) for key in context.asset_partition_keys]
        dataset = store.dataset(feed, hours)
        wanted = context.dagster_type.typing_type
        if wanted is ds.Dataset:
            return dataset
        if wanted not in (pd.DataFrame, pa.Table, Any, None):
            raise TypeError(
                f"{context.name} is annotated {wanted}; hours load as pandas.DataFrame, pyarrow.Table or "
                f"pyarrow.dataset.Dataset"
            )
        table = dataset.to_table(columns=(context.definition_metadata or {}).get(COLUMNS))
        return table if wanted is pa.Table else table.to_pandas()


def feed_of(key: dg.AssetKey) -> Feed:
    _, domain, *name = key.path
    return Feed(domain, FEED_KINDS["/".join(name)])
