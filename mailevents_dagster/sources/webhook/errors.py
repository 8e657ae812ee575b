"""What can go wrong with a webhook's feed, as those who must act are told."""

from __future__ import annotations

from mailevents_dagster.model.event import SourceError


class ReceiverError(SourceError):
    """The receiver did not run in an hour and does not run now: what is sent to it meanwhile is not here yet."""

    cause = "receiver"
    is_passing = True

    def __init__(self, message: str, *, has_run: bool) -> None:
        super().__init__(message)
        self.refuses_feed = not has_run
