"""What became of a domain's mails, made of what mail servers and providers have committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.collecting.feed_states import states_of
from mailevents_dagster.collecting.outcomes import Collected, Failed, Outcome, Task
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings, SettingsError
from mailevents_dagster.sources.catalog import SOURCES, load_settings
from mailevents_dagster.sources.client import Client
from mailevents_dagster.sources.outcomes.feeds import outcomes_of
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.collecting_process import collector_in, outcomes
from mailevents_dagster_tests.sources.maillog.mail_server import NOON, bounced, delivered, stamp

OUTCOMES = outcomes_of("example.com")
MADE_OF_TWO = """
start: 2026-11-01T00:00
storage: {folder}/data
mail_logs:
  - {{name: mx1.example.com, format: postfix, files: {folder}/one.log}}
  - {{name: mx2.example.com, format: postfix, files: {folder}/two.log}}
deliverability:
  - domain: example.com
"""


def arrival(at: int, sender: str, queue_id: str = "4jdFMk25cKz6mCx") -> list[str]:
    head = f"{stamp(at)} mx1 postfix"
    return [
        f"{head}/smtpd[1]: {queue_id}: client=mail.example.org[192.0.2.205]",
        f"{head}/cleanup[2]: {queue_id}: message-id=<m.{queue_id}@example.com>",
        f"{head}/qmgr[3]: {queue_id}: from=<{sender}>, size=345, nrcpt=1 (queue active)",
    ]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name in ("one.log", "two.log"):  # which reach further back than the hours that are collected
        write(tmp_path, name, f"{stamp(NOON.start - 86_400)} mx1 postfix/master[1]: daemon started")
    file = tmp_path / "mailevents.yaml"
    file.write_text(MADE_OF_TWO.format(folder=tmp_path))
    return load_settings(file)


def collect(settings: Settings, hours: Sequence[Hour] = (NOON,), feeds: Sequence[Feed] | None = None) -> list[Outcome]:
    clients: dict[tuple[str, str], Client] = {}

    def client(feed: Feed) -> Client:
        source = next(one for one in SOURCES if one.name == feed.kind.source)
        return clients.setdefault(feed.lane, source.client(settings, feed.domain))

    tasks = [Task(feed, hours) for feed in feeds or settings.feeds]
    try:
        return outcomes(collector_in(store_of(settings)), client, tasks)
    finally:
        for one in clients.values():
            one.close()


def rows(settings: Settings, hour: Hour = NOON) -> list[Mapping[str, Any]]:
    return list(store_of(settings).dataset(OUTCOMES, [hour]).to_table().to_pylist())


def write(tmp_path: Path, name: str, *lines: str) -> None:
    with (tmp_path / name).open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_each_attempt_at_each_recipient_of_the_domains_mails_is_an_outcome(settings: Settings, tmp_path: Path) -> None:
    write(
        tmp_path,
        "one.log",
        *arrival(NOON.start, "s@example.com"),
        delivered(NOON.start + 1, "there@dest.example"),
        bounced(NOON.start + 2, "gone@dest.example"),
        *arrival(NOON.start + 3, "s@other.example", "5jdFMk25cKz6mCx"),
        delivered(NOON.start + 4, "there@dest.example", "5jdFMk25cKz6mCx"),
    )
    collect(settings)
    delivery, bounce = rows(settings)
    assert (delivery["outcome"], delivery["recipient"], delivery["sender"]) == (
        "delivered",
        "there@dest.example",
        "s@example.com",
    )
    assert (delivery["message_id"], delivery["class"]) == ("m.4jdFMk25cKz6mCx@example.com", None)
    assert (bounce["outcome"], bounce["class"], bounce["rule"]) == ("bounced", "hard", "code-no-mailbox")
    assert (delivery["outcome_at"] - delivery["accepted_at"]).total_seconds() == 1


def test_the_sender_is_found_in_an_earlier_hour_and_one_that_is_not_there_tells_of_no_domain(
    settings: Settings, tmp_path: Path
) -> None:
    write(tmp_path, "one.log", *arrival(NOON.start - 2 * 3600, "s@example.com"))
    write(tmp_path, "one.log", delivered(NOON.start + 1, "there@dest.example"))
    write(tmp_path, "one.log", delivered(NOON.start + 2, "there@dest.example", "6jdFMk25cKz6mCx"))
    collect(settings, [NOON.previous.previous, NOON.previous, NOON])
    (row,) = rows(settings)
    assert row["sender"] == "s@example.com"
    assert (row["event_time"] - row["accepted_at"]).total_seconds() == 2 * 3600 + 1


def test_all_feeds_that_tell_come_first_in_a_run_and_both_are_heard(settings: Settings, tmp_path: Path) -> None:
    for name, queue_id in (("one.log", "4jdFMk25cKz6mCx"), ("two.log", "5jdFMk25cKz6mCx")):
        write(tmp_path, name, *arrival(NOON.start, "s@example.com", queue_id))
        write(tmp_path, name, delivered(NOON.start + 1, "there@dest.example", queue_id))
    found = collect(settings, feeds=[OUTCOMES, *(feed for feed in settings.feeds if feed != OUTCOMES)])
    assert all(isinstance(one, Collected) for one in found)
    assert found[-1].feed == OUTCOMES
    assert {row["server"] for row in rows(settings)} == {"mx1.example.com", "mx2.example.com"}


def test_an_hour_that_one_of_them_lacks_waits_and_is_not_planned_before(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path, "one.log", *arrival(NOON.start, "s@example.com"))
    first = [feed for feed in settings.feeds if feed.domain == "mx1.example.com"]
    collect(settings, feeds=first)
    (waits,) = collect(settings, feeds=[OUTCOMES])
    assert isinstance(waits, Failed)
    assert waits.is_passing
    assert "mx2.example.com" in waits.said
    assert _lacks(settings, NOON)
    collect(settings)
    assert not _lacks(settings, NOON)


def _lacks(settings: Settings, hour: Hour) -> bool:
    state = next(one for one in states_of(settings, store_of(settings)) if one.feed == OUTCOMES)
    return any(first <= hour.start < end for first, end in state.lacking)


def test_what_is_made_again_of_the_same_is_the_same(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path, "one.log", *arrival(NOON.start, "s@example.com"))
    like = delivered(NOON.start + 1, "there@dest.example")
    write(tmp_path, "one.log", like, like)
    collect(settings)
    (again,) = collect(settings, feeds=[OUTCOMES])
    assert isinstance(again, Collected)
    assert (again.commit.added, again.commit.changed, again.commit.manifest.events) == (0, 0, 2)


@pytest.mark.parametrize("key", ["servers: [mx9]", "bounces_to: [a@b.example]", "webhooks: [none]"])
def test_a_name_that_the_settings_do_not_have_is_refused_with_where_it_belongs(tmp_path: Path, key: str) -> None:
    file = tmp_path / "mailevents.yaml"
    file.write_text(MADE_OF_TWO.format(folder=tmp_path) + f"    {key}\n")
    with pytest.raises(SettingsError, match=r"is not in (mail_logs|mailboxes|webhooks); add it there"):
        load_settings(file)


def test_a_domain_is_judged_once(tmp_path: Path) -> None:
    file = tmp_path / "mailevents.yaml"
    file.write_text(MADE_OF_TWO.format(folder=tmp_path) + "  - domain: EXAMPLE.com\n")
    with pytest.raises(SettingsError, match="would be one asset"):
        load_settings(file)


def test_only_the_servers_that_are_named_tell(tmp_path: Path) -> None:
    file = tmp_path / "mailevents.yaml"
    file.write_text(MADE_OF_TWO.format(folder=tmp_path) + "    servers: [MX2.example.com]\n")
    made_of = next(one.made_of for one in load_settings(file).configured if one.feed == OUTCOMES)
    assert {feed.domain for feed in made_of} == {"mx2.example.com"}
