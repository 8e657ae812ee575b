"""Single values of the settings: time zone, start, feed, address of the API, storage.

Each function returns the value as the models keep it, or raises a ValueError whose text follows the quoted value in a
sentence: what is wrong with it, and how to mend it.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings.domain_names import ascii_domain
from mailevents_dagster.settings.problems import enumeration
from mailevents_dagster.sources.catalog import FEED_KINDS

SIMULATOR: Final = "simulator"
FIRST_YEAR: Final = 2019
LONGEST_REASON: Final = 200
LOG_FILE_MODE: Final = "0?6[04][04]"

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.*")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_UNNAMED: Final = {"localtime", "posixrules", "Factory"}
"""Files beside the zones that name no zone, or another one on every machine."""


@cache
def _timezones() -> dict[str, str]:
    return {name.casefold(): name for name in sorted(available_timezones() - _UNNAMED)}


def check_timezone(name: str) -> str:
    known = _timezones()
    if known.get(name.casefold()) == name:
        return name
    wanted = name.casefold().replace(" ", "_")
    cities = {zone.rpartition("/")[2]: zone for zone in known}
    close = get_close_matches(wanted, known, n=3, cutoff=0.7)
    close += [cities[city] for city in get_close_matches(wanted, cities, n=2, cutoff=0.8)]
    mend = f"did you mean {enumeration(known[zone] for zone in dict.fromkeys(close))}?" if close else ""
    raise ValueError(f"is no IANA time zone; {mend or 'write a name such as `Europe/Istanbul` or `UTC`'}")


def check_log_file_mode(mode: str) -> str:
    if not re.fullmatch(LOG_FILE_MODE, mode):
        raise ValueError(
            "is no mode for log files: their owner reads and writes, group and others may read and no more; "
            "write `0640` to let the group read"
        )
    return mode.zfill(len("0640"))


def check_feed(name: str) -> str:
    if name in FEED_KINDS:
        return name
    close = get_close_matches(name, FEED_KINDS, n=1)
    mend = f"did you mean `{close[0]}`? The" if close else "the"
    raise ValueError(f"is no feed; {mend} feeds are {enumeration(FEED_KINDS)}")


def check_feed_pattern(pattern: str) -> str:
    """The pattern in small letters, as feeds are named; which feeds it means is for others to see."""
    if not re.fullmatch(r"\S+ \S+", pattern) and pattern != "*":
        raise ValueError("is no pattern of feeds; write domain and feed, a space between, like `example.com mail/*`")
    return pattern.lower()


def check_reason(text: str) -> str:
    """Something to read, on one line."""
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_REASON:
        raise ValueError(f"is no reason; write one line of up to {LONGEST_REASON} characters, like `case 2026/17`")
    return text


def check_moment(text: str) -> str:
    """The text of a date, or of a date and time, as it is; see start_of for what it means in a time zone."""
    _moment(text)
    return text


def start_of(text: str, timezone: str, now: float | None) -> int:
    """The Unix time of an hour's start. A text without an offset is in the time zone; None: the future is allowed."""
    zone = ZoneInfo(timezone)
    moment = _moment(text)
    if not FIRST_YEAR <= moment.year < 9999:
        raise ValueError(f"is not from {FIRST_YEAR}-01-01 on, where hours begin to be defined; write a later day")
    local = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    time = local.timestamp()
    if datetime.fromtimestamp(time, zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise ValueError(f"does not exist in {timezone}: the clock skips it there; write the next hour")
    if now is not None and time > now:
        present = datetime.fromtimestamp(now, zone).strftime("%Y-%m-%dT%H:%M")
        raise ValueError(f"lies in the future (it is {present} in {timezone}); write an hour that has begun")
    hour = Hour.containing(time, timezone)
    if hour.start != time:
        begin = datetime.fromtimestamp(hour.start, zone).strftime("%Y-%m-%dT%H:%M")
        raise ValueError(f"does not begin an hour in {timezone}; write `{begin}`")
    return hour.start


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment.utcoffset()
    except ValueError:
        raise ValueError("is no date and time; write it like 2026-11-01T00:00") from None
    return moment


def check_time_of_day(text: str) -> str:
    """An hour and a minute."""
    if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError("is no time of day; write hour and minute like `03:30`, in quotes")
    return text


def check_base_url(text: str) -> str:
    """`simulator`, or an https address without a slash at its end."""
    if text == SIMULATOR:
        return text
    such_as = "write it like https://yenipanel-api.uzmanposta.com/api/v2, or `simulator`"
    try:
        url = urlsplit(text)
        host, scheme, port = url.hostname or "", url.scheme, url.port
    except ValueError:
        raise ValueError(f"is no address; {such_as}") from None
    if scheme not in ("http", "https") or not re.fullmatch(r"[!-~]+", text) or port == 0:
        raise ValueError(f"is no https address; {such_as}")
    if "@" in url.netloc:
        raise ValueError("holds a user name or password; take it out: the API is asked with the api_key of the account")
    if re.search(r"[?#]", text):
        raise ValueError("holds a query (?) or a fragment (#); take it out: only the address of the API stands here")
    if not (_HOST.fullmatch(host) or _address(host)) or re.search(r'[\\<>"{}|^`]', text):
        raise ValueError(f"has no host, or characters that no address has; {such_as}")
    if scheme == "http" and not is_loopback(host):
        raise ValueError("would send the key unencrypted; write https: (http: is for this machine alone, as 127.0.0.1)")
    return text.rstrip("/")


def check_webhook(text: str) -> None:
    """An https address, which may have a query; the text itself is secret, so no message holds it."""
    such_as = "copy the whole address of the webhook into it"
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise ValueError(f"is no address; {such_as}") from None
    if url.scheme not in ("http", "https") or not re.fullmatch(r"[!-~]+", text) or port == 0:
        raise ValueError(f"is no https address; {such_as}")
    if "@" in url.netloc or not (_HOST.fullmatch(host) or _address(host)):
        raise ValueError(f"has a user name in it, or no host; {such_as}")
    if url.scheme == "http" and not is_loopback(host):
        raise ValueError("would be asked unencrypted; it must begin with https: (http: is for this machine alone)")


def check_host(text: str) -> str:
    """The name or address of a server."""
    if not (_HOST.fullmatch(text) or _address(text)):
        raise ValueError("is no name of a server; write it like smtp.example.com, without a port")
    return text


def check_mail_address(text: str) -> str:
    """A mail address, its domain as mail servers know it."""
    user, at, domain = text.rpartition("@")
    if not at or not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", user):
        raise ValueError("is no mail address; write it like ops@example.com, without a name before it")
    return f"{user}@{ascii_domain(domain)}"


def is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_url(storage: str) -> bool:
    return bool(_URL.match(storage))


def check_storage(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write a folder such as `./data`, or a URL such as `s3://bucket/prefix`")
    if is_url(text):
        if "@" in text:
            raise ValueError("holds a user name or password; take it out: credentials come from the environment")
        if not text.partition("://")[2].strip("/"):
            raise ValueError("names no bucket or folder; write it like s3://bucket/prefix")
    return text


def absolute_storage(text: str, folder: Path) -> str:
    """A URL as it is, a folder as its absolute path; a relative one lies in the given folder."""
    if is_url(text):
        return text
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise ValueError("names a user (~) this machine does not know; write the whole path") from None
    path = Path(str((folder / path).absolute()))
    try:
        is_file = path.exists() and not path.is_dir()
    except OSError as error:
        raise ValueError(
            f"cannot be looked at ({error.strerror}); check the rights, or choose another folder"
        ) from None
    if is_file:
        raise ValueError("is a file, and must be a folder; choose another name")
    return str(path)
