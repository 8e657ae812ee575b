"""What tests of several modules need: an hour, a store in a folder of its own, a simulator and a client for it,
those who are told."""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from mailevents_dagster.model.event import Collection, Detail, Event, Gap
from mailevents_dagster.model.hour import Hour, last_ended
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.postgres_locks import close_locks
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.rate import SharedBudget
from mailevents_dagster.sources.uzmanposta.shared_calls import Calls
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail, Simulator
from mailevents_dagster.store import inventory
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.alerts.receiving import MailServer, WebhookServer, mail_server, webhook_server
from mailevents_dagster_tests.moto_server import MotoServer
from mailevents_dagster_tests.object_server import ObjectServer, moto_running, use
from mailevents_dagster_tests.postgres_server import PostgresServer

# The same examples in every run, and no verdict that hangs on how busy the machine is.
settings.register_profile(
    "mailevents",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("mailevents")

# A shell without job control has what it starts in the background ignore SIGINT, and so its children, which tests stop.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).parent
SLOW = tuple(
    f"{HERE / folder}/" for folder in ("cli", "health/checks", "orchestration", "sources/uzmanposta/migration")
)
"""Where nearly every test starts a process or a run of Dagster."""
PROCESSES = {"moto", "s3_moto"}
"""Fixtures that are processes."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage in what tests make alone.

    What is loaded for them stays: to look through it takes a third of the time of loading it, and an eighth of that of
    tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if str(item.path).startswith(SLOW) or not PROCESSES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    # Slow ones first, and before them the one that waits two minutes for a daemon: no worker is left alone with it.
    items.sort(key=lambda item: (item.get_closest_marker("slow") is None, item.path.name != "test_automation.py"))


DOMAIN = "example.com"
KEY = "k3y-that-nobody-may-see"
INCOMING = feed_of(DOMAIN, "mail/incominglog")
AUTHENTICATION = feed_of(DOMAIN, "authentication")
START = 1_795_176_000
"""2026-11-20 12:00 UTC."""
NOON = Hour(START, "UTC")
LOG_FILE_NAME = "{domain}_{type}_%Y-%m-%d_%H.log"

MakeStore = Callable[..., Store]
MakeApi = Callable[..., UzmanPostaApi]


def make_store(storage: str | Path, timezone: str = "UTC", scratch: Path | None = None) -> Store:
    return Store(str(storage), timezone, LOG_FILE_NAME, FEED_KINDS, scratch=scratch or Path(storage))


def mail(time: int, queue_id: str = "", **fields: object) -> dict[str, Any]:
    """A row of a mail listing."""
    recipient = {"time": time, "mailto": "a@example.com", "status": "sent"}
    return {"queue_id": queue_id or f"Q{time}", "recipients": [recipient], "time": time, **fields}


def event(time: int, name: str = "", text: str = "", detail: Detail = Detail.WHOLE) -> Event:
    """An event known by its name; another text makes it another version of the same."""
    name = name or f"n{time}"
    raw = f'{{"time":{time},"queue_id":"{name}","subject":"{text}"}}'.encode()
    return Event(time, digest(name), digest(f"{name} {text}"), detail, raw)


def digest(text: str) -> bytes:
    return text.encode().ljust(16, b".")[:16]


def collection(
    events: Sequence[Event], *, gaps: Sequence[Gap] = (), strays: Sequence[Event] = (), closed: bool = True
) -> Collection:
    """A collection that found these events; they come in the order of their time, as the source gives them."""
    ordered = sorted(events, key=lambda one: one.time)
    measures: Mapping[str, float] = {}
    identities = frozenset(stray.identity for stray in strays)
    return Collection(ordered, identities, tuple(gaps), START + 7200.5, closed, measures)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(tmp_path / "data")


@pytest.fixture
def from_this_autumn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hours of which nothing is stored begin in October: to name eight years takes an inventory half a second."""
    monkeypatch.setattr(inventory, "FIRST", START - 50 * 86_400.0)


@pytest.fixture
def hour() -> Hour:
    return NOON


@pytest.fixture
def newest() -> Hour:
    """An hour that ended and settled."""
    return last_ended(time.time() - 3600, "UTC")


@pytest.fixture
def fixed() -> FixedMail:
    return FixedMail()


@pytest.fixture
def simulator(fixed: FixedMail) -> Iterator[Simulator]:
    """A simulator of fixed mail whose clock stands two hours after noon."""
    with Simulator(source=fixed, now=lambda: START + 3 * 3600) as running:
        yield running


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were asked for: retries and pauses take no time in a test that uses this."""
    asked: list[float] = []

    def sleep(budget: SharedBudget, seconds: float) -> None:
        real(budget, 0)
        if seconds > 0:
            asked.append(seconds)
            budget._calls.change(lambda *_: (Calls(), None))

    real = SharedBudget.sleep
    monkeypatch.setattr(SharedBudget, "sleep", sleep)
    return asked


@pytest.fixture
def make_api() -> Iterator[MakeApi]:
    """Clients for a base URL, closed at the end."""
    made: list[UzmanPostaApi] = []

    def make(base_url: str, **access: Any) -> UzmanPostaApi:
        fields = {"key": KEY, "key_variable": "KEY_OF_EXAMPLE", "timeout_seconds": 60, "max_attempts": 3} | access
        made.append(UzmanPostaApi(Access(domain=DOMAIN, base_url=base_url, **fields)))
        return made[-1]

    yield make
    for api in made:
        api.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL. Whoever stops it starts it again; tests of it are marked `programs`."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database. What this process has of it is closed at the end."""
    url = postgres.new_database()
    yield url
    close_locks()
    Database(url).close()


@pytest.fixture
def chat() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def post() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3_moto() -> Iterator[MotoServer]:
    """One server for all tests, each of which has a bucket of its own."""
    with moto_running() as moto:
        yield moto


@pytest.fixture
def s3(s3_moto: MotoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    """A gateway to an object store of which this process knows."""
    with ObjectServer(s3_moto) as server:
        use(server, monkeypatch)
        yield server


@pytest.fixture
def bucket(s3: ObjectServer) -> str:
    """A bucket in which nothing lies yet, as `storage` names it."""
    name = f"bucket-{uuid4().hex}"
    s3.make_bucket(name)
    return f"s3://{name}/some/prefix"
