"""`mailevents housekeeping` as a process: what would go, what goes, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.commands import mailevents
from mailevents_dagster_tests.conftest import INCOMING
from mailevents_dagster_tests.store.years import EVENTS, keep_hours

SETTINGS = """
start: {start}
storage: ./data
api: {{base_url: simulator}}
accounts: [{{domain: example.com, feeds: [authentication, mail/incominglog]}}]
retention:
  mail_days: 3
  legal_hold: [{{feeds: "example.com mail/*", until: {until}, reason: case 2026/17}}]
"""
Housekeeping = Callable[..., subprocess.CompletedProcess[str]]


def written(hour: Hour) -> str:
    return f"{hour.key[:10]}T{hour.key[11:]}"


@pytest.fixture
def oldest() -> Hour:
    """The first of six hours that expired: three are held, three go."""
    return Hour.containing(time.time() - 10 * 86_400, "UTC")


@pytest.fixture
def file(tmp_path: Path, oldest: Hour) -> Path:
    path = tmp_path / "mailevents.yaml"
    path.write_text(SETTINGS.format(start=written(oldest), until=written(Hour(oldest.start + 3 * 3600, "UTC"))))
    return path


@pytest.fixture
def store(file: Path, oldest: Hour) -> Store:
    made = store_of(load_settings(file, environ={}))
    recent = Hour.containing(time.time() - 2 * 86_400, "UTC")
    keep_hours(made, INCOMING, [*(Hour(oldest.start + n * 3600, "UTC") for n in range(6)), recent])
    return made


@pytest.fixture
def housekeeping(file: Path, tmp_path: Path) -> Housekeeping:
    home = tmp_path / "dagster home"
    home.mkdir()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "MAILEVENTS"))},
        "MAILEVENTS_CONFIG": str(file),
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }

    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in {**environ, **changes}.items() if value}
        return mailevents("housekeeping", *arguments, environ=env)

    return run


def snapshots(store: Store) -> int:
    return len(list(Path(str(store.layout.all_snapshots)).rglob("*.parquet")))


def test_a_dry_run_shows_what_would_go_and_what_a_hold_keeps_and_destroys_nothing(
    housekeeping: Housekeeping, store: Store, oldest: Hour
) -> None:
    done = housekeeping("--dry-run", "--json", DAGSTER_HOME="")

    assert done.returncode == 0, done.stderr
    common: dict[str, Any] = {"feed": str(INCOMING), "hours": 3, "events": 3 * EVENTS, "bytes": 3 * 200}
    first, middle, end = (Hour(oldest.start + n * 3600, "UTC").key for n in (0, 3, 6))
    rule = "mail_days: 3"
    assert json.loads(done.stdout) == [
        {**common, "from": middle, "to": end, "rule": rule, "held_by": None},
        {**common, "from": first, "to": middle, "rule": rule, "held_by": "case 2026/17"},
    ]
    shown = housekeeping("--dry-run").stdout
    assert "3 expired hours would be destroyed; 3 are kept by legal holds." in shown
    assert [line.split()[-1] for line in shown.splitlines() if line.strip().startswith(str(INCOMING))] == [
        "3",
        "2026/17",
    ]
    assert snapshots(store) == 7


def test_a_run_destroys_is_recorded_and_leaves_nothing_for_the_next(housekeeping: Housekeeping, store: Store) -> None:
    done = housekeeping()

    assert done.returncode == 0, done.stderr
    assert "3 expired hours destroyed, 21 events, 600 bytes; 3 more are kept by legal holds" in done.stdout
    assert snapshots(store) == 4
    again = housekeeping("--json")
    assert again.returncode == 3
    assert json.loads(again.stdout) == {
        "follow_runs_deleted": 0,
        "check_runs_deleted": 0, "hours": 0, "events": 0, "bytes": 0, "left": 0, "held": 3, "failed": 0,
        "taken_back": 0, "blobs": 0, "blob_bytes": 0,
    }  # fmt: skip
    assert housekeeping("--dry-run").returncode == 3


def test_the_run_is_one_that_the_ui_shows(housekeeping: Housekeeping, store: Store, tmp_path: Path) -> None:
    housekeeping()
    with dg.DagsterInstance.from_config(str(tmp_path / "dagster home")) as instance:
        [run] = instance.get_runs()
        assert (run.job_name, run.status) == ("housekeeping", dg.DagsterRunStatus.SUCCESS)
        assert len(instance.fetch_observations(dg.AssetKey(INCOMING.asset_key), limit=10).records) == 3


def test_where_nothing_is_stored_there_is_nothing_to_do(housekeeping: Housekeeping) -> None:
    assert housekeeping("--dry-run").returncode == 3
    assert json.loads(housekeeping("--dry-run", "--json").stdout) == []


def test_without_a_home_for_dagster_there_is_one_beside_the_settings(
    housekeeping: Housekeeping, store: Store, file: Path
) -> None:
    assert housekeeping(DAGSTER_HOME="").returncode == 0
    assert (file.parent / ".dagster" / "history").exists()


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_a_hold_that_matches_no_feed_ends_the_command_with_a_sentence(
    arguments: tuple[str, ...], housekeeping: Housekeeping, store: Store, file: Path
) -> None:
    file.write_text(file.read_text().replace("example.com mail/*", "exmaple.com mail/*"))
    done = housekeeping(*arguments)
    assert done.returncode == 2
    assert "retention.legal_hold" in done.stderr
    assert "exmaple.com mail/*" in done.stderr
    assert "Traceback" not in done.stderr
    assert snapshots(store) == 7


def test_a_dry_run_loads_no_dagster(housekeeping: Housekeeping, store: Store, file: Path) -> None:
    program = (
        "import sys; from mailevents_dagster.cli import main\n"
        "try: main(['housekeeping', '--dry-run'])\n"
        "finally: assert 'dagster' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MAILEVENTS_CONFIG": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
