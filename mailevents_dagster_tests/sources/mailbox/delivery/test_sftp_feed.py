"""The feed of what was delivered, from a mailbox to a server."""

from __future__ import annotations

import time
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from mailevents_dagster.collecting.outcomes import Collected, Failed
from mailevents_dagster.sources.mailbox.delivery import sftp_feed
from mailevents_dagster.sources.mailbox.delivery.sftp_feed import tidy
from mailevents_dagster.sources.mailbox.delivery.simulated_server import SimulatedServer
from mailevents_dagster.sources.mailbox.simulator import Simulator, raw_message
from mailevents_dagster_tests.sources.mailbox.delivery.delivered_mailbox import (
    DELIVERED,
    DeliveredMailbox,
    delivered_mailbox,
)
from mailevents_dagster_tests.sources.mailbox.delivery.mails import delivered, rows
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import FEED, NOON, mail, sent

pytestmark = pytest.mark.slow


def test_each_mail_of_an_hour_is_delivered_once_however_often_the_hour_is_collected(mailbox: DeliveredMailbox) -> None:
    first, second, third = mail(1), sent(2), mail(3)
    mailbox.put(first, second)
    for _ in range(3):
        assert all(isinstance(one, Collected) for one in mailbox.collect())
    mailbox.put(third)
    mailbox.collect()
    databases = delivered(mailbox.server.folder / "in")
    assert sorted(databases.values()) == sorted([[first.id, second.id], [third.id]])
    assert {row["receiver_id"] for row in mailbox.receipts()} == {*databases}
    assert [row["state"] for row in mailbox.receipts()] == ["taken"] * 3


def test_a_mail_that_was_moved_since_is_not_delivered_again(mailbox: DeliveredMailbox, simulator: Simulator) -> None:
    mailbox.put(mail(1))
    mailbox.collect()
    simulator.mailbox(FEED.domain).move(mail(1).id, "Archive")
    mailbox.collect()
    assert list(delivered(mailbox.server.folder / "in").values()) == [[mail(1).id]]


def test_a_database_says_what_the_mailbox_says(mailbox: DeliveredMailbox) -> None:
    mails = [mail(number, form=form) for number, form in enumerate(["plain", "both", "two of one name", "nested"], 1)]
    mailbox.put(*mails)
    mailbox.collect()
    (path,) = (mailbox.server.folder / "in").glob("*.db")
    for row, one in zip(rows(path), mails, strict=True):
        whole = message_from_bytes(raw_message(one), policy=policy.default)
        assert row["email_id"] == one.id
        assert row["subject"] == one.subject
        assert (row["from_name"], row["from_address"]) == one.author
        assert row["to_recipients"] == ", ".join(address for _, address in one.to)
        assert row["email_time"] == f"2026-11-20T12:00:{one.received % 60:02d}Z"
        assert row["kst_time"] == f"2026-11-20 21:00:{one.received % 60:02d}.000000"
        body = whole.get_body(("html", "plain"))
        assert body is not None
        assert row["content"] == body.get_content().replace("\r\n", "\n")
    saved = rows(path, "fund_mail_attach")
    assert len(saved) >= 3
    assert {row["save_folder"] for row in saved} == {"2026_11_20"}
    for row in saved:
        assert (path.parent / row["save_folder"] / row["file_name"]).stat().st_size == row["file_size"]


def test_a_server_that_is_away_delays_and_loses_nothing(mailbox: DeliveredMailbox) -> None:
    mailbox.put(mail(1))
    port, key = mailbox.server.port, mailbox.server.key
    mailbox.server.close()

    messages, failed = mailbox.collect()

    assert isinstance(messages, Collected)
    assert isinstance(failed, Failed)
    assert failed.cause == "sftp"
    assert "1 mails of the hour wait for SFTP" in failed.said
    assert mailbox.server.password not in failed.said
    assert mailbox.status().waiting == 1
    with SimulatedServer(mailbox.server.folder, port, key) as back:
        again = delivered_mailbox(mailbox.folder, mailbox.simulator, back)
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("SFTP_PASSWORD", back.password)
            assert isinstance(again.collect([DELIVERED])[0], Collected)
    assert list(delivered(mailbox.server.folder / "in").values()) == [[mail(1).id]]
    assert mailbox.status().waiting == 0


def test_an_hour_without_mails_makes_no_database(mailbox: DeliveredMailbox) -> None:
    mailbox.server.close()
    assert all(isinstance(one, Collected) for one in mailbox.collect())
    assert not (mailbox.server.folder / "in").exists()


def test_mails_from_before_since_are_left_to_the_tool_before(
    mailbox: DeliveredMailbox, simulator: Simulator, server: SimulatedServer, tmp_path: Path
) -> None:
    late = delivered_mailbox(tmp_path, simulator, server, since="2026-11-20T12:00:03+00:00")
    late.put(mail(1), mail(2), mail(3), mail(4))
    late.collect()
    assert list(delivered(server.folder / "in").values()) == [[mail(3).id, mail(4).id]]


def test_what_the_mailbox_did_not_give_yet_is_not_delivered_and_counted(
    mailbox: DeliveredMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.put(mail(1))
    mailbox.collect([FEED])
    table = sftp_feed.committed

    def without_message(*arguments: object) -> object:
        manifest, found = table(*arguments)  # type: ignore[arg-type]
        return manifest, found.set_column(found.column_names.index("blob"), "blob", [[None]])

    with monkeypatch.context() as patched:
        patched.setattr(sftp_feed, "committed", without_message)
        (outcome,) = mailbox.collect([DELIVERED])
    assert isinstance(outcome, Collected)
    assert outcome.measures["without_message"] == 1
    assert not (mailbox.server.folder / "in").exists()
    mailbox.collect([DELIVERED])
    assert list(delivered(mailbox.server.folder / "in").values()) == [[mail(1).id]]


def test_the_running_hour_is_delivered_no_more_often_than_it_should_be(
    mailbox: DeliveredMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = NOON.start + 1800.0
    monkeypatch.setattr(time, "time", lambda: now)
    for number, later in ((1, 0), (2, 60), (3, 240)):
        now += later
        mailbox.put(mail(number))
        mailbox.collect()
    databases = delivered(mailbox.server.folder / "in")
    assert list(databases.values()) == [[mail(1).id], [mail(2).id, mail(3).id]]


def test_what_is_older_than_mails_are_kept_is_forgotten(
    mailbox: DeliveredMailbox, simulator: Simulator, server: SimulatedServer, tmp_path: Path
) -> None:
    kept = delivered_mailbox(tmp_path, simulator, server, mail_days=2)
    kept.put(mail(1))
    server.close()
    kept.collect()
    tidy(kept.settings, kept.store, NOON.start + 3600)
    assert kept.status().waiting == 1
    tidy(kept.settings, kept.store, NOON.end + 2 * 86_400)
    assert kept.status().waiting == 0
