"""Classifies a failure by the rules: sure codes first, then what texts say, then codes that are given for anything."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mailevents_dagster.failures.classes import BounceClass, Rule, Verdict
from mailevents_dagster.failures.code_rules import GENERIC, SURE
from mailevents_dagster.failures.replies import reply_in
from mailevents_dagster.failures.text_rules import BEFORE_CODES, TEXTS

RULES_VERSION: Final = 3
"""Goes up with each change of the rules: what was classified by others may get another class."""
RULES: Final[tuple[Rule, ...]] = (*BEFORE_CODES, *SURE, *TEXTS, *GENERIC)
"""The first that applies decides."""
PASSING: Final = Verdict(BounceClass.SOFT, "passing")
PERMANENT: Final = Verdict(BounceClass.OTHER, "permanent")
UNKNOWN: Final = Verdict(BounceClass.OTHER, "unknown")

LONGEST: Final = 4000
"""Characters of a text that are looked at: no answer of a mail server is as long."""

_ENHANCED: Final = r"[245]\.\d{1,3}\.\d{1,3}"
_END: Final = r"""\s"'<>()\[\],;:\\"""
"""Characters between words."""
_NUMBERED: Final = rf"(?:[^{_END}0-9]*[0-9]){{3}}"
_VARYING: Final = re.compile(
    rf"\bhost (?=[^{_END}]*\.[^{_END}.]|{_NUMBERED})[^{_END}]{{7,}}"
    rf"|(?<![^{_END}])(?=[^{_END}@]*@|{_NUMBERED})[^{_END}]{{7,}}"
)
"""Hosts that answered, and words with an `@` or three digits."""
_CODES: Final = re.compile(r"n?(?:[245]\d\d-)?[245]\.\d{1,3}\.\d{1,3}|n?[245]\d\d-[^0-9]*")
"""Codes are no ids, nor is the first word behind one; also where logs write a line end as \\\\n."""
_ZEROS: Final = str.maketrans("0123456789", "0000000000")
_LINE_ENDS: Final = re.compile(r"(?:\\[rn]|\s)+")
_ADDRESS: Final = re.compile(r"""["'<(\[]*[^\s"'<>()\[\],;:]+@[^\s"'<>()\[\],;:]+["'>)\]]*""")
_RUN_ON: Final = re.compile(r"\.\.\.(?=[^\s.])")
"""What parts the address from the answer in sendmail's words, which some write without a space behind it."""
_REPLIES: Final = re.compile(rf"\b[245]\d\d(?:-|\s)(?:{_ENHANCED}\b\s?)?")
_UNSURE: Final = re.compile(r"\b(?:may|might) not exist")
"""What says that something is so, or something else."""
_MAILBOX: Final = re.compile(r"mail[- ]box")
_ACCENTS: Final = dict.fromkeys(range(0x300, 0x370)) | {ord("ı"): "i", ord("’"): "'"}


@dataclass(frozen=True, slots=True)
class _Failure:
    code: int | None
    enhanced: str
    text: str

    @property
    def is_passing(self) -> bool:
        return self.enhanced.startswith("4") if self.enhanced else self.code is not None and self.code < 500


@lru_cache(maxsize=4096)  # the same answers come again and again, in one hour more than in others
def classify(code: int | None, enhanced_code: str | None, text: str) -> Verdict:
    """Return the class of a failure; codes that are not given are looked for in the text."""
    return _classified(code, enhanced_code, _VARYING.sub(_alike, _RUN_ON.sub("... ", text[:LONGEST])))


def _alike(word: re.Match[str]) -> str:
    """Return what stands for all addresses, hosts that answered, IP addresses and ids; codes stay.

    Answers that differ in them alone are classified once.
    """
    text = word[0]
    if "@" in text:
        return "a@b.example"
    if text.startswith("host "):
        return "host b.example" if "." in text else "host 00000000"
    if _CODES.fullmatch(text):
        return text
    return text.translate(_ZEROS) if "/" in text else "00000000"


@lru_cache(maxsize=8192)
def _classified(code: int | None, enhanced_code: str | None, text: str) -> Verdict:
    failure = _failure(code, enhanced_code, text)
    phrases = _phrases_in(failure.text)
    for rule in RULES:
        if _applies(rule, failure, phrases):
            return Verdict(rule.bounce_class, rule.id, rule.reason)
    if failure.is_passing:
        return PASSING
    return PERMANENT if failure.code or failure.enhanced else UNKNOWN


def plain(text: str) -> str:
    """Return the text as phrases are compared with it: small letters without accents, on one line, without codes.

    Addresses become `@`: what they consist of says nothing of the failure.
    """
    line = _ADDRESS.sub("@", _LINE_ENDS.sub(" ", text))
    return _UNSURE.sub("", _folded(_REPLIES.sub("", line)))


def _folded(text: str) -> str:
    text = text.lower()
    if not text.isascii():
        # Combining marks of other scripts than Latin make other letters, so they are put together again.
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFKD", text).translate(_ACCENTS))
    return _MAILBOX.sub("mailbox", text.replace("_", " "))


def _failure(code: int | None, enhanced_code: str | None, text: str) -> _Failure:
    enhanced = enhanced_code or ""
    if code is None or not enhanced or enhanced.endswith(".0.0"):
        reply = reply_in(text.replace("\\n", "\n"))
        code = reply.code if code is None else code
        digit = str(code)[0] if code else enhanced[:1]
        if reply.enhanced and reply.enhanced[0] == (digit or reply.enhanced[0]):
            enhanced = enhanced if enhanced and not enhanced.endswith(".0.0") else reply.enhanced
    return _Failure(code, enhanced, plain(text))


def _applies(rule: Rule, failure: _Failure, phrases: Set[str]) -> bool:
    if rule.enhanced and failure.enhanced not in _ENHANCED_OF[rule.id]:
        return False
    if rule.codes and failure.code not in rule.codes:
        return False
    if rule.bounce_class is BounceClass.HARD and failure.is_passing and not rule.overrides_passing:
        return False
    return not rule.texts or not phrases.isdisjoint(_TEXTS_OF[rule.id])


def _phrases_in(text: str) -> set[str]:
    """Return the phrases of all rules that stand in the text; five times as fast as looking for each."""
    heads = {text[at : at + _HEAD] for at in range(len(text))}
    return {phrase for head in heads & _BY_HEAD.keys() for phrase in _BY_HEAD[head] if phrase in text}


def _by_head(phrases: Iterable[str]) -> dict[str, list[str]]:
    by_head: dict[str, list[str]] = {}
    for phrase in phrases:
        by_head.setdefault(phrase[:_HEAD], []).append(phrase)
    return by_head


_HEAD: Final = 3
"""Characters: as many as the shortest phrase has."""
_TEXTS_OF: Final = {rule.id: frozenset(map(_folded, rule.texts)) for rule in RULES}
_ENHANCED_OF: Final = {
    rule.id: frozenset(code.replace("x", digit) for code in rule.enhanced for digit in "45") for rule in RULES
}
_BY_HEAD: Final = _by_head(frozenset[str]().union(*_TEXTS_OF.values()))
