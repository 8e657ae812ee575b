"""When the receiver ran."""

from __future__ import annotations

from pathlib import Path

from mailevents_dagster.sources.webhook.spool.uptime import FILE, Uptime, is_running, outages, read_uptime

START = 1_796_000_000.0


def test_a_receiver_that_never_ran_has_no_outage(tmp_path: Path) -> None:
    assert read_uptime(tmp_path) == []
    assert not is_running([], START)
    assert list(outages([], START)) == []


def test_it_runs_from_its_first_beat_to_its_last(tmp_path: Path) -> None:
    uptime = Uptime(tmp_path)
    assert not uptime.begin(START)
    uptime.beat(START + 50)
    assert read_uptime(tmp_path) == [(START, START + 50)]
    assert is_running(read_uptime(tmp_path), START + 60)
    assert not is_running(read_uptime(tmp_path), START + 200)


def test_a_restart_is_no_outage_and_a_longer_stop_is(tmp_path: Path) -> None:
    Uptime(tmp_path).begin(START)
    Uptime(tmp_path).begin(START + 20)
    Uptime(tmp_path).begin(START + 1000)
    assert read_uptime(tmp_path) == [(START, START + 20), (START + 1000, START + 1000)]
    assert list(outages(read_uptime(tmp_path), START + 1010)) == [(START + 20, START + 1000)]
    assert list(outages(read_uptime(tmp_path), START + 2000))[1:] == [(START + 1000, START + 2000)]


def test_a_clock_that_is_put_back_undoes_nothing(tmp_path: Path) -> None:
    uptime = Uptime(tmp_path)
    uptime.begin(START)
    uptime.beat(START + 100)
    uptime.beat(START - 5000)
    assert read_uptime(tmp_path) == [(START, START + 100)]
    Uptime(tmp_path).begin(START - 5000)
    assert list(outages(read_uptime(tmp_path), START - 4990)) == []


def test_a_damaged_note_is_set_aside_and_said(tmp_path: Path) -> None:
    Uptime(tmp_path).begin(START)
    (tmp_path / FILE).write_text("{}")
    assert "set aside" in Uptime(tmp_path).begin(START + 5)
    assert read_uptime(tmp_path) == [(START + 5, START + 5)]
    assert (tmp_path / f"{FILE}.damaged").exists()
