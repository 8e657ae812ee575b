"""The `mailevents` command as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from mailevents_dagster_tests.commands import COMMAND, mailevents


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home for Dagster, and a folder to work in, with a checkout's settings out of sight."""
    home = tmp_path / "dagster home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "MAILEVENTS"))}
    return {**kept, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes"}


def installed(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_help_names_the_commands(environment: dict[str, str]) -> None:
    done = installed("--help", environment=environment)

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

    done = mailevents("demo", environ={**environment, "MAILEVENTS_CONFIG": str(settings)})

    assert done.returncode == 2
    assert "without settings" in done.stderr
    assert not (tmp_path / "data").exists()


def test_wrong_settings_are_told_without_a_traceback(tmp_path: Path, environment: dict[str, str]) -> None:
    settings = tmp_path / "mailevents.yaml"
    settings.write_text("start: yesterday\nacounts: []\n")

    done = installed("demo", environment={**environment, "MAILEVENTS_CONFIG": str(settings)})

    assert done.returncode == 2
    assert "acounts" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("feeds",), ("alerts", "--test")])
def test_settings_that_disagree_with_what_is_stored_end_a_command(
    tmp_path: Path, environment: dict[str, str], command: tuple[str, ...]
) -> None:
    settings = tmp_path / "mailevents.yaml"
    settings.write_text(
        "start: 2026-11-01\napi: {base_url: simulator}\naccounts: [{domain: example.com, feeds: [authentication]}]\n"
    )
    (tmp_path / "data" / "manifests").mkdir(parents=True)
    (tmp_path / "data" / "manifests" / "store.json").write_text('{"timezone": "Asia/Tokyo"}')

    done = installed(*command, environment={**environment, "MAILEVENTS_CONFIG": str(settings)})

    assert done.returncode == 2
    assert "timezone: is UTC, but the data in the storage were written in `Asia/Tokyo`" in done.stderr
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


@pytest.mark.parametrize(
    "option",
    [
        ("--latency", "-1"),
        ("--latency", "nan"),
        ("--events-per-hour", "-1"),
        ("--events-per-hour", "inf"),
        ("--requests-per-second", "0"),
        ("--requests-per-second", "nan"),
        ("--port", "-1"),
    ],
)
def test_a_simulator_that_cannot_be_is_wrong_usage(environment: dict[str, str], option: tuple[str, str]) -> None:
    done = mailevents("simulate", *option, environ=environment)

    assert done.returncode == 2
    assert option[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_help_waits_for_no_library_but_click() -> None:
    program = (
        "import sys, mailevents_dagster.cli as cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        "print(sys.modules.keys() & {'dagster', 'pyarrow', 'numpy', 'pydantic', 'yaml', 'rich', 'requests', 'json'})"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "set()"
