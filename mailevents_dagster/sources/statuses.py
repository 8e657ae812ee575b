"""The words of records that summaries rely on: what became of a mail for one recipient or of a sign-in, and why. Pure.

The words of statuses are assumed. One that is not known here counts by its SMTP code, and by nothing else: the free
text of an answer is never searched for words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

DIRECTIONS: Final[Mapping[str, str]] = {"mail/incominglog": "incoming", "mail/outgoinglog": "outgoing"}
"""By the feed, which is certain; what a record says of its own direction is assumed."""
KEPT_BACK: Final[Mapping[str, str]] = {"quarantine/quarantine": "quarantined", "quarantine/hold": "held"}
OUTCOMES: Final = ("delivered", "deferred", "bounced", "rejected", "quarantined", "held", "other", "unknown")
SIGN_INS: Final = ("succeeded", "failed", "other")


def _by_word(words: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    return {word: meaning for meaning, like in words.items() for word in like}


WORDS: Final = _by_word(
    {
        "delivered": ("delivered", "sent", "success", "ok", "accepted"),
        "deferred": ("deferred", "delayed", "retry", "tempfail", "greylisted"),
        "bounced": ("bounced", "bounce", "failed", "undeliverable", "expired"),
        "rejected": ("rejected", "reject", "refused", "denied", "blocked"),
        "quarantined": ("quarantined", "quarantine"),
        "held": ("held", "hold", "on hold", "onhold"),
        "other": ("discarded", "discard", "dropped", "deleted"),
    }
)
SIGN_IN_WORDS: Final = _by_word(
    {
        "succeeded": ("success", "successful", "succeeded", "ok", "accepted", "true", "başarılı"),
        "failed": ("failed", "fail", "failure", "error", "invalid", "denied", "rejected", "false", "başarısız"),
    }
)
BY_CLASS: Final[Mapping[str, str]] = {"2": "delivered", "4": "deferred", "5": "bounced"}
CLASSES: Final = ("address", "mailbox", "over_quota", "policy", "routing", "other", "no_code")
_SUBJECTS: Final[Mapping[str, str]] = {"1": "address", "2": "mailbox", "4": "routing", "7": "policy"}
_ENHANCED: Final = re.compile(r"\s*([245])\.([0-9]{1,3})\.([0-9]{1,3})\s*")
_REPLY: Final = re.compile(r"\s*([245])[0-5][0-9]\s*")
ENHANCED_IN_REPLY: Final = r"^\s*[245][0-5][0-9][ -](?P<code>[245]\.[0-9]{1,3}\.[0-9]{1,3})(?:[ :]|$)"
"""RFC 2034 puts the enhanced code of a server's answer right behind the three digits of the reply."""


def outcome_of(status: str | None, code: str | None) -> str:
    """Return one of OUTCOMES: by the status in lower case, or by the class of the code if the word is unknown."""
    if status and status in WORDS:
        return WORDS[status]
    for text in (code, status):
        found = (_ENHANCED.fullmatch(text) or _REPLY.fullmatch(text)) if text else None
        if found:
            return BY_CLASS[found[1]]
    return "other" if status else "unknown"


def sign_in_of(status: str | None) -> str:
    """Return one of SIGN_INS."""
    return SIGN_IN_WORDS.get((status or "").strip().lower(), "other")


def class_of(code: str | None) -> str:
    """Return one of CLASSES: why a mail was not delivered, by the subject of its enhanced status code (RFC 3463).

    x.2.2 is over quota, a class of its own. A code of success, which fits no failure, is `other`.
    """
    found = _ENHANCED.fullmatch(code) if code else None
    if not found:
        return "no_code"
    if found[1] == "2":
        return "other"
    return "over_quota" if found.group(2, 3) == ("2", "2") else _SUBJECTS.get(found[2], "other")
