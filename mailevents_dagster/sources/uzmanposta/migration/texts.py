"""The text of the new settings file. Pure: the same sections always give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from mailevents_dagster.model.feed import Feed, readable_domain
from mailevents_dagster.settings.log_names import check_section
from mailevents_dagster.settings.variables import is_plain
from mailevents_dagster.sources.uzmanposta.migration.general import General
from mailevents_dagster.sources.uzmanposta.migration.sections import Moved, variable_for
from mailevents_dagster.sources.uzmanposta.settings import DEFAULT_BASE_URL

_HEAD: Final = """\
# Settings of mailevents_dagster, made by `mailevents migrate` from {source}.
# What is not said here is as mailevents.example.yaml shows it, where every key is explained.

# Names the hours in the Dagster UI and in file names. The old tool went by the time of its machine.
timezone: {timezone}

# The first hour of all feeds, in that time zone{why}. The hour that a position of the old tool
# lies in is collected anew as a whole; where a feed begins later than this, its cursor in the storage says so.
start: {start}

# Everything new lies here, seen from the folder of this file. The old output folder stays as it is.
storage: ./data
"""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """One domain of the new settings."""

    domain: str
    key: str = field(repr=False)
    base_url: str
    feeds: Sequence[Moved]

    @property
    def variable(self) -> str:
        return variable_for(self.domain)

    @property
    def start(self) -> int:
        return min(one.first for one in self.feeds)

    @property
    def sections(self) -> Mapping[str, str]:
        """Names in heartbeat files, by feed."""
        return {one.feed.name: one.section.name for one in self.feeds if may_be_section(one.section.name)}


def may_be_section(name: str) -> bool:
    """Whether the name can stand in the name of a heartbeat file."""
    try:
        return is_plain(check_section(name))
    except ValueError:
        return False


def accounts_of(feeds: Sequence[Moved]) -> list[NewAccount]:
    """The accounts of these feeds: each with the key and the address of its first section."""
    by_domain: dict[str, list[Moved]] = {}
    for one in feeds:
        by_domain.setdefault(one.feed.domain, []).append(one)
    return [NewAccount(domain, own[0].key, own[0].base_url, own) for domain, own in by_domain.items()]


def settings_start(accounts: Sequence[NewAccount], first_adopted: int | None, there: int | None) -> int:
    """The general start: of the earliest feed, of the oldest hour of old logs, or where settings that are there say."""
    starts = (min(account.start for account in accounts), first_adopted, there)
    return min(start for start in starts if start is not None)


def settings_text(accounts: Sequence[NewAccount], general: General, timezone: str, source: str, start: int) -> str:
    """The settings file with this general start."""
    begins = min(account.start for account in accounts)
    why = "" if start == begins else ": that of the oldest event in the old logs"
    head = _HEAD.format(source=json.dumps(source), timezone=timezone, why=why, start=moment(start, timezone))
    own = (_account(account, start, timezone, general) for account in accounts)
    return "".join([head, *_general(general), "\naccounts:\n", *own])


def moment(start: int, timezone: str) -> str:
    """An hour as settings take it; with its offset where the clock shows it twice."""
    local = datetime.fromtimestamp(start, ZoneInfo(timezone))
    return local.isoformat(timespec="minutes") if local.fold else local.strftime("%Y-%m-%dT%H:%M")


def _general(general: General) -> Iterator[str]:
    if general.log_file_name:
        yield "\n# Name of the log file of an hour, as the old tool had it.\n"
        yield f"log_file_name: {_text(general.log_file_name)}\n"
    for name, values in (("api", general.api), ("operating_logs", general.operating_logs)):
        if values:
            yield f"\n# As the old tool had it; other keys of `{name}` are as by default.\n{name}:\n"
            yield from (f"  {key}: {_text(value)}\n" for key, value in values.items())


def _account(account: NewAccount, start: int, timezone: str, general: General) -> str:
    readable = readable_domain(account.domain)
    lines = [
        f"  - domain: {account.domain}" + (f"  # {readable}" if readable != account.domain else ""),
        f"    api_key: ${{{account.variable}}}  # the key itself stands in .env",
    ]
    if account.base_url != general.api.get("base_url", DEFAULT_BASE_URL):
        lines.append(f"    base_url: {_text(account.base_url)}")
    if parallel := general.parallel_details.get(account.domain):
        lines.append(f"    max_parallel_details: {_text(parallel)}")
    if account.start != start:
        lines.append(f"    start: {moment(account.start, timezone)}")
    lines += [f"    feeds: [{', '.join(one.feed.name for one in account.feeds)}]"]
    if account.sections:
        lines += ["    sections:  # names in heartbeat files"]
        lines += [f"      {feed}: {_text(name)}" for feed, name in account.sections.items()]
    return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    """The value in YAML; a dollar sign would name a variable."""
    return json.dumps(value.replace("$", "$$"), ensure_ascii=False) if isinstance(value, str) else json.dumps(value)


def feeds_of(accounts: Sequence[NewAccount]) -> dict[Feed, int]:
    """Every feed with its first hour."""
    return {one.feed: one.first for account in accounts for one in account.feeds}
