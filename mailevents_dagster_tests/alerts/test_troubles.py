"""Which troubles are told, when, and in what words: decisions over values."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mailevents_dagster.alerts.texts import NAMED, SAID_CHARACTERS, message_of
from mailevents_dagster.alerts.troubles import (
    CALM,
    FORGOTTEN_AFTER,
    LONGEST_COLLECTION,
    Entry,
    Kind,
    Ledger,
    Look,
    News,
    Sighting,
    Subject,
    Trouble,
    ledger_content,
    ledger_of,
    look_at_feeds,
    look_of,
    news_of,
    noted,
    told,
)
from mailevents_dagster.collecting.planning import FeedState
from mailevents_dagster.model.event import WAITS_FOR_OTHER
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.store.cursors import UNFINISHED, Cursor, Failure
from mailevents_dagster_tests.conftest import AUTHENTICATION, INCOMING, NOON, START

HOUR, DAY = 3600.0, 86_400.0
FEED = Subject(Kind.FEED, str(INCOMING))
JOB = Subject(Kind.JOB, "housekeeping")
CHECK = Subject(Kind.CHECK, f"{INCOMING} complete")


def seen(at: float, subject: Subject = FEED, cause: str = "dns") -> Look:
    return Look([Sighting(Trouble(subject, cause), at, "no answer")])


def good(at: float, subject: Subject = FEED) -> Look:
    return Look(good={subject: at})


class Told:
    """Looks at a time, each told by somebody unless nobody can be; `said` is what each look tells."""

    def __init__(self) -> None:
        self.ledger = Ledger()

    def look(self, look: Look, at: float, *, taken: bool = True) -> tuple[list[str], list[str]]:
        self.ledger = noted(self.ledger, look, at)
        news = news_of(self.ledger, at, DAY)
        if taken:
            self.ledger = told(self.ledger, news, at)
        return [trouble.cause for trouble, _ in news.troubles], [trouble.cause for trouble, _ in news.over]


def test_a_trouble_is_told_once_and_again_after_the_time_while_it_goes_on() -> None:
    here = Told()
    minutes = [minute * 60.0 for minute in range(3 * 24 * 60)]
    at = [minute for minute in minutes if here.look(seen(minute), minute)[0]]
    assert at == [0.0, DAY, 2 * DAY]


def test_each_cause_of_a_feed_is_told_once_though_they_take_turns() -> None:
    here = Told()
    turns = [here.look(seen(at * 60.0, cause=("dns", "timeout")[at % 2]), at * 60.0)[0] for at in range(100)]
    assert [one for one in turns if one] == [["dns"], ["timeout"]]


def test_the_end_is_told_once_after_it_has_been_calm() -> None:
    here = Told()
    here.look(seen(0), 0)
    ends = [at * 60 for at in range(1, 100) if here.look(good(at * 60.0), at * 60.0)[1]]
    assert ends == [CALM[Kind.FEED]]
    assert not here.ledger.entries


def test_what_comes_and_goes_is_one_trouble() -> None:
    here = Told()
    looks = [here.look(seen(at * 60.0) if at % 10 == 0 else good(at * 60.0), at * 60.0) for at in range(600)]
    assert [one for one in looks if any(one)] == [(["dns"], [])]


def test_a_feed_of_which_nothing_is_known_is_neither_told_again_nor_good() -> None:
    here = Told()
    here.look(seen(0), 0)
    assert here.look(Look(), 3 * DAY) == ([], [])
    assert here.ledger.entries


@pytest.mark.parametrize(("subject", "other"), [(FEED, CHECK), (CHECK, FEED), (JOB, FEED)])
def test_one_subject_that_is_good_says_nothing_of_another(subject: Subject, other: Subject) -> None:
    here = Told()
    here.look(seen(0, subject), 0)
    assert here.look(good(DAY / 2, other), DAY / 2) == ([], [])


def test_a_job_that_succeeded_before_it_failed_is_not_good() -> None:
    here = Told()
    here.look(look_of(seen(100, JOB), good(50, JOB)), 120)
    assert here.look(Look(), 100 + CALM[Kind.JOB]) == ([], [])
    here.look(good(9000, JOB), 9000)
    assert not here.ledger.entries


def test_what_nobody_took_is_told_at_the_next_look() -> None:
    here = Told()
    assert here.look(seen(0, JOB), 0, taken=False)[0] == ["dns"]
    assert here.look(Look(), 60, taken=False)[0] == ["dns"]
    assert here.look(Look(), 120)[0] == ["dns"]
    assert here.look(Look(), 180)[0] == []


def test_what_was_over_before_anybody_could_be_told_is_told_as_over_until_somebody_takes_it() -> None:
    here = Told()
    here.look(seen(0), 0, taken=False)
    assert here.look(good(2000), 2000, taken=False) == ([], ["dns"])
    assert here.look(good(2060), 2060) == ([], ["dns"])
    assert here.look(good(2120), 2120) == ([], [])


def test_a_trouble_that_comes_back_after_its_end_was_told_is_told_again() -> None:
    here = Told()
    here.look(seen(0), 0)
    here.look(good(2000), 2000)
    assert here.look(seen(3000), 3000)[0] == ["dns"]


def test_a_feed_that_is_no_more_is_forgotten() -> None:
    here = Told()
    here.look(seen(0), 0)
    here.look(Look(), FORGOTTEN_AFTER - 1)
    assert here.ledger.entries
    here.look(Look(), FORGOTTEN_AFTER)
    assert not here.ledger.entries


def test_the_ledger_is_the_same_after_it_was_written() -> None:
    here = Told()
    here.look(look_of(seen(0), seen(5, JOB, "OSError"), Look(runs=frozenset({"a", "b"}), until=7.5)), 8)
    here.look(look_of(seen(60, CHECK), good(60, FEED)), 60, taken=False)
    content = json.loads(json.dumps(ledger_content(here.ledger)))
    assert ledger_of(content) == here.ledger


# What a cursor says


def failing(*failures: Failure, in_a_row: int = 1) -> Cursor:
    return Cursor(
        failed={START + number * 3600: failure for number, failure in enumerate(failures)}, failures_in_a_row=in_a_row
    )


def looked(cursor: Cursor | None, *, at_work: bool = False, feed: Feed = INCOMING) -> Look:
    return look_at_feeds([FeedState(feed, START, cursor)], {feed} if at_work else set(), "UTC", START + DAY)


NOW = START + DAY


@pytest.mark.parametrize(
    ("cursor", "causes"),
    [
        (Cursor(), []),
        (failing(Failure(1, NOW, "timeout", "x")), []),
        (failing(Failure(2, NOW, "timeout", "x")), ["timeout"]),
        (failing(Failure(1, NOW, "timeout", "x"), in_a_row=2), ["timeout"]),
        (failing(Failure(1, NOW, "permission", "x")), ["permission"]),
        (failing(Failure(2, NOW, "dns", "x"), Failure(2, NOW, "OSError", "x")), ["dns", "OSError"]),
        (failing(Failure(2, NOW, "dns", "x"), Failure(3, NOW, "dns", "x")), ["dns"]),
        (failing(Failure(5, NOW, WAITS_FOR_OTHER, "x"), Failure(2, NOW, "queue", "x")), ["queue"]),
        (failing(Failure(1, NOW - 60, UNFINISHED, "x"), in_a_row=2), []),
        (failing(Failure(2, NOW - 60, UNFINISHED, "x")), [UNFINISHED]),
        (failing(Failure(1, NOW - LONGEST_COLLECTION - 1, UNFINISHED, "x")), [UNFINISHED]),
    ],
)
def test_what_is_more_than_a_first_failure_is_a_trouble(cursor: Cursor, causes: list[str]) -> None:
    assert [one.trouble.cause for one in looked(cursor).troubles] == causes
    assert looked(cursor).good == ({FEED: NOW} if not cursor.failed else {})


def test_an_hour_that_is_being_collected_is_neither_trouble_nor_good() -> None:
    busy = failing(Failure(3, NOW - 2 * HOUR, UNFINISHED, "x"), in_a_row=3)
    assert looked(busy, at_work=True) == Look([])


def test_a_cursor_that_cannot_be_read_is_neither() -> None:
    assert looked(None) == Look([])


def test_the_newest_failure_of_a_cause_speaks_for_all() -> None:
    cursor = failing(Failure(2, NOW - 60, "dns", "old"), Failure(2, NOW, "dns", "new"), Failure(2, NOW - 90, "dns", ""))
    [only] = looked(cursor).troubles
    assert only.said == f"3 hours, of them {NOON.next.key}: new"


# In words


def entry(said: str = "no answer", since: float = START) -> Entry:
    return Entry(since, since + 60, said)


def test_all_news_of_a_look_are_one_message_with_the_newest_first() -> None:
    news = News(
        [(Trouble(FEED, "dns"), entry()), (Trouble(JOB, "OSError"), entry("No space left"))],
        [(Trouble(Subject(Kind.FEED, str(AUTHENTICATION)), "timeout"), entry())],
    )
    message = message_of(news, "Europe/Istanbul")
    assert message.subject == "mailevents: 2 troubles (1 dns, 1 OSError), 1 trouble over"
    assert message.text.splitlines() == [
        "- example.com mail/incominglog: dns, since 2026-11-20 15:00. no answer",
        "- job housekeeping: OSError, since 2026-11-20 15:00. No space left",
        "",
        "Over:",
        "- example.com authentication: timeout, 2026-11-20 15:00 to 2026-11-20 15:01",
        "",
        "`mailevents status` shows all feeds, `mailevents alerts` all that is wrong.",
    ]


@pytest.mark.parametrize("number", [1, NAMED, NAMED + 1, 500])
def test_a_flood_is_one_message_of_bounded_length(number: int) -> None:
    troubles = [
        (Trouble(Subject(Kind.FEED, f"d{one}.example"), f"c{one % 9}"), entry("x" * 9999)) for one in range(number)
    ]
    message = message_of(News(troubles, troubles), "UTC")
    assert len(message.text) < NAMED * (2 * SAID_CHARACTERS + 200)
    assert ("more" in message.text) == (number > NAMED)
    assert len(message.subject) < 150


def test_hostile_words_stay_on_their_line_and_terminals_obey_nothing() -> None:
    trouble = (Trouble(FEED, "server"), entry("a\nb\r\nSubject: c\x1b[31m\u2028\ud800"))
    [said] = [line for line in message_of(News([trouble]), "UTC").text.splitlines() if line.startswith("- ")]
    assert "a b" in said
    assert said.isprintable()


def test_the_newest_trouble_comes_first() -> None:
    ledger = Ledger({Trouble(replace(FEED, name=str(at)), "dns"): entry(since=float(at)) for at in (1, 3, 2)})
    assert [trouble.subject.name for trouble, _ in news_of(ledger, 100, DAY).troubles] == ["3", "2", "1"]
