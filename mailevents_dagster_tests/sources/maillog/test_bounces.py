"""The bounces of a server, made of its committed lines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailevents_dagster.collecting.outcomes import Collected, Failed
from mailevents_dagster_tests.sources.maillog.mail_server import (
    BOUNCED,
    LINES,
    NOON,
    MailServer,
    bounced,
    delivered,
    mail_server,
)

PATTERNS = "<patterns><p><number>7</number><name>No such user</name><pattern>{}</pattern></p></patterns>"


@pytest.fixture
def server(tmp_path: Path) -> MailServer:
    (tmp_path / "pattern.xml").write_text(PATTERNS.format("User unknown"))
    return mail_server(tmp_path, patterns="pattern.xml")


def test_a_bounce_has_the_recipient_of_the_grammar_its_class_and_its_pattern(server: MailServer) -> None:
    server.write(bounced(NOON.start + 9, "who@dest.example"), delivered(NOON.start + 10, "other@dest.example"))
    server.collect()
    (row,) = server.rows(BOUNCED).to_pylist()
    assert (row["recipient"], row["class"], row["code"], row["enhanced_code"]) == (
        "who@dest.example",
        "hard",
        550,
        "5.1.1",
    )
    assert (row["pattern_id"], row["pattern_name"]) == ("7", "No such user")
    assert row["event_time"].timestamp() == NOON.start + 9


def test_bounces_wait_for_their_lines_and_are_made_of_them_alone(server: MailServer) -> None:
    server.write(bounced(NOON.start, "who@dest.example"))
    (early,) = server.collect(feeds=[BOUNCED])
    assert isinstance(early, Failed)
    assert early.is_passing
    server.collect()
    server.log.unlink()
    (again,) = server.collect(feeds=[BOUNCED])
    assert isinstance(again, Collected)
    assert (again.commit.added, again.commit.manifest.events, again.commit.manifest.closed) == (0, 1, True)


def test_patterns_are_read_again_when_their_file_changes(server: MailServer) -> None:
    server.write(bounced(NOON.start, "who@dest.example"))
    server.collect()
    file = server.folder / "pattern.xml"
    file.write_text(PATTERNS.format("nothing like it"))
    os.utime(file, (1, 1))
    server.collect()
    assert server.column(BOUNCED, "pattern_id") == [None]


def test_a_pattern_that_cannot_be_used_is_told_and_leaves_the_others(server: MailServer) -> None:
    wrong = "<p><number>8</number><name>Torn</name><pattern>(unclosed</pattern></p></patterns>"
    (server.folder / "pattern.xml").write_text(PATTERNS.format("User unknown").replace("</patterns>", wrong))
    server.write(bounced(NOON.start, "who@dest.example"))
    _, bounces = server.collect()
    assert isinstance(bounces, Collected)
    assert "Torn" in " ".join(bounces.notes)
    assert server.column(BOUNCED, "pattern_id") == ["7"]


@pytest.mark.parametrize("content", ["", "no XML at all", "<a><b></a>", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_a_file_that_holds_no_patterns_is_told_and_the_lines_go_on(server: MailServer, content: str) -> None:
    (server.folder / "pattern.xml").write_text(content)
    server.write(bounced(NOON.start, "who@dest.example"))
    lines, bounces = server.collect()
    assert isinstance(lines, Collected)
    assert isinstance(bounces, Failed)
    assert bounces.cause == "patterns"
    assert "pattern.xml" in bounces.said


def test_an_event_has_the_same_id_however_often_its_hour_is_collected(server: MailServer) -> None:
    server.write(bounced(NOON.start, "who@dest.example"), bounced(NOON.start, "who@dest.example"))
    server.collect()
    ids = server.column(BOUNCED, "event_id")
    assert len(set(ids)) == 2
    server.write(bounced(NOON.start + 5, "third@dest.example"))
    server.collect()
    assert server.column(BOUNCED, "event_id")[:2] == ids
    assert len(server.column(BOUNCED, "event_id")) == 3


def test_an_hour_of_lines_with_a_gap_has_no_complete_bounces(server: MailServer) -> None:
    server.write(bounced(NOON.start + 600, "who@dest.example"))
    server.collect()
    for feed in (LINES, BOUNCED):
        manifest = server.store.manifest(feed, NOON)
        assert manifest
        assert [(gap.second, gap.end) for gap in manifest.gaps] == [(NOON.start, NOON.start + 600)]
        assert not manifest.complete
