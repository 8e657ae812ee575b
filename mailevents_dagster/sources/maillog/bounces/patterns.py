"""The operator's patterns: read from their file, told by name where one cannot be used, tried in the file's order.

RE2 takes a microsecond for all patterns together and never backtracks. It is asked where it cannot but mean the same
as Python; for all else there is an engine with a time limit.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import re2
import regex

from mailevents_dagster.failures.classes import BounceClass
from mailevents_dagster.files.printable import printable
from mailevents_dagster.sources.maillog.bounces.pattern_file import Entry, PatternsError, entries_of

MOST_BYTES: Final = 10_000_000
"""Of the file."""
SECONDS_A_LINE: Final = 0.5
"""How long a pattern that may backtrack without end is given for one line,"""
LONGEST_LINE: Final = 65_536
"""and how many characters of it."""

_UNLIKE_PLAIN: Final = r"[^\t -~]"
"""In lines without such characters, `\\w`, `\\d`, `\\s`, `\\b` and `$` mean the same to Python and to RE2."""
_NOT_PLAIN: Final = re.compile(_UNLIKE_PLAIN)
_POSIX_CLASS: Final = re.compile(r"\[:\^?\w+:\]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern. Its number is kept as the file has it."""

    id: str
    name: str
    match: str
    bounce_class: BounceClass | None = None
    """The class of what it matches; None where the rules decide."""


class Patterns:
    """The patterns that can be used, in the order of the file.

    One that runs out of time on a line becomes a problem, and is left out from then on.
    """

    def __init__(self, patterns: Sequence[Pattern], problems: Sequence[str], version: str) -> None:
        self.patterns = tuple(patterns)
        self.problems = tuple(problems)
        self.version = version
        """Digest of the file."""
        self._sort()

    def _sort(self) -> None:
        """Tell the patterns that RE2 takes from the others."""
        self._fast = [one for one in self.patterns if _in_re2(one.match)]
        self._slow = [one for one in self.patterns if one not in self._fast]
        self._alternatives = "|".join(f"(?:{one.match})" for one in self._fast)
        self._any = _in_re2(self._alternatives) if self._fast else None
        self._set = _set_of(self._fast)

    def candidates(self, lines: pa.Array) -> pa.Array:
        """Return which lines may match a pattern; the others match none."""
        if self._slow or (self._fast and not self._any):
            return pa.repeat(True, len(lines))  # noqa: FBT003
        odd = pc.match_substring_regex(lines, _UNLIKE_PLAIN)
        return pc.or_(odd, pc.match_substring_regex(lines, self._alternatives)) if self._fast else odd

    def first_match(self, line: str) -> Pattern | None:
        """Return the first pattern of the file that the line matches."""
        if _NOT_PLAIN.search(line):
            return self._first_slow(self.patterns, line)
        first = self._first_fast(line)
        before = self._slow if first is None else [one for one in self._slow if self._is_before(one, first)]
        return self._first_slow(before, line) or first

    def _is_before(self, one: Pattern, other: Pattern) -> bool:
        return self.patterns.index(one) < self.patterns.index(other)

    def _first_fast(self, line: str) -> Pattern | None:
        found: list[int] = self._set.Match(line) if self._set else []
        if found:
            return self._fast[min(found)]
        # A set that needs too much memory finds nothing and does not say so; one expression falls back by itself.
        if not self._fast or (self._any and not self._any.search(line)):
            return None
        return next((one for one in self._fast if re2.search(one.match, line, _options())), None)

    def _first_slow(self, patterns: Sequence[Pattern], line: str) -> Pattern | None:
        for one in patterns:
            try:
                if regex.search(one.match, line[:LONGEST_LINE], timeout=SECONDS_A_LINE):
                    return one
            except TimeoutError:
                self.problems += (
                    f"{_called(one.name, one.id)} took more than {SECONDS_A_LINE} s for a line: left out",
                )
                self.patterns = tuple(other for other in self.patterns if other is not one)
                self._sort()
        return None


def load_patterns(path: Path) -> Patterns:
    """Return the patterns of a file; those that cannot be used are told in `problems`."""
    content = _content(path)
    try:
        entries = entries_of(content, is_yaml=_is_yaml(path, content))
    except PatternsError as error:
        raise PatternsError(f"{path} {error}") from None
    good: dict[str, Pattern] = {}
    problems = []
    for place, entry in enumerate(entries, 1):
        fault = _fault(entry, good)
        if fault:
            problems.append(f"{_called(entry.get('name', ''), entry.get('id', f'at place {place}'))} {fault}")
        else:
            class_ = BounceClass(entry["class"].lower()) if "class" in entry else None
            good[entry["id"]] = Pattern(entry["id"], entry["name"], entry["match"], class_)
    version = hashlib.blake2b(content, digest_size=16).hexdigest()
    return Patterns([*good.values()], problems, version)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no such file"
        raise PatternsError(f"{path} cannot be read ({why}); name a file that this user may read") from None
    if len(content) > MOST_BYTES:
        raise PatternsError(f"{path} is longer than 10 MB; name the file of the patterns")
    return content


def _is_yaml(path: Path, content: bytes) -> bool:
    if path.suffix.lower() in (".yaml", ".yml", ".xml"):
        return path.suffix.lower() != ".xml"
    return not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"\xff\xfe", b"\xfe\xff"))


def _called(name: str, number: str) -> str:
    return f"Pattern {printable(name, 60)!r} ({printable(number, 20)})" if name else f"Pattern {printable(number, 20)}"


def _fault(entry: Entry, before: dict[str, Pattern]) -> str | None:
    """Return why an entry cannot be used."""
    if not entry.get("name"):
        return "has no name; give it one, since it is sent with each bounce"
    if not entry.get("id"):
        return "has no number; give it one that no other has"
    if entry["id"] in before:
        return f"has the number of {printable(before[entry['id']].name, 60)!r}; give it another"
    if not entry.get("match"):
        return "matches every line, since it is empty; write what it is to match"
    if "class" in entry and entry["class"].lower() not in [*BounceClass]:
        return f"has a class that is none of {', '.join(BounceClass)}"
    return _not_compiling(entry["match"])


def _not_compiling(match: str) -> str | None:
    if _POSIX_CLASS.search(match):
        return "has a class such as [:alpha:], which Python takes for single characters; write [A-Za-z]"
    try:
        with warnings.catch_warnings(action="ignore"):  # such as a set in a set, which it takes as it is written
            re.compile(match)
            regex.compile(match)
    except (re.error, regex.error, OverflowError, RecursionError) as error:
        return f"does not compile as a Python regular expression: {printable(str(error), 100)}"
    return None


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options


def _in_re2(match: str) -> Any:
    """Return the expression compiled, or None where RE2 cannot, or where it reads it in another way.

    `{,3}` is no repetition for it, and its letters that are alike without case are others.
    """
    if not match.isascii() or "{," in match:
        return None
    try:
        return re2.compile(match, _options())
    except re2.error:
        return None


def _set_of(patterns: Sequence[Pattern]) -> Any:
    """Return what finds all of the patterns at once, or None where they are too many or too large for it."""
    made = re2.Set.SearchSet(_options())
    try:
        for one in patterns:
            made.Add(one.match)
        made.Compile()
    except re2.error:
        return None
    return made
