"""Names of log files: which log they belong to, and what rotation made of them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

_PACKED: Final = re.compile(r"\.(gz|bz2|xz|lzma|zst)$")
_NUMBER: Final = re.compile(r"\.(\d{1,4})$")
_DATE: Final = re.compile(r"[-._](\d{8,14}|\d{4}-\d{2}-\d{2})([-_.T]?\d+)*(?=$|\.[A-Za-z]+$)")


@dataclass(frozen=True, slots=True)
class LogName:
    """What the name of a file says of it."""

    log: str
    """The name less what rotation added: `mail.log` of `mail.log.2.gz`, `mail-20261130.log`, `mail.log-20261130`."""
    number: int | None
    """What rotation counts: 0 for the log itself, None where rotation writes dates."""
    date: str

    @property
    def age(self) -> tuple[int, tuple[int, ...], int]:
        """Return what sorts the files of a log, its newest first."""
        digits = tuple(-int(one) for one in re.findall(r"\d+", self.date))
        return 0 if self.is_bare else 1, digits, self.number or 0

    @property
    def is_bare(self) -> bool:
        """Whether rotation added nothing."""
        return self.number == 0 and not self.date


def log_name(path: str) -> LogName:
    """Return what a path says."""
    name = _PACKED.sub("", PurePath(path).name)
    number: int | None = 0
    if found := _NUMBER.search(name):
        name, number = name[: found.start()], int(found[1])
    date = ""
    if found := _DATE.search(name):
        date = found[0]
        name = name[: found.start()] + name[found.end() :]
        number = number or None
    return LogName(name, number, date)
