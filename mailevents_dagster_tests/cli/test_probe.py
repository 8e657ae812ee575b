"""`mailevents probe` as a process, on a simulated API."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Simulator
from mailevents_dagster_tests.commands import mailevents
from mailevents_dagster_tests.conftest import DOMAIN, INCOMING, KEY, mail

SETTINGS = """
start: 2026-11-01T00:00
api: {{base_url: "{base_url}", requests_per_second: 100}}
accounts: [{{domain: example.com, api_key: "${{UZMANPOSTA_KEY}}", feeds: [mail/incominglog, authentication]}}]
"""
Probe = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def api(fixed: FixedMail) -> Iterator[Simulator]:
    now = int(time.time())
    fixed.add(DOMAIN, INCOMING.name, [mail(now - 60 * minute, subject="secret") for minute in range(1, 200)])
    with Simulator(source=fixed) as running:
        yield running


@pytest.fixture
def probe(tmp_path: Path, api: Simulator) -> Probe:
    file = tmp_path / "mailevents.yaml"
    file.write_text(SETTINGS.format(base_url=api.base_url))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "MAILEVENTS_CONFIG": str(file), "UZMANPOSTA_KEY": KEY}
        done = mailevents("probe", *arguments, environ=environ)
        assert "Traceback" not in done.stderr
        assert KEY not in done.stdout + done.stderr
        return done

    return run


def test_it_prints_a_table_to_paste_that_names_nobody(probe: Probe, api: Simulator) -> None:
    done = probe("--feed", str(INCOMING))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "| question | assumed | found | agrees |\n| --- | --- | --- | --- |" in done.stdout
    assert "| [s,e]: start included, end included | yes |" in done.stdout
    assert not any(word in done.stdout for word in (DOMAIN, "secret", "@"))
    assert "at most 15 calls" in done.stderr
    assert f"{api.calls.count()} calls were made" in done.stderr
    assert (probe("--feed", str(INCOMING), "--with-domain").stdout).startswith(f"Probe of {INCOMING}\n")


def test_a_program_reads_it_as_json(probe: Probe) -> None:
    found = json.loads(probe("--feed", str(INCOMING), "--wait", "0.01", "--json").stdout)

    assert found["feed"] == INCOMING.name
    assert found["calls"] <= 16
    assert {"question", "assumed", "found", "agrees"} == set(found["answers"][0])


def test_what_differs_and_matters_ends_with_one(probe: Probe, api: Simulator) -> None:
    api.fail_next("/logs/mail/", Answer(404), times=None)

    done = probe("--feed", str(INCOMING))

    assert done.returncode == 1
    assert "the detail is refused with 404 | no |" in done.stdout


def test_a_refused_key_is_told_with_what_to_do(probe: Probe, api: Simulator) -> None:
    api.fail_next("/logs", Answer(401))

    done = probe("--feed", str(INCOMING))

    assert (done.returncode, done.stdout) == (1, "")
    assert "Check the value of the variable UZMANPOSTA_KEY" in done.stderr


@pytest.mark.parametrize(("pattern", "said"), [("example.com *", "example.com *"), ("x", "No feed")])
def test_one_feed_is_to_be_named(pattern: str, said: str, probe: Probe, api: Simulator) -> None:
    done = probe("--feed", pattern)

    assert done.returncode == 2
    assert said in done.stderr
    assert api.calls.count() == 0
