"""The patterns that name log files: that every hour gets a name of its own, and one that every system takes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

MAX_BYTES: Final = 255
MAX_SECTION_BYTES: Final = 200
RESERVED_BYTES: Final = len("+0300") + len(".") + len(".partial")
"""What the store may add: the offset of an hour that occurs twice, and the name of a file that is being written."""

_DIRECTIVES: Final = "YmdHFjyMSzGVu%"
_SUCH_AS: Final = "such as {domain}_{type}_%Y-%m-%d_%H.log"
_DEVICES: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)


@cache
def check_log_file_name(pattern: str) -> str:
    """Return the pattern itself; ValueError says why it cannot name the log files of all hours."""
    _check_name(pattern, _SUCH_AS)
    if re.search(r"[{}]", pattern.replace("{domain}", "").replace("{type}", "")):
        raise ValueError(f"may have {{domain}} and {{type}} in braces and nothing else; write a name {_SUCH_AS}")
    if re.sub(f"%[{_DIRECTIVES}]", "", pattern).count("%"):
        known = " ".join(f"%{letter}" for letter in _DIRECTIVES)
        raise ValueError(f"may have {known} and no other code of time; write a name {_SUCH_AS}")
    if re.search(r"[%{]", pattern.rpartition(".")[2]) and "." in pattern:
        raise ValueError(f"has a code of time or braces after its last dot; write a name {_SUCH_AS}")
    names: dict[str, datetime] = {}
    for hour in _telling_hours():
        if (name := hour.strftime(pattern)) in names:
            raise ValueError(
                f"gives {names[name]:%Y-%m-%d %H:00} and {hour:%Y-%m-%d %H:00} the same name; "
                f"it must have year, month, day and hour in it, {_SUCH_AS}"
            )
        names[name] = hour
    return pattern


def check_operating_log_name(pattern: str) -> str:
    """Return the pattern itself; ValueError says why it cannot name the operating logs of one hour after another."""
    such_as = "such as messages_%Y-%m-%d_%H.log"
    _check_name(pattern, such_as)
    codes = re.findall("%(.?)", pattern)
    if not set(codes) <= set("YmdH") or len(set(codes)) != len(codes) or "Y" not in codes or "{" in pattern:
        raise ValueError(
            f"must have the code %Y, may have %m, %d and %H, each once, and no other nor braces; write a name {such_as}"
        )
    return pattern


def check_section(name: str) -> str:
    """Return the name itself; ValueError where it cannot begin the name of a file."""
    _check_name(name, "such as example-incoming")
    if len(name.encode()) > MAX_SECTION_BYTES:
        raise ValueError(f"is longer than {MAX_SECTION_BYTES} bytes; write a shorter name")
    return name


def check_length(pattern: str, domain: str, type_: str) -> None:
    """Raise ValueError where the log files of a feed would have names too long for a file system."""
    name = datetime(2026, 12, 31, 23, tzinfo=UTC).strftime(pattern).format(domain=domain, type=type_)
    excess = len(name.encode()) + RESERVED_BYTES - MAX_BYTES
    if excess > 0:
        raise ValueError(
            f"makes names {excess} bytes too long with the longest domain: a file may have {MAX_BYTES}, of which "
            f"{RESERVED_BYTES} are kept for the store; shorten it, or leave out {{domain}}"
        )


def _check_name(name: str, such_as: str) -> None:
    if "/" in name or "\\" in name:
        raise ValueError(f"must be the name of a file, without folders; write a name {such_as}")
    if re.search(r'[<>:"|?*\x00-\x1f]', name) or name.strip(" .") != name or not name or _DEVICES.match(name):
        raise ValueError(
            'is a name that Windows refuses or hides; leave out < > : " | ? *, dots and spaces at the ends, '
            f"and names of devices such as con; write a name {such_as}"
        )


def _telling_hours() -> list[datetime]:
    """Return hours among which any two are alike that a pattern could give one name."""
    # Fourteen years of days hold every way in which calendar years, ISO years and weekdays meet.
    start = datetime(2019, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=hour) for hour in range(24)]
    return hours + [start + timedelta(days=day) for day in range(1, 5114)]
