"""A delivery that another machine goes on with: it has the outbox and the server, and nothing of the first disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sftp import PART, SftpFolder
from mailevents_dagster.sources.mailbox.delivery.delivering import Delivering
from mailevents_dagster.sources.mailbox.delivery.simulated_server import SimulatedServer
from mailevents_dagster.sources.mailbox.delivery.spool import Spool
from mailevents_dagster_tests.sources.mailbox.delivery.mails import Blobs, delivered, delivering, note

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """Ends a delivery where a kill would."""


def die(*_: object) -> None:
    raise Killed


def die_settling(_: Outbox, __: str, answers: Sequence[object]) -> None:
    if answers:
        raise Killed


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


@pytest.fixture
def here(tmp_path: Path, server: SimulatedServer, blobs: Blobs) -> Delivering:
    note(Outbox(tmp_path / "outbox.sqlite"), blobs, [1, 2, 3])
    return delivering(tmp_path, server.access, blobs)


@pytest.fixture
def there(here: Delivering, tmp_path: Path) -> Delivering:
    return replace(here, spool=Spool(tmp_path / "spool of the other machine"))


def killed_at(step: str, here: Delivering, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        if step == "publish":
            patched.setattr(SftpFolder, "publish", die)
        else:
            patched.setattr(Outbox, "settle", die_settling)
        with pytest.raises(Killed):
            here.run()


def test_what_was_named_and_not_settled_is_not_delivered_again(
    here: Delivering, there: Delivering, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at("settle", here, monkeypatch)
    (name,) = delivered(server.folder)
    assert there.run().databases == ()
    assert here.run().databases == ()
    assert delivered(server.folder) == {name: ["id-1", "id-2", "id-3"]}


def test_what_its_reader_took_before_it_was_settled_is_said_and_not_delivered_again(
    here: Delivering, there: Delivering, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at("settle", here, monkeypatch)
    (name,) = delivered(server.folder)
    (server.folder / name).unlink()
    done = there.run()
    assert done.databases == ()
    assert f"{name} was whole on the server when delivering was interrupted" in done.notes[0]
    assert delivered(server.folder) == {}


def test_what_did_not_get_its_name_is_delivered_by_the_other_and_can_get_it_no_more(
    here: Delivering, there: Delivering, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at("publish", here, monkeypatch)
    (name,) = there.run().databases
    assert here.run().databases == ()
    assert delivered(server.folder) == {name: ["id-1", "id-2", "id-3"]}
    assert not list(server.folder.glob(f"*{PART}"))
