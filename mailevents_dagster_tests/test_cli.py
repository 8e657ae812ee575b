"""The `mailevents` command as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.hours import Hour

COMMAND = str(Path(sys.executable).parent / "mailevents")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home for Dagster, and a folder to work in, with a checkout's settings out of sight."""
    home = tmp_path / "dagster home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "MAILEVENTS"))}
    return {**kept, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes"}


def mailevents(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_help_names_the_commands(environment: dict[str, str]) -> None:
    done = mailevents("--help", environment=environment)

    assert done.returncode == 0
    assert "demo" in done.stdout
    assert "simulate" in done.stdout


def test_the_demo_leaves_a_checkout_with_settings_alone(tmp_path: Path, environment: dict[str, str]) -> None:
    settings = tmp_path / "mailevents.yaml"
    settings.write_text(
        "start: 2026-11-01T00:00\n"
        "api: {base_url: simulator}\n"
        "accounts: [{domain: example.com, feeds: [authentication]}]\n"
    )

    done = mailevents("demo", environment={**environment, "MAILEVENTS_CONFIG": str(settings)})

    assert done.returncode == 2
    assert "without settings" in done.stderr
    assert not (tmp_path / "data").exists()


def test_wrong_settings_are_told_without_a_traceback(tmp_path: Path, environment: dict[str, str]) -> None:
    settings = tmp_path / "mailevents.yaml"
    settings.write_text("start: yesterday\nacounts: []\n")

    done = mailevents("demo", environment={**environment, "MAILEVENTS_CONFIG": str(settings)})

    assert done.returncode == 2
    assert "acounts" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_simulator_serves_until_it_is_interrupted(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [COMMAND, "simulate", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as serving:
        assert serving.stdout
        url = next(word for word in serving.stdout.readline().split() if word.startswith("http://127.0.0.1:"))
        request = urllib.request.Request(
            f"{url}/logs/authentication?starttime=1795156800&endtime=1795160400&domain=example.com",
            headers={"Authorization": "Bearer any-key-at-all"},
        )
        with urllib.request.urlopen(request) as answer:
            assert isinstance(json.load(answer), list)
        serving.send_signal(signal.SIGINT)
        assert serving.wait(timeout=30) == 0


@pytest.fixture
def with_settings(tmp_path: Path, environment: dict[str, str]) -> dict[str, str]:
    """Settings of two feeds on the simulator, from ten hours ago on."""
    first = Hour.containing(time.time() - 10 * 3600, "UTC").key
    (tmp_path / "mailevents.yaml").write_text(
        f"start: {first[:10]}T{first[11:]}\n"
        "api: {base_url: simulator, requests_per_second: null}\n"
        "collect: {hours_per_run: 2}\n"
        "accounts: [{domain: example.com, feeds: [authentication, mail/incominglog]}]\n"
    )
    return {**environment, "MAILEVENTS_CONFIG": str(tmp_path / "mailevents.yaml")}


def three_hours() -> tuple[str, str]:
    last = Hour.containing(time.time() - 2 * 3600, "UTC")
    return tuple(f"{hour.key[:10]}T{hour.key[11:]}" for hour in (last.previous.previous, last.next))  # type: ignore[return-value]


def test_hours_of_the_past_are_collected_by_hand_as_runs_that_dagster_keeps(
    tmp_path: Path, with_settings: dict[str, str]
) -> None:
    first, end = three_hours()

    done = mailevents("collect", "--from", first, "--to", end, "--feed", "*auth*", environment=with_settings)

    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stdout.splitlines() if " events, " in line]) == 3
    with dg.DagsterInstance.from_config(with_settings["DAGSTER_HOME"]) as instance:
        assert instance.get_runs_count() == 2  # of two hours and of one
        kept = instance.get_materialized_partitions(dg.AssetKey(["uzmanposta", "example.com", "authentication"]))
        assert len(kept) == 3
    assert not list((tmp_path / "data" / "output").rglob("*incominglog*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--feed", "x"), "No feed is like x"),
        (("--from", "yesterday"), "is no date and time"),
        (("--from", "2019-01-01T00:00", "--to", "2019-01-02T00:00"), "No hour lies between"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_wrong(
    arguments: tuple[str, ...], said: str, with_settings: dict[str, str]
) -> None:
    first, end = three_hours()
    done = mailevents("collect", "--from", first, "--to", end, *arguments, environment=with_settings)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_home_for_dagster_nothing_is_collected(with_settings: dict[str, str]) -> None:
    first, end = three_hours()
    del with_settings["DAGSTER_HOME"]
    done = mailevents("collect", "--from", first, "--to", end, environment=with_settings)
    assert done.returncode == 2
    assert "DAGSTER_HOME is not set" in done.stderr
