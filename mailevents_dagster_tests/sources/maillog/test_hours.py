"""Hours of a mail server's log, from the file into the store."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from mailevents_dagster.collecting.outcomes import Collected, Failed
from mailevents_dagster.health.observations import look
from mailevents_dagster.health.verdicts import schema_known
from mailevents_dagster.store.verify import verify_hour
from mailevents_dagster_tests.sources.maillog.mail_server import (
    BOUNCED,
    LINES,
    NOON,
    SERVER,
    bounced,
    delivered,
    mail_server,
)


def test_lines_are_kept_as_they_are_in_the_hour_of_their_own_time(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    lines = [delivered(NOON.start + second, f"u{second}@dest.example") for second in (0, 5, 5, 3599, 3600)]
    server.write(*lines)

    first, second = server.collect([NOON, NOON.next], [LINES])

    assert isinstance(first, Collected)
    assert isinstance(second, Collected)
    assert server.column(LINES, "raw") == lines[:4]
    assert server.column(LINES, "raw", NOON.next) == lines[4:]
    assert Path(str(first.commit.log)).read_text() == "".join(f"{line}\n" for line in lines[:4])
    assert not verify_hour(server.store, LINES, NOON).findings


def test_files_have_the_names_that_other_programs_rely_on(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    server.write(bounced(NOON.start, "u@dest.example"))
    server.collect()

    data = tmp_path / "data"
    assert (data / f"output/{SERVER}/maillog/{SERVER}_postfix_2026-11-20_12.log").is_file()
    assert (data / f"output/{SERVER}/maillog/{SERVER}_bounces_2026-11-20_12.log").is_file()
    tree = data / f"parquet/domain={SERVER}/category=maillog"
    assert sorted(str(path.relative_to(tree)) for path in tree.rglob("*.parquet")) == [
        "type=bounces/date=2026-11-20/12.parquet",
        "type=postfix/date=2026-11-20/12.parquet",
    ]


def test_a_line_that_names_no_host_has_that_of_the_settings(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    server.write(delivered(NOON.start, "u@dest.example"), "rubbish without a host")
    server.collect(feeds=[LINES])
    assert server.column(LINES, "host") == ["mx1", SERVER]


def test_equal_lines_are_as_many_events_and_stay_so_when_they_are_read_again(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    line = delivered(NOON.start, "u@dest.example")
    server.write(line, line)
    server.collect(feeds=[LINES])
    server.write(line)
    server.collect(feeds=[LINES])
    server.collect(feeds=[LINES])
    assert server.column(LINES, "raw") == [line] * 3


@pytest.mark.slow
def test_each_byte_is_read_once_and_nothing_is_read_where_nothing_was_added(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    read = 0.0
    for second in range(0, 3600, 36):
        server.write(
            *(delivered(NOON.start + second + number // 4, f"u{number}@dest.example") for number in range(100))
        )
        read += server.measured()["bytes_read"]
    assert read <= 1.05 * server.log.stat().st_size

    nothing = server.measured()
    assert (nothing["bytes_read"], nothing["files_opened"]) == (0, 0)


def test_the_manifest_names_the_bytes_and_nothing_is_left_over(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    server.write(*(delivered(NOON.start + 30 * number, f"u{number}@dest.example") for number in range(360)))
    hours = [NOON, NOON.next, NOON.next.next]
    server.collect(hours, [LINES])

    manifests = [server.store.manifest(LINES, hour) for hour in hours]
    ranges = sorted((one.first, one.end) for manifest in manifests if manifest for one in manifest.ranges)
    assert [first for first, _ in ranges] == [0, *(end for _, end in ranges[:-1])]
    assert ranges[-1][1] == server.log.stat().st_size
    assert sum(one.lines for manifest in manifests if manifest for one in manifest.ranges) == 360


def test_an_hour_that_lost_its_snapshot_is_read_again_whole(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    lines = [delivered(NOON.start + second, "u@dest.example") for second in range(20)]
    server.write(*lines)
    (done,) = server.collect(feeds=[LINES])
    assert isinstance(done, Collected)
    for path in (done.commit.snapshot, done.commit.log):
        Path(str(path)).unlink()

    (again,) = server.collect(feeds=[LINES])

    assert isinstance(again, Collected)
    assert again.notes
    assert server.column(LINES, "raw") == lines


def test_an_hour_before_the_oldest_line_is_gone_and_not_empty(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    server.write(delivered(NOON.start, "u@dest.example"))
    lines, bounces = server.collect([NOON.previous], [LINES, BOUNCED])
    assert isinstance(lines, Failed)
    assert lines.hour_is_gone
    assert isinstance(bounces, Failed)
    assert bounces.hour_is_gone, "what is made of it is gone, too"


def test_an_hour_without_lines_between_others_is_empty(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    server.write(delivered(NOON.start, "u@dest.example"), delivered(NOON.next.end, "u@dest.example"))
    (done,) = server.collect([NOON.next], [LINES])
    assert isinstance(done, Collected)
    assert (done.commit.manifest.events, done.commit.manifest.closed, done.commit.manifest.complete) == (0, True, True)


def test_rotated_and_packed_the_log_gives_the_same_hours(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    lines = [delivered(NOON.start + second * 60, f"u{second}@dest.example") for second in range(60)]
    server.write(*lines[:30])
    server.collect(feeds=[LINES])
    packed = server.log.with_name("mail.log.1.gz")
    packed.write_bytes(gzip.compress(server.log.read_bytes()))
    server.log.unlink()
    server.write(*lines[30:])
    server.collect(feeds=[LINES])
    assert server.column(LINES, "raw") == lines


def test_lines_that_no_rule_knows_are_kept_counted_and_told(tmp_path: Path) -> None:
    server = mail_server(tmp_path)
    known = [delivered(NOON.start + second, "u@dest.example") for second in range(9)]
    strange = f"{known[0][:19]} postfix/smtp[7]: a sentence that Postfix never said"
    server.write(*known, strange)
    server.collect(feeds=[LINES])

    seen = look(server.store, LINES, NOON)

    assert seen.not_understood == 1
    assert not schema_known([seen]).passed
    assert pa.compute.sum(server.rows(LINES).column("known")).as_py() == 9
