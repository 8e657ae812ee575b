"""A store with an hour in it."""

from __future__ import annotations

import pytest

from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.store.kept import commit
from mailevents_dagster_tests.store.verifying import EVENTS


@pytest.fixture
def kept(store: Store) -> Store:
    commit(store, EVENTS)
    return store
