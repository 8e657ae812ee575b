"""Running the receiver: the address, the spools, the clock, and a graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from mailevents_dagster.files.atomic import make_folder
from mailevents_dagster.files.locks import holding
from mailevents_dagster.settings import Settings
from mailevents_dagster.sharing.locks import refusing
from mailevents_dagster.sources.webhook.providers import PROVIDERS
from mailevents_dagster.sources.webhook.providers.provider import Access, Provider
from mailevents_dagster.sources.webhook.providers.sendgrid import public_key_of
from mailevents_dagster.sources.webhook.receiving.app import Hook, Limits, Receiver
from mailevents_dagster.sources.webhook.receiving.patience import Patience
from mailevents_dagster.sources.webhook.receiving.replays import Replays
from mailevents_dagster.sources.webhook.settings import ReceiverSettings, WebhookEntry, WebhookSettings, received
from mailevents_dagster.sources.webhook.spool.frames import frames
from mailevents_dagster.sources.webhook.spool.segments import segments
from mailevents_dagster.sources.webhook.spool.uptime import BEAT_SECONDS, Uptime
from mailevents_dagster.sources.webhook.spool.writing import SpoolWriter
from mailevents_dagster.store.store import Store

BACKLOG: Final = 2048
CONNECTIONS: Final = 1_000
GRACE_SECONDS: Final = 20
"""For requests that are on their way when it is told to end."""
TELL_EVERY: Final = 60.0

logger = logging.getLogger(__name__)


class AccessError(ValueError):
    """The settings of the receiver cannot be worked with; the text says what to mend."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the receiver is reached."""

    url: str
    paths: tuple[str, ...]


def serve(
    settings: Settings,
    store: Store,
    announce: Callable[[Listening], object],
    *,
    host: str | None = None,
    port: int | None = None,
    providers: Mapping[str, Provider] = PROVIDERS,
) -> None:
    """Receive until told to end. HeldError where another receiver has the spools; OSError where the port is taken."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    receiver = settings.section(WebhookSettings).receiver.model_copy(update=given)
    _check_certificate(receiver)
    with _alone(store), _listening(receiver.host, receiver.port) as listener:
        folders = {one.name: store.layout.webhook_spool(one.name) for one in received(settings)}
        for folder in folders.values():
            make_folder(folder)
        hooks = {one.name: hook_of(one, folders[one.name], providers[one.provider]) for one in received(settings)}
        spool = SpoolWriter(folders, receiver.max_spool_mb * 2**20)
        try:
            taking = Receiver(hooks, spool, Limits(receiver.max_body_mb * 2**20))
            with _beating([Uptime(folder) for folder in folders.values()]) as beat:
                paths = tuple(map(receiver.path_of, folders))
                _run(receiver, taking, listener, beat, lambda url: announce(Listening(url, paths)))
        finally:
            spool.close()


def _check_certificate(receiver: ReceiverSettings) -> None:
    if receiver.certificate is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(receiver.certificate, receiver.key)
    except OSError as error:  # those of ssl are such
        why = error.strerror or type(error).__name__
        raise AccessError(
            f"receiver: {receiver.certificate} and {receiver.key} are no certificate and key that can be used ({why})."
        ) from None


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    with holding(store.layout.receiving, refusing("Another process receives for this storage.")):
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        code = error.errno or errno.EADDRNOTAVAIL
        raise OSError(code, f"{host}:{port} cannot be listened at ({os.strerror(code)})") from None
    with listener:
        yield listener


def hook_of(webhook: WebhookEntry, folder: Path, provider: Provider) -> Hook:
    """Return a webhook as it is received, which knows what its spool holds already."""
    access = access_of(webhook, provider, os.environ)
    replays = Replays(access.max_age, time.time)
    marks = (frame.posted for path in segments(folder) for frame in frames(_content(path)))
    replays.remember((posted.mark, posted.received) for posted in marks if posted.mark)
    return Hook(webhook.name, provider, access, replays)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # committed meanwhile
        return b""


def access_of(webhook: WebhookEntry, provider: Provider, environ: Mapping[str, str]) -> Access:
    """Return what requests of a webhook are proven by; a secret that is a public key of SendGrid's is that."""
    secret = environ[webhook.secret_variable].strip() if webhook.secret_variable else ""
    public_key = webhook.public_key or ""
    if provider.name == "sendgrid" and public_key_of(secret):
        secret, public_key = "", secret
    if public_key and not public_key_of(public_key):
        raise AccessError(
            f"webhooks: `public_key` of {webhook.name} is not a verification key. Copy it from the console of SendGrid."
        )
    age = webhook.max_age_minutes
    return Access(
        secret,
        webhook.user or "",
        public_key,
        frozenset(webhook.topics),
        provider.sends_again_hours * 3600.0 if age is None else age * 60.0,
    )


@contextmanager
def _beating(uptimes: list[Uptime]) -> Iterator[Callable[[], None]]:
    """Note that the receiver runs from here to the end of the block; yield what notes it meanwhile."""

    def beat() -> None:
        for uptime in uptimes:
            try:
                uptime.beat(time.time())
            except OSError as error:
                logger.error(f"That the receiver runs cannot be noted: {error}.")

    for uptime in uptimes:
        if said := uptime.begin(time.time()):
            logger.warning(said)
    try:
        yield beat
    finally:
        beat()


def _run(
    receiver: ReceiverSettings,
    taking: Receiver,
    listener: socket.socket,
    beat: Callable[[], None],
    announce: Callable[[str], object],
) -> None:
    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        announce(url_of(listener, receiver))
        beats = asyncio.create_task(_keep_beating(beat, taking))
        try:
            yield
        finally:
            beats.cancel()

    # uvicorn ends gracefully, and then gives itself the signal again, which is to end nothing but that.
    with _ignoring(signal.SIGTERM, signal.SIGINT):
        server_of(taking.app(receiver.prefix, lifespan), receiver).run(sockets=[listener])


def url_of(listener: socket.socket, receiver: ReceiverSettings) -> str:
    """Return the address that a listener is reached at from this machine."""
    host, port = listener.getsockname()[:2]
    return f"{'https' if receiver.certificate else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def server_of(app: ASGIApp, receiver: ReceiverSettings, patience: Patience | None = None) -> uvicorn.Server:
    """Return the server of an application."""
    patience = patience or Patience()
    return uvicorn.Server(
        uvicorn.Config(
            patience.app(app),
            http=patience.connection,  # type: ignore[arg-type]  # it is called as the class would be
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ssl_certfile=receiver.certificate,
            ssl_keyfile=receiver.key,
        )
    )


@contextmanager
def _ignoring(*signals: signal.Signals) -> Iterator[None]:
    before = {one: signal.signal(one, signal.SIG_IGN) for one in signals}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


async def _keep_beating(beat: Callable[[], None], taking: Receiver) -> None:
    """Note that the receiver runs, and tell what it does, as long as nobody cancels."""
    told, last = Counter(taking.counts), time.monotonic()
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await asyncio.to_thread(beat)
            if time.monotonic() - last >= TELL_EVERY:
                if said := sentence(taking.counts - told):
                    logger.info(said)
                told, last = Counter(taking.counts), time.monotonic()


def sentence(counts: Mapping[tuple[str, int], int]) -> str:
    """Return how often each answer was given, by webhook."""
    return "; ".join(f"{name}: {number:,} answered {status}" for (name, status), number in sorted(counts.items()))
