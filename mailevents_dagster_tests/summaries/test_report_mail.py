"""The daily report by mail: once a day, when the day is complete, to each address once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mailevents_dagster.deliveries.mail.letter import Letter, Paragraph
from mailevents_dagster.model.day import Day
from mailevents_dagster.settings import ReportMailSettings
from mailevents_dagster.sharing.locks import HeldError
from mailevents_dagster.store.lock_names import REPORT
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries import report_mail
from mailevents_dagster.summaries.report_mail import (
    AGAIN,
    LATER,
    PASSING_TRIES,
    WAITS,
    Sent,
    Tried,
    due_day,
    read_sent,
    send_report,
)
from mailevents_dagster_tests.deliveries.mail.post_office import HERE, USER, PostOffice, open_post_office

ZONE = "Europe/Istanbul"
DAY = Day.from_key("2026-11-20", ZONE)
SEVEN = datetime(2026, 11, 21, 7, tzinfo=ZoneInfo(ZONE)).timestamp()
LETTER = Letter("Mail events of 2026-11-20", [Paragraph("All is well.")])
A, B = "a@example.com", "b@example.com"


def due(
    now: float, sent: Sent | None = None, *, complete: bool = True, at: str = "07:00", zone: str = ZONE
) -> Day | None:
    return due_day(sent, at, zone, now, lambda _: complete)


def test_the_day_before_is_due_from_its_time_on_where_it_is_complete() -> None:
    assert due(SEVEN - 1) is None
    assert due(SEVEN) == DAY
    assert due(SEVEN, at="07:05") is None
    assert due(SEVEN + 16 * 3600) == DAY


def test_a_day_that_is_not_complete_is_waited_for_and_sent_all_the_same() -> None:
    assert due(SEVEN + WAITS - 1, complete=False) is None
    assert due(SEVEN + WAITS, complete=False) == DAY


def test_a_day_that_was_sent_is_not_due_again_and_the_next_one_is() -> None:
    sent = Sent(DAY.key, ("x",), 1, None)
    assert due(SEVEN + 3600, sent) is None
    assert due(SEVEN + 86_400, sent) == Day.from_key("2026-11-21", ZONE)
    assert due(SEVEN + 20 * 86_400, sent) == Day.from_key("2026-12-10", ZONE)  # those between are not sent late


def test_what_waits_is_due_when_its_time_has_come() -> None:
    sent = Sent(DAY.key, (), 1, SEVEN + 600)
    assert due(SEVEN + 599, sent) is None
    assert due(SEVEN + 600, sent, complete=False) == DAY


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01"], ids=["23 hours", "25 hours"])
def test_days_of_23_and_25_hours_are_due_in_the_morning_after(day: str) -> None:
    zone = "America/New_York"
    begins = Day.from_key(day, zone).end + 7 * 3600
    assert due(begins - 1, zone=zone) is None
    assert due(begins, zone=zone) == Day.from_key(day, zone)


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with open_post_office() as opened:
        yield opened


Send = Callable[..., Tried]


@pytest.fixture
def send(office: PostOffice, store: Store) -> Send:
    def sent(now: float = SEVEN, to: Sequence[str] = (A, B), day: Day = DAY, **more: Any) -> Tried:
        written = {"to": list(to), "from": USER, "smtp_host": HERE, "smtp_port": office.port, "starttls": False}
        settings = ReportMailSettings.model_validate({**written, **more})
        return send_report(LETTER, day, settings, store, now, pytest.fail, {})

    return sent


def state(store: Store) -> Sent:
    found = read_sent(store, pytest.fail)
    assert found is not None
    return found


def test_it_is_sent_once_whoever_asks_again(office: PostOffice, send: Send, store: Store) -> None:
    assert send() == Tried(2, 0, 0)
    assert send(SEVEN + 1) == Tried(0, 0, 0)
    assert office.recipients == [[A, B]]
    assert due(SEVEN + 3600, state(store)) is None
    assert not [one for one in (A, B) if one in store.layout.report_mail.read_text()]


def test_the_next_day_is_sent_too_under_another_id(office: PostOffice, send: Send) -> None:
    send()
    send(SEVEN + 86_400, day=Day.from_key("2026-11-21", ZONE))
    assert len({one["Message-ID"] for one in office.mails}) == 2


def test_one_who_is_greylisted_gets_it_later_and_the_others_do_not_get_it_twice(
    office: PostOffice, send: Send, store: Store
) -> None:
    office.refuses = {B: "450 4.2.0 come again"}
    tried = send()
    assert (tried.taken, tried.refused, tried.waiting, tried.is_failure) == (1, 0, 1, False)
    assert due(SEVEN + AGAIN - 1, state(store)) is None
    assert due(SEVEN + AGAIN, state(store)) == DAY
    office.refuses = {}
    assert send(SEVEN + AGAIN) == Tried(1, 0, 0)
    assert office.recipients == [[A], [B]]
    assert office.mails[0]["Message-ID"] == office.mails[1]["Message-ID"]


@pytest.mark.slow
def test_a_server_that_refuses_all_for_now_is_tried_again_and_told_of_when_it_goes_on(
    office: PostOffice, send: Send, store: Store
) -> None:
    office.refuses = {"DATA": "451 4.3.0 busy"}
    tries = [send(SEVEN + number * AGAIN) for number in range(PASSING_TRIES)]
    assert [one.is_failure for one in tries] == [False] * (PASSING_TRIES - 1) + [True]
    assert state(store).again_at == SEVEN + (PASSING_TRIES - 1) * AGAIN + LATER
    office.refuses = {}
    assert send(SEVEN + 86_000).taken == 2


def test_what_is_refused_for_good_is_told_and_the_address_is_not_tried_again(
    office: PostOffice, send: Send, store: Store
) -> None:
    office.refuses = {B: "550 5.1.1 who?"}
    tried = send()
    assert (tried.taken, tried.refused, tried.waiting, tried.is_failure) == (1, 1, 0, True)
    assert state(store).again_at is None


def test_a_server_without_tls_gets_nothing_and_that_is_a_failure(office: PostOffice, send: Send, store: Store) -> None:
    tried = send(starttls=True)
    assert tried.is_failure
    assert "STARTTLS" in tried.why
    assert not office.mails
    assert state(store).again_at == SEVEN + LATER


def test_a_process_that_is_killed_after_sending_sends_the_same_mail_again(
    office: PostOffice, send: Send, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException): ...

    def die(*_: object) -> Tried:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(report_mail, "_note", die)
        with pytest.raises(KilledError):
            send()
    assert due(SEVEN + LATER - 1, state(store)) is None
    assert send(SEVEN + LATER).taken == 2
    assert [one["Message-ID"] for one in office.mails] == [office.mails[0]["Message-ID"]] * 2


def test_two_processes_do_not_send_at_once(office: PostOffice, send: Send, store: Store) -> None:
    with store.locks.holding(REPORT), pytest.raises(HeldError):
        send()
    assert not office.mails


@pytest.mark.parametrize("content", [b"", b"{}", b'{"day": 1}'], ids=range(3))
def test_a_damaged_note_is_set_aside_and_told(store: Store, content: bytes) -> None:
    path = store.layout.report_mail
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    told: list[str] = []
    assert read_sent(store, told.append) is None
    assert "report-mail.json.damaged" in told[0]
    assert not path.exists()
