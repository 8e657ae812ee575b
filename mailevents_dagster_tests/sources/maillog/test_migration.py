"""`mailevents migrate --maillog` as a process: what it writes, what it leaves alone, what it says."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from dotenv import dotenv_values

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.source import FeedSettings, Source
from mailevents_dagster.settings import Settings, loading
from mailevents_dagster.sources.maillog.migration import ConfError, decide, read_conf
from mailevents_dagster.sources.maillog.settings import MailLogSettings
from mailevents_dagster_tests.commands import mailevents
from mailevents_dagster_tests.sources.maillog.bounces.test_patterns import OLD as PATTERNS
from mailevents_dagster_tests.text_lines import LINES

SECRET = "wJalrXUtnFEMI/K7MDENG%'\"\\bPxRfiCY"
CONF = f"""\
[main]
# Path to mail log file
mail_log_file: {{log}}

sleep_time: 120
pattern_file: /etc/maillog/pattern.xml
endpoint_url: https://eu-west-1.queue.amazonaws.com/0000001
queue_name: email_errors
aws_access_key_id: AKIAIOSFODNN7EXAMPLE
aws_secret_access_key: {SECRET}
region_name: eu-west-1
Logs: 1
"""
EXIM = "2026-11-29 12:00:00 1tH2xY-000000001Kz-2AbC <= a@b.example\n"
POSTFIX = "Nov 29 12:00:00 mx1 postfix/smtp[12]: 4ABC: to=<a@b.example>\n"


def configured(settings: Settings) -> Iterator[FeedSettings]:
    for log in settings.section(MailLogSettings).mail_logs:
        yield FeedSettings(Feed(log.name, LINES), settings.start)


MAIL_LOGS = Source("maillog", {LINES.name: LINES}, MailLogSettings, "mail_logs", configured, lambda *_: None)


@dataclass(frozen=True)
class OldTool:
    """The folder of the old tool, and the one to move to."""

    folder: Path
    out: Path

    @property
    def conf(self) -> Path:
        return self.folder / "maillog.conf"

    def migrate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS", "MAILEVENTS"))}
        arguments = ("--maillog", str(self.conf), "--timezone", "Europe/Istanbul", *arguments)
        return mailevents("migrate", *arguments, environ=kept, folder=self.out)


@pytest.fixture
def old(tmp_path: Path) -> OldTool:
    made = OldTool(tmp_path / "old", tmp_path / "new")
    made.folder.mkdir()
    made.out.mkdir()
    (made.folder / "mainlog").write_text(EXIM)
    (made.folder / "pattern.xml").write_text(PATTERNS)
    made.conf.write_text(CONF.format(log=made.folder / "mainlog"))
    return made


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.mark.slow
def test_settings_patterns_and_keys_are_made_and_load(old: OldTool) -> None:
    before = files(old.folder)

    done = old.migrate()

    assert done.returncode == 0, done.stdout + done.stderr
    assert files(old.folder) == before
    settings = loading.load_settings(old.out / "mailevents.yaml", {}, sources=[MAIL_LOGS], demo={})
    section = settings.section(MailLogSettings)
    (log,) = section.mail_logs
    assert (log.format, log.files) == ("exim", f"{old.folder}/mainlog*")
    assert settings.timezone == "Europe/Istanbul"
    assert time.time() - 2 * 3600 < settings.start <= time.time()
    assert section.bounces.patterns == str(old.out / "pattern.xml")
    assert (old.out / "pattern.xml").read_text() == PATTERNS
    sqs = section.bounces.sqs
    assert sqs
    assert (sqs.queue, sqs.region, sqs.endpoint_url, sqs.since) == ("email_errors", "eu-west-1", None, None)


@pytest.mark.slow
def test_keys_stand_in_env_alone(old: OldTool) -> None:
    done = old.migrate()

    assert dotenv_values(old.out / ".env") == {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    assert stat.S_IMODE((old.out / ".env").stat().st_mode) == 0o600
    assert "PxRfiCY" not in done.stdout + done.stderr
    assert [path.name for path in old.out.iterdir() if "PxRfiCY" in path.read_text()] == [".env"]


@pytest.mark.slow
def test_a_second_run_changes_nothing_and_a_dry_run_writes_nothing(old: OldTool) -> None:
    assert "dry run" in old.migrate("--dry-run").stdout
    assert list(old.out.iterdir()) == []
    old.migrate()
    once = files(old.out)
    assert "Nothing was changed." in old.migrate().stdout
    assert files(old.out) == once


@pytest.mark.slow
def test_settings_that_are_there_are_left_alone_and_it_is_said_what_they_lack(old: OldTool) -> None:
    (old.out / "mailevents.yaml").write_text("start: 2026-01-01T00:00\n")
    (old.out / ".env").write_text("AWS_ACCESS_KEY_ID=other")

    done = old.migrate()

    assert (old.out / "mailevents.yaml").read_text() == "start: 2026-01-01T00:00\n"
    assert "left alone" in done.stdout
    assert '    queue: "email_errors"' in done.stdout
    assert "another value than in maillog.conf" in done.stdout
    assert dotenv_values(old.out / ".env")["AWS_ACCESS_KEY_ID"] == "other"


@pytest.mark.slow
def test_what_lacks_is_said_and_ends_with_1(old: OldTool) -> None:
    (old.folder / "pattern.xml").write_text(PATTERNS.replace("<number>2<", "<number>1<"))
    (old.folder / "mainlog").unlink()

    done = old.migrate()

    assert done.returncode == 1
    assert "'invalid mailbox' (1) has the number of 'over quota'" in done.stdout
    assert "mainlog cannot be read" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--adopt", "."), "either the INI"),
        (("some.ini",), "either the INI"),
        (("--maillog", "nowhere.conf"), "nowhere.conf cannot be read"),
        (("--maillog", "/"), "directory"),
    ],
)
def test_wrong_usage_says_what_to_do(old: OldTool, arguments: tuple[str, ...], said: str) -> None:
    done = old.migrate(*arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert list(old.out.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mail_log_file = /a ; where it is\nqueue_name:q", {"mail_log_file": "/a", "queue_name": "q"}),
        ("[MAIN]\nqueue_name: %(x)s\n[more]\nQUEUE_NAME: two", {"queue_name": "two"}),
        ("\ufeff[main]\r\nqueue_name: q\r\nqueue_name: r\r\n", {"queue_name": "r"}),
        ("[main]\nqueue_name: q\nregion_name:\n", {"queue_name": "q"}),
    ],
)
def test_the_old_file_is_read_kindly(text: str, said: dict[str, str]) -> None:
    assert read_conf(text.encode()) == said


@pytest.mark.parametrize("content", [b"", b"\0\0\0", b"<html>", b"[main]\n", b"\xff\xfe" * 9])
def test_a_file_that_is_another_quotes_nothing(content: bytes) -> None:
    with pytest.raises(ConfError) as caught:
        read_conf(content + b"\nAKIA-SECRET")
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "format_"),
    [
        ("mainlog", EXIM, "exim"),
        ("mail.log", POSTFIX, "postfix"),
        ("mail.log", "Nov 29 12:00:00 mx1 exim[12]: 2026-11-29 12:00:00 Start queue run\n", "exim"),
        ("mail.log", "", "postfix"),
        ("maillog", "\0\xff", "postfix"),
        ("exim_mainlog", "", "exim"),
        ("log", "", "exim"),
    ],
)
def test_whose_log_it_is_is_told_by_its_lines_or_by_its_name(
    old: OldTool, name: str, content: str, format_: str
) -> None:
    log = old.folder / name
    log.write_text(content)
    old.conf.write_text(f"mail_log_file: {log}\nqueue_name: q")
    decided = decide(old.conf, old.out, "UTC", "no", 1e9)
    assert f"    format: {format_}\n" in decided.sections
    assert yaml.safe_load(decided.sections)["mail_logs"][0]["name"] == "no"


def test_the_old_tools_own_placeholders_are_no_keys(old: OldTool) -> None:
    old.conf.write_text("queue_name: q\naws_access_key_id: test\naws_secret_access_key: test\n")
    decided = decide(old.conf, old.out, "UTC", "MX1.Example.com", 1e9)
    assert decided.keys == {}
    assert any("placeholders" in change for change in decided.changes)
    assert 'name: "mx1.example.com"' in decided.sections


def test_without_a_pattern_file_or_a_queue_it_is_said_that_nothing_is_published(old: OldTool) -> None:
    (old.folder / "pattern.xml").unlink()
    old.conf.write_text("mail_log_file: mainlog\nsalt: pepper\n")
    decided = decide(old.conf, old.out, "UTC", "ö", 1e9)
    said = "\n".join(decided.problems)
    for words in ("pattern.xml cannot be read", "queue_name is missing", "cannot name a feed"):
        assert words in said
    assert "'salt': not known" in decided.changes[-1]
    assert [*yaml.safe_load(decided.sections)] == ["mail_logs"]
