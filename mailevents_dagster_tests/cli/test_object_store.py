"""The commands on an object store: as in a folder, with journals, locks and Dagster's own files on the machine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailevents_dagster.sources.uzmanposta.simulator import FixedMail, Simulator
from mailevents_dagster.store.cursors import hours_in
from mailevents_dagster_tests.commands import SETTINGS, Place, hours_ago, mailevents, set_up
from mailevents_dagster_tests.homes import make_home
from mailevents_dagster_tests.object_server import ObjectServer, environment

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def api(fixed: FixedMail) -> Iterator[Simulator]:
    with Simulator(source=fixed) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, bucket: str, api: Simulator) -> Place:
    text = SETTINGS.replace("./data", bucket) + "retention: {{mail_days: 3650}}\n"
    make_home(tmp_path / "here" / "home")
    return set_up(tmp_path / "here", api, hours=3, text=text)


@pytest.fixture
def run(place: Place, s3: ObjectServer) -> Run:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {**place.environment, **environment(s3.url), "DAGSTER_HOME": str(place.folder / "home")}
        done = mailevents(*arguments, environ=environ)
        assert "Traceback" not in done.stderr, done.stderr
        assert "s3cret" not in done.stdout + done.stderr
        return done

    return run


def test_every_command_works_on_an_object_store(run: Run, place: Place) -> None:
    commands = (
        ("collect",),
        ("status",),
        ("verify",),
        ("verify", "--against-source"),
        ("housekeeping", "--dry-run"),
        ("housekeeping",),
        ("report", "--day", hours_ago(24).key[:10]),
        ("status", "--rebuild-cursors"),
        ("collect",),
    )
    for arguments in commands:
        done = run(*arguments)
        nothing_to_do = arguments[0] in ("housekeeping", "report") and done.returncode == 3
        assert done.returncode == 0 or nothing_to_do, (arguments, done.stdout, done.stderr)
    assert all(hours_in(place.store.cursor(feed).closed) >= 3 for feed in place.settings.feeds)
    assert not list(place.folder.rglob("*.parquet"))


def test_a_bucket_that_is_not_there_is_told_in_a_sentence(run: Run, place: Place) -> None:
    file = place.folder / "mailevents.yaml"
    file.write_text(file.read_text().replace("bucket-", "other-"))
    done = run("collect")
    assert done.returncode not in (0, None)
    assert "there is no such bucket" in done.stdout + done.stderr
