"""When a feed or an hour that failed is tried again. Pure."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.store.cursors import SAME_TRY, UNFINISHED, Cursor, Failure

FIRST_WAIT: Final = 300.0
LONGEST_WAIT: Final = 6 * 3600.0
FIRST_WAIT_REFUSED: Final = 3600.0
LONGEST_WAIT_REFUSED: Final = 86_400.0
REFUSED: Final = "permission"
"""The cause of a failure that only people can mend: the key is not accepted, or may not see this."""


def waits_until(
    cursor: Cursor | None, now: float, first_wait: float = FIRST_WAIT, *, is_followed: bool = False
) -> float:
    """Return when a feed that keeps failing is tried again, or zero."""
    if cursor is None or not cursor.failures_in_a_row or not cursor.failed:
        return 0.0
    newest = max(cursor.failed.values(), key=lambda failure: failure.at)
    if newest.cause == UNFINISHED and is_followed:  # the run that follows may be at this very feed
        return 0.0
    return tried_again_at(newest, cursor.failures_in_a_row, now, first_wait)


def tried_again_at(failure: Failure, times: int, now: float, first_wait: float) -> float:
    """Return when to try again: when the source said so, and at once if this machine's clock was set back since."""
    if failure.at > now + SAME_TRY:
        return 0.0
    if failure.until is not None:
        return failure.until
    refused = failure.cause == REFUSED
    first, longest = (FIRST_WAIT_REFUSED, LONGEST_WAIT_REFUSED) if refused else (first_wait, LONGEST_WAIT)
    return failure.at + min(longest, first * 2.0 ** min(times - 1, 30))
