"""The checkout as Dagster's own commands see it: no argument, no settings file, no DAGSTER_HOME."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "MAILEVENTS"))}
    return subprocess.run(
        command,
        cwd=CHECKOUT,
        env={**inherited, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [("dagster", "definitions", "validate"), ("dg", "check", "defs")])
def test_the_checkout_loads_without_argument_or_settings(command: tuple[str, ...]) -> None:
    done = run(*command)

    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "validation" in said or "successfully" in said
    assert "BetaWarning" not in said


def test_a_mistake_in_the_settings_is_told_where_the_definitions_load(tmp_path: Path) -> None:
    file = tmp_path / "mailevents.yaml"
    file.write_text(
        "start: 2026-11-01T00:00\naccounts: [{domain: a b, api_key: '${NO_SUCH_KEY}', feeds: [mail/all]}]\n"
    )

    done = run("dagster", "definitions", "validate", MAILEVENTS_CONFIG=str(file))

    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "accounts[0].domain" in said
    assert "NO_SUCH_KEY" in said
    assert "accounts[0].feeds[0]" in said


def test_what_only_some_runs_use_is_not_loaded_with_the_definitions() -> None:
    others = {"pandas", "psycopg", "upath", "fsspec"}
    program = f"import sys, mailevents_dagster.definitions; print({others} & set(sys.modules))"
    assert run(sys.executable, "-c", program).stdout == "set()\n"
