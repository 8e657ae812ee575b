"""The application: one path a webhook. It answers 2xx once a request is durable, and says why otherwise."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

from mailevents_dagster.files.json_text import NotJsonError
from mailevents_dagster.sources.webhook.providers.provider import Access, Provider, RefusedError, Request, Status
from mailevents_dagster.sources.webhook.receiving.replays import Replays
from mailevents_dagster.sources.webhook.receiving.secrets import check_secret
from mailevents_dagster.sources.webhook.spool.frames import Posted, framed
from mailevents_dagster.sources.webhook.spool.writing import SpoolError, SpoolWriter

IN_FLIGHT: Final = 2**28
"""Bytes of bodies that are in memory at once; whoever comes on top of them is told to send again."""
BODY_SECONDS: Final = 60.0
"""In which a body must have come, however large."""
DRAIN_SECONDS: Final = 10.0
RETRY_SECONDS: Final = "60"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as it is received."""

    name: str
    provider: Provider
    access: Access = field(repr=False)
    replays: Replays = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may take."""

    body_bytes: int
    body_seconds: float = BODY_SECONDS
    in_flight: int = IN_FLIGHT


class Receiver:
    """Takes requests into the spools."""

    def __init__(
        self, hooks: Mapping[str, Hook], spool: SpoolWriter, limits: Limits, now: Callable[[], float] = time.time
    ) -> None:
        self._hooks = hooks
        self._spool = spool
        self._limits = limits
        self._now = now
        self._in_flight = 0
        self._is_failing = False
        self.counts = Counter[tuple[str, int]]()
        """Answers by webhook and status."""

    def app(self, prefix: str, lifespan: Lifespan[Starlette] | None = None) -> Starlette:
        paths = (f"{prefix}/webhooks/{{name}}", f"{prefix}/webhooks/{{name}}/{{secret:path}}")
        routes = [Route(path, self._answer, methods=["POST"]) for path in paths]
        health = Route(f"{prefix}/health", self._health, methods=["GET"])
        return Starlette(routes=[*routes, health], lifespan=lifespan)

    async def _health(self, _: HttpRequest) -> Response:
        """Say whether what is sent can be kept."""
        taken = sum(number for (_, status), number in self.counts.items() if status < Status.GARBAGE)
        body = {"status": "failing" if self._is_failing else "ok", "webhooks": len(self._hooks), "taken": taken}
        return JSONResponse(body, Status.LATER if self._is_failing else 200)

    async def _answer(self, http: HttpRequest) -> Response:
        hook = self._hooks.get(http.path_params["name"])
        if hook is None:
            return PlainTextResponse("There is no such webhook.\n", 404)
        try:
            await self._take(hook, http)
        except ClientDisconnect:
            answer = Response(status_code=400)  # which nobody reads
        except TimeoutError:  # not 408: some providers drop for good what is answered with 4xx
            answer = _refusal(RefusedError(Status.LATER, "its body came too slowly"))
        except RefusedError as error:
            await self._drain(http)
            answer = _refusal(error)
        else:
            answer = Response(status_code=200)
        self.counts[hook.name, answer.status_code] += 1
        return answer

    async def _take(self, hook: Hook, http: HttpRequest) -> None:
        if hook.access.secret and not hook.provider.secret_signs:
            check_secret(hook.access, http.headers.get("authorization", ""), http.path_params.get("secret", ""))
        if http.headers.get("content-encoding", "identity").lower() != "identity":
            raise RefusedError(Status.WRONG_TYPE, "its body is packed")
        said = http.headers.get("content-length", "")
        if said.isascii() and said.isdigit() and int(said) > self._limits.body_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                async for part in http.stream():
                    self._in_flight += len(part)
                    parts.append(part)
                    self._check_room(parts)
            await self._keep(hook, http, b"".join(parts))
        finally:
            self._in_flight -= sum(map(len, parts))

    def _check_room(self, parts: Sequence[bytes]) -> None:
        if sum(map(len, parts)) > self._limits.body_bytes:
            raise self._too_large()
        if self._in_flight > self._limits.in_flight:
            raise RefusedError(Status.LATER, "too much is on its way at once")

    def _too_large(self) -> RefusedError:
        return RefusedError(Status.TOO_LARGE, f"its body has more than {self._limits.body_bytes:,} bytes")

    async def _drain(self, http: HttpRequest) -> None:
        """Read some of what is left of a body: who is cut off while he sends reads no answer."""
        left = 2 * self._limits.body_bytes
        with suppress(TimeoutError, ClientDisconnect, RuntimeError):  # the last where all of it was read
            async with asyncio.timeout(DRAIN_SECONDS):
                async for part in http.stream():
                    left -= len(part)
                    if left < 0:
                        return

    async def _keep(self, hook: Hook, http: HttpRequest, body: bytes) -> None:
        """Prove a request, and return once it is durable."""
        request = Request(http.headers, Posted(self._now(), http.headers.get("content-type", ""), body))
        prove = asyncio.to_thread if hook.provider.asks_others else _at_once
        mark = await prove(hook.provider.prove, request, hook.access, self._now())
        try:
            has_events = bool(hook.provider.tell(request.posted))
        except NotJsonError:
            raise RefusedError(Status.GARBAGE, "its body is not JSON") from None
        if not has_events:
            return
        if not hook.replays.take(mark):
            raise RefusedError(hook.provider.when_repeated, "it was taken before")
        try:
            await self._write(hook.name, replace(request.posted, mark=mark))
        except BaseException:
            hook.replays.give_back(mark)
            raise

    async def _write(self, name: str, posted: Posted) -> None:
        try:
            await asyncio.wrap_future(self._spool.add(name, framed(posted)))
        except SpoolError as error:
            self._is_failing = True
            logger.error(f"A request of {name} could not be kept, and must be sent again: {error}.")
            raise RefusedError(Status.LATER, "it cannot be kept for the moment") from None
        self._is_failing = False


async def _at_once(prove: Callable[..., str], *arguments: object) -> str:
    return prove(*arguments)


def _refusal(error: RefusedError) -> Response:
    headers = {}
    if error.status is Status.UNPROVEN:
        headers["WWW-Authenticate"] = 'Basic realm="webhooks"'
    if error.status is Status.LATER:
        headers["Retry-After"] = RETRY_SECONDS
    if error.status in (Status.TOO_LARGE, Status.UNPROVEN, Status.LATER):
        headers["Connection"] = "close"  # the rest of the body is not read
    return PlainTextResponse(f"Refused: {error}.\n", error.status, headers)
