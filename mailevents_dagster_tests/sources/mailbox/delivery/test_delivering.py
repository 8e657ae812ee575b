"""What waits in the outbox becomes databases on a server, each mail in exactly one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sftp import SftpFolder
from mailevents_dagster.deliveries.sftp_failures import SftpError
from mailevents_dagster.sources.mailbox.delivery import delivering as module
from mailevents_dagster.sources.mailbox.delivery.delivering import Delivering
from mailevents_dagster.sources.mailbox.delivery.simulated_server import SimulatedServer
from mailevents_dagster_tests.conftest import START
from mailevents_dagster_tests.sources.mailbox.delivery.mails import (
    DESTINATION,
    Blobs,
    delivered,
    note,
    raw,
    rows,
    total,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pauses")]


def test_what_waits_is_delivered_once(work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer) -> None:
    note(outbox, blobs, [1, 2, 3])
    done = work.run()
    assert done.mails == 3
    (name,) = done.databases
    assert delivered(server.folder) == {name: ["id-1", "id-2", "id-3"]}
    assert {one.receiver_id for one in outbox.receipts(DESTINATION, START)} == {name}
    note(outbox, blobs, [1, 2, 3])
    assert work.run().databases == ()
    assert not work.spool.files.exists()


def test_where_nothing_waits_the_server_is_not_asked(work: Delivering, server: SimulatedServer) -> None:
    server.close()
    assert work.run().databases == ()


def test_attachments_are_there_before_the_database_gets_its_name(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[str] = []
    publish = SftpFolder.publish
    monkeypatch.setattr(SftpFolder, "publish", lambda self, name: named.append(name) or publish(self, name))
    note(outbox, blobs, [1, 2], lambda number: raw(number, [("nav.csv", b"%d" % number)]))
    (name,) = work.run().databases
    assert named == ["2026_11_20/nav.csv", "2026_11_20/nav_2.csv", name]
    found = rows(server.folder / name, "fund_mail_attach")
    assert [(server.folder / one["save_folder"] / one["file_name"]).read_bytes() for one in found] == [b"1", b"2"]


def test_names_on_the_server_are_left_to_others(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer
) -> None:
    make: Callable[[int], bytes] = lambda number: raw(number, [("nav.csv", b"%d" % number)])  # noqa: E731
    note(outbox, blobs, [1], make)
    first = work.run().databases
    note(outbox, blobs, [2], make)
    second = work.run().databases
    assert len({*first, *second}) == 2
    assert (server.folder / "2026_11_20/nav.csv").read_bytes() == b"1"
    assert (server.folder / "2026_11_20/nav_2.csv").read_bytes() == b"2"


def test_a_name_is_not_given_again_once_its_reader_took_the_database(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.time, "time", lambda: START + 0.0)
    names = []
    for number in (1, 2, 3):
        note(outbox, blobs, [number])
        (name,) = work.run().databases
        (server.folder / name).unlink()
        names.append(name)
    assert names == ["fm_2026_11_20_2100.db", "fm_2026_11_20_2100_2.db", "fm_2026_11_20_2100_3.db"]


def test_a_server_that_is_away_delays_and_loses_nothing(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer
) -> None:
    note(outbox, blobs, [1, 2])
    port, key = server.port, server.key
    server.close()
    with pytest.raises(SftpError, match="nothing listens") as raised:
        work.run()
    assert raised.value.is_passing
    assert total(outbox) == replace(total(outbox), waiting=2, uncertain=0, taken=0)
    note(outbox, blobs, [3])
    with SimulatedServer(server.folder, port, key) as back:
        done = replace(work, access=back.access).run()
    assert delivered(server.folder) == {done.databases[0]: ["id-1", "id-2", "id-3"]}


def test_a_mail_whose_raw_message_is_gone_is_set_aside_and_hides_no_other(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer
) -> None:
    note(outbox, blobs, [1, 2, 3])
    del blobs.kept[next(iter(blobs.kept))]
    done = work.run()
    assert (done.mails, done.aside) == (2, 1)
    assert list(delivered(server.folder).values()) == [["id-2", "id-3"]]
    (aside,) = outbox.aside(DESTINATION, 10)
    assert "cannot be read" in aside.reason


def test_where_no_mail_can_be_read_there_is_no_database(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer
) -> None:
    note(outbox, blobs, [1])
    blobs.kept.clear()
    assert work.run().databases == ()
    assert list(server.folder.iterdir()) == []
    assert total(outbox).aside == 1


def test_many_mails_become_several_databases(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_MAILS", 4)
    note(outbox, blobs, range(10))
    done = work.run()
    assert [len(ids) for ids in delivered(server.folder).values()] == [4, 4, 2]
    assert done.mails == 10


def test_two_at_a_time_do_not_deliver_twice(work: Delivering, outbox: Outbox, blobs: Blobs) -> None:
    note(outbox, blobs, [1])
    with outbox.holding(DESTINATION):
        assert work.run().is_elsewhere
    assert total(outbox).waiting == 1


def test_told_to_stop_it_delivers_nothing_more(work: Delivering, outbox: Outbox, blobs: Blobs) -> None:
    note(outbox, blobs, [1])
    stop = threading.Event()
    stop.set()
    assert replace(work, stop=stop).run().databases == ()
    assert total(outbox).waiting == 1
