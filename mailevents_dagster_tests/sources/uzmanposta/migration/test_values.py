"""The pure parts of moving over: time zones, moments, lines of old logs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings.first_files import written_start
from mailevents_dagster.settings.values import start_of
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.migration.old_logs import find_logs, records
from mailevents_dagster.sources.uzmanposta.migration.old_tool import IniError, Position, machine_timezone, read_ini
from mailevents_dagster.sources.uzmanposta.migration.sections import first_hour

DAY = 86_400
NOW = 1_795_176_000.0
"""2026-11-20 12:00 UTC."""


def machine(folder: Path, link: str | None = None, text: str | None = None) -> Path:
    (folder / "etc").mkdir()
    if link:
        (folder / "etc" / "localtime").symlink_to(link)
    if text:
        (folder / "etc" / "timezone").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("tz", "link", "text", "zone"),
    [
        ("Asia/Tokyo", "/usr/share/zoneinfo/Europe/Istanbul", None, "Asia/Tokyo"),
        (":Asia/Tokyo", None, None, "Asia/Tokyo"),
        (":/usr/share/zoneinfo/Asia/Tokyo", None, None, "Asia/Tokyo"),
        ("TRT-3", "/usr/share/zoneinfo/Europe/Istanbul", "Europe/Istanbul", None),
        (None, "/usr/share/zoneinfo/Europe/Istanbul", "Asia/Tokyo\n", "Europe/Istanbul"),
        (None, "../usr/share/zoneinfo/posix/Europe/Istanbul", None, "Europe/Istanbul"),
        (None, "/opt/local.zone", "Asia/Tokyo\n", "Asia/Tokyo"),
        (None, None, "Asia/Tokyo\n", "Asia/Tokyo"),
        (None, None, "somewhere\n", None),
        (None, None, None, None),
    ],
)
def test_the_time_zone_is_that_of_the_machines_clock(
    tmp_path: Path, tz: str | None, link: str | None, text: str | None, zone: str | None
) -> None:
    assert machine_timezone({"TZ": tz} if tz else {}, machine(tmp_path, link, text)) == zone


@pytest.mark.parametrize("zone", ["Europe/Istanbul", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])
def test_every_hour_is_written_as_settings_read_it(zone: str) -> None:
    for day in (datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC)):
        for number in range(60):
            start = Hour.containing(day.timestamp() + number * 3600, zone).start
            assert start_of(written_start(start, zone), zone, None) == start


def test_an_hour_that_the_clock_shows_twice_is_written_with_its_offset() -> None:
    first = int(datetime(2026, 10, 25, 0, tzinfo=UTC).timestamp())
    assert [written_start(first + more, "Europe/Berlin") for more in (0, 3600)] == [
        "2026-10-25T02:00",
        "2026-10-25T02:00+01:00",
    ]


@pytest.mark.parametrize(
    ("name", "start_time", "days"),
    [
        ("mail/incominglog", "", 15),
        ("mail/incominglog", "soon", 15),
        ("mail/incominglog", str(int(NOW) - 90 * DAY), 15),
        ("mail/incominglog", str(int(NOW) + DAY), 15),
        ("mail/incominglog", str(int(NOW) - 3 * DAY), 3),
        ("quarantine/hold", "", 6),
        ("quarantine/hold", str(int(NOW) - 2 * DAY), 2),
        ("authentication", "", 15),
    ],
)
def test_without_a_position_a_feed_begins_where_the_api_does_or_where_it_was_told_to(
    name: str, start_time: str, days: int
) -> None:
    nowhere = Position(None, "is not there")
    assert first_hour(feed_of("a.example", name).kind, nowhere, start_time, NOW, "UTC")[0] == NOW - days * DAY


def test_where_the_api_begins_in_the_middle_of_an_hour_the_next_whole_one_is_the_first() -> None:
    nowhere = Position(None, "is not there")
    kind = feed_of("a.example", "quarantine/hold").kind
    assert first_hour(kind, nowhere, "", NOW + 1, "UTC")[0] == NOW - 6 * DAY + 3600


def test_a_position_at_the_very_beginning_of_an_hour_begins_there() -> None:
    kind = feed_of("a.example", "mail/incominglog").kind
    assert first_hour(kind, Position(int(NOW)), "", NOW, "UTC") == (NOW, "")


A = b'{"a": {"time": 1}, "queue_id": "A", "recipients": []}'
B = b'{"b": [{"c": "{\\"d\\"}"}], "queue_id": "B", "recipients": []}'
C = b'{"queue_id": "C", "recipients": [{"time": 1}]}'


@pytest.mark.parametrize(
    ("line", "good", "bad"),
    [
        (A, [A], []),
        (A + B, [A, B], []),
        (A[:9] + B, [B], [A[:9]]),
        (A + B[:9], [A], [B[:9]]),
        (A + B[:9] + A + B, [A, A, B], [B[:9]]),
        (A[:9] + B + A[:9] + B, [B], [A[:9] + B + A[:9]]),
        (A[1:], [], [A[1:]]),
        (A * 3000, [A] * 3000, []),
        (b'{"a":' * 3000 + A, [A], [b'{"a":' * 3000]),
        (C[:-2], [], [C[:-2]]),
        (C[:-2] + C, [C], [C[:-2]]),
        (A[:9] + B[:9] + A, [A], [A[:9] + B[:9]]),
        (A[:9] + B + A, [B, A], [A[:9]]),
        (b"\0\0" + A, [A], [b"\0\0"]),
        (b"[]", [], [b"[]"]),
        (b'{"a": NaN}', [], [b'{"a": NaN}']),
    ],
)
def test_of_a_torn_line_what_is_whole_at_its_ends_is_a_record(line: bytes, good: list[bytes], bad: list[bytes]) -> None:
    whole = [record for part in good for record in records(part, "mail")[0]]
    assert records(line, "mail") == (whole, bad)


def test_the_second_of_two_like_sections_is_refused_and_default_is_no_feed() -> None:
    found = read_ini(b"\xef\xbb\xbf[DEFAULT]\nX = 100%\ny = a\n[MailLogger: b ]\nY = %(c)s\n[MailLogger]\n[DB]\n")
    assert [section.name for section in found.sections] == ["b", "MailLogger"]
    assert [found.sections[0].get(key) for key in ("x", "y", "z")] == ["100%", "%(c)s", ""]
    assert found.others == ("DB",)
    with pytest.raises(IniError, match="line 2"):
        read_ini(b"[MailLogger:a]\n[MailLogger:a]\n")


@pytest.mark.parametrize(
    ("path", "feed"),
    [
        ("a.example/mail/incominglog/x", "mail/incominglog"),
        ("a.example/mail/outgoinglog/2026/11/x", "mail/outgoinglog"),
        ("a.example/quarantine/x", "quarantine/quarantine"),
        ("a.example/quarantine/hold/x", "quarantine/hold"),
        ("a.example/quarantine/quarantine/x", "quarantine/quarantine"),
        ("a.example/authentication/x", "authentication"),
        ("a.example/authentication/auth/x", "authentication"),
        ("a.example/mail/x", None),
        ("a.example/x", None),
        ("-/mail/incominglog/x", None),
    ],
)
def test_folders_say_the_feed(tmp_path: Path, path: str, feed: str | None) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    names = ("mail/incominglog", "mail/outgoinglog", "quarantine/quarantine", "quarantine/hold", "authentication")
    found = find_logs(tmp_path, [feed_of("a.example", name) for name in names], ())
    assert [feed.name for feed in found.files] == ([feed] if feed else [])
    assert found.left.total() == (feed is None)
