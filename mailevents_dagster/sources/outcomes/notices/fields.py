"""Reports that programs write for programs: groups of fields (RFC 3464, 5965, 8098), also where they are damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mailevents_dagster.sources.outcomes.notices.addresses import address_in

Group = Mapping[str, Sequence[str]]
"""Values by the name of their field in small letters, in their order."""

_FIELD: Final = re.compile(r"[> \t]{0,4}([A-Za-z][A-Za-z0-9-]{1,60})[ \t]{0,3}:(.*)")
_RECIPIENTS: Final = ("final-recipient", "original-recipient", "x-actual-recipient")
_OF_RECIPIENT: Final = (*_RECIPIENTS, "action", "status", "diagnostic-code", "remote-mta", "last-attempt-date")
_LONGEST: Final = 4_000
_MOST_GROUPS: Final = 2_000


def groups_of(text: str) -> list[Group]:
    """Return the groups of fields, parted by blank lines; a second recipient begins a group, too."""
    groups: list[dict[str, list[str]]] = []
    for lines in _blocks(text):
        group = _fields(lines)
        before = groups[-1] if groups else None
        if before and _is_rest_of(group, before):
            before.update({name: values for name, values in group.items() if name not in before})
        elif group:
            groups.append(group)
        if len(groups) == _MOST_GROUPS:
            break
    return [*groups]


def _is_rest_of(group: Group, before: Group) -> bool:
    """Return whether a blank line stands within the fields of one recipient."""
    if not group.keys() & set(_OF_RECIPIENT) or not before.keys() & set(_OF_RECIPIENT):
        return False
    return not before.keys() & set(_RECIPIENTS) or not group.keys() & set(_RECIPIENTS)


def _blocks(text: str) -> Iterator[list[str]]:
    block: list[str] = []
    seen: set[str] = set()
    for line in [*text.split("\n"), ""]:
        found = _FIELD.match(line)
        name = found[1].lower() if found else ""
        if (not line.strip() or (name in seen and name in _RECIPIENTS)) and block:
            yield block
            block, seen = [], set()
        if line.strip():
            block.append(line)
            seen.add(name)


def _fields(lines: Sequence[str]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in lines:
        found = None if line.startswith((" ", "\t")) and last else _FIELD.match(line)
        if found:
            last = fields.setdefault(found[1].lower(), [])
            last.append(found[2].strip()[:_LONGEST])
        elif last and len(last[-1]) < _LONGEST:
            # Also where whoever folded it left out the space.
            last[-1] = f"{last[-1]} {line.strip()}"[:_LONGEST]
    return fields


def first(group: Group, *names: str) -> str:
    """Return the first value of the first field of these that says something."""
    return next((value for name in names for value in group.get(name, ()) if value), "")


def typed(value: str) -> tuple[str, str]:
    """Return the type before the semicolon in small letters, which is empty where there is none, and what follows."""
    kind, semicolon, rest = value.partition(";")
    if not semicolon or not re.fullmatch(r"[\w./-]{1,40}", kind.strip()):
        return "", value.strip()
    return kind.strip().lower(), rest.strip()


def address_of(value: str) -> str | None:
    """Return the address of a recipient field, without its type; None where there is none with a domain."""
    kind, written = typed(value)
    if kind == "utf-8":
        written = re.sub(r"\\x\{([0-9A-Fa-f]{2,6})\}", lambda code: _sign(code[1]), written)
    return address_in(written)


def _sign(code: str) -> str:
    """Return the character that RFC 6533 writes as this number."""
    number = int(code, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
