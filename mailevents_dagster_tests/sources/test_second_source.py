"""A second source fits in by being added to a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from mailevents_dagster.build import build_defs
from mailevents_dagster.collecting.collector import collector_of
from mailevents_dagster.collecting.feed_states import states_of
from mailevents_dagster.collecting.outcomes import Collected, Task
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.metadata import hour_sentence
from mailevents_dagster.settings import Settings, SettingsError
from mailevents_dagster.settings.loading import load_settings
from mailevents_dagster.sources.catalog import SOURCES
from mailevents_dagster.sources.client import Client, Options
from mailevents_dagster.store.opening import retention_of, store_of
from mailevents_dagster_tests.collecting_process import outcomes
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.settings.documents import ENVIRON, NOW, document
from mailevents_dagster_tests.text_lines import LINES, TEXT_LINES, TextFilesSettings

NOTES = Feed("notes", LINES)
HOUR = Hour.from_key("2026-11-20-12:00", "UTC")


def load(folder: Path, **changes: Any) -> Settings:
    (folder / "notes.txt").write_text(
        "2026-11-20T12:00:00Z one\n2026-11-20T12:59:59Z two\n2026-11-20T13:00:00Z three\n"
    )
    file = folder / "mailevents.yaml"
    written = {"text_files": [{"name": "notes", "file": str(folder / "notes.txt")}], **changes}
    file.write_text(yaml.safe_dump(document(**written)))
    return load_settings(file, ENVIRON, NOW, sources=(*SOURCES, TEXT_LINES), demo={})


def test_its_feeds_stand_beside_those_of_others(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert [str(feed) for feed in settings.feeds] == ["acme.com mail/incominglog", "notes lines"]
    assert settings.section(TextFilesSettings).text_files[0].name == "notes"
    assert [state.start for state in states_of(settings, store_of(settings))] == [settings.start] * 2


def test_its_categories_have_days_of_retention(tmp_path: Path) -> None:
    assert retention_of(load(tmp_path, retention={"text_days": 30})).days == {"text": 30}


@pytest.mark.parametrize(
    ("changes", "path", "mend"),
    [
        ({"text_files": [{"name": "notes", "fille": "x"}]}, "text_files[0].fille", "did you mean `file`?"),
        ({"text_file": []}, "text_file", "did you mean `text_files`?"),
        ({"text_files": [{"name": "notes"}]}, "text_files[0].file", "write for example `file: /var/log/notes.txt`"),
        ({"file": "x"}, "file", "belongs below `text_files`"),
    ],
)
def test_what_is_wrong_in_its_section_is_named_with_its_mend(
    tmp_path: Path, changes: dict[str, Any], path: str, mend: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, **changes)
    assert mend in {problem.path: problem.message for problem in caught.value.problems}[path]


def test_settings_of_other_sources_know_none_of_its_keys(tmp_path: Path) -> None:
    load(tmp_path)
    with pytest.raises(SettingsError, match="text_files: is not a key of settings"):
        load_settings(tmp_path / "mailevents.yaml", ENVIRON, NOW, sources=SOURCES, demo={})


def test_its_client_collects_hours_into_the_store(tmp_path: Path) -> None:
    settings = load(tmp_path)
    store, client = store_of(settings), TEXT_LINES.client(settings, "notes")
    collected: Client = client
    with store.open_hour(NOTES, HOUR) as work:
        commit = work.commit(collected.collect(work, Options()))
    assert (commit.added, commit.manifest.events) == (2, 2)
    assert Path(str(store.layout.log(NOTES, HOUR))).read_text().count("\n") == 2


@pytest.mark.slow
def test_dagster_collects_its_hours(tmp_path: Path) -> None:
    settings = load(tmp_path)
    made = build_defs(settings)
    key = dg.AssetKey(NOTES.asset_key)
    with in_files() as instance:
        result = dg.materialize(
            list(made.assets or ()),
            selection=[key],
            partition_key=HOUR.key,
            resources=made.resources,
            instance=instance,
        )
        assert result.success
        assert instance.get_materialized_partitions(key) == {HOUR.key}
    manifest = store_of(settings).manifest(NOTES, HOUR)
    assert manifest is not None
    assert manifest.events == 2


def test_its_hours_are_collected_as_those_of_others_are_and_told_without_calls(tmp_path: Path) -> None:
    settings = load(tmp_path)
    tasks = [Task(NOTES, [HOUR, HOUR.next])]
    found = outcomes(collector_of(settings), lambda feed: TEXT_LINES.client(settings, feed.domain), tasks)
    assert [hour_sentence(one.commit, one.measures) for one in found if isinstance(one, Collected)] == [
        f"notes lines {HOUR.key}: 2 events, 2 new, log created",
        f"notes lines {HOUR.next.key}: 1 events, 1 new, log created",
    ]
