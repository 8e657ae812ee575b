"""The time zone of this machine, by its IANA name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mailevents_dagster.settings.values import check_timezone


def machine_timezone(environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> str | None:
    """The name; None where the machine has a time zone without one.

    The clock goes by TZ and, without it, by /etc/localtime; /etc/timezone is asked where that is no link.
    """
    if told := environ.get("TZ", "").strip():
        return _name(told.removeprefix(":"))
    with suppress(OSError):
        target = os.readlink(root / "etc" / "localtime")
        if name := _name(target):
            return name
    with suppress(OSError, UnicodeDecodeError):
        return _name((root / "etc" / "timezone").read_text().strip())
    return None


def _name(text: str) -> str | None:
    """The name in the path of a zone's file, or alone."""
    name = text.rpartition("zoneinfo/")[2]
    name = name.removeprefix("posix/").removeprefix("right/")
    with suppress(ValueError):
        return check_timezone(name)
    return None
