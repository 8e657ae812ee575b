"""Reading the head of an HTTP/1.1 request: the little of it that the simulated API needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote

from mailevents_dagster.sources.uzmanposta.simulator.messages import BASE_PATH, Answer, Request, error

MOST_HEAD_BYTES: Final = 16_384
_DETAIL: Final = "/logs/mail/"


@dataclass(frozen=True, slots=True)
class Head:
    """A request that was read, or the answer that refuses it; after a refusal the connection ends."""

    request: Request
    refusal: Answer | None
    keep_alive: bool


def read_head(text: bytes) -> Head:
    """Reads a head without the blank line that ends it."""
    first, *lines = text.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return refused(400, "This is no HTTP/1.1 request")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if words[0] != "GET":
        return refused(405, f"{words[0]} is not allowed", {"Allow": "GET"})
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        return refused(400, "A GET request with a body is not understood")
    kept = headers.get("connection", "").lower() != "close" and words[2] != "HTTP/1.0"
    return Head(_request(words[1], headers.get("authorization", "")), None, kept)


def refused(status: int, message: str, headers: dict[str, str] | None = None) -> Head:
    return Head(Request("", below_base=False), error(status, message, headers), keep_alive=False)


def _request(target: str, authorization: str) -> Request:
    raw_path, _, query = target.partition("?")
    path = raw_path.removeprefix(BASE_PATH)
    scheme, _, key = authorization.partition(" ")
    return Request(
        unquote(path),
        dict(parse_qsl(query, keep_blank_values=True)),
        key.strip() or None if scheme.lower() == "bearer" else None,
        unquote(path.removeprefix(_DETAIL)) if path.startswith(_DETAIL) and "/" not in path[len(_DETAIL) :] else None,
        raw_path.startswith(BASE_PATH + "/"),
    )
