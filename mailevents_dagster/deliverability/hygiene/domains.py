"""Domains of addresses: whether they take mail, asked once each, several side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

AT_ONCE: Final = 64
"""Questions that are under way: a resolver takes thousands a second, and most of the time is waited for others."""
PATIENCE: Final = 256
"""Questions in a row without any answer after which no more are asked: the resolver is away, and not the domains."""


class Takes(StrEnum):
    """Whether a domain takes mail."""

    MAIL = "takes mail"
    NULL_MX = "null_mx"
    """It says that it takes none (RFC 7505)."""
    NO_MX = "no_mx"
    """It has neither mail servers nor an address."""
    NO_DOMAIN = "no_domain"
    UNKNOWN = "dns_unknown"
    """It could not be asked, which says nothing of it."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a domain."""

    takes: Takes
    said: str = ""
    """Why it could not be asked."""


LookUp = Callable[[str], State]


def states(domains: Iterable[str], look_up: LookUp, at_once: int = AT_ONCE) -> Iterator[tuple[str, State]]:
    """Yield each domain with its state, in the order of the answers."""
    waiting = iter(domains)
    silent = 0
    with ThreadPoolExecutor(at_once, "hygiene-dns") as pool:
        asked: dict[Future[State], str] = {}
        while True:
            asked |= {pool.submit(look_up, one): one for one in islice(waiting, at_once * 2 - len(asked))}
            if not asked:
                return
            for done in wait(asked, return_when=FIRST_COMPLETED).done:
                state = done.result()
                silent = silent + 1 if state.takes is Takes.UNKNOWN else 0
                yield asked.pop(done), state
            if silent >= PATIENCE:
                break
        away = State(
            Takes.UNKNOWN, f"the resolver answered none of {PATIENCE} questions in a row, so no more are asked"
        )
        for future in asked:
            future.cancel()
        yield from ((one, away) for one in (*asked.values(), *waiting))
