"""Dagster's side of the store: the hours of feeds as inputs of assets and ops."""

import time
from functools import cache
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.run_sign_ins import fail_the_gone
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.opening import store_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.dataset as ds

COLUMNS = "columns"
"""The metadata key of an input that names the columns to load; without it, all are."""


class StoreManager(dg.IOManager):
    """What opens the store in a run, for feeds and for summaries."""

    def __init__(self, settings: Settings) -> None:
        self.store = store_of(settings)


class EventStore(StoreManager):
    """The stored hours of all feeds; readers load them as the type that they ask for."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._feeds = {feed.asset_key: feed for feed in settings.feeds}

    def handle_output(self, context: dg.OutputContext, obj: None) -> None:
        """Leave the store as it is: the asset has committed its hours one by one, so that each counts by itself."""

    def load_input(self, context: dg.InputContext) -> "pd.DataFrame | pa.Table | ds.Dataset":
        """Return the hours asked for, with the columns that the input's metadata name, as the input's type."""
        import pandas as pd  # only readers need them, and they take half a second
        import pyarrow.dataset as ds

        store = self.store
        feed = self._feeds[tuple(context.asset_key.path)]
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


def event_store(settings: Settings) -> dg.IOManagerDefinition:
    """Return the resource, which signs the run in until the process ends: it goes on after its resources are gone.

    A process has one, whose store knows which cursors on an object store have not changed since the last tick.
    """
    only = cache(lambda: EventStore(settings))

    @dg.io_manager(description=EventStore.__doc__)
    def opened(context: dg.InitResourceContext) -> EventStore:
        made = only()
        if context.run and context.instance:  # a sensor has no run
            made.store.locks.sign_in(context.run.run_id)
            fail_the_gone(context.instance, made.store.locks, time.time())
        return made

    return opened
