"""What tells that a message is one of many, sent to people who subscribed. Pure."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.sources.messages.head import Head
from mailevents_dagster.sources.messages.values import text_value

_OF_LISTS: Final = ("list-id", "list-post", "list-help", "list-subscribe", "list-owner", "list-archive")
_FEEDBACK: Final = "feedback-id"
"""Gmail's feedback loop counts complaints by it."""
_UNSUBSCRIBE: Final = ("list-unsubscribe", "list-unsubscribe-post")
_PRECEDENCES: Final = ("bulk", "list", "junk")


def bulk_sign(head: Head) -> str | None:
    """Return what says that a message is bulk mail; None where nothing does.

    A notification that a program wrote (Auto-Submitted) is none for offering a way out of it.
    """
    for name in (*_OF_LISTS, _FEEDBACK):
        if head.all(name):
            return f"it has the header {_written(name)}"
    precedence = text_value(head.first("precedence") or b"").lower()
    if precedence in _PRECEDENCES:
        return f"its Precedence is {precedence}"
    is_notification = text_value(head.first("auto-submitted") or b"").lower().startswith("auto-generated")
    for name in () if is_notification else _UNSUBSCRIBE:
        if head.all(name):
            return f"it has the header {_written(name)}"
    return None


def _written(name: str) -> str:
    """Return the name of a header as people write it."""
    return "-".join(word.upper() if word == "id" else word.capitalize() for word in name.split("-"))
