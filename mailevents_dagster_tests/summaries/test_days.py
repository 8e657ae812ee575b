"""Days of 23, 24 and 25 hours, with hours missing, and hours with unusually many failures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.model.day import Day
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries import sign_ins
from mailevents_dagster.summaries.charts import CHARTS, png, svg
from mailevents_dagster.summaries.counts import HOURS_KEPT, by_hour, counts, nothing, total
from mailevents_dagster.summaries.kinds import KINDS
from mailevents_dagster.summaries.making import counts_of_day
from mailevents_dagster.summaries.stored import read_summary, write_summary
from mailevents_dagster_tests.conftest import AUTHENTICATION, INCOMING, mail, make_store
from mailevents_dagster_tests.summaries.days import DAY, NOON, count, counted, keep


@pytest.mark.parametrize(
    ("zone", "date", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Europe/Berlin", "2026-11-20", 24),
        ("Europe/Istanbul", "2026-10-25", 24),
        ("Asia/Kolkata", "2026-11-20", 24),
        ("Africa/Cairo", "2026-04-24", 23),  # midnight is skipped
        ("Africa/Cairo", "2026-10-29", 25),
        ("America/Havana", "2026-11-01", 25),  # midnight comes twice
    ],
)
def test_a_day_has_the_hours_of_its_partition_and_no_others(zone: str, date: str, hours: int) -> None:
    day = Day.from_key(date, zone)
    partitions = dg.DailyPartitionsDefinition(start_date="2026-01-01", timezone=zone)
    window = partitions.time_window_for_partition_key(date)

    assert (day.start, day.end) == (int(window.start.timestamp()), int(window.end.timestamp()))
    assert len(list(day.hours)) == hours
    assert {hour.stamp("%Y-%m-%d") for hour in day.hours} == {date}


@pytest.mark.parametrize("text", ["2026-02-30", "20 November", "", "2026-11-20-12:00", "9999-12-31", "0001-01-01"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time data|day is out of range|unconverted|lies before"):
        Day.from_key(text, "UTC")


@pytest.mark.slow
@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_each_hour_of_a_day_that_clocks_change_on_is_counted_once(tmp_path: Path, date: str, hours: int) -> None:
    day = Day.from_key(date, "Europe/Berlin")
    store = make_store(tmp_path, day.timezone)
    for hour in (day_hours := list(day.hours)):
        keep(store, INCOMING, hour, [mail(hour.start), mail(hour.end - 1)])
    for beside in (day_hours[0].previous, day_hours[-1].next):
        keep(store, INCOMING, beside, [mail(beside.start)])

    found = count(store, "volume", INCOMING, day=day)

    assert by_hour(found, "mails") == {hour.key: 2 for hour in day_hours}
    assert len(by_hour(found, "mails")) == hours
    assert KINDS["volume"].numbers(found)["hours_kept"] == hours
    assert png(CHARTS["volume"], found)


def test_a_day_with_hours_missing_says_of_how_many_it_is(store: Store) -> None:
    keep(store, INCOMING, NOON, [mail(NOON.start)])
    keep(store, INCOMING, NOON.next, [])

    numbers = KINDS["volume"].numbers(count(store, "volume", INCOMING))

    assert (numbers["hours_kept"], numbers["hours"], numbers["complete"]) == (2, 24, False)
    assert numbers["mails"] == 1


def test_an_hour_that_cannot_be_read_is_left_out_and_named(store: Store) -> None:
    for hour in (NOON, NOON.next):
        keep(store, INCOMING, hour, [mail(hour.start)])
    store.layout.snapshot(INCOMING, NOON).write_bytes(b"no Parquet")
    store.layout.manifest(INCOMING, NOON.next).write_bytes(b"no JSON")
    notes: list[str] = []

    found = counts_of_day(store, KINDS["volume"], [INCOMING], DAY, notes.append)

    assert counted(found, "mails") == {}
    assert KINDS["volume"].numbers(found)["hours_kept"] == 0
    assert [str(hour) in note for hour, note in zip((NOON, NOON.next), notes, strict=True)] == [True, True]


def sign_in(hour: Hour, at: int, user: str = "a@example.com") -> dict[str, object]:
    return {"time": hour.start + at, "email": user, "srcip": "192.0.2.7", "status": "failed"}


def test_a_destroyed_hour_takes_the_names_of_its_day_along(store: Store) -> None:
    for hour in (NOON, NOON.next):
        keep(store, AUTHENTICATION, hour, [sign_in(hour, 1, f"{hour.start}@example.com")])
    paths = {domain: store.layout.summary("sign_ins", domain, DAY.key) for domain in (AUTHENTICATION.domain, None)}
    others = store.layout.summary("sign_ins", "example.org", DAY.key), store.layout.summary("volume", None, DAY.key)
    for path in (*paths.values(), *others):
        write_summary(path, count(store, "sign_ins", AUTHENTICATION))

    with destroying(store, AUTHENTICATION, NOON, [], "authentication_days: 1", print) as record:
        assert record
    assert not any(path.exists() for path in paths.values())
    assert all(path.exists() for path in others)
    assert {store.layout.relative(path) for path in paths.values()} < {file.path for file in record.files}

    found = count(store, "sign_ins", AUTHENTICATION)
    assert counted(found, "failures_of_user") == {f"{NOON.next.start}@example.com": 1}
    assert KINDS["sign_ins"].numbers(found)["hours_kept"] == 1


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        ([3] * 24, []),
        ([0] * 24, []),
        ([], []),
        ([0] * 23 + [9], []),
        ([0] * 23 + [10], [23]),
        ([3] * 23 + [90], [23]),
        ([3] * 20 + [90, 4000, 90, 90], [20, 21, 22, 23]),
        ([100 + n % 7 for n in range(23)] + [150], []),
        ([100 + n % 7 for n in range(23)] + [400], [23]),
    ],
    ids=str,
)
def test_a_spike_is_far_above_the_days_other_hours_however_high_others_are(
    failures: Sequence[int], expected: Sequence[int]
) -> None:
    hours = [hour.key for hour in DAY.hours][: len(failures)]
    table = total(
        [
            *(counts(HOURS_KEPT, [(None, 1)], hour) for hour in hours),
            *(counts("sign_ins", [("failed", many)], hour) for hour, many in zip(hours, failures, strict=True) if many),
        ]
    )

    assert list(sign_ins.spikes(table)) == [hours[place] for place in expected]


@pytest.mark.parametrize("name", list(CHARTS))
def test_a_chart_of_nothing_is_drawn_too(name: str) -> None:
    assert png(CHARTS[name], nothing()).startswith(b"\x89PNG")
    assert svg(CHARTS[name], nothing(), "tr").startswith(b"<?xml")


def test_reasons_of_any_letters_are_drawn(store: Store) -> None:
    feed = feed_of("example.com", "quarantine/quarantine")
    reasons = ["$x^2$", "--> </svg>", "多字節", "🎂 pasta", "\x07 bell", "%d {x}", "x" * 60, "ğüşiöç"]
    keep(store, feed, NOON, [{"time": NOON.start, "reason": reason, "score": 1.0} for reason in reasons])

    found = count(store, "quarantine", feed)

    assert len(png(CHARTS["quarantine"], found)) < 30_000
    drawn = svg(CHARTS["quarantine"], found, "en").decode()
    assert "\x07" not in drawn
    assert drawn.count("</svg>") == 1


@pytest.mark.parametrize("name", list(KINDS))
def test_a_day_of_nothing_has_numbers(store: Store, name: str) -> None:
    keep(store, INCOMING, NOON, [])

    numbers = KINDS[name].numbers(count(store, name, INCOMING, AUTHENTICATION))

    assert all(value in (0, False) for key, value in numbers.items() if key not in ("hours", "hours_kept", "complete"))


def test_counts_come_back_as_they_were_written(store: Store) -> None:
    keep(store, INCOMING, NOON, [mail(NOON.start)])
    path, made = store.layout.summary("volume", "example.com", DAY.key), count(store, "volume", INCOMING)

    assert read_summary(path) is None
    write_summary(path, made)

    found = read_summary(path)
    assert found is not None
    assert found.equals(made)
    assert path.stat().st_mode & 0o077 == 0, "as private as the logs"
