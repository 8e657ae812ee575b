"""The lives of mails."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.sources.maillog.lives import LONGEST_SILENCE, SCHEMA, lives
from mailevents_dagster_tests.sources.maillog.lines import START, Line, table

DAY = 86_400
ID = "1vPfXY-0005vi-00"


def mail(second: float, queue_id: str = "3FA2B1C0", server: str = "mx1") -> list[Line]:
    """How a mail comes into the queue of a Postfix."""
    return [
        (server, second, f"postfix/smtpd[1]: {queue_id}: client=mail.example.org[192.0.2.205]"),
        (server, second, f"postfix/cleanup[2]: {queue_id}: message-id=<m@example.org>"),
        (server, second, f"postfix/qmgr[3]: {queue_id}: from=<s@example.org>, size=345, nrcpt=1 (queue active)"),
    ]


def attempt(
    second: float, status: str, reason: str, to: str = "to=<r@x>", queue_id: str = "3FA2B1C0", server: str = "mx1"
) -> Line:
    words = f"{to}, relay=mx.x[192.0.2.1]:25, delay=1, dsn=2.0.0, status={status} ({reason})"
    return server, second, f"postfix/smtp[4]: {queue_id}: {words}"


def removed(second: float, queue_id: str = "3FA2B1C0", server: str = "mx1", by: str = "qmgr") -> Line:
    return server, second, f"postfix/{by}[3]: {queue_id}: removed"


def told(*lines: Line) -> list[dict[str, Any]]:
    return lives(table(*lines)).to_pylist()


def at(second: float) -> datetime:
    return datetime.fromtimestamp(START + second, UTC)


def test_a_life_is_what_became_of_each_recipient() -> None:
    first, second = told(
        *mail(0),
        attempt(1, "deferred", "host mx.x[192.0.2.1] said: 450 4.2.2 full (in reply to RCPT TO command)"),
        attempt(1, "bounced", "host mx.x[192.0.2.1] said: 550 5.1.1 no", to="to=<no@x>, orig_to=<nobody@x>"),
        attempt(7201, "sent", "250 2.0.0 Ok"),
        removed(7201),
    )
    assert first == {
        "server": "mx1",
        "queue_id": "3FA2B1C0",
        "message_id": "m@example.org",
        "sender": "s@example.org",
        "recipient": "no@x",
        "original_recipient": "nobody@x",
        "arrived": at(0),
        "finished": at(1),
        "last_seen": at(7201),
        "attempts": 1,
        "outcome": "bounced",
        "code": 550,
        "enhanced_code": "5.1.1",
        "text": "host mx.x[192.0.2.1] said: 550 5.1.1 no",
        "relay": "mx.x",
        "handed_to": None,
    }
    assert (second["outcome"], second["attempts"], second["code"], second["finished"]) == (
        "delivered",
        2,
        250,
        at(7201),
    )


def test_a_mail_that_is_not_over_is_deferred_or_queued() -> None:
    (row,) = told(*mail(0), attempt(1, "deferred", "later"))
    assert (row["outcome"], row["finished"], row["text"]) == ("deferred", None, "later")
    (row,) = told(*mail(0))
    assert (row["outcome"], row["recipient"], row["attempts"], row["sender"]) == ("queued", None, 0, "s@example.org")


def test_a_mail_that_expired_did_so_for_all_who_had_not_got_it() -> None:
    first, second = told(
        *mail(0),
        attempt(1, "sent", "250 2.0.0 Ok", to="to=<a@x>"),
        attempt(1, "deferred", "450 4.2.2 full", to="to=<b@x>"),
        ("mx1", 5 * DAY, "postfix/qmgr[3]: 3FA2B1C0: from=<s@example.org>, status=expired, returned to sender"),
        removed(5 * DAY),
    )
    assert (first["recipient"], first["outcome"], first["finished"]) == ("a@x", "delivered", at(1))
    assert (second["recipient"], second["outcome"], second["finished"]) == ("b@x", "expired", at(5 * DAY))
    assert (second["code"], second["text"]) == (450, "450 4.2.2 full")


def test_what_was_taken_out_by_hand_is_removed_and_what_lacks_lines_is_unknown() -> None:
    (row,) = told(*mail(0), attempt(1, "deferred", "later"), removed(2, by="postsuper"))
    assert (row["outcome"], row["finished"]) == ("removed", at(2))
    (row,) = told(*mail(0), attempt(1, "deferred", "later"), removed(2))
    assert (row["outcome"], row["finished"]) == ("unknown", at(2))
    (row,) = told(
        ("exim1", 0, f"{ID} <= a@b P=local S=1"), ("exim1", 1, f"{ID} removed by root"), ("exim1", 1, f"{ID} Completed")
    )
    assert (row["outcome"], row["finished"], row["text"]) == ("removed", at(1), None)


def test_the_same_id_after_the_end_is_another_mail() -> None:
    first, second = told(
        *mail(0),
        attempt(1, "sent", "250 Ok"),
        removed(1),
        *mail(3600),
        attempt(3601, "bounced", "550 no"),
        removed(3601),
    )
    assert [(row["outcome"], row["arrived"]) for row in (first, second)] == [
        ("delivered", at(0)),
        ("bounced", at(3600)),
    ]


def test_a_mail_that_postfix_makes_itself_has_no_client_and_yet_arrives() -> None:
    bounce = [(server, second, words.replace("<s@example.org>", "<>")) for server, second, words in mail(60)[1:]]
    first, second = told(*mail(0), attempt(1, "sent", "250 Ok"), removed(1), *bounce, attempt(61, "sent", "250 Ok"))
    assert [(row["sender"], row["arrived"]) for row in (first, second)] == [("s@example.org", at(0)), ("", at(60))]


def test_the_same_id_that_arrives_again_is_another_mail_though_the_end_of_the_first_is_missing() -> None:
    first, second = told(*mail(0), attempt(1, "deferred", "later"), *mail(3600), attempt(3601, "sent", "250 Ok"))
    assert [(row["outcome"], row["attempts"]) for row in (first, second)] == [("deferred", 1), ("delivered", 1)]


def test_the_same_id_after_a_long_silence_is_another_mail() -> None:
    late = LONGEST_SILENCE / 1000 + 2
    first, second = told(*mail(0), attempt(1, "deferred", "later"), attempt(late, "sent", "250 Ok"))
    assert [(row["outcome"], row["arrived"]) for row in (first, second)] == [("deferred", at(0)), ("delivered", None)]


def test_the_same_id_on_two_servers_is_two_mails() -> None:
    rows = told(*mail(0, server="mx1"), *mail(0, server="mx2"), attempt(1, "sent", "250 Ok", server="mx2"))
    assert [(row["server"], row["outcome"]) for row in rows] == [("mx1", "queued"), ("mx2", "delivered")]


def test_exim_names_one_local_user_in_three_ways() -> None:
    rows = told(
        ("exim1", 0, f"{ID} <= s@x P=local S=1"),
        ("exim1", 1, f"{ID} == bob@x R=r T=t defer (-1): full"),
        ("exim1", 1, f"{ID} == eve@x <alias@x> R=r T=t defer (-1): full"),
        ("exim1", 2, f"{ID} => bob <bob@x> R=r T=t"),
        ("exim1", 2, f"{ID} => eve <alias@x> R=r T=t"),
        ("exim1", 2, f"{ID} Completed"),
    )
    assert [(row["recipient"], row["original_recipient"], row["attempts"], row["outcome"]) for row in rows] == [
        ("bob@x", None, 2, "delivered"),
        ("eve@x", "alias@x", 2, "delivered"),
    ]


def test_exim_gives_up_with_a_bounce_and_delivers_before_it_tells_the_arrival() -> None:
    (row,) = told(
        ("exim1", 0, f"{ID} <= s@x P=local S=1"),
        ("exim1", 1, f"{ID} == bob@x R=r T=t defer (-1): full"),
        ("exim1", 5, f"{ID} == bob@x routing defer (-52): retry time not reached"),
        ("exim1", 9, f"{ID} ** bob@x: retry timeout exceeded"),
        ("exim1", 9, f"{ID} Completed"),
    )
    assert (row["outcome"], row["attempts"]) == ("expired", 1)
    (row,) = told(
        ("exim1", 1, f'{ID} >> bob@x R=r T=t H=h [192.0.2.1] C="250 OK"'),
        ("exim1", 2, f"{ID} <= s@x H=h [192.0.2.9] P=esmtp S=1"),
        ("exim1", 2, f"{ID} Completed"),
    )
    assert (row["outcome"], row["sender"], row["arrived"], row["relay"]) == ("delivered", "s@x", at(2), "h")


def test_a_time_at_which_nothing_was_tried_is_no_attempt_and_no_reason() -> None:
    (row,) = told(
        ("exim1", 0, f"{ID} <= s@x P=local S=1"),
        ("exim1", 1, f"{ID} == bob@x R=r T=t defer (-44): SMTP error after DATA: 450 4.2.2 full"),
        ("exim1", 5, f"{ID} == bob@x R=r T=t defer (-53): retry time not reached"),
    )
    assert (row["outcome"], row["attempts"], row["code"]) == ("deferred", 1, 450)


def test_what_was_refused_after_it_had_an_id_is_rejected() -> None:
    refusal = "milter-reject: END-OF-MESSAGE from x[192.0.2.3]: 5.7.1 no; from=<s@x> to=<r@x> proto=ESMTP helo=<e>"
    (row,) = told(mail(0)[0], ("mx1", 1, f"postfix/cleanup[2]: 3FA2B1C0: {refusal}"))
    assert (row["outcome"], row["recipient"], row["attempts"]) == ("rejected", "r@x", 0)
    (row,) = told(("exim1", 1, f"{ID} H=[192.0.2.3] F=<s@x> rejected after DATA: spam"))
    assert (row["outcome"], row["recipient"], row["sender"], row["text"]) == ("rejected", None, "s@x", "spam")


def test_lines_without_a_mail_have_no_life() -> None:
    assert told(("mx1", 0, "postfix/smtpd[1]: connect from x[192.0.2.3]")) == []
    assert lives(table(("mx1", 0, "rubbish"))).schema.equals(SCHEMA, check_metadata=True)


def test_columns_may_come_as_dictionaries_as_folders_of_a_store_give_them() -> None:
    lines = table(*mail(0), attempt(1, "sent", "250 Ok"))
    folders = lines.set_column(0, "domain", lines["domain"].dictionary_encode())
    assert lives(folders).equals(lives(lines))


LIVES = [
    *mail(0),
    attempt(1, "deferred", "450 later"),
    ("exim1", 5, f"{ID} <= s@x H=h [192.0.2.9] P=esmtp S=1 id=q@x"),
    ("exim1", 6, f'{ID} => r@x R=r T=t H=mx1 [192.0.2.1] C="250 2.0.0 Ok: queued as 4FA2B1C0"'),
    ("exim1", 6, f"{ID} Completed"),
    *mail(6, queue_id="4FA2B1C0"),
    attempt(3599, "sent", "250 Ok"),
    removed(3600),
    *mail(3601),
    attempt(7300, "bounced", "550 no"),
    removed(7300),
    attempt(7300, "bounced", "550 5.1.1 no", queue_id="4FA2B1C0"),
    removed(7300, queue_id="4FA2B1C0"),
    ("exim1", 9000, f"{ID} <= s@y P=local S=1"),
]


@settings(max_examples=20)
@given(order=st.permutations(range(3)), cuts=st.lists(st.integers(0, 20), max_size=4))
def test_lives_are_the_same_however_the_lines_are_split(order: list[int], cuts: list[int]) -> None:
    whole, expected = split_lines()
    hours = [whole.filter(pa.array([int(second // 3600) == hour for _, second, _ in LIVES])) for hour in order]
    ends = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole.slice(first, end - first) for first, end in pairwise(ends)]
    assert lives(pa.concat_tables(hours)).to_pylist() == expected
    assert lives(pa.concat_tables(pieces)).to_pylist() == expected


@cache
def split_lines() -> tuple[pa.Table, list[dict[str, Any]]]:
    whole = table(*LIVES)
    return whole, lives(whole).to_pylist()
