from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.sharing.database import Database
from mailevents_dagster_tests.deliveries.sqs_service import Gateway, Moto, moto_running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox.sqlite"


@pytest.fixture(params=["file", pytest.param("postgres", marks=pytest.mark.programs)])
def outbox(request: pytest.FixtureRequest) -> Outbox:
    """An outbox of each kind."""
    if request.param == "file":
        return Outbox(request.getfixturevalue("path"))
    return Outbox(Database(request.getfixturevalue("database")))


@pytest.fixture
def file_outbox(path: Path) -> Outbox:
    return Outbox(path)


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    """One server for all tests, which name their queues differently."""
    with moto_running() as moto:
        yield moto


@pytest.fixture
def gateway(moto: Moto) -> Iterator[Gateway]:
    with Gateway(moto) as gateway:
        yield gateway


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials in the environment, and nothing of the machine's own."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
