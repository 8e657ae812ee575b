"""Whom flufl.bounce finds in a notice in which nobody is found here. It comes with the extra `deliverability`."""

from __future__ import annotations

from email.message import Message
from typing import Final

from mailevents_dagster.sources.messages.values import text_value
from mailevents_dagster.sources.outcomes.notices.mail import Mail

_FIELDS: Final = ("from", "to", "subject")
_LONGEST_TEXT: Final = 20_000
"""Characters that are shown to it: its patterns are not made for hostile texts."""


def second_opinion(mail: Mail) -> list[str]:
    """Return the recipients; none where it is not installed, or does not know them either."""
    try:
        from flufl.bounce import all_failures
    except ImportError:
        return []
    shown = Message()
    for name in _FIELDS:
        shown[name] = text_value(mail.head.first(name) or b"")[:1_000]
    shown.set_payload(mail.text[:_LONGEST_TEXT], "utf-8")
    try:
        late, failed = all_failures(shown)
    except Exception:
        return []  # an opinion, and no more: whatever it stumbles over, the notice is told without a recipient
    return sorted(one.decode("utf-8", "replace") for one in {*late, *failed} if b"@" in one)
