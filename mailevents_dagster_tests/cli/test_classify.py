"""`mailevents classify`: what it prints, and what it does with files that cannot be read."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailevents_dagster.cli import main
from mailevents_dagster_tests.commands import COMMAND
from mailevents_dagster_tests.sources.outcomes.notices.messages_made import report
from mailevents_dagster_tests.sources.outcomes.notices.test_files import EXIM

FIELDS = ["file", "is_bounce", "kind", "recipient", "class", "code", "enhanced_code", "text", "rule"]
STATUS = "Final-Recipient: rfc822; {}@post.example\nAction: {}\nStatus: {}\nDiagnostic-Code: smtp; {} no"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    both = f"{STATUS.format('ada', 'failed', '5.1.1', 550)}\n\n{STATUS.format('bob', 'delayed', '4.4.1', 450)}"
    (tmp_path / "b.eml").write_bytes(report(both))
    (tmp_path / "inner" / "a.eml").write_bytes(b"Subject: Hello\n\nHow are you?\n")
    return tmp_path


def run(*arguments: str | Path, given: str | None = None) -> Result:
    return CliRunner().invoke(main, ["classify", *map(str, arguments)], input=given)


def rows(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_recipient_is_a_line_of_json(folder: Path) -> None:
    result = run(folder / "b.eml")
    first, second = rows(result)
    assert list(first) == FIELDS
    assert first == {
        "file": str(folder / "b.eml"),
        "is_bounce": True,
        "kind": "bounce",
        "recipient": "ada@post.example",
        "class": "hard",
        "code": 550,
        "enhanced_code": "5.1.1",
        "text": "550 no",
        "rule": "code-no-mailbox",
    }
    assert (second["is_bounce"], second["kind"], second["class"]) == (False, "deferral", "soft")
    assert result.exit_code == 0


def test_folders_are_walked_in_the_order_of_names(folder: Path) -> None:
    assert [row["file"] for row in rows(run(folder))] == [
        str(folder / "b.eml"),
        str(folder / "b.eml"),
        str(folder / "inner" / "a.eml"),
    ]


def test_a_message_about_no_delivery_is_a_line_of_kind_none(folder: Path) -> None:
    (row,) = rows(run(folder / "inner"))
    assert (row["is_bounce"], row["kind"]) == (False, "none")
    assert all(row[field] is None for field in FIELDS[3:])


def test_standard_input_is_read_where_a_dash_stands(folder: Path) -> None:
    (row,) = rows(run("-", given=EXIM))
    assert (row["file"], row["recipient"], row["class"]) == ("-", "ada@post.example", "hard")


def test_what_cannot_be_read_is_named_and_others_go_on(folder: Path) -> None:
    (folder / "packed.log.gz").write_bytes(b"\x1f\x8b\x08 and so on")
    result = run(folder / "missing.eml", folder / "packed.log.gz", folder / "b.eml")
    assert result.exit_code == 1
    assert len(rows(result)) == 2
    missing, packed = result.stderr.splitlines()
    assert missing == f"{folder / 'missing.eml'} cannot be read: No such file or directory"
    assert packed.startswith(f"{folder / 'packed.log.gz'} is packed.")
    assert "Traceback" not in result.stderr


def test_names_and_texts_that_are_no_unicode_are_printed(folder: Path) -> None:
    file = folder / os.fsdecode(b"\xe7.eml")
    told = '{"notificationType":"Bounce","bounce":{"bouncedRecipients":[{"emailAddress":"\\ud800@b.example"}]}}'
    file.write_bytes(b"Subject: AWS\n\n" + told.encode())
    (row,) = rows(run(file))
    assert (row["kind"], row["recipient"]) == ("bounce", "?@b.example")


def test_who_reads_no_further_ends_it_quietly(folder: Path) -> None:
    (folder / "many.log").write_text(EXIM * 20_000, "utf-8")
    command = [COMMAND, "classify", str(folder / "many.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""


def test_a_file_is_needed() -> None:
    assert run().exit_code == 2


def test_no_settings_are_needed(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILEVENTS_CONFIG", str(tmp_path / "nowhere.yaml"))
    monkeypatch.chdir(tmp_path / "inner")
    assert run(folder / "b.eml").exit_code == 0
