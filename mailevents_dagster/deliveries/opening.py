"""The outbox of a store: a file beside it, or the database that its machines share."""

from __future__ import annotations

from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.postgres_ledger import PostgresLedger
from mailevents_dagster.deliveries.taking_over import take_over
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.store.store import Store


def outbox_of(store: Store) -> Outbox:
    """Return the outbox. What a file of this machine holds moves into the database when that is named first."""
    if store.postgres is None:
        return Outbox(store.layout.outbox)
    database = Database(store.postgres)
    if store.layout.outbox.exists():
        take_over(store.layout.outbox, PostgresLedger(database))
    return Outbox(database)
