"""Hours tile time in every zone, and their keys are the ones Dagster gives its partitions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.model.hour import KEY_FORMAT, SECONDS, Hour, hours_between, key_timezone, last_ended

FILE_STAMP = "%Y-%m-%d_%H"
ZONES = ("America/New_York", "Europe/Istanbul", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
TRANSITIONS = {
    "America/New_York": ("2024-03-10", "2024-11-03", "2026-03-08", "2026-11-01"),
    "Europe/Istanbul": ("2014-03-31", "2014-10-26", "2015-11-08", "2016-03-27", "2016-09-07"),
    "Australia/Lord_Howe": ("2025-10-05", "2026-04-05", "2026-10-04"),
    "Asia/Kolkata": ("2026-01-01",),
    "Europe/London": ("2026-03-29", "2026-10-25"),
    "Asia/Kathmandu": ("2026-01-01",),
    "Pacific/Chatham": ("2026-04-05", "2026-09-27"),
    "Antarctica/Troll": ("2026-03-29", "2026-10-25"),
    "UTC": ("2026-12-31",),
}
DAYS = [(zone, day) for zone, days in TRANSITIONS.items() for day in days]
MOMENTS = st.integers(
    int(datetime(2013, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2036, 12, 1, tzinfo=UTC).timestamp())
)


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def around(day: str, days: int) -> tuple[int, int]:
    middle = at(day)
    return middle - days * 86_400, middle + days * 86_400


@cache
def near_transitions(zone: str) -> st.SearchStrategy[int]:
    """Seconds of the days in which the clocks of a zone change, and any other second."""
    return st.one_of(MOMENTS, *(st.integers(*around(day, 2)) for day in TRANSITIONS[zone]))


zoned_moments = st.sampled_from(sorted(TRANSITIONS)).flatmap(
    lambda zone: st.tuples(st.just(zone), near_transitions(zone))
)


@given(zoned_moments)
@settings(max_examples=150)
def test_every_second_lies_in_exactly_the_hour_that_contains_it(zoned: tuple[str, int]) -> None:
    zone, time = zoned
    hour = Hour.containing(time, zone)
    assert hour.start <= time < hour.end == hour.start + SECONDS
    assert Hour.containing(hour.start, zone) == Hour.containing(hour.end - 0.001, zone) == hour
    assert Hour.containing(hour.end, zone) == hour.next
    assert hour.next.previous == hour


@given(zoned_moments)
@settings(max_examples=150)
def test_a_key_names_its_hour_and_no_other(zoned: tuple[str, int]) -> None:
    zone, time = zoned
    hour = Hour.containing(time, zone)
    assert Hour.from_key(hour.key, zone) == hour
    assert hour.key not in (hour.next.key, hour.previous.key)
    assert str(hour) == hour.key


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_consecutive_hours_tile_time_without_hole_or_overlap(zone: str, day: str) -> None:
    start, end = around(day, 4)
    hours = list(hours_between(start, end, zone))
    assert all(one.end == other.start for one, other in pairwise(hours))
    assert hours[0].start - start < SECONDS
    assert end - hours[-1].end < SECONDS
    assert len({hour.key for hour in hours}) == len(hours)


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_hours_begin_on_the_full_hour_of_the_clock_that_names_their_keys(zone: str, day: str) -> None:
    for hour in hours_between(*around(day, 2), zone):
        local = datetime.fromtimestamp(hour.start, ZoneInfo(key_timezone(zone)))
        assert (local.minute, local.second) == (0, 0)


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_keys_and_windows_are_those_of_dagsters_hourly_partitions(zone: str, day: str) -> None:
    start, end = around(day, 2)
    hours = list(hours_between(start, end, zone))
    partitions = dg.HourlyPartitionsDefinition(
        start_date=hours[0].key, timezone=key_timezone(zone), fmt=KEY_FORMAT, end_offset=0
    )
    keys = partitions.get_partition_keys(current_time=datetime.fromtimestamp(hours[-1].end, UTC))
    assert keys == [hour.key for hour in hours]
    for hour in hours:
        window = partitions.time_window_for_partition_key(hour.key)
        assert (window.start.timestamp(), window.end.timestamp()) == (hour.start, hour.end)


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_no_two_hours_of_a_week_share_a_stamp(zone: str, day: str) -> None:
    hours = list(hours_between(*around(day, 4), zone))
    stamps = [hour.stamp(FILE_STAMP) for hour in hours]
    assert len(set(stamps)) == len(stamps)


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_a_stamp_shows_the_local_time_at_which_the_hour_begins(zone: str, day: str) -> None:
    for hour in hours_between(*around(day, 2), zone):
        assert hour.stamp(FILE_STAMP).startswith(
            datetime.fromtimestamp(hour.start, ZoneInfo(zone)).strftime(FILE_STAMP)
        )


def test_the_second_of_two_hours_named_alike_gets_its_offset() -> None:
    first = Hour(at("2026-11-01T05:00"), "America/New_York")
    assert (first.key, first.stamp(FILE_STAMP)) == ("2026-11-01-01:00", "2026-11-01_01")
    assert (first.next.key, first.next.stamp(FILE_STAMP)) == ("2026-11-01-01:00-0500", "2026-11-01_01-0500")
    assert (first.next.next.key, first.next.next.stamp(FILE_STAMP)) == ("2026-11-01-02:00", "2026-11-01_02")


def test_a_clock_that_goes_back_by_half_an_hour_repeats_an_hour_name_too() -> None:
    first = Hour(at("2026-04-04T14:00"), "Australia/Lord_Howe")
    stamps = [hour.stamp(FILE_STAMP) for hour in (first, first.next, first.next.next)]
    assert stamps == ["2026-04-05_01", "2026-04-05_01+1030", "2026-04-05_02"]
    assert first.key == "2026-04-04-14:00"


def test_a_clock_that_goes_back_by_two_hours_repeats_two_hour_names() -> None:
    first = Hour(at("2026-10-24T23:00"), "Antarctica/Troll")
    hours = [first, first.next, first.next.next, first.next.next.next]
    assert [hour.stamp("%H") for hour in hours] == ["01", "02", "01+0000", "02+0000"]


def test_a_pattern_without_the_hour_gets_no_offset() -> None:
    second = Hour(at("2026-11-01T06:00"), "America/New_York")
    assert second.stamp("date=%Y-%m-%d") == "date=2026-11-01"


def test_the_hour_that_the_clock_skips_is_no_hour() -> None:
    with pytest.raises(ValueError, match="is no hour in America/New_York"):
        Hour.from_key("2026-03-08-02:00", "America/New_York")
    assert Hour.from_key("2026-03-08-01:00", "America/New_York").next.key == "2026-03-08-03:00"


def test_keys_are_in_utc_only_where_a_clock_moves_by_part_of_an_hour() -> None:
    assert {zone: key_timezone(zone) for zone in ZONES} == {
        zone: "UTC" if zone == "Australia/Lord_Howe" else zone for zone in ZONES
    }


@pytest.mark.parametrize(
    "key",
    [
        "",
        "yesterday",
        "2026-11-01",
        "2026-11-01-01",
        "2026-11-01-01:30",
        "2026-11-01 01:00",
        "2026-11-1-1:00",
        "2026-11-01-25:00",
        "2026-13-01-00:00",
        "2026-11-01-01:00Z",
        "2026-11-01-01:00-0400",
        "2026-11-01-03:00-0500",
        "2026-11-01-01:00-9900",
        "2026-11-01-01:00-05:00",
        "0001-01-01-00:00",
        "9999-12-31-23:00",
        "٢٠٢٦-11-01-01:00",
    ],
)
def test_a_rubbish_key_is_refused_with_a_sentence(key: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        Hour.from_key(key, "America/New_York")


@given(st.text(alphabet="0123456789-:+ Zz%", max_size=24), st.sampled_from(ZONES))
@settings(max_examples=150)
def test_whatever_a_key_says_it_is_an_hour_with_that_key_or_refused(key: str, zone: str) -> None:
    try:
        hour = Hour.from_key(key, zone)
    except ValueError:
        return
    assert hour.key == key


@given(st.floats(START := at("2026-10-31T20:00"), START + 86_400), st.floats(0, 86_400), st.sampled_from(ZONES))
@settings(max_examples=100)
def test_hours_between_are_those_that_lie_wholly_inside(start: float, length: float, zone: str) -> None:
    end = start + length
    hours = list(hours_between(start, end, zone))
    first = Hour.containing(start, zone)
    candidates = [first, *islice(hours_between(first.end, first.end + 60 * SECONDS, zone), 60)]
    assert hours == [hour for hour in candidates if start <= hour.start and hour.end <= end]


def test_the_last_ended_hour_is_the_one_before_the_running_one() -> None:
    noon = Hour(at("2026-11-20T12:00"), "UTC")
    assert last_ended(noon.end, "UTC") == noon
    assert last_ended(noon.end - 0.5, "UTC") == noon.previous
    assert last_ended(noon.end + 3599.9, "UTC") == noon


def test_hours_are_ordered_by_time() -> None:
    hour = Hour(at("2026-11-01T05:00"), "America/New_York")
    assert sorted([hour.next, hour, hour.previous]) == [hour.previous, hour, hour.next]
    assert datetime.fromtimestamp(hour.end, UTC) - datetime.fromtimestamp(hour.start, UTC) == timedelta(hours=1)
