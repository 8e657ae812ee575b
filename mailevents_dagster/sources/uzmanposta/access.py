"""How one account is reached: its address and key, and the connections that carry its calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter

from mailevents_dagster.sources.uzmanposta.headers import Response

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


def sender(session: requests.Session, access: Access) -> Callable[[str], urllib3.BaseHTTPResponse]:
    """What sends a call, over connections as requests sets them up. A closure, so that no attribute holds the key.

    TLS, proxies and certificates of the environment are requests' part, done once. The calls themselves go to its
    urllib3 pool: what requests does around each call costs half as much CPU again as the call. The pool's connections
    read the headers of answers the short way.
    """
    adapter = HTTPAdapter(
        pool_connections=1, pool_maxsize=(access.max_parallel_details or MOST_PARALLEL) + 1, max_retries=0
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    own = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "mailevents-dagster"}
    base = session.prepare_request(requests.Request("GET", access.base_url.rstrip("/"), headers=own))
    around: dict[str, Any] = {
        **session.merge_environment_settings(base.url or "", {}, stream=True, verify=True, cert=None)
    }
    pool: Any = adapter.get_connection_with_tls_context(base, around["verify"], around["proxies"], around["cert"])
    adapter.cert_verify(pool, base.url, around["verify"], around["cert"])  # type: ignore[no-untyped-call]
    pool.ConnectionCls = type("Connection", (pool.ConnectionCls,), {"response_class": Response})
    prefix = adapter.request_url(base, around["proxies"]).rstrip("/")
    headers = {**base.headers, "Authorization": f"Bearer {access.key}"}  # last: a .netrc entry would replace it
    seconds = access.timeout_seconds
    timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)

    def send(path: str) -> urllib3.BaseHTTPResponse:
        answer: urllib3.BaseHTTPResponse = pool.urlopen(
            "GET",
            prefix + path,
            headers=headers,
            timeout=timeout,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        return answer

    return send
