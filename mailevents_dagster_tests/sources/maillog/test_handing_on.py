"""Mails that one server hands on to another."""

from __future__ import annotations

from typing import Any

import pytest

from mailevents_dagster.sources.maillog.lives import lives
from mailevents_dagster_tests.sources.maillog.lines import Line, table
from mailevents_dagster_tests.sources.maillog.test_lives import ID, at, attempt, mail, removed

OTHER = "5D00000A"


def told(*lines: Line) -> dict[tuple[str, str], dict[str, Any]]:
    """What became of each recipient on each server."""
    return {(row["server"], row["recipient"]): row for row in lives(table(*lines)).to_pylist()}


def handed_on(second: float = 1, queue_id: str = OTHER, **more: str) -> list[Line]:
    return [*mail(0), attempt(second, "sent", f"250 2.0.0 Ok: queued as {queue_id}", **more), removed(second)]


def test_the_outcome_is_that_of_the_last_server() -> None:
    rows = told(
        *handed_on(),
        *mail(1, OTHER, "mx2"),
        attempt(9, "bounced", "550 5.1.1 no", queue_id=OTHER, server="mx2"),
        removed(9, OTHER, "mx2"),
    )
    row = rows["mx1", "r@x"]
    assert row["handed_to"] == {"server": "mx2", "queue_id": OTHER}
    assert (row["outcome"], row["code"], row["text"], row["finished"]) == ("bounced", 550, "550 5.1.1 no", at(9))
    assert row["last_seen"] == at(9)
    assert rows["mx2", "r@x"]["handed_to"] is None


def test_a_mail_is_followed_from_exim_over_a_filter_to_another_server() -> None:
    rows = told(
        ("exim1", 0, f"{ID} <= s@example.org P=local S=1 id=m@example.org"),
        ("exim1", 1, f'{ID} => r@x R=r T=t H=mx1 [192.0.2.1] C="250 2.0.0 Ok: queued as 3FA2B1C0"'),
        ("exim1", 1, f"{ID} Completed"),
        *mail(1),
        attempt(2, "sent", f"250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as {OTHER}"),
        removed(2),
        *mail(2, OTHER),
        attempt(3, "sent", "250 OK id=1vPfXZ-000000005vi-0000", queue_id=OTHER),
        removed(3, OTHER),
        ("exim2", 3, "1vPfXZ-000000005vi-0000 <= s@example.org H=mx1 [192.0.2.1] P=esmtp S=1 id=m@example.org"),
        ("exim2", 4, "1vPfXZ-000000005vi-0000 == r@x R=r T=t defer (-1): full"),
    )
    assert rows["exim1", "r@x"]["handed_to"] == {"server": "mx1", "queue_id": "3FA2B1C0"}
    assert (rows["exim1", "r@x"]["outcome"], rows["exim1", "r@x"]["finished"]) == ("deferred", None)
    assert rows["exim2", "r@x"]["outcome"] == "deferred"


def test_each_recipient_has_its_own_end() -> None:
    rows = told(
        *mail(0),
        attempt(1, "sent", f"250 2.0.0 Ok: queued as {OTHER}", to="to=<A@x>"),
        attempt(1, "sent", f"250 2.0.0 Ok: queued as {OTHER}", to="to=<b@x>"),
        attempt(1, "sent", f"250 2.0.0 Ok: queued as {OTHER}", to="to=<list@x>"),
        removed(1),
        *mail(1, OTHER, "mx2"),
        attempt(2, "sent", "250 Ok", to="to=<a@x>", queue_id=OTHER, server="mx2"),
        attempt(2, "deferred", "450 later", to="to=<c@y>, orig_to=<b@x>", queue_id=OTHER, server="mx2"),
        attempt(2, "sent", "250 Ok", to="to=<d@y>, orig_to=<list@x>", queue_id=OTHER, server="mx2"),
        attempt(2, "bounced", "550 no", to="to=<e@y>, orig_to=<list@x>", queue_id=OTHER, server="mx2"),
    )
    assert [rows["mx1", name]["outcome"] for name in ("A@x", "b@x", "list@x")] == ["delivered", "deferred", "bounced"]


@pytest.mark.parametrize(
    ("first", "message_id"), [(1, "other@example.org"), (90_000, "m@example.org"), (-90_000, "m@example.org")]
)
def test_another_mail_with_the_same_id_is_not_the_same_mail(first: float, message_id: str) -> None:
    arrival = [
        (server, second, words.replace("m@example.org", message_id))
        for server, second, words in mail(first, OTHER, "mx2")
    ]
    rows = told(*handed_on(), *arrival, attempt(first + 1, "bounced", "550 no", queue_id=OTHER, server="mx2"))
    assert (rows["mx1", "r@x"]["outcome"], rows["mx1", "r@x"]["handed_to"]) == ("delivered", None)


def test_of_two_mails_with_the_id_the_one_that_came_last_is_meant() -> None:
    rows = told(
        *mail(-600, OTHER, "mx2"),
        attempt(-599, "bounced", "550 no", queue_id=OTHER, server="mx2"),
        removed(-599, OTHER, "mx2"),
        *handed_on(),
        *mail(1, OTHER, "mx2"),
    )
    assert rows["mx1", "r@x"]["outcome"] == "queued"


def test_a_mail_that_a_server_forwards_to_itself_is_followed() -> None:
    rows = told(*mail(0), attempt(1, "sent", f"forwarded as {OTHER}"), removed(1), *mail(1, OTHER))
    assert rows["mx1", "r@x"]["outcome"] == "queued"


def test_only_what_was_taken_was_handed_on() -> None:
    rows = told(*mail(0), attempt(1, "bounced", f"550 queued as {OTHER}, then refused"), *mail(1, OTHER, "mx2"))
    assert rows["mx1", "r@x"]["handed_to"] is None
    rows = told(*mail(0), attempt(1, "sent", "250 Ok: queued as 3FA2B1C0"))
    assert rows["mx1", "r@x"]["handed_to"] is None


def test_a_loop_of_mails_has_an_end() -> None:
    rows = told(
        *handed_on(),
        *mail(1, OTHER, "mx2"),
        attempt(1, "sent", "250 Ok: queued as 3FA2B1C0", queue_id=OTHER, server="mx2"),
    )
    assert rows["mx1", "r@x"]["outcome"] == "delivered"
