"""Every example of the pages: what a reader runs runs, and what they write into the settings loads."""

from __future__ import annotations

import json
import re
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dotenv import dotenv_values

from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.alerts.receiving import PASSWORD, mail_server, webhook_server
from mailevents_dagster_tests.following import (
    DOMAIN,
    PREPARED,
    VARIABLE,
    collected,
    follow,
    has_collected,
    has_settings,
    is_a_verdict,
    needs_jq,
    write,
)
from mailevents_dagster_tests.moto_server import MotoServer
from mailevents_dagster_tests.object_server import ObjectServer, environment, use
from mailevents_dagster_tests.pages import (
    CHECKOUT,
    KEY,
    TIMEZONE,
    Block,
    Reader,
    blocks_of,
    days_ago,
    reader_in,
)
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import INI

pytestmark = pytest.mark.slow

INSTALL = """\
#!/bin/bash
# The owners that the page names are not there.
while [ $# -gt 0 ]; do
    case $1 in -o | -g) shift 2 ;; *) words+=("$1"); shift ;; esac
done
exec /usr/bin/install "${{words[@]}}"
"""
USERMOD = """#!/bin/sh
[ "$*" = "--append --groups mailevents vector" ]
"""
SYSTEMCTL = """\
#!/bin/bash
# What it can know here: whether the units that it is given were installed.
for word; do
    case $word in mailevents-*) ls "{units}/${{word%.timer}}".* >/dev/null || exit 5 ;; esac
done
"""


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with Simulator(Behaviour(events_per_hour=6), domains=[DOMAIN]) as api, reader_in(tmp_path, api) as made:
        yield made


@pytest.mark.parametrize("page", PREPARED)
def test_what_a_page_says_can_be_done_from_top_to_bottom(reader: Reader, page: str) -> None:
    PREPARED[page](reader)
    follow(reader, page)


@pytest.mark.programs
def test_what_pages_do_with_jq_can_be_done(reader: Reader) -> None:
    has_collected(reader)
    blocks = [block for page in ("docs/query.md", "docs/operations.md") for block in blocks_of(page) if needs_jq(block)]
    assert len(blocks) == 2
    for block in blocks:
        wrong = [said for said in reader.does(block) if not is_a_verdict(said)]
        assert not wrong, f"{block}: {wrong}"


def test_the_page_on_alerts_can_be_done_and_each_channel_takes_the_test(reader: Reader) -> None:
    has_settings(reader)
    with webhook_server() as webhook, mail_server() as mail:
        with (reader.folder / ".env").open("a") as env:
            env.write(f"MAILEVENTS_WEBHOOK={webhook.url}\nMAILEVENTS_SMTP_PASSWORD={PASSWORD}\n")

        def writes_their_mail_server(block: Block) -> None:
            if block.text.startswith("mailevents alerts --test"):
                content = yaml.safe_load(reader.settings.read_text())
                content["alerts"]["mail"] |= {"smtp_host": "127.0.0.1", "smtp_port": mail.port, "starttls": False}
                write(reader, content)

        follow(reader, "docs/alerts.md", writes_their_mail_server)

        assert len(webhook.texts) == len(mail.mails) == 1
        assert mail.mails[0]["To"] == "ops@example.com"


def test_the_page_on_object_stores_can_be_done(
    reader: Reader, s3_moto: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ObjectServer(s3_moto) as server:
        use(server, monkeypatch)
        monkeypatch.setenv("DAGSTER_HOME", str(reader.folder))
        reader.environment.update(environment(server.url))
        server.make_bucket("mailevents")
        has_settings(reader)
        write(reader, yaml.safe_load(reader.settings.read_text()) | {"storage": "s3://mailevents/production"})
        collected(reader)

        follow(reader, "docs/object-stores.md")


def test_the_page_on_moving_over_can_be_done(reader: Reader) -> None:
    old = reader.system / "opt" / "uzmanposta"
    (old / "positions").mkdir(parents=True)
    (old / "uzmanposta.ini").write_text(INI)
    record = {"time": Hour.from_key(f"{days_ago(1)}-12:00", TIMEZONE).start + 60, "queue_id": "4XyZ", "recipients": []}
    for section in ("in", "out"):
        (old / "positions" / f"{section}.pos").write_text(str(record["time"] + SECONDS))
    log = old / "output" / DOMAIN / "mail" / "incominglog" / "old.log"
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps(record) + "\n")
    reader.environment["TZ"] = TIMEZONE

    follow(reader, "docs/migration.md")

    settings = load_settings(reader.settings, environ=dotenv_values(reader.folder / ".env"))
    assert store_of(settings).manifest(feed_of(DOMAIN, "mail/incominglog"), Hour.containing(record["time"], TIMEZONE))


def on_a_server(reader: Reader) -> None:
    """A server as far as it can be had here: the page's paths below another root, and nobody else to be."""
    for folder in (
        "etc/rsyslog.d",
        "etc/systemd/system",
        "opt",
        "srv/backup",
        "usr/local/bin",
        "var/lib/node_exporter",
    ):
        (reader.system / folder).mkdir(parents=True)
    (reader.system / "opt" / "mailevents").symlink_to(reader.folder)
    of_root = reader.system / "of_root"
    of_root.mkdir()
    for name, script in (("install", INSTALL), ("systemctl", SYSTEMCTL), ("usermod", USERMOD)):
        (of_root / name).write_text(script.format(units=reader.system / "etc/systemd/system"))
        (of_root / name).chmod(0o755)
    reader.environment["PATH"] = f"{of_root}:{reader.environment['PATH']}"
    reader.environment["MAILEVENTS_CONFIG"] = str(reader.system / "etc/mailevents/mailevents.yaml")
    reader.environment["DAGSTER_HOME"] = str(reader.system / "var/lib/mailevents/dagster")


def test_the_page_for_operators_can_be_done_and_a_backup_brings_everything_back(reader: Reader) -> None:
    on_a_server(reader)
    data, gone = reader.system / "var/lib/mailevents/data", []

    def does_what_no_command_does(block: Block) -> None:
        if block.text.strip() == "mailevents feeds":
            write_settings_and_keys(reader)
        elif "tar -C / -xf" in block.text:
            gone.extend(sorted(data.rglob("*.parquet")))
            for folder in ("var/lib/mailevents", "etc/mailevents"):
                shutil.rmtree(reader.system / folder)

    follow(reader, "docs/operations.md", does_what_no_command_does)

    assert gone
    assert set(gone) <= set(data.rglob("*.parquet"))
    check_what_the_page_shows_of_files(data)
    check_what_the_page_says_of_numbers(reader.system / "var/lib/node_exporter/mailevents.prom", data)


def write_settings_and_keys(reader: Reader) -> None:
    """Steps 1 and 2 of the page, in the example that was installed."""
    content = yaml.safe_load(reader.settings.read_text())
    assert {account["domain"] for account in content["accounts"]} == {DOMAIN}
    first = Hour.containing(time.time() - 2 * SECONDS, content["timezone"])
    content |= {"storage": str(reader.system / "var/lib/mailevents/data"), "start": first.stamp("%Y-%m-%dT%H:00")}
    write(reader, content)
    keys = reader.settings.with_name(".env")
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    keys.write_text(f"{VARIABLE}={KEY}\n")


def check_what_the_page_shows_of_files(data: Path) -> None:
    """The line of a messages file, and the pattern by which a shipper finds the hours and nothing else."""
    line, pattern = (block.text.strip() for block in blocks_of("docs/operations.md") if block.language == "text")
    shape = re.sub(r"\d[\d,]*", r"[\\d,]+", re.escape(line).replace("quarantine/quarantine", r"\S+"))
    lines = [said for file in data.rglob("messages_*.log") for said in file.read_text().splitlines()]
    assert any(re.fullmatch(shape, said) for said in lines), lines
    hours = {path for path in data.rglob("*.log") if path.name.startswith(f"{DOMAIN}_")}
    assert hours
    (next(iter(hours)).parent / f"errors_{days_ago(0)}_10.log").touch()
    assert set(data.glob(pattern.partition("/data/")[2])) == hours


def check_what_the_page_says_of_numbers(shown: Path, data: Path) -> None:
    """The gauges of its table and its rules, and the fields of a heartbeat file."""
    page = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
    gauges = set(re.findall(r"^(mailevents_\w+){", shown.read_text(), re.MULTILINE))
    assert gauges == set(re.findall(r"mailevents_(?:feed|process|account)_\w+", page))
    beat = json.loads(next(data.rglob("*_heartbeat.json")).read_bytes())
    rows = page.partition("| field | meaning |")[2].partition("\n\n")[0].splitlines()
    named = [name for row in rows[2:] for name in re.findall("`([^`]+)`", row.split("|")[1])]
    assert {name.removeprefix("metrics.") for name in named} == beat.keys() - {"metrics"} | beat["metrics"].keys()
