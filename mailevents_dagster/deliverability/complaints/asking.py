"""Services that are asked over HTTP: bounded answers, a few tries, errors without keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import requests

from mailevents_dagster.files.json_text import NotJsonError, parse
from mailevents_dagster.sources.network import Names, network_fault
from mailevents_dagster.sources.waits import backoff

TIMEOUTS: Final = (10.0, 60.0)
TRIES: Final = 3
_LARGEST: Final = 2**24
_BLOCK: Final = 2**16
_PASSING: Final = frozenset({429, 500, 502, 503, 504})


class UnaskedError(Exception):
    """A service did not answer as it should; the text says what to do, and holds no key."""


def ask(call: Callable[[], requests.Response], names: Names, says: Mapping[int, str]) -> bytes:
    """Return the content of an answer; `says` tells what to do about a status."""
    for number in range(1, TRIES + 1):
        is_last = number == TRIES
        try:
            with call() as answer:
                if answer.status_code == requests.codes.ok:
                    return _content(answer, names)
                if is_last or answer.status_code not in _PASSING:
                    what = says.get(answer.status_code, "Try again later")
                    raise UnaskedError(f"{names.server} answered {answer.status_code}. {what}.")
        except (requests.RequestException, OSError) as error:
            if is_last:
                _, said = network_fault(error, names.server, names, lambda _: "no answer")
                raise UnaskedError(said) from None  # its own text holds the address, and a key in that
        time.sleep(backoff(number))
    raise AssertionError("the last try returns or raises")


def json_of(content: bytes, names: Names) -> dict[str, Any]:
    """Return the object that an answer is."""
    try:
        value = parse(content)
    except NotJsonError:
        value = None
    if not isinstance(value, dict):
        raise UnaskedError(f"{names.server} answered something else than JSON. Check {names.address}.")
    return value


def _content(answer: requests.Response, names: Names) -> bytes:
    content = bytearray()
    for block in answer.iter_content(_BLOCK):
        content += block
        if len(content) > _LARGEST:
            raise UnaskedError(f"{names.server} answered more than {_LARGEST // 2**20} MB. Check {names.address}.")
    return bytes(content)
