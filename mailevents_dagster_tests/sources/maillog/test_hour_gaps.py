"""Gaps of an hour's log stay named, in the store too, until lines are found in them."""

from __future__ import annotations

from pathlib import Path

from mailevents_dagster_tests.sources.maillog.mail_server import LINES, NOON, MailServer, delivered, mail_server


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
