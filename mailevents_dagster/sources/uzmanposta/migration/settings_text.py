"""The text of the new settings file. Pure: the same sections always give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel

from mailevents_dagster.model.feed import readable_domain
from mailevents_dagster.settings import OperatingLogSettings
from mailevents_dagster.settings.first_files import written_start
from mailevents_dagster.settings.log_names import check_length, check_log_file_name, check_operating_log_name
from mailevents_dagster.settings.models import DEFAULT_LOG_FILE_NAME
from mailevents_dagster.settings.problems import enumeration, shown
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.migration.sections import Moved, NewAccount
from mailevents_dagster.sources.uzmanposta.settings import DEFAULT_BASE_URL, ApiSettings

NOT_NEEDED: Final[Mapping[str, str]] = {
    "use_session": "connections are always kept open",
    "split_interval": "a window is split where a page is full, and only there",
    "max_time_gap": "an hour is collected as a whole, whatever the gap",
    "list_sleep_time": "the waits between tries grow by themselves",
    "detail_sleep_time": "the waits between tries grow by themselves",
    "lock_file_path": "the storage has its own locks, which go with their process",
    "verbose": "what is shown is chosen where it is looked at",
    "log_directory": "the new files lie below `storage`; the old ones stay where they are",
}
"""Keys without a successor, and why none is needed."""
CARRIED: Final = frozenset(
    f"{kind}_{what}" for kind in ("message", "error") for what in ("log_file_name", "log_retention_count")
) | {
    *("api_key", "domain", "type", "category", "url", "start_time", "position_file", "heartbeat_file"),
    *("log_file_name_format", "max_records_per_page", "max_parallel_details"),
    *("list_timeout", "detail_timeout", "list_retries", "detail_retries"),
}
_Choose = Callable[[Iterable[int]], int]
_LOGS: Final = {"messages": "message", "errors": "error"}
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


@dataclass(slots=True)
class General:
    """What stands once in the new settings: only what differs from their defaults."""

    sections: Sequence[Moved]
    log_file_name: str | None = None
    api: dict[str, object] = field(default_factory=dict)
    operating_logs: dict[str, object] = field(default_factory=dict)
    parallel_details: dict[str, object] = field(default_factory=dict)
    """By domain, where domains differ."""
    notes: list[str] = field(default_factory=list)
    """What could not be carried over as it was."""

    def agree(self, key: str, check: Callable[[str], str]) -> str | None:
        """Return the first good value of a key; note what other sections have instead."""
        agreed: str | None = None
        for one in self.sections:
            text = one.section.get(key)
            if not text or text == agreed:
                continue
            if agreed is not None:
                self.notes.append(f"[{one.name}] {key}: {shown(text)} differs; all feeds now have {shown(agreed)}")
                continue
            try:
                agreed = check(text)
            except ValueError as error:
                self.notes.append(f"[{one.name}] {key}: {shown(text)} {error}; the default is taken")
        return agreed

    def number(
        self, model: type[BaseModel], key: str, choose: _Choose, *old: str, domain: str = ""
    ) -> dict[str, object]:
        """Return the setting with a number of all sections within its bounds; nothing where that is the default."""
        sections = [one for one in self.sections if domain in ("", one.feed.domain)]
        found = [number for one in sections for name in old if (number := self._read(one, name)) is not None]
        if not found:
            return {}
        schema = model.model_json_schema()["properties"][key]
        bounds = next(one for one in (schema, *schema.get("anyOf", ())) if "minimum" in one)  # it may also be null
        wanted, low, high = choose(found), bounds["minimum"], bounds["maximum"]
        value = max(low, min(high, wanted))
        if value != wanted:
            self.notes.append(f"{' and '.join(old)}: {wanted:,} becomes `{key}: {value:g}`, the nearest allowed")
        elif len(set(found)) > 1:
            values = ", ".join(map(str, sorted(set(found))))
            self.notes.append(f"{' and '.join(old)}: of {values} all feeds now have {value:g}")
        return {key: value} if value != schema["default"] else {}

    def _read(self, one: Moved, key: str) -> int | None:
        text = one.section.get(key)
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        if text:
            self.notes.append(f"[{one.name}] {key}: {shown(text)} is not a whole number; it is left out")
        return None


def general(sections: Sequence[Moved], domains: Iterable[str]) -> General:
    """Return the general settings that these sections come to."""
    made = General(sections)
    longest = max(domains, key=len, default="")
    longest_type = max((kind.type for kind in FEED_KINDS.values()), key=len)

    def log_name(text: str) -> str:
        check_length(check_log_file_name(text), longest, longest_type)
        return text

    name = made.agree("log_file_name_format", log_name)
    made.log_file_name = name if name != DEFAULT_LOG_FILE_NAME else None
    urls = {one.base_url for one in sections}
    if len(urls) == 1 and urls != {DEFAULT_BASE_URL}:
        made.api["base_url"] = urls.pop()
    made.api |= made.number(ApiSettings, "page_limit", min, "max_records_per_page")
    made.api |= made.number(ApiSettings, "timeout_seconds", max, "list_timeout", "detail_timeout")
    made.api |= made.number(ApiSettings, "max_attempts", max, "list_retries", "detail_retries")
    key = "max_parallel_details"
    found = dict.fromkeys(one.feed.domain for one in sections)
    own = {domain: made.number(ApiSettings, key, max, key, domain=domain) for domain in found}
    if len({str(values) for values in own.values()}) == 1:
        made.api |= next(iter(own.values()))
    else:
        made.parallel_details = {domain: value for domain, values in own.items() for value in values.values()}
    _operating_logs(made)
    made.notes += _left_out(sections)
    return made


def _operating_logs(made: General) -> None:
    fields = OperatingLogSettings.model_fields
    for kind, old_name in _LOGS.items():
        text = made.agree(f"{old_name}_log_file_name", check_operating_log_name)
        if text and text != fields[kind].default:
            made.operating_logs[kind] = text
        made.operating_logs |= made.number(OperatingLogSettings, f"{kind}_kept", max, f"{old_name}_log_retention_count")
    names = {made.operating_logs.get(kind, fields[kind].default) for kind in _LOGS}
    if len(names | {made.log_file_name or DEFAULT_LOG_FILE_NAME}) < len(_LOGS) + 1:
        made.notes.append("message_log_file_name, error_log_file_name: two kinds of logs shared a name; both are new")
        made.operating_logs = {key: value for key, value in made.operating_logs.items() if key not in _LOGS}


def _left_out(sections: Sequence[Moved]) -> Iterator[str]:
    """Name the keys that have no successor, and those that nobody knows."""
    present = frozenset[str]().union(*(one.section.keys for one in sections))
    yield from (f"{key}: not needed any more; {why}" for key, why in NOT_NEEDED.items() if key in present)
    if "heartbeat_file" in present:
        yield "heartbeat_file: each section has SECTION_heartbeat.json beside the feed's new logs; tell your monitors"
    if unknown := sorted(present - CARRIED - NOT_NEEDED.keys()):
        yield f"{enumeration(unknown)}: known neither to the old tool's description nor here; left out"


def settings_start(accounts: Sequence[NewAccount], first_adopted: int | None, there: int | None) -> int:
    """Return the general start: of the earliest feed, the oldest adopted hour, or the settings that are there."""
    starts = (min(account.start for account in accounts), first_adopted, there)
    return min(start for start in starts if start is not None)


def settings_text(accounts: Sequence[NewAccount], general: General, timezone: str, source: str, start: int) -> str:
    """Return the settings file with this general start."""
    begins = min(account.start for account in accounts)
    why = "" if start == begins else ": that of the oldest event in the old logs"
    head = _HEAD.format(source=json.dumps(source), timezone=timezone, why=why, start=written_start(start, timezone))
    own = (_account(account, start, timezone, general) for account in accounts)
    return "".join([head, *_general(general), "\naccounts:\n", *own])


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
        lines.append(f"    start: {written_start(account.start, timezone)}")
    lines.append(f"    feeds: [{', '.join(one.feed.name for one in account.feeds)}]")
    if named := [one for one in account.feeds if one.names_heartbeat]:
        lines.append("    sections:  # names in heartbeat files")
        lines += [f"      {one.feed.name}: {_text(one.name)}" for one in named]
    return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    """Return the value in YAML; a dollar sign would name a variable."""
    return json.dumps(value.replace("$", "$$"), ensure_ascii=False) if isinstance(value, str) else json.dumps(value)
