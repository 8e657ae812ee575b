from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.sources.mailbox.delivery import delivering
from mailevents_dagster.sources.mailbox.delivery.delivering import Delivering
from mailevents_dagster.sources.mailbox.delivery.simulated_server import SimulatedServer
from mailevents_dagster.sources.mailbox.simulator import Simulator
from mailevents_dagster_tests.sources.mailbox.delivery import mails
from mailevents_dagster_tests.sources.mailbox.delivery.delivered_mailbox import DeliveredMailbox, delivered_mailbox
from mailevents_dagster_tests.sources.mailbox.delivery.mails import Blobs
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import NOW, quiet


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SimulatedServer]:
    with SimulatedServer(tmp_path / "server") as server:
        yield server


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(quiet(), now=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture
def mailbox(
    tmp_path: Path, simulator: Simulator, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> DeliveredMailbox:
    monkeypatch.setattr(delivering, "PAUSES", ())
    made = delivered_mailbox(tmp_path, simulator, server)
    for name in ("CLIENT_SECRET", "SFTP_PASSWORD"):
        monkeypatch.setenv(name, made.environ[name])
    return made


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try what fails in passing no second time in the same delivery."""
    monkeypatch.setattr(delivering, "PAUSES", ())


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox.sqlite")


@pytest.fixture
def work(tmp_path: Path, server: SimulatedServer, blobs: Blobs) -> Delivering:
    return mails.delivering(tmp_path, server.access, blobs)
