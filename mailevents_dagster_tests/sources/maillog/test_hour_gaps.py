"""Gaps of an hour's log stay named, in the store too, until lines are found in them."""

from __future__ import annotations

from pathlib import Path

from mailevents_dagster.collecting.outcomes import Collected
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.maillog.source import MAILLOG
from mailevents_dagster_tests.sources.maillog.mail_server import (
    LINES,
    NOON,
    SERVER,
    MailServer,
    delivered,
    mail_server,
)


def gaps(server: MailServer) -> list[tuple[int, int | None]]:
    manifest = server.store.manifest(LINES, NOON)
    assert manifest
    return [(gap.second - NOON.start, (gap.end or 0) - NOON.start) for gap in manifest.gaps]


def line(second: int) -> str:
    return delivered(NOON.start + second, f"u{second}@dest.example")


def test_the_beginning_of_a_log_is_missing_though_rotation_removed_the_file_since(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    server.write(line(600), line(700))
    server.collect(feeds=[LINES])
    assert gaps(server) == [(0, 600)]
    server.log.rename(server.log.with_name("mail.log.1"))
    server.write(line(1200))
    server.collect(feeds=[LINES])
    server.log.with_name("mail.log.1").unlink()
    server.collect(feeds=[LINES])
    assert gaps(server) == [(0, 600)]
    assert server.column(LINES, "raw") == [line(600), line(700), line(1200)]


def test_what_copytruncate_lost_stays_missing_though_the_index_is_lost(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    server.write(line(-1), line(0), line(1))
    server.collect(feeds=[LINES])
    server.log.with_name("mail.log.1").write_bytes(server.log.read_bytes())
    server.log.write_text("")
    server.write(line(60))
    server.collect(feeds=[LINES])
    server.store.layout.source_index(LINES).unlink()
    server.collect(feeds=[LINES])
    assert gaps(server) == [(1, 60)]
    assert server.column(LINES, "raw") == [line(0), line(1), line(60)]


def test_a_beginning_that_is_put_back_closes_the_gap(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    server.write(line(600))
    server.collect(feeds=[LINES])
    server.log.with_name("mail.log.1").write_text(f"{line(-1)}\n{line(5)}\n{line(300)}\n")
    server.collect(feeds=[LINES])
    assert gaps(server) == []
    assert server.column(LINES, "raw") == [line(5), line(300), line(600)]


def test_an_hour_that_was_empty_stays_so_when_rotation_removed_what_proved_it(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    server.write(line(-1), line(3600))
    server.collect(feeds=[LINES])
    server.log.unlink()
    server.write(line(7200))
    (done,) = server.collect(feeds=[LINES])
    assert isinstance(done, Collected)
    assert (done.commit.manifest.closed, done.commit.manifest.events, gaps(server)) == (True, 0, [])


def test_an_hour_that_was_never_closed_is_not_closed_by_files_that_are_gone(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    server.write(line(-1), line(0))
    with server.store.open_hour(LINES, NOON) as work:
        client = MAILLOG.client(server.settings, SERVER)
        work.commit(client.collect(work, Options(settle_seconds=float("inf"))))
        client.close()
    server.store.layout.source_index(LINES).unlink()
    server.log.unlink()
    server.write(line(7200))
    (done,) = server.collect(feeds=[LINES])
    assert isinstance(done, Collected)
    assert not done.commit.manifest.closed
    assert server.column(LINES, "raw") == [line(0)]
