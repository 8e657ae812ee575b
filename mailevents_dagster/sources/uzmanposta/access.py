"""How one account is reached: its address and key, and the connections that carry its calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3

from mailevents_dagster.sources.uzmanposta.connection import Answer, Connection, Connections

CONNECT_SECONDS: Final = 10.0
MOST_PARALLEL: Final = 64


@dataclass(frozen=True, slots=True)
class Access:
    """How one account is reached."""

    domain: str
    base_url: str
    key: str
    key_variable: str | None = None
    requests_per_second: float | None = None
    max_parallel_details: int | None = None
    """None: found from the rate and the time that answers take."""
    timeout_seconds: float = 120
    max_attempts: int = 10
    page_limit: int = 1000
    budget_file: Path | None = None
    """Where the processes of this machine share the rate; without it, it is this client's own."""

    def __repr__(self) -> str:
        return f"Access({self.domain}, {self.base_url}, key from {self.key_variable})"


def sender(session: requests.Session, access: Access, connections: Connections) -> Callable[[str], Answer]:
    """What sends a call, over connections as requests sets them up. A closure, so that no attribute holds the key.

    TLS, proxies and certificates of the environment are requests' part, done once; opening connections is that of its
    urllib3 pool. What both do around each call costs five times the CPU of the call.
    """
    own = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "mailevents-dagster"}
    base = session.prepare_request(requests.Request("GET", access.base_url.rstrip("/"), headers=own))
    url = str(base.url)
    around: dict[str, Any] = {**session.merge_environment_settings(url, {}, stream=True, verify=True, cert=None)}
    adapter: Any = session.get_adapter(url)
    pool = adapter.get_connection_with_tls_context(base, around["verify"], around["proxies"], around["cert"])
    adapter.cert_verify(pool, url, around["verify"], around["cert"])
    pool.ConnectionCls = type("Connection", (Connection, pool.ConnectionCls), {})
    prefix = adapter.request_url(base, around["proxies"]).rstrip("/")
    headers = {"Host": urlsplit(url).netloc, **{name: str(value) for name, value in base.headers.items()}}
    headers["Authorization"] = f"Bearer {access.key}"  # last: a .netrc entry would replace it
    seconds = access.timeout_seconds
    timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
    # Nothing is tried again here, and who made the call keeps its connection.
    how: dict[str, Any] = {"timeout": timeout, "retries": False, "redirect": False, "release_conn": False}

    def over_another(url: str) -> Answer:
        answer: Answer = pool.urlopen("GET", url, headers=headers, assert_same_host=False, **how)
        return answer

    def send(path: str) -> Answer:
        return connections.call(prefix + path, headers, over_another)

    return send
