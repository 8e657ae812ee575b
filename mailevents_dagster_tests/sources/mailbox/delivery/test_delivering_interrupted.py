"""Deliveries that end in the middle, and the ones after them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sftp import SftpFolder
from mailevents_dagster.sources.mailbox.delivery import delivering as module
from mailevents_dagster.sources.mailbox.delivery.delivering import Delivering
from mailevents_dagster.sources.mailbox.delivery.simulated_server import SimulatedServer
from mailevents_dagster.sources.mailbox.delivery.spool import Spool
from mailevents_dagster_tests.sources.mailbox.delivery.mails import Blobs, note, raw, rows, take, total

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pauses")]


class Killed(BaseException):
    """Ends a delivery where a kill would."""


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
