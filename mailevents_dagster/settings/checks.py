"""What must fit between one key and another, and between the settings and the world: checked in one go.

Looks at the filled-in values as they came from the file, past those that have a problem of their own, so that one
mistake does not hide the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from upath import UPath

from mailevents_dagster.model.feed import Feed, dagster_name
from mailevents_dagster.settings.collecting import ApiSettings, CollectSettings
from mailevents_dagster.settings.domain_names import ascii_domain
from mailevents_dagster.settings.keeping import OperatingLogSettings
from mailevents_dagster.settings.log_names import check_length
from mailevents_dagster.settings.models import SettingsFile
from mailevents_dagster.settings.problems import Place, Problems, enumeration
from mailevents_dagster.settings.stored import stored_timezones
from mailevents_dagster.settings.values import SIMULATOR, absolute_storage, is_url, start_of
from mailevents_dagster.settings.variables import key_fault, variable_of
from mailevents_dagster.sources.catalog import FEED_KINDS
from mailevents_dagster.store.inventory import stored_feeds
from mailevents_dagster.store.layout import Layout, scratch_folder

_DEFAULTS: Final[dict[Place, str]] = {
    ("timezone",): SettingsFile.model_fields["timezone"].default,
    ("storage",): SettingsFile.model_fields["storage"].default,
    ("log_file_name",): SettingsFile.model_fields["log_file_name"].default,
    ("api", "base_url"): ApiSettings.model_fields["base_url"].default,
    ("operating_logs", "messages"): OperatingLogSettings.model_fields["messages"].default,
    ("operating_logs", "errors"): OperatingLogSettings.model_fields["errors"].default,
}


@dataclass(frozen=True, slots=True)
class Draft:
    """The values of a file, of which some may be wrong."""

    data: object
    problems: Problems

    def text(self, *place: str | int) -> str | None:
        """The text at a place, or None: there is none, or it has a problem."""
        value = self._at(place)
        return value if isinstance(value, str) else None

    def text_or_default(self, *place: str | int) -> str | None:
        """The text at a place, the default where the file leaves it out, or None: it has a problem."""
        if self.problems.at(place):
            return None
        return self.text(*place) or _DEFAULTS[place]

    def number(self, *place: str | int) -> int | None:
        """The whole number at a place, or None: there is none, or it has a problem."""
        value = self._at(place)
        return int(float(value)) if isinstance(value, int | float | str) else None

    def truth(self, *place: str | int) -> bool | None:
        """Whether true or false stands at a place, or None: neither does."""
        return {"true": True, "false": False}.get(str(self._at(place)).lower())

    def count(self, *place: str | int) -> int:
        value = self._at(place)
        return len(value) if isinstance(value, list) else 0

    def _at(self, place: Place) -> object:
        if self.problems.at(place):
            return None
        value = self.data
        for step in place:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int):
                value = value[step]
            else:
                return None
        return value


def check_all(draft: Draft, folder: Path, environ: Mapping[str, str], now: float | None) -> None:
    """Adds the problems to those of the draft."""
    _check_starts(draft, now)
    domains = _check_domains(draft)
    for index in range(draft.count("accounts")):
        _check_feeds(draft, index)
        _check_key(draft, index, environ)
    _check_log_file_name(draft, domains)
    _check_names_differ(draft)
    _check_storage(draft, folder)
    _check_retention(draft)
    _check_legal_holds(draft, folder)


def _check_starts(draft: Draft, now: float | None) -> None:
    timezone = draft.text_or_default("timezone")
    if timezone is None:
        return
    general = _start(draft, ("start",), timezone, now)
    for index in range(draft.count("accounts")):
        place = ("accounts", index, "start")
        own = _start(draft, place, timezone, now)
        if own is not None and general is not None and own < general:
            mend = "move the general start back, or leave this one out"
            draft.problems.add(place, f"{draft.problems.quote(place)} lies before the general `start`; {mend}")


def _start(draft: Draft, place: Place, timezone: str, now: float | None) -> int | None:
    text = draft.text(*place)
    if text is None:
        return None
    try:
        return start_of(text, timezone, now)
    except ValueError as error:
        draft.problems.add(place, f"{draft.problems.quote(place)} {error}")
        return None


def _check_domains(draft: Draft) -> list[str]:
    """The good domains."""
    first: dict[str, int] = {}
    names: dict[str, int] = {}
    for index in range(draft.count("accounts")):
        place = ("accounts", index, "domain")
        text = draft.text(*place)
        if text is None:
            continue
        domain = ascii_domain(text)
        name = dagster_name(domain)
        if domain in first:
            other = f"accounts[{first[domain]}]"
            draft.problems.add(
                place, f"is the domain of {other} already; put all its feeds there and take this one out"
            )
        elif name in names:
            both = f"and that of accounts[{names[name]}] are both named {name} in Dagster"
            draft.problems.add(place, f"{both}; move one of them to another settings file and project")
        first.setdefault(domain, index)
        names.setdefault(name, index)
    return list(first)


def _check_feeds(draft: Draft, index: int) -> None:
    seen: set[str] = set()
    for number in range(draft.count("accounts", index, "feeds")):
        place = ("accounts", index, "feeds", number)
        feed = draft.text(*place)
        if feed in seen:
            draft.problems.add(place, f"{draft.problems.quote(place)} is in this list already; take one of them out")
        elif feed is not None:
            seen.add(feed)


def _check_key(draft: Draft, index: int, environ: Mapping[str, str]) -> None:
    """A key that can be one, wherever the account asks a real API."""
    account, place = ("accounts", index), ("accounts", index, "api_key")
    if draft.problems.at((*account, "base_url")) or draft.problems.at(place):
        return
    base_url = draft.text(*account, "base_url") or draft.text_or_default("api", "base_url")
    if base_url is None or base_url == SIMULATOR:
        return
    written = draft.text(*place)
    if written is None:
        domain = draft.text(*account, "domain")
        variable = "UZMANPOSTA_KEY_" + dagster_name(ascii_domain(domain) if domain else "example.com").upper()
        draft.problems.add(
            place, f"is missing; put the key into the variable {variable} and write `api_key: ${{{variable}}}`"
        )
        return
    fault = key_fault(variable_of(written), environ)
    if fault:
        draft.problems.add(place, fault)


def _check_log_file_name(draft: Draft, domains: list[str]) -> None:
    pattern = draft.text_or_default("log_file_name")
    if pattern is None or not domains:
        return
    try:
        check_length(pattern, max(domains, key=len))
    except ValueError as error:
        draft.problems.add(("log_file_name",), f"{draft.problems.quote(('log_file_name',))} {error}")


def _check_names_differ(draft: Draft) -> None:
    """They all lie in one folder."""
    taken: dict[str | None, str] = {}
    for place in (("log_file_name",), ("operating_logs", "messages"), ("operating_logs", "errors")):
        name = draft.text_or_default(*place)
        if name is not None and name in taken:
            draft.problems.add(
                place, f"{draft.problems.quote(place)}: `{taken[name]}` has that name already; write another"
            )
        taken[name] = ".".join(place)


def _check_storage(draft: Draft, folder: Path) -> None:
    written, timezone = draft.text_or_default("storage"), draft.text_or_default("timezone")
    if written is None or is_url(written):
        return
    try:
        stored = stored_timezones(Path(absolute_storage(written, folder)) / "manifests", timezone)
    except ValueError as error:
        draft.problems.add(("storage",), f"{draft.problems.quote(('storage',))} {error}")
        return
    if timezone is not None and (others := sorted(stored - {timezone})):
        draft.problems.add(
            ("timezone",),
            f"is {timezone}, but the data in the storage were written in {enumeration(others)}; write `timezone: "
            f"{others[0]}`, or keep {timezone} and choose another storage folder, to collect into it anew",
        )


def _check_retention(draft: Draft) -> None:
    """Days that end before automation looks at an hour for the last time would have it collected and destroyed."""
    lookback, settle = draft.number("collect", "lookback_hours"), draft.number("collect", "settle_minutes")
    hours = CollectSettings().lookback_hours if lookback is None else lookback
    minutes = CollectSettings().settle_minutes if settle is None else settle
    least = ((hours + 1) * 60 + minutes) // (24 * 60) + 1  # an hour more, since hours are whole
    for key in (f"{category}_days" for category in {kind.category: None for kind in FEED_KINDS.values()}):
        days = draft.number("retention", key)
        if days is not None and days < least:
            draft.problems.add(
                ("retention", key),
                f"{days} is too short: hours are listed again for collect.lookback_hours after they closed; "
                f"write {least} or more, or lower that",
            )


def _check_legal_holds(draft: Draft, folder: Path) -> None:
    timezone = draft.text_or_default("timezone")
    for index in range(draft.count("retention", "legal_hold")):
        place = ("retention", "legal_hold", index)
        if timezone is not None:
            first = _start(draft, (*place, "from"), timezone, None)
            until = _start(draft, (*place, "until"), timezone, None)
            if first is not None and until is not None and first >= until:
                draft.problems.add(
                    (*place, "until"), f"{draft.problems.quote((*place, 'until'))} is not after `from`; nothing is held"
                )
        _check_held_feeds(draft, (*place, "feeds"), folder)


def _check_held_feeds(draft: Draft, place: Place, folder: Path) -> None:
    """A hold that means no feed protects nothing: with a typing mistake in it, evidence would be destroyed."""
    pattern = draft.text(*place)
    feeds = _feeds(draft)
    if pattern is None or feeds is None or any(feed.matches(pattern) for feed in feeds):
        return
    storage = draft.text_or_default("storage")
    if storage is None or is_url(storage):  # what lies elsewhere is looked at by housekeeping, before it destroys
        return
    root = absolute_storage(storage, folder)
    try:
        stored = list(stored_feeds(Layout(UPath(root), scratch_folder(root), ""), FEED_KINDS.values()))
    except OSError as error:
        draft.problems.add(("storage",), f"holds {error.filename}, which cannot be read ({error.strerror})")
        return
    if not any(feed.matches(pattern) for feed in stored):
        such_as = f"; feeds are written like `{feeds[0]}`" if feeds else ""
        draft.problems.add(
            place, f"{draft.problems.quote(place)} is like no feed of these settings or of the storage{such_as}"
        )


def _feeds(draft: Draft) -> list[Feed] | None:
    """The feeds of all accounts; None where a domain or feed has a problem, so that one mistake is not told twice."""
    feeds = []
    for index in range(draft.count("accounts")):
        domain = draft.text("accounts", index, "domain")
        for number in range(draft.count("accounts", index, "feeds")):
            name = draft.text("accounts", index, "feeds", number)
            if domain is None or name is None:
                return None
            feeds.append(Feed(ascii_domain(domain), FEED_KINDS[name]))
    return feeds
