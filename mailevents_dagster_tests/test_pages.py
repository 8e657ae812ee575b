"""Every example of the pages: what a reader runs runs, and what they write into the settings loads."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from mailevents_dagster.collecting.configuration import store_of
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.settings import Settings, load_settings
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.uzmanposta.accounts import access_of
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator
from mailevents_dagster.summaries.days import Day
from mailevents_dagster.summaries.kinds import KINDS
from mailevents_dagster.summaries.making import counts_of_day
from mailevents_dagster.summaries.stored import write_summary
from mailevents_dagster_tests.conftest import collection, event
from mailevents_dagster_tests.pages import (
    CHECKOUT,
    KEY,
    TIMEZONE,
    Block,
    Reader,
    as_of_today,
    blocks_of,
    days_ago,
    reader_in,
)
from mailevents_dagster_tests.receiving import PASSWORD, mail_server, webhook_server
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import INI

BY_THE_NEWCOMER = {"make demo", "make test", "make ui"}
"""What README has alone in a block: .ci/run and .ci/newcomer run it, and on other pages it is not run again."""
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
SETTINGS = """
timezone: Europe/Istanbul
start: 2026-11-01T00:00
storage: ./data
api: {base_url: BASE_URL, requests_per_second: 500}
accounts:
  - domain: example.com
    api_key: ${UZMANPOSTA_KEY_EXAMPLE_COM}
    feeds: [mail/incominglog, mail/outgoinglog, quarantine/quarantine, quarantine/hold, authentication]
"""
VARIABLE = "UZMANPOSTA_KEY_EXAMPLE_COM"
DOMAIN = "example.com"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with Simulator(Behaviour(events_per_hour=6), domains=[DOMAIN]) as api:
        yield reader_in(tmp_path, api)


def loaded(reader: Reader) -> Settings:
    return load_settings(reader.settings, environ={**os.environ, VARIABLE: KEY, **reader.environment})


def write(reader: Reader, content: dict[str, Any]) -> None:
    """Settings that ask this API, whatever the page says."""
    content["api"] = content.get("api", {}) | {"base_url": reader.api.base_url}
    reader.settings.write_text(yaml.safe_dump(content), encoding="utf-8")


def has_settings(reader: Reader) -> None:
    reader.settings.write_text(as_of_today(SETTINGS.replace("BASE_URL", reader.api.base_url)))
    (reader.folder / ".env").write_text(f"{VARIABLE}={KEY}\n")


def has_collected(reader: Reader) -> None:
    """Some hours of all feeds lie in the storage: of yesterday, and one of two weeks ago; and yesterday's summaries."""
    has_settings(reader)
    settings = loaded(reader)
    store, names = store_of(settings), [feed_of(DOMAIN, name) for name in FEED_KINDS]
    noon = Hour.from_key(f"{days_ago(1)}-12:00", TIMEZONE)
    hours = [noon.previous, noon]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY)
        with UzmanPostaApi(access_of(settings, DOMAIN)) as api:
            for feed in names:
                earlier = [Hour.from_key(f"{days_ago(14)}-12:00", TIMEZONE)] if feed.kind.has_details else []
                for hour in (*earlier, *hours):
                    with store.open_hour(feed, hour) as work:
                        work.commit(collect_hour(api, work, Options(settle_seconds=600)))
    day = Day.from_key(days_ago(1), TIMEZONE)
    for kind in KINDS.values():
        path = store.layout.summary(kind.name, DOMAIN, str(day))
        write_summary(path, counts_of_day(store, kind, names, day, pytest.fail))


def has_an_expired_hour(reader: Reader) -> None:
    has_collected(reader)
    hour = Hour.from_key(f"{days_ago(100)}-12:00", TIMEZONE)
    with store_of(loaded(reader)).open_hour(feed_of(DOMAIN, "mail/incominglog"), hour) as work:
        work.commit(collection([event(hour.start + SECONDS // 2)]))


def began_yesterday(reader: Reader) -> None:
    has_settings(reader)
    text = reader.settings.read_text()
    reader.settings.write_text(text.replace(days_ago(20), days_ago(1)))


PREPARED: Mapping[str, Callable[[Reader], None]] = {
    "docs/how-to.md": began_yesterday,
    "docs/query.md": has_collected,
    "docs/tutorial.md": lambda _: None,
    "docs/retention.md": has_an_expired_hour,
    "docs/automation.md": has_settings,
    "docs/summaries.md": has_collected,
    "docs/verify.md": has_collected,
}
FOLLOWED = {*PREPARED, "docs/alerts.md", "docs/migration.md", "docs/operations.md"}
"""Each by a test below."""
RUN_HERE = ("sh", "cron", "python")


def follow(reader: Reader, page: str, between: Callable[[Block], None] = lambda _: None) -> None:
    """Does what the page says, from top to bottom; `between` hears of each block before it is run."""
    for block in blocks_of(page):
        between(block)
        if block.language == "yaml" and is_settings(block):
            take_over(reader, block)
        elif block.language in RUN_HERE and not is_left_out(block):
            wrong = [said for said in reader.does(block) if not is_a_verdict(said)]
            assert not wrong, f"{block}: {wrong}"


def is_left_out(block: Block) -> bool:
    """What the newcomer does, and what needs a program beside Python: a test of its own does that."""
    return block.text.strip() in BY_THE_NEWCOMER or needs_jq(block)


def needs_jq(block: Block) -> bool:
    return "| jq " in block.text


def is_a_verdict(said: str) -> bool:
    """Hours are missing while others are being collected: that is what `status` is there to say."""
    return said.startswith("1 ") and "mailevents status" in said


def is_settings(block: Block) -> bool:
    return "groups" not in yaml.safe_load(block.text)


def take_over(reader: Reader, block: Block) -> None:
    """Writes settings as the page shows them, or adds the sections it shows to those that are there."""
    shown = yaml.safe_load(as_of_today(block.text))
    write(reader, shown if "accounts" in shown else yaml.safe_load(reader.settings.read_text()) | shown)


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
