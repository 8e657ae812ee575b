"""The mail servers' part of the settings file: what is right, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mailevents_dagster.settings import Settings, SettingsError
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.maillog.settings import MailLogSettings

LOG = {"name": "mx1.example.com", "format": "exim", "files": "/var/log/exim4/mainlog*"}


def load(folder: Path, environ: dict[str, str] | None = None, **written: Any) -> Settings:
    file = folder / "mailevents.yaml"
    file.write_text(yaml.safe_dump({"start": "2026-11-01T00:00", "mail_logs": [LOG], **written}))
    return load_settings(file, environ or {})


def test_a_mail_server_alone_is_enough(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert [str(feed) for feed in settings.feeds] == ["mx1.example.com maillog/exim", "mx1.example.com maillog/bounces"]


def test_a_queue_is_a_further_feed_which_begins_where_its_bounces_do(tmp_path: Path) -> None:
    settings = load(tmp_path, bounces={"sqs": {"queue": "errors", "since": "2026-11-10T00:00"}})
    *_, published = settings.configured
    assert published.feed.asset_key == ("maillog", "mx1.example.com", "sqs")
    assert published.start - settings.start == 9 * 86_400


def test_paths_are_seen_from_the_folder_of_the_file(tmp_path: Path) -> None:
    logs = [{**LOG, "files": "logs/mainlog*"}]
    section = load(tmp_path, mail_logs=logs, bounces={"patterns": "pattern.xml"}).section(MailLogSettings)
    assert section.mail_logs[0].files == str(tmp_path / "logs" / "mainlog*")
    assert section.bounces.patterns == str(tmp_path / "pattern.xml")


def test_the_journal_stands_in_the_place_of_files(tmp_path: Path) -> None:
    logs = [{"name": "mx1", "format": "postfix", "journal": "postfix.service", "journal_directory": "journals"}]
    log = load(tmp_path, mail_logs=logs).section(MailLogSettings).mail_logs[0]
    assert log.journal == ("postfix.service",)
    assert log.journal_directory == str(tmp_path / "journals")


@pytest.mark.parametrize(
    ("written", "path", "said"),
    [
        ({"mail_logs": []}, "", "has no feed; write at least one of `accounts`, `mail_logs`"),
        ({"mail_logs": [{**LOG, "name": "a b"}]}, "mail_logs[0].name", "is not a name for a server"),
        ({"mail_logs": [{**LOG, "name": "lives"}]}, "mail_logs[0].name", "is not a name for a server"),
        ({"mail_logs": [{**LOG, "name": "../up"}]}, "mail_logs[0].name", "is not a name for a server"),
        ({"mail_logs": [{**LOG, "format": "sendmail"}]}, "mail_logs[0].format", "exim"),
        ({"mail_logs": [{**LOG, "journal": ["exim"]}]}, "mail_logs[0]", "either `files` or `journal`"),
        ({"mail_logs": [{"name": "mx1", "format": "exim"}]}, "mail_logs[0]", "either `files` or `journal`"),
        ({"mail_logs": [LOG, {**LOG, "name": "MX1.example.com"}]}, "mail_logs[1].name", "would be one asset"),
        ({"mail_logs": [{**LOG, "timezone": "Istanbul"}]}, "mail_logs[0].timezone", "is not an IANA time zone"),
        ({"bounces": {"sqs": {"queue": "a queue"}}}, "bounces.sqs.queue", "is not a queue"),
        ({"bounces": {"sqs": {"queue": "q", "addresses": "hashed"}}}, "bounces.sqs", "without `hash_key: ${NAME}`"),
        ({"bounces": {"sqs": {"queue": "q", "hash_key": "${NONE}"}}}, "bounces.sqs.hash_key", "is not set or empty"),
        ({"bounces": {"sqs": {"queue": "q", "hash_key": "hunter2"}}}, "bounces.sqs.hash_key", "is not `${NAME}`"),
        ({"bounces": {"sqs": {"queue": "q", "endpoint_url": "elastic"}}}, "bounces.sqs.endpoint_url", "localhost:9324"),
        ({"bounces": {"sqs": {"queue": "q", "since": "soon"}}}, "bounces.sqs.since", ""),
    ],
)
def test_what_is_wrong_is_named_with_its_mend(tmp_path: Path, written: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, **written)
    told = {problem.path: problem.message for problem in caught.value.problems}
    assert [*told] == [path]
    assert said in told[path]
    assert "hunter2" not in told[path]
