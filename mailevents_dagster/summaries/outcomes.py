"""What became of a mail for one recipient, and why not: from the status, and the codes of SMTP. Pure.

The words of the status are assumed. One that is not known here counts by its code, and by nothing else: the free text
of an answer is never searched for words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

OUTCOMES: Final = ("delivered", "deferred", "bounced", "rejected", "quarantined", "held", "other", "unknown")
WORDS: Final[Mapping[str, str]] = {
    word: outcome
    for outcome, words in {
        "delivered": ("delivered", "sent", "success", "ok", "accepted"),
        "deferred": ("deferred", "delayed", "retry", "tempfail", "greylisted"),
        "bounced": ("bounced", "bounce", "failed", "undeliverable", "expired"),
        "rejected": ("rejected", "reject", "refused", "denied", "blocked"),
        "quarantined": ("quarantined", "quarantine"),
        "held": ("held", "hold", "on hold", "onhold"),
        "other": ("discarded", "discard", "dropped", "deleted"),
    }.items()
    for word in words
}
BY_CLASS: Final[Mapping[str, str]] = {"2": "delivered", "4": "deferred", "5": "bounced"}
CLASSES: Final = ("address", "mailbox", "over_quota", "policy", "routing", "other", "no_code")
_SUBJECTS: Final[Mapping[str, str]] = {"1": "address", "2": "mailbox", "4": "routing", "7": "policy"}
_ENHANCED: Final = re.compile(r"\s*([245])\.([0-9]{1,3})\.([0-9]{1,3})\s*")
_REPLY: Final = re.compile(r"\s*([245])[0-5][0-9]\s*")
ENHANCED_IN_REPLY: Final = r"^\s*[245][0-5][0-9][ -](?P<code>[245]\.[0-9]{1,3}\.[0-9]{1,3})(?:[ :]|$)"
"""Where RFC 2034 puts the enhanced code in a server's answer: right behind the three digits of the reply."""


def outcome_of(status: str | None, code: str | None) -> str:
    """One of OUTCOMES: by the status, in small letters; by the class of the code where the word is not known."""
    if status and status in WORDS:
        return WORDS[status]
    for text in (code, status):
        found = (_ENHANCED.fullmatch(text) or _REPLY.fullmatch(text)) if text else None
        if found:
            return BY_CLASS[found[1]]
    return "other" if status else "unknown"


def class_of(code: str | None) -> str:
    """One of CLASSES: why a mail was not delivered, by the subject of its enhanced status code (RFC 3463).

    x.2.2 is over quota, a class of its own; `no_code` where there is no enhanced code; `other` also where the code
    speaks of success, which fits no failure.
    """
    found = _ENHANCED.fullmatch(code) if code else None
    if not found:
        return "no_code"
    success, subject, detail = found[1] == "2", found[2], found[3]
    if success:
        return "other"
    return "over_quota" if (subject, detail) == ("2", "2") else _SUBJECTS.get(subject, "other")
