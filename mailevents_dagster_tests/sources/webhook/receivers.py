"""A receiver on a port of this machine, in this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests

from mailevents_dagster.sources.webhook.providers import PROVIDERS
from mailevents_dagster.sources.webhook.providers.provider import Access
from mailevents_dagster.sources.webhook.providers.ses import ses_provider
from mailevents_dagster.sources.webhook.receiving.app import Hook, Limits, Receiver
from mailevents_dagster.sources.webhook.receiving.patience import Patience
from mailevents_dagster.sources.webhook.receiving.replays import Replays
from mailevents_dagster.sources.webhook.receiving.serving import server_of, url_of
from mailevents_dagster.sources.webhook.settings import ReceiverSettings
from mailevents_dagster.sources.webhook.spool.frames import Posted, frames
from mailevents_dagster.sources.webhook.spool.segments import segments
from mailevents_dagster.sources.webhook.spool.writing import SpoolWriter
from mailevents_dagster_tests.sources.webhook.senders import MAILGUN_KEY, NOW, PASSWORD, TOPIC, Amazon, SendGridKey

LIMITS: Final = Limits(100_000, body_seconds=30)
PATIENCE_SECONDS: Final = 30


@dataclass
class Running:
    """A receiver that runs."""

    folder: Path
    url: str
    taking: Receiver
    key: SendGridKey
    amazon: Amazon
    now: list[float] = field(default_factory=lambda: [NOW])

    def post(self, name: str, body: bytes, headers: dict[str, str], **more: Any) -> requests.Response:
        url = f"{self.url}/webhooks/{name}"
        return requests.post(url, body, headers=headers, timeout=PATIENCE_SECONDS, **more)

    def kept(self, name: str) -> list[Posted]:
        """What is durable."""
        return [one.posted for path in segments(self.folder / name) for one in frames(path.read_bytes())]


@contextmanager
def running(
    folder: Path, limits: Limits = LIMITS, patience: Patience | None = None, most: int = 10**8, **tls: Any
) -> Iterator[Running]:
    key, amazon, now = SendGridKey(), Amazon(), [NOW]
    providers = {**PROVIDERS, "ses": ses_provider(amazon.fetch)}
    accesses = {
        "mailgun": Access(MAILGUN_KEY, max_age=8 * 3600),
        "sendgrid": Access(public_key=key.public),
        "parse": Access(PASSWORD, user="mailevents"),
        "postmark": Access(PASSWORD, user="mailevents"),
        "ses": Access(topics=frozenset({TOPIC})),
    }
    hooks = {
        name: Hook(
            name, providers["sendgrid" if name == "parse" else name], access, Replays(access.max_age, lambda: now[0])
        )
        for name, access in accesses.items()
    }
    settings = ReceiverSettings.model_construct(**{"certificate": None, "key": None, **tls})
    spool = SpoolWriter({name: folder / name for name in hooks}, most)
    taking = Receiver(hooks, spool, limits, lambda: now[0])
    is_up = threading.Event()

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        is_up.set()
        yield

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = url_of(listener, settings)
        server = server_of(taking.app("", lifespan), settings, patience)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert is_up.wait(PATIENCE_SECONDS)
            yield Running(folder, url, taking, key, amazon, now)
        finally:
            server.should_exit = True
            thread.join()
            spool.close()
