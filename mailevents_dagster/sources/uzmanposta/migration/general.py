"""What becomes of the keys that are not of one feed: numbers, names of files, and keys that nothing needs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

from pydantic.fields import FieldInfo

from mailevents_dagster.settings import DEFAULT_LOG_FILE_NAME, OperatingLogSettings
from mailevents_dagster.settings.log_names import check_length, check_log_file_name, check_operating_log_name
from mailevents_dagster.settings.problems import enumeration, shown
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.migration.ini import OldSection
from mailevents_dagster.sources.uzmanposta.migration.sections import Moved
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


_LOGS: Final = {"messages": "message", "errors": "error"}


@dataclass(slots=True)
class General:
    """What stands once in the new settings; only what differs from their defaults."""

    log_file_name: str | None = None
    api: dict[str, object] = field(default_factory=dict)
    operating_logs: dict[str, object] = field(default_factory=dict)
    parallel_details: dict[str, object] = field(default_factory=dict)
    """By domain, where domains differ."""
    said: list[str] = field(default_factory=list)
    """What could not be carried over as it was."""


def general(sections: Sequence[Moved], domains: Iterable[str]) -> General:
    """The general settings that these sections come to."""
    made = General()
    longest = max(domains, key=len, default="")
    longest_type = max((kind.type for kind in FEED_KINDS.values()), key=len)

    def log_name(text: str) -> str:
        check_length(check_log_file_name(text), longest, longest_type)
        return text

    name = _agreed(sections, "log_file_name_format", log_name, made.said)
    made.log_file_name = name if name != DEFAULT_LOG_FILE_NAME else None
    urls = {one.base_url for one in sections}
    if len(urls) == 1 and urls != {DEFAULT_BASE_URL}:
        made.api["base_url"] = urls.pop()
    for key, old, choose in (
        ("page_limit", ("max_records_per_page",), min),
        ("timeout_seconds", ("list_timeout", "detail_timeout"), max),
        ("max_attempts", ("list_retries", "detail_retries"), max),
    ):
        _number(made.api, ApiSettings, key, choose, sections, old, made.said)
    _parallel(made, sections)
    for kind, old_name in _LOGS.items():
        text = _agreed(sections, f"{old_name}_log_file_name", check_operating_log_name, made.said)
        if text and text != OperatingLogSettings.model_fields[kind].default:
            made.operating_logs[kind] = text
        retention = (f"{old_name}_log_retention_count",)
        _number(made.operating_logs, OperatingLogSettings, f"{kind}_kept", max, sections, retention, made.said)
    names = [made.operating_logs.get(kind, OperatingLogSettings.model_fields[kind].default) for kind in _LOGS]
    if len({*names, name or DEFAULT_LOG_FILE_NAME}) < len(names) + 1:
        made.said.append("message_log_file_name, error_log_file_name: two kinds of logs had one name; these are as new")
        made.operating_logs = {key: value for key, value in made.operating_logs.items() if key not in _LOGS}
    made.said += _left_out(sections)
    return made


def _agreed(sections: Sequence[Moved], key: str, check: Callable[[str], str], said: list[str]) -> str | None:
    """The value that the first section has which has a good one; what the others have instead is said."""
    agreed: str | None = None
    for one in sections:
        text = one.section.get(key)
        if not text or text == agreed:
            continue
        if agreed is not None:
            said.append(f"[{one.section.name}] {key}: {shown(text)} differs; all feeds now have {shown(agreed)}")
            continue
        try:
            agreed = check(text)
        except ValueError as error:
            said.append(f"[{one.section.name}] {key}: {shown(text)} {error}; the default is taken")
    return agreed


def _number(
    into: dict[str, object],
    model: type[ApiSettings] | type[OperatingLogSettings],
    key: str,
    choose: Callable[[Iterable[int]], int],
    sections: Sequence[Moved],
    old: Sequence[str],
    said: list[str],
) -> None:
    """One number of all sections, within what the settings allow; nothing where no section says anything."""
    found = list(_numbers([one.section for one in sections], old, said))
    if not found:
        return
    info = model.model_fields[key]
    low, high = _bounds(info)
    wanted = choose(found)
    value = max(low, min(high, wanted))
    if value != wanted:
        said.append(f"{' and '.join(old)}: {wanted:,} becomes `{key}: {value:g}`, which is as far as it goes")
    elif len(set(found)) > 1:
        said.append(f"{' and '.join(old)}: of {', '.join(map(str, sorted(set(found))))} all feeds now have {value:g}")
    if value != info.default:
        into[key] = value


def _bounds(info: FieldInfo) -> tuple[int, int]:
    """The least and the most that a setting takes, also of one that may be null."""
    inner = [one for part in get_args(info.annotation) for one in getattr(part, "__metadata__", ())]
    stated = [*info.metadata, *(bound for one in inner if isinstance(one, FieldInfo) for bound in one.metadata)]
    bounds = {type(bound).__name__: bound for bound in stated}
    return getattr(bounds["Ge"], "ge"), getattr(bounds["Le"], "le")  # noqa: B009


def _parallel(made: General, sections: Sequence[Moved]) -> None:
    """How many details at a time: once for all accounts where they agree, else for each."""
    found: dict[str, dict[str, object]] = {}
    for domain in dict.fromkeys(one.feed.domain for one in sections):
        own = [one for one in sections if one.feed.domain == domain]
        key = "max_parallel_details"
        _number(found.setdefault(domain, {}), ApiSettings, key, max, own, [key], made.said)
    if all(values == found[domain] for domain in found for values in found.values()):
        made.api.update(*list(found.values())[:1])
    else:
        made.parallel_details = {domain: value for domain, values in found.items() for value in values.values()}


def _numbers(sections: Iterable[OldSection], keys: Sequence[str], said: list[str]) -> Iterator[int]:
    for section in sections:
        for key in keys:
            text = section.get(key)
            if text.isascii() and text.isdigit() and len(text) < 10:
                yield int(text)
            elif text:
                said.append(f"[{section.name}] {key}: {shown(text)} is no whole number; it is left out")


def _left_out(sections: Sequence[Moved]) -> Iterator[str]:
    """A line for each key that has no successor, and for those that nobody knows."""
    present = frozenset[str]().union(*(one.section.keys for one in sections))
    yield from (f"{key}: not needed any more; {why}" for key, why in NOT_NEEDED.items() if key in present)
    if "heartbeat_file" in present:
        yield "heartbeat_file: each section has SECTION_heartbeat.json beside the feed's new logs; tell your monitors"
    if unknown := sorted(present - CARRIED - NOT_NEEDED.keys()):
        yield f"{enumeration(unknown)}: known neither to the old tool's description nor here; left out"
