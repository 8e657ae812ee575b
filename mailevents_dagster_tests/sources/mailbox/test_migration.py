"""`mailevents migrate --fund-mail`: what it writes, what it leaves alone, what it says."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dotenv import dotenv_values

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.mailbox.migration import Decided, FundMailError, decide
from mailevents_dagster.sources.mailbox.settings import MailboxSettings
from mailevents_dagster_tests.commands import mailevents

SECRETS = ("Fl-8Q~Zd$G1xq#Qp'BC~", "p$w d'x")
ENV = f"""\
# OFFICE365
EMAIL_ID=Fund@Example.com
EMAIL_PW=zaq1@WSX
TENANT_ID=85cd2369-2620-42c4-a6ea-0123456789ab
CLIENT_ID=2c558819-5803-4eb4-a23b-0123456789ab
CLIENT_SECRET={SECRETS[0]}
HOST=files.example.com
PORT=2022
SFTP_ID=kdy
SFTP_PW="{SECRETS[1]}"
"""
REMOTE = "SFTP_BASE_DIR=/home/kdy/fund_mail\n"
LAST = '{"last_fetch_time": "2025-06-24T07:05:42Z", "last_email_id": "AAMk", "title": "Personal"}'
NOW = datetime(2025, 7, 1, 9, 30, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class OldTool:
    """The folder of the old tool, and the one to move to."""

    folder: Path
    out: Path

    @property
    def env(self) -> Path:
        return self.folder / ".env"

    def decided(self) -> Decided:
        return decide(self.env, self.out, "Asia/Seoul", NOW)

    def migrate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MAILEVENTS")}
        arguments = ("--fund-mail", str(self.env), "--timezone", "Asia/Seoul", *arguments)
        done = mailevents("migrate", *arguments, environ=kept, folder=self.out)
        assert not any(secret in done.stdout + done.stderr for secret in (*SECRETS, "zaq1@WSX", "Personal"))
        return done

    def settings(self) -> Settings:
        environ = {name: value for name, value in dotenv_values(self.out / ".env").items() if value}
        return load_settings(self.out / "mailevents.yaml", environ)


@pytest.fixture
def old(tmp_path: Path) -> OldTool:
    made = OldTool(tmp_path / "old", tmp_path / "new")
    made.folder.mkdir()
    made.out.mkdir()
    made.env.write_text(ENV + REMOTE)
    (made.folder / "data").mkdir()
    (made.folder / "data" / "LAST_TIME.json").write_text(LAST)
    return made


@pytest.mark.slow
def test_settings_and_secrets_are_made_and_load(old: OldTool) -> None:
    done = old.migrate()

    assert done.returncode == 0, done.stdout + done.stderr
    settings = old.settings()
    (mailbox,) = settings.section(MailboxSettings).mailboxes
    assert mailbox.address == "fund@example.com"
    assert mailbox.tenant_id == "85cd2369-2620-42c4-a6ea-0123456789ab"
    assert mailbox.client_id == "2c558819-5803-4eb4-a23b-0123456789ab"
    assert mailbox.deliver
    sftp = mailbox.deliver.sftp
    assert (sftp.host, sftp.port, sftp.user, sftp.folder) == ("files.example.com", 2022, "kdy", "/home/kdy/fund_mail")
    assert dotenv_values(old.out / ".env") == dict(zip(("CLIENT_SECRET", "SFTP_PASSWORD"), SECRETS, strict=True))
    assert stat.S_IMODE((old.out / ".env").stat().st_mode) == 0o600
    assert not any(secret in (old.out / "mailevents.yaml").read_text() for secret in SECRETS)


@pytest.mark.slow
def test_the_last_time_becomes_the_first_hour_and_its_mails_are_not_delivered_again(old: OldTool) -> None:
    old.migrate()
    last = int(datetime(2025, 6, 24, 7, 5, 42, tzinfo=UTC).timestamp())
    settings = old.settings()
    assert settings.start == Hour.containing(last, "Asia/Seoul").start
    (mailbox,) = settings.section(MailboxSettings).mailboxes
    assert mailbox.deliver
    assert mailbox.deliver.since == last + 1


@pytest.mark.slow
def test_a_second_run_changes_nothing_and_a_dry_run_writes_nothing(old: OldTool) -> None:
    before = {path: path.read_bytes() for path in old.folder.rglob("*") if path.is_file()}
    assert "dry run" in old.migrate("--dry-run").stdout
    assert list(old.out.iterdir()) == []
    old.migrate()
    once = {path.name: path.read_bytes() for path in old.out.iterdir()}
    assert "Nothing was changed." in old.migrate().stdout
    assert {path.name: path.read_bytes() for path in old.out.iterdir()} == once
    assert {path: path.read_bytes() for path in old.folder.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_two_old_tools_at_once_are_wrong_usage(old: OldTool) -> None:
    assert old.migrate("--maillog", str(old.env)).returncode == 2


@pytest.mark.parametrize(
    "content", [LAST[:30], "", "[]", "{}", '{"last_fetch_time": null}', '{"last_fetch_time": "soon"}']
)
def test_a_position_that_cannot_be_read_is_said_and_delivering_begins_with_today(old: OldTool, content: str) -> None:
    (old.folder / "data" / "LAST_TIME.json").write_text(content)
    decided = old.decided()
    assert "does not say when the last mail came" in decided.problems[0]
    assert 'since: "2025-06-30T15:00:00+00:00"' in decided.sections


def test_a_position_that_is_not_found_is_said(old: OldTool) -> None:
    (old.folder / "data" / "LAST_TIME.json").unlink()
    assert "LAST_TIME.json is not found" in old.decided().problems[0]


@pytest.mark.parametrize("key", ["DATA_DIR", "BASE_DIR"])
def test_the_position_is_looked_for_where_the_old_tool_has_it(old: OldTool, tmp_path: Path, key: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (old.folder / "data" / "LAST_TIME.json").rename(tmp_path / "elsewhere" / "LAST_TIME.json")
    old.env.write_text(f"{ENV}{REMOTE}{key}={tmp_path / 'elsewhere'}\n")
    decided = old.decided()
    assert decided.problems == ()
    assert "2025-06-24T07:05:43+00:00" in decided.sections


@pytest.mark.parametrize(
    ("base", "folder"),
    [
        ("BASE_DIR=/srv/in\n", '"/srv/in"'),
        ('BASE_DIR="c:\\\\fund_mail\\\\data"\n', '"/"'),
        ("", '"/"'),
        ("BASE_DIR=c:/x\nSFTP_BASE_DIR=/in\n", '"/in"'),
    ],
)
def test_the_folder_on_the_server_is_taken_from_where_it_stands(old: OldTool, base: str, folder: str) -> None:
    old.env.write_text(ENV + base)
    decided = old.decided()
    assert f"folder: {folder}\n" in decided.sections
    assert any("names no folder on the server" in one for one in decided.problems) == (folder == '"/"')


def test_what_is_missing_or_wrong_is_named_and_nothing_of_it_is_shown(old: OldTool) -> None:
    old.env.write_text("EMAIL_ID=nobody\nHOST=a b\nPORT=ssh\nSFTP_PW=s3cret\nWHAT=s3cret\n")
    decided = old.decided()
    said = " ".join(decided.problems)
    assert "`TENANT_ID`, `CLIENT_ID`, `CLIENT_SECRET`, `SFTP_ID`: missing in .env" in said
    assert "EMAIL_ID is not usable" in said
    assert "HOST is not usable" in said
    assert "PORT is no port" in said
    assert "s3cret" not in said + "".join(decided.changes) + decided.sections


def test_a_file_of_something_else_is_refused(old: OldTool) -> None:
    old.env.write_bytes(b"\xff\0rubbish\n=\n")
    with pytest.raises(FundMailError, match="is it the right file"):
        old.decided()


def test_the_env_of_the_old_tool_is_never_changed(old: OldTool) -> None:
    with pytest.raises(FundMailError, match="choose another --out"):
        decide(old.env, old.folder, "Asia/Seoul", NOW)
