"""What names of files say: which log they belong to, and which of them is newer."""

from __future__ import annotations

import pytest

from mailevents_dagster.sources.maillog.reading.names import log_name


@pytest.mark.parametrize(
    ("name", "log", "number"),
    [
        ("mail.log", "mail.log", 0),
        ("mail.log.1", "mail.log", 1),
        ("mail.log.12.gz", "mail.log", 12),
        ("mainlog.02.xz", "mainlog", 2),
        ("mainlog-20261130", "mainlog", None),
        ("mainlog-20261130.zst", "mainlog", None),
        ("mainlog-2026-11-30.bz2", "mainlog", None),
        ("mainlog-20261130-1796040000", "mainlog", None),
        ("mail-20261130.log.gz", "mail.log", None),
        ("mail.log.20261130", "mail.log", None),
        ("maillog-20261130.1", "maillog", 1),
        ("mail.warn", "mail.warn", 0),
        ("mx1-mainlog", "mx1-mainlog", 0),
        ("mail-1.log", "mail-1.log", 0),
        ("mainlog.bak", "mainlog.bak", 0),
    ],
)
def test_a_name_less_what_rotation_adds_is_that_of_the_log(name: str, log: str, number: int | None) -> None:
    found = log_name(f"/var/log/{name}")
    assert (found.log, found.number) == (log, number)


@pytest.mark.parametrize(
    "names",
    [
        ["mainlog", "mainlog.1", "mainlog.2.gz", "mainlog.10.gz"],
        ["mainlog", "mainlog-20261130", "mainlog-20261129.gz", "mainlog-20251231.gz"],
        ["mainlog", "mainlog-2026113014", "mainlog-2026113013"],
        ["mainlog-20261130.1", "mainlog-20261130.2", "mainlog-20261129"],
    ],
)
def test_files_of_a_log_are_sorted_newest_first(names: list[str]) -> None:
    ages = [log_name(name).age for name in names]
    assert ages == sorted(ages)
