"""A Dovecot, and readers of its mailbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from mailevents_dagster.sources.mailbox.imap.access import Access
from mailevents_dagster.sources.mailbox.imap.reader import ImapReader
from mailevents_dagster_tests.sources.mailbox.imap.dovecot import CERTIFICATE, PASSWORD, USER, Dovecot, running

MakeReader = Callable[..., ImapReader]


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose sockets have names that are short enough."""
    with TemporaryDirectory(prefix="imap") as folder:
        yield Path(folder)


@pytest.fixture
def dovecot(short_path: Path) -> Iterator[Dovecot]:
    with running(Dovecot(short_path / "dovecot")) as one:
        yield one


@pytest.fixture
def make_reader(dovecot: Dovecot) -> Iterator[MakeReader]:
    made: list[ImapReader] = []

    def make(**fields: Any) -> ImapReader:
        own = {"host": "localhost", "port": dovecot.port, "password": PASSWORD, "ca_bundle": str(CERTIFICATE)}
        made.append(ImapReader(Access(USER, **{**own, **fields})))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def reader(make_reader: MakeReader) -> ImapReader:
    return make_reader()
