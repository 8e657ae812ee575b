"""What can go wrong with a call, as types: passing failures are retried, permanent ones stop the collection."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self

import requests
import urllib3

from mailevents_dagster.model.event import SourceError


class Cause(StrEnum):
    """The classes of failure, as operators count them."""

    DNS = "dns"
    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT = "timeout"
    TLS = "tls"
    RATE = "rate"
    SERVER = "server"
    PROTOCOL = "protocol"
    PERMISSION = "permission"
    RETENTION = "retention"
    NOT_FOUND = "not found"
    REQUEST = "request"


class ApiError(SourceError):
    """A call that gave no usable answer."""

    cause: Cause

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause
        self.hour_is_gone = cause is Cause.RETENTION
        self.path = ""
        """What was asked for, below the base URL; it holds no key."""
        self.attempt = 0
        self.milliseconds = 0

    def of_attempt(self, path: str, attempt: int, seconds: float) -> Self:
        """The same error, saying which attempt it ended and how long that took."""
        self.path, self.attempt, self.milliseconds = path, attempt, round(seconds * 1000)
        self.args = (f"{self} (attempt {attempt}, {self.milliseconds:,} ms)",)
        return self


class PermanentError(ApiError):
    """Asking again cannot help."""


class TransientError(ApiError):
    """Asking again may help."""


class RateLimitedError(TransientError):
    """The API told whoever has this key to wait."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(Cause.RATE, message)
        self.retry_after = retry_after


class ToldToWaitError(ApiError):
    """The API answers nobody for longer than a collection waits; nothing was asked, or nothing more."""

    def __init__(self, where: str, until: float, longest: float) -> None:
        clock = f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M:%S} UTC"
        super().__init__(
            Cause.RATE,
            f"{where}: the API told this key to make no call until {clock}, and a collection waits {longest:.0f} s at "
            f"the most. What was fetched is kept; what is left is collected by the first run after that.",
        )
        self.until = until


_PERMANENT: Final[dict[int, tuple[Cause, str]]] = {
    401: (Cause.PERMISSION, "the key is not accepted. Check the value of the variable {variable}"),
    403: (Cause.PERMISSION, "the key may not see this. Ask for the right for {domain} or mend accounts[].feeds"),
    404: (Cause.NOT_FOUND, "there is nothing at this address. Check api.base_url"),
    406: (Cause.RETENTION, "the API does not look back that far (quarantine: 7 days)"),
}


def status_error(status: int, where: str, said: str, *, domain: str, variable: str | None) -> ApiError:
    """The error of an answer other than 200 and 429."""
    said = f" It says: {said}" if said else ""
    if status in _PERMANENT:
        cause, what = _PERMANENT[status]
        what = what.format(domain=domain, variable=variable or "(none: the account has no api_key)")
        return PermanentError(cause, f"{where} answered {status}: {what}.{said}")
    if 400 <= status < 500 and status != 408:
        return PermanentError(Cause.REQUEST, f"{where} answered {status}, so it does not know this request.{said}")
    if 300 <= status < 400:
        return PermanentError(Cause.REQUEST, f"{where} redirects ({status}), which is not followed: mend api.base_url.")
    return TransientError(Cause.SERVER, f"{where} answered {status}.{said}")


def interim_error(where: str, status: int) -> TransientError:
    """The error of an answer that only announces another one, which nobody reads."""
    return TransientError(
        Cause.PROTOCOL,
        f"{where} answered {status}, which is no answer yet: the API, or a proxy or gateway on the way, sends interim "
        f"answers (1xx), which cannot be read. Whoever runs it can switch them off.",
    )


def network_error(error: Exception, where: str, said: Callable[[str], str]) -> TransientError:
    """The error of a call that got no answer, told apart by what the network library says was its root."""
    chain = [error]
    while len(chain) < 10:
        last = chain[-1]
        context = None if last.__suppress_context__ else last.__context__
        following = last.__cause__ or context or getattr(last, "reason", None)
        if not isinstance(following, Exception):
            break
        chain.append(following)
    root = f"{type(chain[-1]).__name__}: {said(str(_inner(chain[-1])))}"
    for cause, types in _NETWORK:
        if any(isinstance(link, types) or isinstance(_inner(link), types) for link in chain):
            return TransientError(cause, f"{where}: {_SAID[cause]} ({root}).")
    return TransientError(Cause.PROTOCOL, f"{where}: the answer broke off ({root}).")


def _inner(error: Exception) -> object:
    """urllib3 and requests carry the error below in their first argument or as `reason`."""
    first = error.args[0] if error.args else None
    return getattr(first, "reason", first)


_NETWORK: Final[tuple[tuple[Cause, tuple[type[Exception], ...]], ...]] = (
    (Cause.DNS, (socket.gaierror, urllib3.exceptions.NameResolutionError)),
    (Cause.TLS, (ssl.SSLError, requests.exceptions.SSLError, urllib3.exceptions.SSLError)),
    (Cause.REFUSED, (ConnectionRefusedError,)),
    (Cause.RESET, (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)),
    # After these two: urllib3 counts a refused connection as one that timed out.
    (Cause.TIMEOUT, (TimeoutError, requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)),
)
_SAID: Final[dict[Cause, str]] = {
    Cause.DNS: "the name of the host cannot be resolved. Check DNS and api.base_url",
    Cause.TLS: "the TLS connection failed. Check the clock, the CA certificates and api.base_url",
    Cause.TIMEOUT: "no answer in time (api.timeout_seconds)",
    Cause.REFUSED: "the connection was refused. Check that the API can be reached from here",
    Cause.RESET: "the connection was reset",
}
