"""Who got the report, on an object store that machines share, where a lock kept nobody out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailevents_dagster.settings import ReportMailSettings
from mailevents_dagster.sharing.locks import HeldError
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries import report_mail
from mailevents_dagster.summaries.report_mail import Sent, Tried, both, read_sent, send_report
from mailevents_dagster_tests.deliveries.mail.post_office import HERE, USER, PostOffice, open_post_office
from mailevents_dagster_tests.store.kept import unguarded
from mailevents_dagster_tests.summaries.test_report_mail import DAY, LETTER, SEVEN, A, B


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with open_post_office() as opened:
        yield opened


@pytest.fixture
def machine(bucket: str, tmp_path: Path) -> Callable[[str], Store]:
    return lambda name: unguarded(bucket, scratch=tmp_path / name)


@pytest.fixture
def send(office: PostOffice) -> Callable[[Store, list[str]], Tried]:
    def sent(store: Store, to: list[str]) -> Tried:
        written = {"to": to, "from": USER, "smtp_host": HERE, "smtp_port": office.port, "starttls": False}
        settings = ReportMailSettings.model_validate(written)
        return send_report(LETTER, DAY, settings, store, SEVEN, pytest.fail, {})

    return sent


def test_who_finds_that_another_has_sent_it_sends_nothing(
    machine: Callable[[str], Store],
    send: Callable[[Store, list[str]], Tried],
    office: PostOffice,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = machine("one"), machine("other")
    read = report_mail.read_sent

    def read_and_be_overtaken(*arguments: object) -> Sent | None:
        found = read(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(report_mail, "read_sent", read)
        send(other, [A, B])
        return found

    monkeypatch.setattr(report_mail, "read_sent", read_and_be_overtaken)
    with pytest.raises(HeldError):
        send(one, [A, B])
    assert office.recipients == [[A, B]]
    assert send(one, [A, B]) == Tried(0, 0, 0)


def test_what_another_noted_while_it_was_sent_is_kept(
    machine: Callable[[str], Store],
    send: Callable[[Store, list[str]], Tried],
    office: PostOffice,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = machine("one"), machine("other")
    hand_over = report_mail.mail_letter

    def overtaken(*arguments: object, **more: object) -> object:
        monkeypatch.setattr(report_mail, "mail_letter", hand_over)
        send(other, [B])
        return hand_over(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(report_mail, "mail_letter", overtaken)
    send(one, [A])
    assert office.recipients == [[B], [A]]
    assert send(other, [A, B]) == Tried(0, 0, 0)
    sent = read_sent(one, pytest.fail)
    assert sent is not None
    assert sent.again_at is None


def test_of_two_days_the_newer_counts_and_of_one_day_all_that_was_done() -> None:
    assert both(Sent("2026-11-20", ("a",)), Sent("2026-11-21", ("b",))) == Sent("2026-11-21", ("b",))
    assert both(Sent("d", ("a",), 1, 5.0), Sent("d", ("b", "a"), 3, 7.0)) == Sent("d", ("a", "b"), 3, 7.0)
    assert both(Sent("d", ("a",), 1, 5.0), Sent("d", ("a", "b"), 2, None)).again_at is None
