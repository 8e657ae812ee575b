"""Listing of an hour with many times the rows of one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import product
from simulated_api import SimulatedApi
from speed import PAGE, WrongResultError, collected

ROWS: Final = 30_000


@dataclass(frozen=True, slots=True)
class LargeWindow:
    """What one complete listing took."""

    rows: int
    calls: int
    fewest_calls: int
    """If every answer were full and none overlapped."""
    seconds: float


def list_large_window() -> LargeWindow:
    """The product lists an hour without details; what it kept is compared with the truth row by row."""
    with SimulatedApi(ROWS) as api:
        truth = api.truth()
        measured = collected(api, product.collect, 1, details=False)
        if measured.fingerprint != truth.listing_fingerprint:
            raise WrongResultError("The large listing: its log is not what the simulated API holds.")
        return LargeWindow(truth.events, api.served().lists, -(-truth.events // PAGE), measured.seconds)
