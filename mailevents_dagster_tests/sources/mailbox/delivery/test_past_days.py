"""Databases of past days, by the command."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml

from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.mailbox.delivery.past_days import day_span
from mailevents_dagster.sources.mailbox.delivery.simulated_server import SimulatedServer
from mailevents_dagster.sources.mailbox.simulator import Simulator
from mailevents_dagster_tests.commands import mailevents
from mailevents_dagster_tests.sources.mailbox.delivery.delivered_mailbox import DeliveredMailbox, delivered_mailbox
from mailevents_dagster_tests.sources.mailbox.delivery.mails import delivered, rows
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, FEED, NOON, mail, quiet

pytestmark = pytest.mark.slow

DAY = "2026-11-21"
"""In Seoul it begins at 15:00 UTC on the day before."""
HOURS = [Hour(NOON.start + number * 3600, "UTC") for number in range(-2, 29)]
IN_DAY, LAST = 3 * 3600, 27 * 3600 - 1
"""Seconds after noon of the first and the last second of the day."""


def deliver(mailbox: DeliveredMailbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = mailevents("deliver", "--mailbox", ADDRESS, *arguments, environ=mailbox.environ, folder=mailbox.folder)
    assert mailbox.server.password not in done.stdout + done.stderr
    return done


@pytest.fixture
def past(tmp_path: Path, server: SimulatedServer) -> Iterator[DeliveredMailbox]:
    with Simulator(quiet(), now=lambda: NOON.start + 30 * 3600.0) as simulator:
        made = delivered_mailbox(tmp_path, simulator, server)
        made.put(mail(IN_DAY - 1), mail(IN_DAY, form="two of one name"), mail(LAST), mail(LAST + 1))
        with pytest.MonkeyPatch.context() as patched:
            for name in ("CLIENT_SECRET", "SFTP_PASSWORD"):
                patched.setenv(name, made.environ[name])
            made.collect([FEED], HOURS)
        yield made


def test_the_mails_of_a_day_in_the_time_zone_of_deliveries_and_no_others(past: DeliveredMailbox) -> None:
    before = (past.store.layout.root, past.status().missing_hours)
    done = deliver(past, "--day", DAY, "--out", "out")
    assert done.returncode == 0, done.stderr
    ((name, ids),) = delivered(past.folder / "out").items()
    assert name.startswith("fm_2026_11_21_")
    assert ids == [mail(IN_DAY).id, mail(LAST).id]
    for one in rows(past.folder / "out" / name, "fund_mail_attach"):
        assert one["save_folder"] == "2026_11_21"
        assert (past.folder / "out" / one["save_folder"] / one["file_name"]).stat().st_size == one["file_size"]
    assert f"{DAY}: 2 mails in {name}." in done.stdout
    assert (past.store.layout.root, past.status().missing_hours) == before
    assert not past.store.layout.outbox.exists()


def test_a_day_is_uploaded_where_that_is_asked_for(past: DeliveredMailbox) -> None:
    done = deliver(past, "--day", DAY, "--upload")
    assert done.returncode == 0, done.stderr
    ((name, ids),) = delivered(past.server.folder / "in").items()
    assert len(ids) == 2
    assert not list((past.server.folder / "in").rglob("*.part"))
    assert not list(past.folder.glob("fm_*"))
    for one in rows(past.server.folder / "in" / name, "fund_mail_attach"):
        assert (past.server.folder / "in" / one["save_folder"] / one["file_name"]).exists()
    again = deliver(past, "--day", DAY, "--upload", "--out", "kept")
    assert again.returncode == 0, again.stderr
    assert len(delivered(past.server.folder / "in")) == 2
    assert delivered(past.folder / "kept").keys() < delivered(past.server.folder / "in").keys()


def test_each_day_of_a_span_has_a_database(past: DeliveredMailbox) -> None:
    done = deliver(past, "--from", "2026-11-20", "--to", "2026-11-21")
    assert done.returncode == 0, done.stderr
    assert [name[:13] for name in delivered(past.folder)] == ["fm_2026_11_20", "fm_2026_11_21"]


def test_a_day_of_which_hours_are_missing_makes_no_database_and_is_a_failure(past: DeliveredMailbox) -> None:
    past.store.layout.manifest(FEED, Hour(NOON.start + 5 * 3600, "UTC")).unlink()
    done = deliver(past, "--day", DAY)
    assert done.returncode == 1
    assert "1 hours are not collected" in done.stderr
    assert "mailevents collect --feed 'fund@example.com mailbox/messages' --from 2026-11-20T17:00" in done.stderr
    assert delivered(past.folder) == {}


def test_a_day_of_which_nothing_was_collected_is_a_failure_and_no_empty_day(past: DeliveredMailbox) -> None:
    assert deliver(past, "--day", "2025-06-30").returncode == 1
    assert delivered(past.folder) == {}


def test_what_waits_is_delivered_and_then_there_is_nothing(past: DeliveredMailbox) -> None:
    done = deliver(past)
    assert done.returncode == 0, done.stderr
    ((name, ids),) = delivered(past.server.folder / "in").items()
    assert len(ids) == 4
    assert f"Delivered 4 mails in {name}." in done.stdout
    done = deliver(past)
    assert (done.returncode, done.stdout) == (3, "")
    counts = Outbox(past.store.layout.outbox).counts(f"{ADDRESS} sftp://127.0.0.1:{past.server.port}/in")
    assert sum(one.taken for one in counts.values()) == 4


def test_a_server_that_refuses_is_a_failure_that_says_what_to_do(past: DeliveredMailbox) -> None:
    past.server.access.known_hosts.write_text("")
    done = deliver(past)
    assert done.returncode == 1
    assert "ssh-keyscan" in done.stderr
    assert "What waits is kept." in done.stderr
    assert deliver(past, "--day", DAY, "--upload").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--day", "yesterday"], "write it like 2025-06-30"),
        (["--day", DAY, "--from", DAY, "--to", DAY], "contradict"),
        (["--from", DAY], "need each other"),
        (["--from", DAY, "--to", "2026-11-20"], "lies before"),
        (["--upload"], "need --day"),
        (["--out", "x"], "need --day"),
    ],
)
def test_wrong_usage_is_told(mailbox: DeliveredMailbox, arguments: list[str], said: str) -> None:
    done = deliver(mailbox, *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_mailbox_that_is_not_delivered_is_told(mailbox: DeliveredMailbox) -> None:
    done = mailevents("deliver", "--mailbox", "other@example.com", environ=mailbox.environ)
    assert done.returncode == 2
    assert f"they have {ADDRESS}" in done.stderr
    written = yaml.safe_load(mailbox.file.read_text())
    del written["mailboxes"][0]["deliver"]
    mailbox.file.write_text(yaml.safe_dump(written))
    done = deliver(mailbox)
    assert done.returncode == 2
    assert "has no `deliver` in the settings" in done.stderr


def test_days_are_as_long_as_the_clock_makes_them() -> None:
    first, end = day_span(date(2026, 3, 29), "Europe/Berlin")
    assert end - first == 23 * 3600
