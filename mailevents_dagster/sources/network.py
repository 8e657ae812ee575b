"""Calls that got no answer, classed by the errors of the network libraries behind them."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

import requests
import urllib3


class NetworkCause(StrEnum):
    """The classes of failure, as operators count them."""

    DNS = "dns"
    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT = "timeout"
    TLS = "tls"
    PROTOCOL = "protocol"


@dataclass(frozen=True, slots=True)
class Names:
    """What a source calls what an operator must look at."""

    address: str
    """The setting with the address,"""
    time_limit: str
    """what says how long an answer may take,"""
    server: str
    """who is asked,"""
    certificates: str = "the CA certificates"
    """and whom it is to be proven by."""


def network_fault(error: Exception, where: str, names: Names, shown: Callable[[str], str]) -> tuple[NetworkCause, str]:
    """Return the class of an error and what to say of it; `shown` makes text from outside fit for a message."""
    chain = [*_causes(error)]
    root = f"{type(chain[-1]).__name__}: {shown(str(_reason(chain[-1])))}"
    for cause, (types, what) in _FAULTS.items():
        if any(isinstance(link, types) or isinstance(_reason(link), types) for link in chain):
            said = what.format(**asdict(names))
            return cause, f"{where}: {said} ({root})."
    return NetworkCause.PROTOCOL, f"{where}: the answer broke off ({root})."


def _causes(error: Exception) -> Iterator[Exception]:
    """Return the error and those behind it, ten at most: a library may chain them in a circle."""
    link: object = error
    for _ in range(10):
        if not isinstance(link, Exception):
            return
        yield link
        context = None if link.__suppress_context__ else link.__context__
        link = link.__cause__ or context or getattr(link, "reason", None)


def _reason(error: Exception) -> object:
    """Return the error that urllib3 and requests carry as `reason`, or as their first argument."""
    first = error.args[0] if error.args else None
    return getattr(first, "reason", first)


_FAULTS: Final[dict[NetworkCause, tuple[tuple[type[Exception], ...], str]]] = {
    NetworkCause.DNS: (
        (socket.gaierror, urllib3.exceptions.NameResolutionError),
        "the name of the host cannot be resolved. Check DNS and {address}",
    ),
    NetworkCause.TLS: (
        (ssl.SSLError, requests.exceptions.SSLError, urllib3.exceptions.SSLError),
        "the TLS connection failed. Check the clock, {certificates} and {address}",
    ),
    NetworkCause.REFUSED: (
        (ConnectionRefusedError,),
        "the connection was refused. Check that {server} can be reached from here",
    ),
    NetworkCause.RESET: (
        (ConnectionResetError, ConnectionAbortedError, BrokenPipeError),
        "the connection was reset",
    ),
    # After these two: urllib3 counts a refused connection as one that timed out.
    NetworkCause.TIMEOUT: (
        (TimeoutError, requests.exceptions.Timeout, urllib3.exceptions.TimeoutError),
        "no answer in time ({time_limit})",
    ),
}
