"""Settings beside data that are stored already."""

from __future__ import annotations

import json
from pathlib import Path

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import INCOMING, START, collection, event, make_store
from mailevents_dagster_tests.settings.documents import Complaints, Load
from mailevents_dagster_tests.store.kept import commit


def test_a_damaged_description_of_the_store_is_no_problem_where_the_data_agree_with_the_settings(
    load: Load, complaints: Complaints, tmp_path: Path
) -> None:
    store = make_store(tmp_path / "data", "Europe/Istanbul")
    commit(store, [event(START)], hour=Hour(START, "Europe/Istanbul"))
    description = tmp_path / "data" / "manifests" / "store.json"
    for damage in (b"", bytes(44), b'{"timezone": "Europe/Istanbum", "version": 1}'):
        description.write_bytes(damage)
        assert load(timezone="Europe/Istanbul").timezone == "Europe/Istanbul"
        assert "write `timezone: Europe/Istanbul`" in complaints()["timezone"]

        assert "store.json.damaged" in notes_of(store)[0]
        assert json.loads(description.read_bytes()) == {"timezone": "Europe/Istanbul", "version": 1}
        assert notes_of(store) == []


def notes_of(store: Store) -> list[str]:
    with store.open_hour(INCOMING, Hour(START, "Europe/Istanbul")) as work:
        work.commit(collection([event(START)]))
    return work.notes
