"""`mailevents migrate` as a process: what it writes, what it leaves alone, what it says."""

from __future__ import annotations

import re
import stat
import time

import pytest
from dotenv import dotenv_values

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings.first_files import Done
from mailevents_dagster.sources.uzmanposta.migration.migrating import decide, target_of, write
from mailevents_dagster.sources.uzmanposta.settings import UzmanPostaSettings
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.sources.uzmanposta.migration.migrated import (
    EARLIER,
    INCOMING,
    LATER,
    NOW,
    OUTGOING,
    ZONE,
    firsts,
    loaded,
)
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import INI, KEY, OldTool, state


def test_each_feed_goes_on_in_the_hour_of_its_position(two: OldTool) -> None:
    done = two.migrate()

    assert done.returncode == 0, done.stderr
    settings = loaded(two)
    assert settings.timezone == ZONE
    assert settings.storage == str(two.out / "data")
    assert settings.start == Hour.containing(EARLIER, ZONE).start
    assert settings.feeds == (INCOMING, OUTGOING)
    assert dict(settings.section(UzmanPostaSettings).accounts[0].sections) == {
        "mail/incominglog": "in",
        "mail/outgoinglog": "out",
    }
    assert firsts(two) == {
        str(INCOMING): Hour.containing(EARLIER, ZONE).start,
        str(OUTGOING): Hour.containing(LATER, ZONE).start,
    }
    cursor = store_of(settings).cursor(OUTGOING)
    assert cursor == Cursor(first=Hour.containing(LATER, ZONE).start)  # nothing is said to be there


def test_the_key_is_read_back_as_it_was_by_nobody_else_and_said_nowhere(two: OldTool) -> None:
    done = two.migrate()

    assert dotenv_values(two.out / ".env") == {"UZMANPOSTA_KEY_EXAMPLE_COM": KEY}
    assert stat.S_IMODE((two.out / ".env").stat().st_mode) == 0o600
    assert KEY not in done.stdout + done.stderr
    holding = [path for path in two.out.rglob("*") if path.is_file() and KEY[:8] in path.read_text(errors="replace")]
    assert holding == [two.out / ".env"]


def test_a_second_run_changes_nothing_and_says_so(two: OldTool) -> None:
    before = state(two.folder)
    assert "Nothing was changed" not in two.migrate().stdout
    once = state(two.out)

    done = two.migrate()

    assert done.returncode == 0
    assert "Nothing was changed" in done.stdout
    assert state(two.out) == once
    assert state(two.folder) == before


def test_a_dry_run_says_the_same_and_writes_nothing(two: OldTool) -> None:
    done = two.migrate("--dry-run")

    assert done.returncode == 0
    assert "mailevents.yaml: written" in done.stdout
    assert "dry run" in done.stdout
    assert list(two.out.iterdir()) == []


def test_what_is_there_and_says_something_else_is_told_and_left_alone(two: OldTool) -> None:
    two.migrate()
    two.position("in", LATER)
    file, env = two.out / "mailevents.yaml", two.out / ".env"
    file.write_text("# mine\n" + file.read_text())
    env.write_text("OTHER='kept'\nUZMANPOSTA_KEY_EXAMPLE_COM='another-k3y'")
    two.ini(INI + "[MailLogger:net]\ndomain = example.net\n")
    before = state(two.out)

    done = two.migrate()

    assert done.returncode == 1
    assert "example.net mail/outgoinglog: not in" in done.stdout
    assert "mailevents.yaml: there already, and says something else" in done.stdout
    assert "another value than in the INI" in done.stdout
    assert re.search(r"begins at \S+, not at", done.stdout)
    after = state(two.out)
    assert dotenv_values(env) == {
        "OTHER": "kept",
        "UZMANPOSTA_KEY_EXAMPLE_COM": "another-k3y",
        "UZMANPOSTA_KEY_EXAMPLE_NET": KEY,
    }
    assert {name for name in after if after[name] != before.get(name)} == {".env"}


def test_a_feed_that_collects_already_keeps_its_cursor(two: OldTool) -> None:
    two.migrate()
    store = store_of(loaded(two))
    write_cursor(store.layout.cursor(INCOMING), Cursor(((7200, 10800),), first=7200), ZONE)
    assert "begins at" in two.migrate().stdout
    assert store.cursor(INCOMING).closed == ((7200, 10800),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "Unix time"),
        ("yesterday", "Unix time"),
        ("1e9", "Unix time"),
        ("-5", "Unix time"),
        ("4000000000", "in the future"),
        ("1795176000000", "in the future"),
        ("86400", "before 2019"),
    ],
)
def test_a_position_that_cannot_be_right_begins_where_nothing_is_lost(old: OldTool, content: str, said: str) -> None:
    old.ini(INI + "[MailLogger:held]\ndomain = example.com\ncategory = quarantine\ntype = hold\n")
    old.position("in", content)
    old.position("out", LATER)

    began = int(time.time())
    done = old.migrate()
    ended = time.time()

    assert done.returncode == 0
    assert said in done.stdout
    assert "held.pos" in done.stdout
    found = firsts(old)
    assert began <= found[str(INCOMING)] + 15 * 86_400 <= ended + 3600
    assert began <= found["example.com quarantine/hold"] + 6 * 86_400 <= ended + 3600
    assert found[str(OUTGOING)] == Hour.containing(LATER, ZONE).start
    once = state(old.out)
    old.migrate()
    assert state(old.out) == once


def test_a_feed_without_a_position_begins_at_the_same_hour_in_every_later_run(old: OldTool) -> None:
    ini = old.ini(INI)

    def run(now: float) -> set[Done]:
        decided = decide(ini, old.out, ZONE, now)
        return {one.done for one in write(decided, target_of(decided, old.out, now), None, now, dry=False).outcomes}

    assert run(NOW) == {Done.WRITTEN}
    assert run(NOW + 3 * 3600) == {Done.THERE}


def test_a_section_that_never_ran_begins_at_its_start_time(old: OldTool) -> None:
    old.ini(INI.replace("[MailLogger:out]", f"start_time = {LATER}\n[MailLogger:out]"))
    assert "the hour of its start_time" in old.migrate().stdout
    assert firsts(old)[str(INCOMING)] == Hour.containing(LATER, ZONE).start
