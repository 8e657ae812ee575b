"""What can go wrong with a call: passing failures are tried again, permanent ones end the collection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self

from mailevents_dagster.model.event import SourceError
from mailevents_dagster.sources.network import Names, network_fault
from mailevents_dagster.sources.uzmanposta.access import Access


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
    DATABASE = "database"


SETTINGS: Final = Names(address="api.base_url", time_limit="api.timeout_seconds", server="the API")


class ApiError(SourceError):
    """A call that brought no usable answer."""

    cause: Cause

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause
        self.hour_is_gone = cause is Cause.RETENTION
        self.refuses_feed = cause is Cause.PERMISSION

    def of_attempt(self, path: str, attempt: int, seconds: float) -> Self:
        """Say which call and which of its attempts this ended, and how long that took."""
        self.request, self.attempt, self.milliseconds = f"GET {path}", attempt, round(seconds * 1000)
        self.args = (f"{self} (attempt {attempt}, {self.milliseconds:,} ms)",)
        return self


class PermanentError(ApiError):
    """Asking again cannot help."""


class TransientError(ApiError):
    """Asking again may help."""

    is_passing = True


class RateLimitedError(TransientError):
    """The API told everyone with this key to wait."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(Cause.RATE, message)
        self.retry_after = retry_after


class ToldToWaitError(ApiError):
    """The API wants a longer pause than a collection waits for; nothing was asked, or nothing more."""

    def __init__(self, where: str, until: float, longest: float) -> None:
        clock = f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M:%S} UTC"
        super().__init__(
            Cause.RATE,
            f"{where}: the API told this key to make no call until {clock}, and a collection waits at most "
            f"{longest:.0f} s. What was fetched is kept; the first run after that collects the rest.",
        )
        self.until = until


_PERMANENT: Final[dict[int, tuple[Cause, str]]] = {
    401: (Cause.PERMISSION, "the key is not accepted. Check the value of the variable {variable}"),
    403: (Cause.PERMISSION, "the key may not see this. Ask for the right for {domain} or mend accounts[].feeds"),
    404: (Cause.NOT_FOUND, "there is nothing at this address. Check api.base_url"),
    406: (Cause.RETENTION, "the API does not look back that far (quarantine: 7 days)"),
}


def status_error(status: int, where: str, said: str, access: Access) -> ApiError:
    """Return the error of an answer other than 200 and 429, with what the API says of it."""
    said = f" It says: {said}" if said else ""
    if status in _PERMANENT:
        cause, what = _PERMANENT[status]
        variable = access.key_variable or "(none: the account has no api_key)"
        what = what.format(domain=access.domain, variable=variable)
        return PermanentError(cause, f"{where} answered {status}: {what}.{said}")
    if 400 <= status < 500 and status != 408:
        return PermanentError(Cause.REQUEST, f"{where} answered {status}, so it does not know this request.{said}")
    if 300 <= status < 400:
        return PermanentError(Cause.REQUEST, f"{where} redirects ({status}), which is not followed: mend api.base_url.")
    return TransientError(Cause.SERVER, f"{where} answered {status}.{said}")


def interim_error(where: str, status: int) -> TransientError:
    """Return the error of an answer that only announces another one."""
    return TransientError(
        Cause.PROTOCOL,
        f"{where} answered {status}, which is not an answer yet: the API, or a proxy or gateway on the way, sends "
        f"interim answers (1xx), which cannot be read. Whoever runs it can switch them off.",
    )


def network_error(error: Exception, where: str, shown: Callable[[str], str]) -> TransientError:
    """Return the error of a call that got no answer."""
    cause, text = network_fault(error, where, SETTINGS, shown)
    return TransientError(Cause(cause), text)
