"""The nightly comparison of a mailbox with what is stored: in the run that looks back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from mailevents_dagster.build import build_defs
from mailevents_dagster.model.event import Event, Origin
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.runs_in_flight import RECONCILE_JOB
from mailevents_dagster.sources.additions import additions
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.mailbox.rows import IMPORTED, message_event, row_of
from mailevents_dagster.sources.mailbox.simulator import Fault, SimulatedMailbox, Simulator
from mailevents_dagster.sources.messages.message import Message
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.projects import stop_the_clock
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, FEED, NOON, mail, quiet
from mailevents_dagster_tests.store.destroying import destroy

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("from_this_autumn_on")]

DAYS = 86_400
LATER = NOON.start + 9 * DAYS
"""Long after the hours that are listed again in any case."""
BEFORE = Hour(NOON.start - 7 * 3600, "UTC")
"""An hour from before the first that the mailbox is asked for."""


@dataclass
class Night:
    """A mailbox with three collected hours, and the runs of a project that has no other."""

    simulator: Simulator
    defs: dg.Definitions
    instance: dg.DagsterInstance
    store: Store

    @property
    def mailbox(self) -> SimulatedMailbox:
        return self.simulator.mailbox(ADDRESS)

    def collect(self, *hours: Hour) -> None:
        for hour in hours:
            assert dg.materialize(
                list(self.defs.assets or ()),
                selection=[dg.AssetKey(FEED.asset_key)],
                resources=self.defs.resources,
                instance=self.instance,
                partition_key=hour.key,
            ).success

    def pass_(self) -> dg.ExecuteInProcessResult:
        job = self.defs.resolve_job_def(RECONCILE_JOB)
        return job.execute_in_process(instance=self.instance, raise_on_error=False)

    def ids(self, hour: Hour = NOON) -> list[str]:
        return [row["id"] for row in self.store.dataset(FEED, [hour]).to_table(columns=["id"]).to_pylist()]


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    monkeypatch.setenv("SECRET", "simulator")
    stop_the_clock(monkeypatch, LATER)
    with Simulator(quiet(), now=lambda: LATER) as simulator, in_files() as instance:
        mailbox = {
            "address": ADDRESS,
            "tenant_id": "tenant.example",
            "client_id": "client-1",
            "client_secret": "${SECRET}",
            "authority": simulator.url,
            "base_url": simulator.base_url,
        }
        written: dict[str, Any] = {
            "timezone": "UTC",
            "start": "2026-11-20T06:00",
            "storage": str(tmp_path / "data"),
            "mailboxes": [mailbox],
        }
        file = tmp_path / "mailevents.yaml"
        file.write_text(yaml.safe_dump(written))
        settings = load_settings(file)
        made = Night(simulator, build_defs(settings), instance, store_of(settings))
        made.mailbox.add(mail(10), mail(20), mail(30))
        made.collect(NOON, NOON.next)
        yield made


def imported(time: int) -> Event:
    message = Message(message_id=f"{time}@old.example", subject="NAV")
    row = row_of(
        message,
        id=f"pst-{time}",
        folder="Top",
        received=time,
        blob="0" * 64,
        size=1,
        listing=b"x" * 16,
        source=IMPORTED,
    )
    return message_event(row)


def numbers(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    [output] = [event for event in result.all_events if event.is_successful_output]
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def test_what_an_old_hour_lacks_is_collected_and_nothing_else_is_listed(night: Night) -> None:
    night.mailbox.add(mail(40, folder="Archive/2026"))
    night.simulator.calls.clear()

    result = night.pass_()

    assert result.success
    assert night.ids() == [mail(after).id for after in (10, 20, 30, 40)]
    shown = [event.partition for event in result.all_events if event.is_step_materialization]
    assert shown == [NOON.key]
    assert numbers(result)["hours"] == 1
    assert numbers(result)["mails_not_stored"] == 1
    assert night.simulator.count("messages/$value") == 1
    assert "mails_not_stored" not in numbers(night.pass_()), "it is stored now"


def test_what_vanished_or_moved_is_counted_and_stays(night: Night) -> None:
    night.mailbox.delete(mail(10).id)
    night.mailbox.delete(mail(20).id)
    night.mailbox.move(mail(30).id, "Archive/2026")

    result = night.pass_()

    assert (numbers(result)["mails_deleted"], numbers(result)["mails_moved"]) == (2, 1)
    assert numbers(result)["hours"] == 0
    assert len(night.ids()) == 3


def test_what_was_imported_is_not_missed_and_an_hour_of_it_is_not_asked_for(night: Night) -> None:
    for hour in (BEFORE, NOON.next.next):
        with night.store.open_hour(FEED, hour) as work:
            event = imported(hour.start + 5)
            work.commit(additions(work, [event], Origin.PST, closed=True))
    for hour in (BEFORE, NOON.next.next):
        night.mailbox.add(mail(hour.start - NOON.start + 50))

    result = night.pass_()

    assert "mails_deleted" not in numbers(result)
    assert numbers(result)["hours"] == 0
    for hour in (BEFORE, NOON.next.next):
        assert [row["source"] for row in night.store.dataset(FEED, [hour]).to_table().to_pylist()] == [IMPORTED]


def test_a_mailbox_that_cannot_be_compared_says_so_once_and_is_due_again(night: Night) -> None:
    night.simulator.faults.add("/mailFolders", Fault(403, code="ErrorAccessDenied"), None)

    result = night.pass_()

    said = [entry.user_message for entry in night.instance.all_logs(result.run_id)]
    assert len([line for line in said if "was not compared" in line and "Mail.Read" in line]) == 1
    assert night.store.cursor(FEED).looked_back_at is None
    night.simulator.faults.clear()
    night.pass_()
    assert night.store.cursor(FEED).looked_back_at == LATER


def test_an_hour_that_was_destroyed_is_not_collected_again(night: Night) -> None:
    destroy(night.store, NOON, FEED)

    assert numbers(night.pass_())["hours"] == 0
