"""Who may read the logs: their owner alone unless the settings say otherwise, and of the rest of the storage never."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.files import atomic
from mailevents_dagster.files.atomic import mode_of
from mailevents_dagster.model.event import Event
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.store.hour.log import Change
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import INCOMING, LOG_FILE_NAME, NOON, START, event
from mailevents_dagster_tests.store.kept import LOG, bring_log_up_to_date, commit

FIRST, LATER, EARLIER = (event(START + seconds) for seconds in (100, 200, 50))


@pytest.fixture(autouse=True, params=[0o000, 0o022, 0o077], ids="umask {:03o}".format)
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """The modes are the same under each."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def store_of(folder: Path, mode: int | None) -> Store:
    return Store(str(folder / "data"), "UTC", LOG_FILE_NAME, FEED_KINDS, folder / "data", log_file_mode=mode)


def modes(folder: Path) -> dict[str, str]:
    """Of everything in the storage and of the storage itself, as ls would say it."""
    paths = [folder / "data", *(folder / "data").rglob("*")]
    return {str(path.relative_to(folder)): f"{mode_of(path):04o}" for path in paths}


def private(folder: Path) -> dict[str, str]:
    return {name: "0700" if (folder / name).is_dir() else "0600" for name in modes(folder)}


def opened(folder: Path, of_files: str, of_folders: str, log: str = LOG) -> dict[str, str]:
    """All as private as ever, but for a log and the folders from `output` down to it."""
    above = {str(Path("data", path)): of_folders for path in Path(log).parents if path.name}
    return {**private(folder), **above, f"data/{log}": of_files}


def test_without_the_setting_everything_is_for_its_owner_alone(tmp_path: Path) -> None:
    commit(store_of(tmp_path, None), [FIRST])
    assert modes(tmp_path) == private(tmp_path)


@pytest.mark.parametrize(
    ("mode", "of_files", "of_folders"),
    [(0o640, "0640", "0750"), (0o644, "0644", "0755"), (0o604, "0604", "0705"), (0o600, "0600", "0700")],
)
def test_a_log_gets_its_mode_and_its_folders_what_it_takes_to_reach_it_and_nothing_else_does(
    tmp_path: Path, mode: int, of_files: str, of_folders: str
) -> None:
    commit(store_of(tmp_path, mode), [FIRST])
    assert modes(tmp_path) == opened(tmp_path, of_files, of_folders)


def test_a_log_that_is_appended_to_or_replaced_keeps_its_mode(tmp_path: Path) -> None:
    store = store_of(tmp_path, 0o640)
    for events, change in (
        ([FIRST], Change.CREATED),
        ([FIRST, LATER], Change.APPENDED),
        ([EARLIER, FIRST, LATER], Change.REPLACED),
        ([EARLIER, FIRST, LATER], Change.UNCHANGED),
    ):
        assert commit(store, events).log_change is change
        assert modes(tmp_path) == opened(tmp_path, "0640", "0750")


def test_a_replaced_log_is_at_no_moment_less_readable_than_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hour.log"
    bring_log_up_to_date(path, [FIRST])
    path.chmod(0o640)
    renamed: list[int] = []

    def replace(partial: Path, to: Path) -> None:
        renamed.append(mode_of(partial))
        os.replace(partial, to)

    monkeypatch.setattr(atomic, "replace", replace)
    assert bring_log_up_to_date(path, [EARLIER, FIRST]).change is Change.REPLACED
    assert renamed == [0o640]


@pytest.mark.parametrize("events", [[FIRST], [FIRST, LATER], [EARLIER, FIRST]], ids=["as is", "appended", "replaced"])
def test_a_log_from_before_the_setting_gets_its_mode_when_its_hour_is_collected_and_no_other_does(
    tmp_path: Path, events: list[Event]
) -> None:
    before = store_of(tmp_path, None)
    commit(before, [FIRST])
    commit(before, [event(NOON.next.start)], hour=NOON.next)

    commit(store_of(tmp_path, 0o640), events)

    assert modes(tmp_path) == opened(tmp_path, "0640", "0750")


def test_a_narrower_mode_shuts_out_again_and_without_the_setting_what_is_there_stays(tmp_path: Path) -> None:
    commit(store_of(tmp_path, 0o644), [FIRST])
    commit(store_of(tmp_path, None), [EARLIER, FIRST])
    assert modes(tmp_path) == opened(tmp_path, "0644", "0755")

    commit(store_of(tmp_path, 0o600), [EARLIER, FIRST])
    assert modes(tmp_path) == private(tmp_path)


def test_a_mode_that_cannot_be_given_is_told_and_the_hour_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    store = store_of(tmp_path, 0o640)
    commit(store, [FIRST])

    assert not store.cursor(INCOMING).failed
    assert (tmp_path / "data" / LOG).read_bytes() == FIRST.raw + b"\n"
    assert f"{LOG} cannot be given the mode 0640 (Operation not permitted)" in caplog.text


def test_windows_knows_no_modes_so_none_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hour.log"
    file.touch(0o600)
    with monkeypatch.context() as on_windows:
        on_windows.setattr(os, "name", "nt")
        atomic.set_mode(file, 0o640)
    assert mode_of(file) == 0o600
