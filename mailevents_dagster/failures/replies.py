"""Reply codes and enhanced codes in the words of a mail server. Numbers that merely look like them are none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ENHANCED: Final = r"[245]\.\d{1,2}\.\d{1,3}"
_BEFORE: Final = (
    r"(?:^|\n|[:;,>(\[#'\"=]|(?<=[45]\d\d )|(?:said|code|error|reply|response|status|returned|answered|smtp)\b)"
)
_UNITS: Final = r"(?!\s{0,3}(?:bytes?|[kmg]i?b|sec|min|hours?|days?|(?-i:messages|recipients)|times|%)\b)"
"""What is counted; an answer may begin with "Message" or "Recipient"."""
_REPLY: Final = re.compile(
    rf"{_BEFORE}[ \t'\"#:\[]{{0,4}}([45][0-5]\d)"
    rf"(?:[ -]{{1,2}}['\"#(]{{0,2}}({_ENHANCED})(?![\w]|\.\d)|(?=[ \t\-,.:;)\]'\"\n]|$){_UNITS})",
    re.IGNORECASE,
)
_ALONE: Final = re.compile(rf"(?<![\w.])({_ENHANCED})(?!\d|[A-Za-z]|\.\d)")
_WRAPPING: Final = re.compile(r"[45]\d\d[ -][^\n]{1,300}?\.\.\. (?=[45][0-5]\d[ -])")
"""Old sendmail's own code and the address before the answer of the other side."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The codes of an answer; `is_attached` where the enhanced code stands right behind the reply code."""

    code: int | None = None
    enhanced: str | None = None
    is_attached: bool = False


def reply_in(text: str) -> Reply:
    """Return the codes of the answer that a text quotes; one with an enhanced code goes before others."""
    if "... " in text:
        text = _WRAPPING.sub("", text, count=1)
    found = _REPLY.findall(text)
    whole = next((reply for reply in found if reply[1]), None)
    if whole:
        return Reply(int(whole[0]), whole[1], is_attached=True)
    code = int(found[0][0]) if found else None
    alone = [one for one in _ALONE.findall(text) if code is None or one[0] == str(code)[0]]
    return Reply(code, next((one for one in alone if not one.endswith(".0.0")), None) or next(iter(alone), None))
