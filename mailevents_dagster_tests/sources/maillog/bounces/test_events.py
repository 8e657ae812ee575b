"""Bounces made of lines: which lines are bounces, what they say, and by what they are known for ever."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping

import pyarrow as pa
import pytest

from mailevents_dagster.failures.classes import BounceClass
from mailevents_dagster.sources.maillog.bounces.columns import COLUMNS
from mailevents_dagster.sources.maillog.bounces.events import bounce_rows
from mailevents_dagster.sources.maillog.bounces.patterns import Pattern, Patterns
from mailevents_dagster_tests.sources.maillog.bounces.lines import NOON, line, table

SERVER = "mx1.example.com"
FULL = Pattern("1", "over quota", "over quota")
GONE = Pattern("007", "gone", "(?=gone)gone", BounceClass.HARD)
NONE = Patterns((), (), "")


def of(*patterns: Pattern) -> Patterns:
    return Patterns(patterns, (), "")


def rows(*lines: Mapping[str, object], patterns: Patterns | None = None) -> list[dict[str, object]]:
    return [dict(row) for row in bounce_rows(table(lines), SERVER, patterns)]


UNKNOWN = line(
    "bounce",
    "2026-11-29 12:00:00 1tH2xY-000000001Kz-2AbC ** a@b.example: 550 5.1.1 User unknown",
    recipient="a@b.example",
    sender="news@example.com",
    queue_id="1tH2xY-000000001Kz-2AbC",
    relay_host="mx.b.example",
    code=550,
    enhanced_code="5.1.1",
    text="550 5.1.1 User unknown",
)
LATER = line("deferral", "… == c@d.example: over quota", recipient="c@d.example", code=452, text="452 user over quota")


def test_each_failed_attempt_is_a_bounce_with_what_the_line_says() -> None:
    first, second = rows(
        line("arrival", "<= x"), UNKNOWN, line("delivery", "=> y"), LATER, line("completion", "Completed")
    )
    assert first.pop("event_id") != second.pop("event_id")
    assert first == {
        "event_time": NOON,
        "recipient": "a@b.example",
        "class": "hard",
        "reason": "",
        "rule": "code-no-mailbox",
        "code": 550,
        "enhanced_code": "5.1.1",
        "text": "550 5.1.1 User unknown",
        "pattern_id": None,
        "pattern_name": None,
        "event": "bounce",
        "queue_id": "1tH2xY-000000001Kz-2AbC",
        "message_id": None,
        "sender": "news@example.com",
        "relay_host": "mx.b.example",
        "host": None,
    }
    assert (second["class"], second["rule"], second["event"]) == ("soft", "mailbox-full", "deferral")


def test_the_columns_are_those_of_the_rows() -> None:
    assert ["event_time", *(column.name for column in COLUMNS)] == [*rows(UNKNOWN)[0]]
    assert all(column.description for column in COLUMNS)
    schema = pa.schema([column.field for column in COLUMNS])
    assert pa.Table.from_pylist(rows(UNKNOWN, LATER), schema=schema).num_rows == 2


def test_other_lines_are_bounces_only_where_a_pattern_matches_them() -> None:
    lines = [
        line("rejection", "H=mx RCPT over quota", recipient="r@b.example", code=552, text="over quota"),
        line("rejection", "H=mx nothing"),
        line("other", "the mailbox is gone"),
        line("other", "gone by and by ü"),
        line("arrival", "<= over quota T=over quota"),
        line("delivery", "=> over quota"),
        line("completion", "over quota"),
    ]
    found = rows(*lines, patterns=of(FULL, GONE))
    assert [(row["event"], row["pattern_id"], row["pattern_name"], row["recipient"]) for row in found] == [
        ("rejection", "1", "over quota", "r@b.example"),
        ("other", "007", "gone", None),
        ("other", "007", "gone", None),
    ]
    assert rows(*lines) == rows(*lines, patterns=NONE) == []


def test_a_class_that_a_pattern_says_beats_the_rules() -> None:
    (row,) = rows(line("bounce", "** gone", code=452, text="452 4.2.2 gone"), patterns=of(GONE))
    assert (row["class"], row["reason"], row["rule"]) == ("hard", "", "pattern")
    (row,) = rows(LATER, patterns=of(FULL))
    assert (row["class"], row["rule"], row["pattern_id"]) == ("soft", "mailbox-full", "1")


def test_an_address_in_the_line_is_no_recipient() -> None:
    for said in (None, ""):
        (row,) = rows(line("other", "x@y.example over quota", recipient=said), patterns=of(FULL))
        assert row["recipient"] is None


def test_two_like_lines_are_two_events_and_stay_the_same_whatever_is_collected_again() -> None:
    first = [row["event_id"] for row in rows(UNKNOWN, LATER, UNKNOWN)]
    assert len(set(first)) == 3
    again = [row["event_id"] for row in rows(line("other", "new"), UNKNOWN, line("arrival", "<="), LATER, UNKNOWN)]
    assert again == first
    assert [row["event_id"] for row in rows(UNKNOWN, LATER, UNKNOWN, patterns=of(GONE))] == first
    assert first[0] not in [row["event_id"] for row in bounce_rows(table([UNKNOWN]), "mx2.example.com", None)]
    assert all(len(str(one)) == 32 for one in first)


def test_ids_are_those_of_earlier_versions() -> None:
    """What was published once is known by its id: another way to make them would publish everything again."""
    assert rows(UNKNOWN)[0]["event_id"] == "f9649a5f0eba83e77aaacd784d1d2d57"


def test_an_hour_in_parts_gives_the_same_events() -> None:
    lines = [UNKNOWN, LATER, UNKNOWN, line("other", "x"), UNKNOWN, LATER] * 5
    whole, seen = bounce_rows(table(lines), SERVER, None), Counter[bytes]()
    parts = [
        row for batch in table(lines).to_batches(max_chunksize=4) for row in bounce_rows(batch, SERVER, None, seen)
    ]
    assert parts == whole
    assert len({row["event_id"] for row in whole}) == 25


@pytest.mark.parametrize("patterns", [None, NONE, of(FULL), of(GONE)])
def test_an_hour_without_lines_has_no_bounces(patterns: Patterns | None) -> None:
    assert rows(patterns=patterns) == []
    assert bounce_rows(table([]).to_batches()[0] if table([]).to_batches() else table([]), SERVER, patterns) == []


HEAD = "Nov 29 12:00:00 mx1 exim[4711]: "


def test_pieces_of_a_line_are_read_as_one() -> None:
    lines = [
        line(
            "bounce", HEAD + "[1/3] 2026-11-29 12:00:00 1tH2xY-000000001Kz-2AbC ** a@b.example: 550 user", text="550 us"
        ),
        line(
            "bounce",
            "Nov 29 12:00:00 mx1 exim[4712]: [1\\2] … ** c@d.example: 550",
            text="550",
            recipient="c@d.example",
        ),
        line("other", "Nov 29 12:00:00 mx1 exim[4712]: [2/2] Rejected as it is go"),
        line("other", HEAD + "[2\\3] er unknown and go"),
        line("other", HEAD + "[3/3] ne for ever"),
        line("other", HEAD + "[3/3] gone for ever, an orphan"),
    ]
    first, second, orphan = rows(*lines, patterns=of(GONE))
    assert (second["text"], second["class"], second["pattern_id"]) == ("550\nRejected as it is go", "other", None)
    assert (first["text"], first["class"], first["rule"]) == (
        "550 user unknown and go\nne for ever",
        "hard",
        "unknown-recipient",
    )
    assert orphan["event"] == "other"


def test_a_pattern_is_found_over_the_seam_of_two_pieces() -> None:
    lines = [
        line("other", HEAD + "[1/2] over"),
        line("other", HEAD + "[2/2]  quota"),
        line("other", HEAD + "[1/2] over"),
    ]
    (row,) = rows(*lines, patterns=of(FULL))
    assert row["pattern_id"] == "1"


def test_what_follows_a_first_piece_is_no_line_of_its_own() -> None:
    found = rows(line("other", HEAD + "[1/2] x "), line("other", HEAD + "[2/2] over quota"), patterns=of(FULL))
    assert len(found) == 1
    apart = [line("bounce", HEAD + "[1/2] x "), line("other", HEAD + "[2/3] over quota")]
    assert [row["event"] for row in rows(*apart, patterns=of(FULL))] == ["bounce", "other"]


def test_rubbish_is_no_crash() -> None:
    random.seed(18)
    kinds = ("bounce", "deferral", "rejection", "other", "arrival")
    signs = "ab\0\x1b\n\t \\[]/12@<>üş메\U0001f4e7:"
    lines = [
        line(
            random.choice(kinds),
            HEAD * random.randrange(2) + "".join(random.choices(signs, k=30)),
            text=random.choice([None, "", signs]),
        )
        for _ in range(500)
    ]
    found = rows(*lines, patterns=of(FULL, GONE, Pattern("3", "any", "[ab]")))
    assert len(found) >= sum(one["event"] in ("bounce", "deferral") for one in lines) - 100
    assert len({row["event_id"] for row in found}) == len(found)
