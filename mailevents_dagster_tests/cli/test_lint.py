"""`mailevents lint` as a process: files, folders, standard input, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from mailevents_dagster_tests.commands import COMMAND, mailevents
from mailevents_dagster_tests.deliverability.lint.test_keys import answering, name_server
from mailevents_dagster_tests.deliverability.lint.writing import HTML, RECORD, good, signed, written

pytestmark = pytest.mark.slow


def lint(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    # A folder without settings, and none named: it needs none.
    environ = {name: value for name, value in os.environ.items() if name != "MAILEVENTS_CONFIG"}
    done = mailevents("lint", *map(str, arguments), environ=environ)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    mails = tmp_path / "mails"
    (mails / "of last week").mkdir(parents=True)
    (mails / "a.eml").write_bytes(good())
    (mails / "of last week" / "b.eml").write_bytes(signed(written(html=f'{HTML}<a href="">x</a>')))
    (mails / ".hidden").write_bytes(b"no message")
    return mails


def test_a_message_that_passes_ends_with_0_and_says_what_could_not_be_judged(folder: Path) -> None:
    done = lint(folder / "a.eml", "--no-dns")
    assert done.returncode == 0
    assert done.stdout.startswith(f"{folder / 'a.eml'}: 1 notice\n")
    assert "dkim-unchecked" in done.stdout


def test_what_is_wrong_is_said_with_why_and_what_to_do(folder: Path) -> None:
    done = lint(folder, "--no-dns", "--bulk")
    assert done.returncode == 1
    assert "b.eml: 2 errors, 1 notice\n  It is judged as bulk mail: you say so." in done.stdout
    for word in ("link-broken: `x` leads nowhere", "why: Links that lead nowhere", "do:  Write whole addresses"):
        assert word in done.stdout
    assert ".hidden" not in done.stdout


def test_programs_get_an_object_a_line_for_each_message(folder: Path) -> None:
    with name_server(answering(RECORD)) as (resolver, asked):
        done = lint(folder, "--json", "--resolver", f"127.0.0.1:{resolver.servers[0].port}")
    first, second = map(json.loads, done.stdout.splitlines())
    assert asked == ["s1._domainkey.example.com"]
    assert first == {"file": str(folder / "a.eml"), "passed": True, "bulk": None, "findings": []}
    assert not second["passed"]
    assert [(one["rule"], one["weight"], one["found"]) for one in second["findings"]] == [
        ("link-broken", "error", ["`x` leads nowhere"])
    ]
    assert second["findings"][0].keys() == {"rule", "weight", "found", "reason", "mend"}


def test_a_message_comes_from_standard_input(folder: Path) -> None:
    done = subprocess.run([COMMAND, "lint", "-", "--no-dns"], input=good(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"-: 1 notice")


def test_a_file_that_cannot_be_read_is_told_and_the_others_go_on(folder: Path) -> None:
    done = lint(folder / "gone.eml", folder / "a.eml", "--no-dns")
    assert done.returncode == 1
    assert "gone.eml cannot be read: No such file" in done.stderr
    assert "a.eml: 1 notice" in done.stdout


def test_a_file_that_is_too_large_to_be_a_mail_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "disk.img").open("wb") as file:
        file.truncate(65 * 1024**2)
    done = lint(tmp_path, "--no-dns")
    assert done.returncode == 1
    assert "more than 64 MB" in done.stderr


def test_a_folder_without_messages_and_a_wrong_name_server_are_told(tmp_path: Path) -> None:
    assert lint(tmp_path).returncode == 3
    wrong = lint(tmp_path, "--resolver", "nowhere:port")
    assert wrong.returncode == 2
    assert "is not a server" in wrong.stderr


def test_what_a_message_says_cannot_move_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(written({"Message-ID": "\x1b[2J"}, html='<a href="x\x1b]0;title\x07">x</a>'))
    done = lint(tmp_path, "--no-dns")
    assert "\x1b" not in done.stdout
