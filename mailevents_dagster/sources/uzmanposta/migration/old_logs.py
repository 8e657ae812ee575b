"""The old tool's hourly logs: which files they are, of which feeds, and which records their lines hold."""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mailevents_dagster.files.json_text import NotJsonError, parse
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings import OperatingLogSettings
from mailevents_dagster.settings.domain_names import ascii_domain
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of

GLOBAL: Final = "global"
"""The old tool's folder for sections without a domain."""
COMPRESSED: Final = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})
OTHERS: Final = re.compile(r"\..*|.*_heartbeat\.json|.*\.(pos|lock|tmp)")
"""What else the old tool and its surroundings leave there."""
_DECODER: Final = json.JSONDecoder()
_MARKS: Final[Mapping[str, frozenset[str]]] = {
    "mail": frozenset({"queue_id", "recipients"}),
    "quarantine": frozenset({"queue_id"}),
    "authentication": frozenset(),
}
"""Fields that no part of a record has; records of sign-ins have no parts."""
_CODES: Final = {**{f"%{code}": "[0-9]+" for code in "YmdHMSjyIGVu"}, "%": "[A-Za-z0-9]+", "{": ".+"}
"""What stands in a name for a code of time, another code and a placeholder."""


@dataclass(slots=True)
class OldLogs:
    """The hourly logs below an output folder."""

    files: dict[Feed, list[Path]] = field(default_factory=lambda: defaultdict(list))
    """In the order of their names, which is mostly that of their hours."""
    left: Counter[str] = field(default_factory=Counter)
    """Why files are left out, and how many."""

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for paths in self.files.values() for path in paths)


def find_logs(output: Path, feeds: Collection[Feed], own_names: Iterable[str]) -> OldLogs:
    """Find the hourly logs of these feeds; `own_names` are patterns of logs that the old tool wrote of itself."""
    fields = OperatingLogSettings.model_fields
    operating = (fields[name].default for name in fields if not name.endswith("kept"))
    own = [_names_of(pattern) for pattern in {*own_names, *operating}]
    found = OldLogs()
    for path in _files(output):
        if OTHERS.fullmatch(path.name) or any(one.fullmatch(path.name) for one in own):
            continue
        feed = _feed(path.relative_to(output).parts)
        if isinstance(feed, str):
            found.left[feed] += 1
        elif feed not in feeds:
            found.left[f"{feed} is not in the settings"] += 1
        elif path.suffix.lower() in COMPRESSED:
            found.left[f"{feed}: compressed; unpack them and run this again"] += 1
        else:
            found.files[feed].append(path)
    return found


def _files(output: Path) -> Iterator[Path]:
    """Walk all files, folder by folder; links are followed, each folder once."""
    seen: set[str] = set()
    for folder, folders, names in os.walk(output, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(folder, name)).is_file())


def _feed(parts: Sequence[str]) -> Feed | str:
    """Return the feed of a file by its folders, or why there is none."""
    if len(parts) < 3:
        return "not in a folder of a domain and a category"
    domain, category = parts[0], parts[1]
    if domain == GLOBAL:
        return f"{GLOBAL}/: of sections without a domain; nothing says whose events they are"
    name = "/".join(parts[1:3]) if len(parts) > 3 else ""
    name = name if name in FEED_KINDS else {"quarantine": "quarantine/quarantine"}.get(category, category)
    if name not in FEED_KINDS:
        return f"{'/'.join(parts[:-1])}/: not a folder of a feed"
    try:
        return feed_of(ascii_domain(domain), name)
    except ValueError:
        return f"{domain}/: not a domain"


def _names_of(pattern: str) -> re.Pattern[str]:
    """Match the names that the pattern gives, which has codes of time and placeholders."""
    parts = re.findall(r"%.|\{[^}]*\}|[^%{]+|.", pattern)
    return re.compile("".join(_CODES.get(part, _CODES.get(part[0], re.escape(part))) for part in parts))


def records(line: bytes, category: str) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Return the records of a line, and the parts of it that are not records.

    A writer that was killed, or found the disk full, leaves half a record, and the next one follows on the same line.
    So whole records are taken from the beginning on, and those with which the line ends where they have what marks a
    record; nothing from between. A part of a torn record must not pass for a whole one.
    """
    whole = _record(line)
    if whole is not None:
        return [whole], []
    text = line.decode("latin-1")  # a character a byte, and the signs of JSON are the same
    first, torn = _in_a_row(line, text, 0)
    for found in re.finditer(r'\{"', text[torn + 1 :]):
        start = torn + 1 + found.start()
        last, end = _in_a_row(line, text, start)
        if end == len(line) and _MARKS[category] <= last[0].keys():
            return [*first, *last], [line[torn:start]]
    return first, [line[torn:]] if torn < len(line) else []


def _in_a_row(line: bytes, text: str, at: int) -> tuple[list[dict[str, Any]], int]:
    """Return the whole records from a place on, and where they end."""
    found = []
    while at < len(line):
        try:
            end = _DECODER.raw_decode(text, at)[1]
        except (ValueError, RecursionError):
            break
        record = _record(line[at:end])
        if record is None:
            break
        found.append(record)
        at = end
    return found, at


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        value = parse(line)
    except NotJsonError:
        return None
    return value if isinstance(value, dict) else None
