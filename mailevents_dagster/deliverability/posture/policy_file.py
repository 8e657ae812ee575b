"""The policy file of MTA-STS, fetched as senders do: over HTTPS, without redirects, within bounds."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

import certifi
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError, SSLError

from mailevents_dagster.deliverability.answers import Answer, Ask, absent, there, unasked
from mailevents_dagster.deliverability.posture.addresses import first_answer
from mailevents_dagster.deliverability.quoting import quoted
from mailevents_dagster.files.printable import printable

PATH: Final = "/.well-known/mta-sts.txt"
HTTPS: Final = 443
MOST_BYTES: Final = 64 * 1024
PIECE: Final = 8192
MOST_ADDRESSES: Final = 4


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """Fetches policies; port and authorities are others in tests."""

    port: int = HTTPS
    ca_bundle: str | None = None
    seconds: float = 10.0

    def fetch(self, host: str, ask: Ask) -> Answer:
        """Return the policy as text. Absent is what senders cannot have either, for a reason that stays."""
        return first_answer(host, ask, MOST_ADDRESSES, lambda address: self._fetch_from(address, host))

    def _fetch_from(self, address: str, host: str) -> Answer:
        connection = HTTPSConnection(
            address,
            self.port,
            timeout=self.seconds,
            server_hostname=host,
            cert_reqs="CERT_REQUIRED",
            ca_certs=self.ca_bundle or certifi.where(),
        )
        try:
            connection.connect()
            with _ending(connection.sock, self.seconds):
                return _asked(connection, host)
        except (SSLError, ssl.SSLError) as error:
            if isinstance(error, ssl.SSLCertVerificationError) or "verify failed" in str(error):
                return absent(f"its certificate is refused: {_short(error)}")
            return unasked(f"TLS with {host} failed: {_short(error)}")
        except (HTTPError, HTTPException, OSError) as error:
            return unasked(f"{host} cannot be reached: {_short(error)}")
        finally:
            connection.close()


def _asked(connection: HTTPSConnection, host: str) -> Answer:
    connection.request("GET", PATH, headers={"Host": host}, preload_content=False)
    response = connection.getresponse()
    if response.status >= 500 or response.status == 429:
        return unasked(f"{host} answered HTTP {response.status}")
    if response.status != 200:
        where = ", and senders follow no redirects" if response.status < 400 else ""
        return absent(f"{host} answered HTTP {response.status}{where}")
    content = b""
    while len(content) <= MOST_BYTES and (piece := response.read1(PIECE)):
        content += piece
    if len(content) > MOST_BYTES:
        return absent(f"what {host} sends is longer than {MOST_BYTES:,} bytes")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "text/plain":
        return absent(
            f"{host} says that it is {quoted(kind) if kind else 'of no type'}, and senders take text/plain alone"
        )
    return there(content.decode("utf-8", "replace"))


@contextmanager
def _ending(used: socket.socket, seconds: float) -> Iterator[None]:
    """Shut the socket down after its time: its own time-out starts anew with each byte."""

    is_cut = threading.Event()

    def cut() -> None:
        is_cut.set()
        with suppress(OSError):
            used.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if is_cut.is_set():  # a body that ends with its connection looks whole
        raise TimeoutError(f"no whole answer within {seconds:g} s")


def _short(error: Exception) -> str:
    return printable(str(error) or type(error).__name__, 200)
