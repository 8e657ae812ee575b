"""What became of a domain's mails, made of what mail servers and providers have committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.collecting.feed_states import states_of
from mailevents_dagster.collecting.outcomes import Collected, Failed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings, SettingsError
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.sources.maillog.mail_server import NOON, bounced, delivered
from mailevents_dagster_tests.sources.outcomes.two_servers import MADE_OF_TWO, OUTCOMES, arrival, collect, rows, write


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
