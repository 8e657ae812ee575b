"""Single values of the settings: time zone, hour, address, storage.

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
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings.domain_names import ascii_domain
from mailevents_dagster.settings.problems import enumeration

FIRST_YEAR: Final = 2019
LONGEST_REASON: Final = 200
LOG_FILE_MODE: Final = "0?6[04][04]"
TAKEN_OWNERS: Final = frozenset({"all", "lives", "old-logs"})
"""Names that the store, the summaries and the lives of mails use themselves."""

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
    raise ValueError(f"is not an IANA time zone; {mend or 'write a name such as `Europe/Istanbul` or `UTC`'}")


def mode_of(written: str | int) -> int:
    """Return the mode that `chmod` takes it for, with or without quotes."""
    # Without quotes YAML takes 0640 for a number in base eight, and 640 for one in base ten; neither can be the other.
    mode = str(written)
    if isinstance(written, int) and not re.fullmatch(LOG_FILE_MODE, mode):
        mode = f"0{written:o}"
    if not re.fullmatch(LOG_FILE_MODE, mode):
        raise ValueError(
            "is not a mode for log files: their owner reads and writes, group and others may read and no more; "
            "write `0640` to let the group read"
        )
    return int(mode, base=8)


def check_feed_pattern(pattern: str) -> str:
    """Return the pattern in lower case, as feeds are named; which feeds it means is for others to see."""
    if not re.fullmatch(r"\S+ \S+", pattern) and pattern != "*":
        raise ValueError("is not a pattern of feeds; write domain and feed with a space, like `example.com mail/*`")
    return pattern.lower()


def check_reason(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_REASON:
        raise ValueError(f"is not a reason; write one line of up to {LONGEST_REASON} characters, like `case 2026/17`")
    return text


def check_time_of_day(text: str) -> str:
    if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError("is not a time of day; write hour and minute like `03:30`, in quotes")
    return text


def moment_of(text: str) -> datetime:
    """Return a date, or a date and time; see start_of for what it means in a time zone."""
    try:
        moment = datetime.fromisoformat(text)
        moment.utcoffset()
    except ValueError:
        raise ValueError("is not a date and time; write it like 2026-11-01T00:00") from None
    return moment


def start_of(text: str, timezone: str, now: float | None) -> int:
    """Return the Unix time of an hour's start. A text without an offset is in the time zone.

    `now` is the time that it must not lie after; None: it may.
    """
    zone = ZoneInfo(timezone)
    moment = moment_of(text)
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


def web_address(text: str, mend: str) -> SplitResult:
    """Return the parts of an https address, or of an http address on this machine."""
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise ValueError(f"is not an address; {mend}") from None
    if url.scheme not in ("http", "https") or not re.fullmatch(r"[!-~]+", text) or port == 0:
        raise ValueError(f"is not an https address; {mend}")
    if "@" in url.netloc:
        raise ValueError(f"holds a user name or password; take it out, and {mend}")
    if not is_host(host):
        raise ValueError(f"has no host; {mend}")
    if url.scheme == "http" and not is_loopback(host):
        raise ValueError("would be asked unencrypted; write https: (http: is for this machine alone, as 127.0.0.1)")
    return url


def check_host(text: str) -> str:
    if not is_host(text):
        raise ValueError("is not the name of a server; write it like smtp.example.com, without a port")
    return text


def host_and_port(text: str, default: int) -> tuple[str, int]:
    """Return what is written as `host`, `host:port` or `[IPv6]:port`."""
    host, port = text, str(default)
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not is_host(host) or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 2**16:
        raise ValueError("is not a server; write it like 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353")
    return host, int(port)


def check_mail_address(text: str) -> str:
    """Return a mail address, its domain as mail servers know it."""
    user, at, domain = text.rpartition("@")
    if not at or not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", user):
        raise ValueError("is not a mail address; write it like ops@example.com, without a name before it")
    return f"{user}@{ascii_domain(domain)}"


def is_host(text: str) -> bool:
    return bool(_HOST.fullmatch(text)) or _ip_address(text) is not None


def is_loopback(host: str) -> bool:
    address = _ip_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def storage_in(folder: Path, text: str) -> str:
    """Return a URL as it is, and a folder as its absolute path; a relative one lies in the given folder."""
    if not text.strip():
        raise ValueError("is empty; write a folder such as `./data`, or a URL such as `s3://bucket/prefix`")
    if _URL.match(text):
        if not text.startswith("s3://"):
            raise ValueError("is of a kind that cannot be written to safely; write a folder, or s3://bucket/prefix")
        if "@" in text:
            raise ValueError("holds a user name or password; take it out: credentials come from the environment")
        if not text.partition("://")[2].strip("/"):
            raise ValueError("names no bucket or folder; write it like s3://bucket/prefix")
        return text
    try:
        path = Path(folder / Path(text).expanduser()).absolute()
        is_file = path.exists() and not path.is_dir()
    except RuntimeError:
        raise ValueError("names a user (~) this machine does not know; write the whole path") from None
    except OSError as error:
        raise ValueError(f"cannot be looked at ({error.strerror}); check the rights, or choose another") from None
    if is_file:
        raise ValueError("is a file, and must be a folder; choose another name")
    return str(path)
