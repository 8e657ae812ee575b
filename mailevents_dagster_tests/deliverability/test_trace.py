"""The story of one mail: found by any of its names, told step by step, with the records that it rests on."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailevents_dagster.cli.trace import trace
from mailevents_dagster.deliverability.proof.part import PROOF
from mailevents_dagster.deliverability.trace.finding import Sought, find
from mailevents_dagster.deliverability.trace.page import page
from mailevents_dagster.deliverability.trace.story import story
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.outcome import Became
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.deliverability.told import DAY, DOMAIN, LINES, NOON, keep, make, said, settings_in

EVENING = NOON.start + 6 * 3600
NEXT = Day(DAY.date + timedelta(days=1), "UTC")


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with settings and what is stored of two days."""
    folder = tmp_path_factory.mktemp("two days")
    keep(
        settings_in(folder),
        said(NOON.start, Became.DEFERRED, code=450, text="450 4.2.0 Greylisted", accepted_at=NOON.start - 9),
        said(EVENING, Became.DELIVERED, code=250, text="250 Ok", relay_host="mx.dest.example"),
        said(NEXT.start, Became.COMPLAINED, queue_id=None),
        said(NOON.start, Became.DELIVERED, "other@dest.example", "m2"),
        hours=[*DAY.hours, *NEXT.hours],
    )
    return folder


@pytest.fixture(
    scope="module",
    params=[(), (DAY,), (DAY, NEXT)],
    ids=["read by hours", "one day stored", "all stored"],
)
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, two_days: Path) -> Store:
    """The same two days, of which the last words of none, one or both are stored. Tests only read it."""
    folder = tmp_path_factory.mktemp("stored")
    shutil.copytree(two_days, folder, dirs_exist_ok=True)
    for day in request.param:
        make(PROOF, settings_in(folder), day)
    return store_of(settings_in(folder))


@pytest.fixture
def settings(tmp_path: Path, two_days: Path) -> Settings:
    shutil.copytree(two_days, tmp_path, dirs_exist_ok=True)
    return settings_in(tmp_path)


def found(settings: Settings, text: str, most: int = 10) -> list[str]:
    return list(find(store_of(settings), DOMAIN, Sought(text, DAY, NEXT), most, lambda _: None))


NAMES = ["m1@example.com", "<M1@example.com>", "M1", " R@dest.example "]


@pytest.mark.parametrize("text", NAMES, ids=["message id", "as a header has it", "queue id", "recipient"])
def test_a_mail_is_found_by_each_of_its_names_whether_last_words_are_stored_or_not(stored: Store, text: str) -> None:
    tables = find(stored, DOMAIN, Sought(text, DAY, NEXT), 10, lambda _: None)
    assert list(tables) == ["m1@example.com"]
    told = story(tables["m1@example.com"].to_pylist(), [])
    (recipient,) = told.recipients
    assert [step.said["outcome"] for step in recipient.steps] == ["deferred", "delivered", "complained"]
    assert recipient.final == "delivered"
    assert told.accepted_at is not None
    assert told.accepted_at.timestamp() == NOON.start - 9


def test_the_sender_finds_all_mails_the_newest_first_and_no_more_than_asked(settings: Settings) -> None:
    assert found(settings, "s@example.com") == ["m1@example.com", "m2@example.com"]
    make(PROOF, settings)
    assert len(found(settings, "s@example.com", most=1)) == 1


def test_a_part_of_a_name_finds_nothing(settings: Settings) -> None:
    assert found(settings, "example.com") == []
    assert found(settings, ".*") == []


def test_a_day_whose_last_words_lack_hours_is_read_by_hours(settings: Settings, tmp_path: Path) -> None:
    fresh = settings_in(tmp_path / "other") if (tmp_path / "other").mkdir() is None else settings
    keep(fresh, said(NOON.start, Became.DEFERRED))
    make(PROOF, fresh)
    keep(fresh, said(EVENING, Became.DELIVERED))
    tables = find(store_of(fresh), DOMAIN, Sought("M1", DAY, DAY), 10, lambda _: None)
    assert len(tables["m1@example.com"]) == 2


def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("MAILEVENTS_CONFIG", str(settings.source))
    return CliRunner().invoke(trace, [*arguments, "--from", DAY.key, "--to", NEXT.key])


def test_evidence_holds_each_record_with_the_files_that_it_lies_in_and_their_digests(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = b"Nov 20 12:00:00 mx1 postfix/smtp[7]: M1: to=<r@dest.example>, status=deferred (450 4.2.0 Greylisted)"
    other = b"Nov 20 12:00:00 mx1 postfix/smtp[7]: M9: to=<x@dest.example>, status=sent (250 Ok)"
    store = store_of(settings)
    with store.open_hour(LINES, NOON) as work:
        events = [LINES.kind.rows.event_of(one, NOON.start) for one in (raw, other)]
        work.commit(Collection(events, frozenset(), (), NOON.end + 700.0, closed=True, measures={}))
    ended = run(settings, monkeypatch, "M1", "--evidence", str(tmp_path / "e.json"))
    assert ended.exit_code == 0, ended.output
    (mail,) = json.loads((tmp_path / "e.json").read_text())["mails"]
    (record,) = mail["records"]
    assert record["raw"] == raw.decode()
    manifest = store.manifest(LINES, NOON)
    assert manifest is not None
    assert (record["snapshot"], record["snapshot_sha256"]) == (manifest.snapshot.path, manifest.snapshot.sha256)
    assert (record["log"], record["log_sha256"]) == (manifest.log.path, manifest.log.sha256)


def test_json_is_for_programs_and_nothing_found_ends_with_3(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = run(settings, monkeypatch, "M1", "--json")
    assert json.loads(ended.stdout)[0]["queue_ids"] == ["M1"]
    assert run(settings, monkeypatch, "nobody@dest.example").exit_code == 3


@pytest.mark.parametrize("wrong", [("--domain", "none.example"), ("--from", "yesterday"), ("--to", "2020-01-01")])
def test_what_cannot_be_meant_is_wrong_usage(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, wrong: tuple[str, str]
) -> None:
    monkeypatch.setenv("MAILEVENTS_CONFIG", str(settings.source))
    assert CliRunner().invoke(trace, ["M1", *wrong]).exit_code == 2


def test_a_page_shows_what_a_hostile_answer_says_and_runs_none_of_it(settings: Settings) -> None:
    row = find(store_of(settings), DOMAIN, Sought("M1", DAY, NEXT), 1, lambda _: None)["m1@example.com"].to_pylist()
    hostile = [{**one, "text": "<script>alert(1)</script>", "subject": "<b>"} for one in row]
    text = page("<i>", [story(hostile, [])], "Europe/Istanbul")
    assert "<script>" not in text
    assert "<b>" not in text
    assert "2026-11-20 15:00:00" in text
