"""The lines of simulated servers: the same whoever asks, and as varied as those of real ones."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.sources.maillog.simulator import lines

NOON = 1_795_176_000
"""2026-11-20 12:00 UTC, a Friday."""
HOUR = 3600
DAY = 86_400
FORMATS = ("exim", "postfix")
PER_SERVER = [("mx1.example.com", one) for one in FORMATS] + [("mx2.example.com", one) for one in FORMATS]


def log(name: str, kind: str, first: int, end: int, timezone: str = "UTC") -> list[str]:
    return list(lines(name, kind, first, end, timezone))


def exim_ids(found: list[str]) -> set[str]:
    return set(re.findall(r"^\S+ \S+ ([0-9A-Za-z]{6}-\S+) <=", "\n".join(found), re.MULTILINE))


@cache
def four_hours(kind: str) -> list[str]:
    return log("mx1.example.com", kind, NOON, NOON + 4 * HOUR)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, 4 * HOUR), max_size=6))
def test_windows_side_by_side_hold_what_the_whole_holds(kind: str, cuts: list[int]) -> None:
    edges = [NOON, *sorted(NOON + cut for cut in cuts), NOON + 4 * HOUR]
    parts = [line for first, end in pairwise(edges) for line in log("mx1.example.com", kind, first, end)]
    assert parts == four_hours(kind)


@pytest.mark.parametrize("kind", FORMATS)
def test_another_name_has_other_mail(kind: str) -> None:
    one, other = (log(name, kind, NOON, NOON + HOUR) for name in ("mx1.example.com", "mx2.example.com"))
    assert [line[20:] for line in one] != [line[20:] for line in other]


@pytest.mark.parametrize("kind", FORMATS)
def test_hours_of_the_day_are_lively_and_those_of_the_night_are_quiet(kind: str) -> None:
    noon, night = NOON - 3 * HOUR, NOON - 12 * HOUR
    by_day = [len(log("mx1.example.com", kind, noon + hour * HOUR, noon + (hour + 1) * HOUR)) for hour in range(7)]
    by_night = [len(log("mx1.example.com", kind, night + hour * HOUR, night + (hour + 1) * HOUR)) for hour in range(4)]
    assert 80 <= sum(by_day) / 7 <= 350
    assert max(by_night) < min(by_day) / 2


@pytest.mark.parametrize(("name", "kind"), PER_SERVER)
def test_stamps_never_go_back(name: str, kind: str) -> None:
    stamps = [line[:19] if kind == "exim" else line[:15] for line in log(name, kind, NOON, NOON + 6 * HOUR)]
    assert stamps == sorted(stamps)
    assert stamps


@pytest.mark.parametrize(("name", "kind"), PER_SERVER)
def test_every_address_is_one_of_documentation(name: str, kind: str) -> None:
    text = "\n".join(log(name, kind, NOON, NOON + DAY))
    domains = set(re.findall(r"@([\w.-]+)", text))
    assert domains
    assert all(re.fullmatch(r".*\b(example\.(com|net|org)|example|invalid)", domain) for domain in domains)
    numbers = re.findall(r"\[(\d+\.\d+\.\d+)\.\d+\]", text)
    assert set(numbers) <= {"192.0.2", "198.51.100", "203.0.113"}
    assert set(re.findall(r"\[(\w+:\w+):", text)) == {"2001:db8"}


def test_exim_has_what_happens_to_mail() -> None:
    text = "\n".join(log("mx1.example.com", "exim", NOON, NOON + 3 * DAY))
    for part in (
        " <= <> ",
        " => ",
        " -> ",
        " == ",
        " ** ",
        " Completed",
        "temporarily rejected RCPT",
        " rejected RCPT",
    ):
        assert part in text
    for part in ("retry timeout exceeded", "Start queue run", 'T="', "A=plain_login:", "U=www-data", "ö", "550 5.1.1"):
        assert part in text


def test_postfix_has_what_happens_to_mail() -> None:
    text = "\n".join(log("mx1.example.com", "postfix", NOON, NOON + 3 * DAY))
    for status in ("sent", "deferred", "bounced", "expired"):
        assert f"status={status}" in text
    for part in ("NOQUEUE: reject: RCPT", "from=<>", "removed", "orig_to=", "sasl_username=", "relay=none", "anvil["):
        assert part in text
    assert "header Subject: " in text


def test_neighbouring_servers_give_ids_of_both_lengths() -> None:
    both = [exim_ids(log(name, "exim", NOON, NOON + 3 * HOUR)) for name in ("mx1.example.com", "mx2.example.com")]
    assert [{len(one) for one in ids} for ids in both] == [{16}, {23}]
    text = "\n".join(log("mx2.example.com", "postfix", NOON, NOON + 3 * HOUR))
    assert re.search(r": [0-9A-Za-z]{10}z[0-9A-Za-z]{4}: client=", text)


def test_some_mails_live_for_hours_and_all_that_arrive_end() -> None:
    found = log("mx1.example.com", "exim", NOON, NOON + 12 * HOUR)
    arrived = exim_ids(log("mx1.example.com", "exim", NOON, NOON + 6 * HOUR))
    ended = {line.split()[2]: line for line in found if " Completed QT=" in line}
    assert arrived <= set(ended)
    assert any(int(ended[one].rpartition("=")[2].rstrip("s")) > 2 * HOUR for one in arrived)


@pytest.mark.parametrize(("kind", "other"), [("exim", "postfix"), ("postfix", "exim"), ("exim", "exim")])
def test_servers_hand_each_other_mails_that_both_know(kind: str, other: str) -> None:
    here, there = "mx1.kuzey.example", "mx1.deniz.example"
    window = (NOON, NOON + 12 * HOUR, "UTC")
    mine = "\n".join(lines(here, kind, *window, neighbours={there: other}))
    theirs = "\n".join(lines(there, other, *window, neighbours={here: kind}))
    for sent, received in ((mine, theirs), (theirs, mine)):
        ids = set(re.findall(r"(?:OK id=|Ok: queued as )([0-9A-Za-z-]+)", sent)) & set(
            re.findall(r" ([0-9A-Za-z-]+)(?: <=|: client=)", received)
        )
        assert len(ids) > 5
        for one in ids:
            arrival = next(line for line in received.splitlines() if re.search(rf" {one}(: message-id| <=)", line))
            message_id = re.search(r"(?:message-id=<|\bid=)([^>\s]+)", arrival)
            assert message_id
            assert message_id[1] in sent


def test_mail_is_that_of_the_domain_of_a_server_in_documentation_alone() -> None:
    for name, domain in (
        ("mx1.kuzey.example", "kuzey.example"),
        ("mx1.company.com", "example.com"),
        ("mx", "example.com"),
    ):
        text = "\n".join(log(name, "exim", NOON, NOON + 6 * HOUR))
        assert " A=plain_login:muhasebe S=" in text
        assert f" <muhasebe@{domain}>" in text
        assert "@company.com" not in text


@pytest.mark.parametrize("kind", FORMATS)
def test_a_log_is_as_large_as_it_is_asked_for(kind: str) -> None:
    few = sum(1 for _ in lines("mx1.example.com", kind, NOON, NOON + 600, "UTC", 100))
    many = sum(1 for _ in lines("mx1.example.com", kind, NOON, NOON + 600, "UTC", 2000))
    assert many > 10 * few
