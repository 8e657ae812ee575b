"""Records made of tags, such as `v=DMARC1; p=none`: DKIM, DMARC, TLS-RPT, MTA-STS and BIMI write them alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mailevents_dagster.deliverability.quoting import quoted


@dataclass(frozen=True, slots=True)
class Tags:
    values: Mapping[str, str]
    """By their names in lower case; of a tag that stands twice the first."""
    faults: tuple[str, ...] = ()


def tags_of(text: str) -> Tags:
    values: dict[str, str] = {}
    faults = []
    for part in text.split(";"):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        name = name.lower()
        if not equals:
            if name:
                faults.append(f"{quoted(name)} is no tag: it has no `=`")
        elif name in values:
            faults.append(f"the tag {quoted(name)} stands twice")
        else:
            values[name] = value
    return Tags(values, tuple(faults))


def is_version(text: str, version: str) -> bool:
    """Return whether a record begins with this version, as its readers find it; case counts in its value."""
    name, equals, value = text.partition(";")[0].partition("=")
    return bool(equals) and name.strip().lower() == "v" and value.strip() == version


def of_version(records: Iterable[str], version: str) -> list[str]:
    return [record for record in records if is_version(record, version)]
