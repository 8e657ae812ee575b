"""What waits in the outbox becomes databases on a server, each mail in exactly one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from mailevents_dagster.deliveries.message import Counts
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sftp import SftpFolder
from mailevents_dagster.deliveries.sftp_failures import SftpError
from mailevents_dagster.sources.mailbox.delivery import delivering as module
from mailevents_dagster.sources.mailbox.delivery.delivering import Delivering
from mailevents_dagster.sources.mailbox.delivery.simulated_server import SimulatedServer
from mailevents_dagster.sources.mailbox.delivery.spool import Spool
from mailevents_dagster_tests.conftest import START
from mailevents_dagster_tests.sources.mailbox.delivery.mails import (
    DESTINATION,
    Blobs,
    delivered,
    delivering,
    note,
    raw,
    rows,
)

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """Ends a delivery where a kill would."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", ())


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox.sqlite")


@pytest.fixture
def work(tmp_path: Path, server: SimulatedServer, blobs: Blobs) -> Delivering:
    return delivering(tmp_path, server.access, blobs)


def total(outbox: Outbox) -> Counts:
    return sum(outbox.counts(DESTINATION).values(), Counts())


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


STEPS = [
    (Spool, "begin"),
    (Spool, "seal"),
    (SftpFolder, "put"),
    (SftpFolder, "publish"),
    (Spool, "note_naming"),
    (Outbox, "mark_tried"),
    (Outbox, "settle"),
    (Spool, "clear"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("kind", "name"), STEPS, ids=lambda one: one if isinstance(one, str) else one.__name__)
@pytest.mark.parametrize("is_read", [False, True], ids=["kept", "taken by its reader"])
def test_killed_at_any_step_each_mail_is_in_one_database(
    work: Delivering,
    outbox: Outbox,
    blobs: Blobs,
    server: SimulatedServer,
    monkeypatch: pytest.MonkeyPatch,
    kind: type,
    name: str,
    when: str,
    is_read: bool,
) -> None:
    """The reader takes each database as soon as it has its name, even while the delivery is dead."""
    note(outbox, blobs, [1, 2], lambda number: raw(number, [("nav.csv", b"x"), ("b.csv", b"y")]))
    read: list[str] = []
    for nth in range(1, 4):
        with monkeypatch.context() as patched, suppress(Killed):
            patched.setattr(kind, name, killing(getattr(kind, name), nth, when))
            work.run()
        note(outbox, blobs, [nth + 2], raw)
        if is_read:
            read += take(server.folder)
    work.run()
    read += take(server.folder)
    assert sorted(read) == ["id-1", "id-2", "id-3", "id-4", "id-5"]
    assert total(outbox).waiting == 0
    assert not work.spool.files.exists()


def take(folder: Path) -> list[str]:
    """Read databases and take them away, as their reader does."""
    found = []
    for path in folder.glob("fm_*.db"):
        found += [row["email_id"] for row in rows(path)]
        for one in rows(path, "fund_mail_attach"):
            assert (folder / one["save_folder"] / one["file_name"]).stat().st_size == one["file_size"]
        path.unlink()
    return found


def killing(function: Callable[..., object], nth: int, when: str) -> Callable[..., object]:
    """Return the function with a kill before or after its nth call."""
    calls = 0

    def called(*arguments: object, **more: object) -> object:
        nonlocal calls
        calls += 1
        if calls == nth and when == "before":
            raise Killed
        result = function(*arguments, **more)
        if calls == nth:
            raise Killed
        return result

    return called


def test_a_database_that_its_reader_took_meanwhile_is_said_and_not_repeated(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(outbox, blobs, [1])
    with monkeypatch.context() as patched:
        patched.setattr(SftpFolder, "publish", killing(SftpFolder.publish, 1, "after"))
        with pytest.raises(Killed):
            work.run()
    assert take(server.folder) == ["id-1"]
    done = work.run()
    assert take(server.folder) == []
    (said,) = done.notes
    assert "counts as taken by its reader" in said
    assert "id-1" not in said
    assert total(outbox).taken == 1


def test_files_that_a_power_cut_took_are_made_anew(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(outbox, blobs, [1], lambda number: raw(number, [("nav.csv", b"content")]))
    with monkeypatch.context() as patched:
        patched.setattr(Spool, "seal", killing(Spool.seal, 1, "after"))
        with pytest.raises(Killed):
            work.run()
    (work.spool.files / "2026_11_20/nav.csv").write_bytes(b"")
    work.run()
    assert (server.folder / "2026_11_20/nav.csv").read_bytes() == b"content"
    assert take(server.folder) == ["id-1"]


def test_a_damaged_note_of_a_delivery_is_said_and_nothing_is_lost(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(outbox, blobs, [1])
    with monkeypatch.context() as patched:
        patched.setattr(Spool, "seal", killing(Spool.seal, 1, "after"))
        with pytest.raises(Killed):
            work.run()
    for file in work.spool.files.parent.glob("*.json"):
        file.write_bytes(file.read_bytes()[:20])
    done = work.run()
    assert "set aside" in done.notes[0]
    assert take(server.folder) == ["id-1"]


def test_a_name_that_another_machine_takes_meanwhile_is_left_to_it(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.0,))
    note(outbox, blobs, [1])
    naming = Spool.note_naming

    def late(self: Spool, prepared: module.Prepared) -> None:
        naming(self, prepared)
        (server.folder / prepared.database.name).write_bytes(b"another's")
        monkeypatch.setattr(Spool, "note_naming", naming)

    monkeypatch.setattr(Spool, "note_naming", late)
    (name,) = work.run().databases
    assert [row["email_id"] for row in rows(server.folder / name)] == ["id-1"]
    others = [path for path in server.folder.iterdir() if path.name != name]
    assert [path.read_bytes() for path in others] == [b"another's"]


def test_what_was_settled_before_a_kill_is_only_cleared_away(
    work: Delivering, outbox: Outbox, blobs: Blobs, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(outbox, blobs, [1])
    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "settle", killing(Outbox.settle, 2, "after"))
        with pytest.raises(Killed):
            work.run()
    assert take(server.folder) == ["id-1"]
    note(outbox, blobs, [2])
    done = work.run()
    assert done.notes == ()
    assert take(server.folder) == ["id-2"]
