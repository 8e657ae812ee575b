"""HTTP calls: each brings one whole answer, or an error.

requests finds certificates and proxies and provides urllib3's pool, which calls use directly: requests would write a
queue id such as `..` into the address as a folder, and what it does around a call costs as much as the call itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from mailevents_dagster.sources.uzmanposta.access import MOST_PARALLEL, Access
from mailevents_dagster.sources.uzmanposta.deadlines import Deadlines, PlainConnection, SecureConnection

CONNECT_SECONDS: Final = 10.0
MOST_BYTES: Final = 32 * 2**20
"""A full page of a listing has 1 MB, the largest detail seen a few; a longer body is a fault, not data."""
PIECE: Final = 2**16
"""Bytes unpacked at a time, so that a small body that unpacks to a huge one takes no memory."""
WITHOUT_BODY: Final = (204, 304)
"""Statuses whose body, if a server sends one, would be read as the next call's answer."""

_KNOWN_TO_CALLS: Final[dict[type, type]] = {HTTPConnection: PlainConnection, HTTPSConnection: SecureConnection}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call brought."""

    status: int
    headers: Mapping[str, str]
    """By name, in any case."""
    arrived: float
    """When the headers were there, by the monotonic clock."""
    body: bytes


class InterimAnswerError(urllib3.exceptions.HTTPError):
    """An answer that announces another one, which the standard library takes for the whole answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the interim answer {status}")
        self.status = status


class Transport:
    """The connections that carry the calls of one account. Threads may call at once."""

    def __init__(self, access: Access) -> None:
        base = requests.Request("GET", access.base_url.rstrip("/")).prepare()
        url = str(base.url)
        around = requests.Session().merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
        # Without TLS calls stay on this machine (the settings see to it), and a proxy would read the key.
        proxies = around["proxies"] if urlsplit(url).scheme == "https" else {}
        adapter: Any = HTTPAdapter(pool_connections=1, pool_maxsize=MOST_PARALLEL)
        self._pool = adapter.get_connection_with_tls_context(base, around["verify"], proxies, around["cert"])
        adapter.cert_verify(self._pool, url, around["verify"], around["cert"])
        self._pool.ConnectionCls = _KNOWN_TO_CALLS.get(self._pool.ConnectionCls, self._pool.ConnectionCls)
        self._prefix = urlsplit(url).path.rstrip("/")
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "mailevents-dagster",
            "Authorization": f"Bearer {access.key}",
        }
        seconds = access.timeout_seconds
        self._timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds)
        self._deadlines = Deadlines(seconds)

    def get(self, path: str) -> Answer:
        """Return the whole answer to a GET; raise urllib3's errors, or TimeoutError if it took too long."""
        with self._deadlines.call():
            response = self._pool.urlopen(
                "GET",
                self._prefix + path,
                headers=self._headers,
                timeout=self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            arrived = time.monotonic()
            try:
                if response.status < 200:
                    raise InterimAnswerError(response.status)
                if response.status in WITHOUT_BODY:
                    return Answer(response.status, response.headers, arrived, b"")
                return Answer(response.status, response.headers, arrived, _body(response))
            finally:
                response.close()  # with its connection, unless all was read and the pool has it again
                response.release_conn()

    def close(self) -> None:
        self._deadlines.close()
        self._pool.close()


def _body(response: urllib3.BaseHTTPResponse) -> bytes:
    pieces, size = [], 0
    for piece in response.stream(PIECE, decode_content=True):
        size += len(piece)
        if size > MOST_BYTES:
            raise urllib3.exceptions.HTTPError(f"the body is longer than {MOST_BYTES:,} bytes")
        pieces.append(piece)
    return b"".join(pieces)
