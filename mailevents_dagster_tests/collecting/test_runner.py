"""The runner: many feeds side by side against the simulated API, each with failures of its own."""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mailevents_dagster.collecting import runner as runner_module
from mailevents_dagster.collecting.outcomes import Failed, Task
from mailevents_dagster.collecting.runner import Runner
from mailevents_dagster.model.event import Collection, StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.client import Client
from mailevents_dagster.sources.uzmanposta.collect import UzmanPostaClient
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Request, Simulator
from mailevents_dagster.store.hour.commit import Commit
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting.conftest import (
    DOMAINS,
    PATIENCE,
    Place,
    after,
    done,
    failed,
    incoming,
    then,
    threads_at_work,
)
from mailevents_dagster_tests.conftest import NOON, mail


def of_domain(domain: str, kind: str) -> Callable[[Request], bool]:
    return lambda request: request.kind == kind and request.params.get("domain", domain) == domain


def test_hours_of_several_accounts_are_collected_side_by_side(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """No listing goes out before those of the other accounts are about to."""
    meeting = threading.Barrier(len(DOMAINS))
    for api in place.apis.values():
        monkeypatch.setattr(api, "rows", after(lambda: meeting.wait(PATIENCE), api.rows))

    outcomes = place.collect([Task(incoming(domain), [NOON, NOON.next]) for domain in DOMAINS])

    assert not failed(outcomes)
    assert done(outcomes) == {(domain, hour.start, 5) for domain in DOMAINS for hour in (NOON, NOON.next)}
    assert not threads_at_work()


def test_the_feeds_of_an_account_are_collected_one_after_the_other(place: Place) -> None:
    tasks = [Task(feed_of("a.example", name), [NOON]) for name in ("authentication", "mail/incominglog")]

    outcomes = place.collect(tasks)

    assert [outcome.feed.name for outcome in outcomes] == ["authentication", "mail/incominglog"]


@pytest.mark.parametrize(("status", "said"), [(401, "KEY_OF_EXAMPLE"), (500, "answered 500")])
def test_a_feed_that_is_refused_is_told_with_the_reason_and_the_others_are_collected(
    place: Place, simulator: Simulator, status: int, said: str
) -> None:
    simulator.fail_next(of_domain("b.example", "list"), Answer(status), times=None)

    outcomes = place.collect([Task(incoming(domain), [NOON, NOON.next]) for domain in DOMAINS])

    [failure] = failed(outcomes)
    assert (failure.feed, failure.hour) == (incoming("b.example"), NOON), "its later hours are left for another time"
    assert said in failure.said
    assert {domain for domain, _, _ in done(outcomes)} == {"a.example", "c.example"}
    cursor = place.collector.store.cursor(incoming("b.example"))
    assert said in cursor.failed[NOON.start].said


def test_a_feed_that_meets_an_error_nobody_thought_of_is_told_and_the_others_are_collected(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(place.apis["b.example"], "rows", fail)

    outcomes = place.collect([Task(incoming(domain), [NOON]) for domain in DOMAINS])

    assert [(failure.feed.domain, failure.said) for failure in failed(outcomes)] == [("b.example", "ZeroDivisionError")]
    assert {domain for domain, _, _ in done(outcomes)} == {"a.example", "c.example"}


def test_a_snapshot_damaged_while_its_hour_is_collected_is_named_and_the_later_hours_are_collected(
    place: Place, store: Store, simulator: Simulator, fixed: FixedMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails after the snapshot was found whole; the file must be longer than what is read at once."""
    feed, hours, api = incoming("d.example"), [NOON, NOON.next], place.apis["d.example"]
    many = [mail(NOON.start + n, f"d{n}", subject=random.Random(n).randbytes(1000).hex()) for n in range(100)]
    fixed.add("d.example", feed.name, [*many, mail(NOON.next.start, "next")])
    place.collect([Task(feed, hours)])
    fixed.add("d.example", feed.name, [mail(NOON.start + 5, "late"), mail(NOON.next.start + 5, "late")])
    snapshot = Path(str(store.layout.snapshot(feed, NOON)))

    def damage() -> None:
        with snapshot.open("r+b") as file:
            file.write(bytes(snapshot.stat().st_size - 20_000))

    with monkeypatch.context() as patched:
        patched.setattr(api, "detail", after(damage, api.detail))
        [damaged, later] = place.collect([Task(feed, hours)])

    assert isinstance(damaged, Failed)
    assert (damaged.hour, damaged.cause) == (NOON, "damage")
    assert str(snapshot) in damaged.said
    assert done([later]) == {("d.example", NOON.next.start, 2)}
    simulator.calls.clear()
    [mended] = place.collect([Task(feed, [NOON])])
    assert simulator.calls.count("detail") == 0
    assert done([mended]) == {("d.example", NOON.start, 101)}
    assert snapshot.with_name("12.parquet.damaged").exists()


def test_an_account_without_a_usable_key_fails_feed_by_feed_and_the_others_are_collected(place: Place) -> None:
    def client(feed: Feed) -> Client:
        if feed.domain == "b.example":
            raise ValueError("the key cannot be sent")
        return UzmanPostaClient(place.apis[feed.domain])

    feeds = [incoming("b.example"), feed_of("b.example", "authentication"), incoming("a.example")]
    with Runner(place.collector, client, [Task(feed, [NOON]) for feed in feeds]) as runner:
        outcomes = list(runner.outcomes())

    assert [(failure.feed, failure.said) for failure in failed(outcomes)] == [
        (feed, "the key cannot be sent") for feed in feeds[:2]
    ]
    assert {domain for domain, _, _ in done(outcomes)} == {"a.example"}


def test_an_hour_that_another_has_is_stepped_aside_from_and_the_next_is_collected(place: Place, store: Store) -> None:
    with store.open_hour(incoming("a.example"), NOON):
        outcomes = place.collect([Task(incoming("a.example"), [NOON, NOON.next])])

    assert not failed(outcomes)
    assert done(outcomes) == {("a.example", NOON.next.start, 5)}


def test_a_feed_whose_hours_cannot_be_written_is_left_and_the_others_of_its_account_are_collected(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hour after the one that cannot be written may be under way by then, no later one is."""
    feed, other = incoming("a.example"), feed_of("a.example", "authentication")

    def full(self: OpenHour, found: Collection) -> Commit:
        if self.feed == feed:
            raise OSError(errno.ENOSPC, "no space left")
        return real(self, found)

    real = OpenHour.commit
    monkeypatch.setattr(OpenHour, "commit", full)
    hours = [Hour(NOON.start + n * SECONDS, NOON.timezone) for n in range(6)]
    with place.runner([Task(feed, hours), Task(other, [NOON])]) as runner:
        failures, others = failed(list(runner.outcomes_of(feed))), done(list(runner.outcomes_of(other)))

    assert [failure.hour for failure in failures] == hours[: len(failures)]
    assert len(failures) in (1, 2)
    assert others == {("a.example", NOON.start, 0)}
    assert sorted(place.collector.store.cursor(feed).failed) == [one.start for one in hours[: len(failures)]]


def test_the_hours_of_a_feed_are_told_while_another_account_waits_for_its_source(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, api = threading.Event(), place.apis["b.example"]
    monkeypatch.setattr(api, "rows", after(lambda: answer.wait(PATIENCE), api.rows))

    with place.runner([Task(incoming(domain), [NOON]) for domain in DOMAINS]) as runner:
        quick = list(runner.outcomes_of(incoming("a.example")))
        answer.set()
        slow = list(runner.outcomes_of(incoming("b.example")))

    assert done(quick) == {("a.example", NOON.start, 5)}
    assert done(slow) == {("b.example", NOON.start, 5)}


@pytest.fixture
def paused(place: Place, simulator: Simulator, fixed: FixedMail, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once the account d.example is told to wait for ten minutes, after ten of its details are there."""
    fixed.add("d.example", "mail/incominglog", [mail(NOON.start + n, f"d{n}") for n in range(30)])
    answered = iter(range(10))
    simulator.fail_next(
        lambda request: (request.queue_id or "").startswith("d") and next(answered, None) is None,
        Answer(429, {"Retry-After": "600"}),
        times=None,
    )
    told, budget = threading.Event(), place.apis["d.example"].budget
    monkeypatch.setattr(runner_module, "PATIENCE_AT_STOP", PATIENCE)
    monkeypatch.setattr(budget, "pause", then(told.set, budget.pause))
    return told


@pytest.mark.parametrize("how", [KeyboardInterrupt, None], ids=["interrupted", "left"])
def test_a_runner_that_is_left_early_wakes_a_long_pause_and_keeps_what_was_fetched(
    place: Place, store: Store, paused: threading.Event, how: type[BaseException] | None
) -> None:
    feed, behind = incoming("d.example"), feed_of("d.example", "authentication")

    def leave() -> None:
        with place.runner([Task(feed, [NOON]), Task(behind, [NOON]), Task(incoming("a.example"), [NOON])]) as runner:
            assert done([next(runner.outcomes())]) == {("a.example", NOON.start, 5)}
            assert paused.wait(PATIENCE)
            if how:
                raise how

    if how:
        with pytest.raises(how):
            leave()
    else:
        leave()

    assert not threads_at_work()
    journal = store.layout.journal(feed, NOON).read_bytes()
    assert [number for number in range(30) if f"d{number}".encode() in journal], "the details that were answered"
    assert store.manifest(feed, NOON) is None
    assert not store.cursor(behind).failed, "what was not begun yet counts as no failure"


def test_who_waits_for_hours_whose_client_was_stopped_hears_of_it_and_no_further_hour_is_begun(
    place: Place, store: Store, paused: threading.Event
) -> None:
    feed, behind = incoming("d.example"), feed_of("d.example", "authentication")
    with place.runner([Task(feed, [NOON]), Task(behind, [NOON])]) as runner:
        assert paused.wait(PATIENCE)
        place.apis["d.example"].stop()
        with pytest.raises(StoppedError):
            list(runner.outcomes_of(feed))
        with pytest.raises(StoppedError):
            list(runner.outcomes_of(behind))
        with pytest.raises(StoppedError):
            list(runner.outcomes())

    assert store.manifest(feed, NOON) is None
    assert not store.cursor(feed).failed
