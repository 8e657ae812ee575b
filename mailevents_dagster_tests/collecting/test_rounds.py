"""Rounds: many feeds side by side against the simulated API, each with failures of its own."""

from __future__ import annotations

import errno
import gc
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from mailevents_dagster.collecting import rounds
from mailevents_dagster.collecting.rounds import Collected, Failed, Outcome, Round, Task
from mailevents_dagster.collecting.turns import Turns
from mailevents_dagster.model.event import Collection, Event
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import Tally, UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.rows import Record
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Request, Simulator
from mailevents_dagster.store.hour.open_hour import Commit, OpenHour
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting_process import collector_in
from mailevents_dagster_tests.conftest import KEY, NOON, mail

DOMAINS = ["a.example", "b.example", "c.example"]
PATIENCE = 60.0


def incoming(domain: str) -> Feed:
    return feed_of(domain, "mail/incominglog")


def of_domain(domain: str, kind: str) -> Callable[[Request], bool]:
    return lambda request: request.kind == kind and request.params.get("domain", domain) == domain


@pytest.fixture
def clients(simulator: Simulator, tmp_path: Path) -> Iterator[Mapping[str, UzmanPostaApi]]:
    """A client an account, each trying once."""
    made = {
        domain: UzmanPostaApi(Access(domain, simulator.base_url, KEY, "KEY_OF_EXAMPLE", max_attempts=1))
        for domain in (*DOMAINS, "d.example")
    }
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def round_(store: Store, clients: Mapping[str, UzmanPostaApi], fixed: FixedMail) -> Round:
    for domain in DOMAINS:
        for hour in (NOON, NOON.next):
            fixed.add(domain, "mail/incominglog", [mail(hour.start + n, f"{domain}{n}") for n in range(5)])
    return Round(collector_in(store), clients.__getitem__)


def done(outcomes: list[Outcome]) -> set[tuple[str, int, int]]:
    """Domain, hour and number of events of what was committed."""
    manifests = [outcome.commit.manifest for outcome in outcomes if isinstance(outcome, Collected)]
    return {(manifest.domain, manifest.start, manifest.events) for manifest in manifests}


def failed(outcomes: list[Outcome]) -> list[Failed]:
    return [outcome for outcome in outcomes if isinstance(outcome, Failed)]


def account_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "account"]


def test_hours_of_several_accounts_are_collected_side_by_side(
    round_: Round, clients: Mapping[str, UzmanPostaApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No listing goes out before those of the other accounts are about to."""
    meeting = threading.Barrier(len(DOMAINS))
    for client in clients.values():
        monkeypatch.setattr(client, "rows", after(lambda: meeting.wait(PATIENCE), client.rows))

    outcomes = list(round_.collect([Task(incoming(domain), [NOON, NOON.next]) for domain in DOMAINS]))

    assert not failed(outcomes)
    assert done(outcomes) == {(domain, hour.start, 5) for domain in DOMAINS for hour in (NOON, NOON.next)}
    assert not account_threads()


def test_the_feeds_of_an_account_are_collected_one_after_the_other(round_: Round, simulator: Simulator) -> None:
    tasks = [Task(feed_of("a.example", name), [NOON]) for name in ("authentication", "mail/incominglog")]

    outcomes = list(round_.collect(tasks))

    feeds = [outcome.commit.manifest.feed for outcome in outcomes if isinstance(outcome, Collected)]
    assert feeds == ["authentication", "mail/incominglog"]


@pytest.mark.parametrize(("status", "said"), [(401, "KEY_OF_EXAMPLE"), (500, "answered 500")])
def test_a_feed_that_is_refused_is_told_with_the_reason_and_the_others_are_collected(
    round_: Round, simulator: Simulator, status: int, said: str
) -> None:
    simulator.fail_next(of_domain("b.example", "list"), Answer(status), times=None)

    outcomes = list(round_.collect([Task(incoming(domain), [NOON, NOON.next]) for domain in DOMAINS]))

    [failure] = failed(outcomes)
    assert (failure.feed, failure.hour) == (incoming("b.example"), NOON), "its later hours are left for another time"
    assert said in failure.said
    assert {domain for domain, _, _ in done(outcomes)} == {"a.example", "c.example"}
    cursor = round_.collector.store.cursor(incoming("b.example"))
    assert said in cursor.failed[NOON.start].said


def test_a_feed_that_meets_an_error_nobody_thought_of_is_told_and_the_others_are_collected(
    round_: Round, clients: Mapping[str, UzmanPostaApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients["b.example"], "rows", raising(ZeroDivisionError()))

    outcomes = list(round_.collect([Task(incoming(domain), [NOON]) for domain in DOMAINS]))

    assert [(failure.feed.domain, failure.said) for failure in failed(outcomes)] == [("b.example", "ZeroDivisionError")]
    assert {domain for domain, _, _ in done(outcomes)} == {"a.example", "c.example"}


def test_a_snapshot_damaged_while_its_hour_is_collected_is_named_and_the_later_hours_are_collected(
    round_: Round, store: Store, clients: Mapping[str, UzmanPostaApi], simulator: Simulator, fixed: FixedMail,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A disk that fails after the snapshot was found whole; the file must be longer than what is read at once."""
    feed, hours = incoming("d.example"), [NOON, NOON.next]
    many = [mail(NOON.start + n, f"d{n}", subject=random.Random(n).randbytes(1000).hex()) for n in range(100)]
    fixed.add("d.example", feed.name, [*many, mail(NOON.next.start, "next")])
    list(round_.collect([Task(feed, hours)]))
    fixed.add("d.example", feed.name, [mail(NOON.start + 5, "late"), mail(NOON.next.start + 5, "late")])
    snapshot = Path(str(store.layout.snapshot(feed, NOON)))

    def damage() -> None:
        with snapshot.open("r+b") as file:
            file.write(bytes(snapshot.stat().st_size - 20_000))

    with monkeypatch.context() as patched:
        patched.setattr(clients["d.example"], "detail", after(damage, clients["d.example"].detail))
        [damaged, later] = round_.collect([Task(feed, hours)])

    assert isinstance(damaged, Failed)
    assert (damaged.hour, damaged.cause) == (NOON, "damage")
    assert str(snapshot) in damaged.said
    assert done([later]) == {("d.example", NOON.next.start, 2)}
    simulator.calls.clear()
    [mended] = round_.collect([Task(feed, [NOON])])
    assert simulator.calls.count("detail") == 0
    assert done([mended]) == {("d.example", NOON.start, 101)}
    assert snapshot.with_name("12.parquet.damaged").exists()


def test_an_account_without_a_usable_key_fails_feed_by_feed_and_the_others_are_collected(
    store: Store, round_: Round, clients: Mapping[str, UzmanPostaApi]
) -> None:
    def client(domain: str) -> UzmanPostaApi:
        if domain == "b.example":
            raise ValueError("the key cannot be sent")
        return clients[domain]

    feeds = [incoming("b.example"), feed_of("b.example", "authentication"), incoming("a.example")]
    outcomes = list(Round(collector_in(store), client).collect([Task(feed, [NOON]) for feed in feeds]))

    assert [(failure.feed, failure.said) for failure in failed(outcomes)] == [
        (feed, "the key cannot be sent") for feed in feeds[:2]
    ]
    assert {domain for domain, _, _ in done(outcomes)} == {"a.example"}


def test_an_hour_that_another_has_is_stepped_aside_from_and_the_next_is_collected(round_: Round, store: Store) -> None:
    with store.open_hour(incoming("a.example"), NOON):
        outcomes = list(round_.collect([Task(incoming("a.example"), [NOON, NOON.next])]))

    assert not failed(outcomes)
    assert done(outcomes) == {("a.example", NOON.next.start, 5)}


@pytest.mark.parametrize("how", [KeyboardInterrupt, None], ids=["interrupted", "closed"])
def test_a_round_that_ends_early_wakes_a_long_pause_and_keeps_what_was_fetched(
    round_: Round, store: Store, simulator: Simulator, clients: Mapping[str, UzmanPostaApi], fixed: FixedMail,
    monkeypatch: pytest.MonkeyPatch, how: type[BaseException] | None,
) -> None:  # fmt: skip
    """The second account is told to wait for ten minutes after some of its details are there."""
    feed, behind = incoming("d.example"), feed_of("d.example", "authentication")
    fixed.add("d.example", "mail/incominglog", [mail(NOON.start + n, f"d{n}") for n in range(30)])
    answered = iter(range(10))
    refused = Answer(429, {"Retry-After": "600"})
    simulator.fail_next(
        lambda request: (request.queue_id or "").startswith("d") and next(answered, None) is None, refused, times=None
    )
    paused, budget = threading.Event(), clients["d.example"].budget
    monkeypatch.setattr(rounds, "PATIENCE_AT_STOP", PATIENCE)
    monkeypatch.setattr(budget, "pause", then(paused.set, budget.pause))

    outcomes = round_.collect([Task(feed, [NOON]), Task(behind, [NOON]), Task(incoming("a.example"), [NOON])])
    assert done([next(outcomes)]) == {("a.example", NOON.start, 5)}
    assert paused.wait(PATIENCE)
    if how is None:
        outcomes.close()  # type: ignore[attr-defined]
    else:
        with pytest.raises(how):
            outcomes.throw(how)  # type: ignore[attr-defined]

    assert not account_threads()
    journal = store.layout.journal(feed, NOON).read_bytes()
    assert [number for number in range(30) if f"d{number}".encode() in journal], "the details that were answered"
    assert store.manifest(feed, NOON) is None
    assert not store.cursor(behind).failed, "what was not begun yet counts as no failure"


def test_the_next_hour_is_asked_for_while_one_is_committed_and_all_come_in_order(
    round_: Round, clients: Mapping[str, UzmanPostaApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No hour but the last is committed before the first calls for the next have gone out, its details among them."""
    tasks = [Task(feed_of("a.example", "authentication"), [NOON]), Task(incoming("a.example"), [NOON, NOON.next])]
    hours = [(task.feed, hour) for task in tasks for hour in task.hours]
    client, asked = clients["a.example"], {hour: threading.Event() for _, hour in hours}

    def detail(queue_id: str, time: int, tally: Tally) -> Record:
        asked[Hour.containing(time, "UTC")].set()
        return real_detail(queue_id, time, tally)

    real_detail = client.detail
    monkeypatch.setattr(client, "detail", detail)
    next_of = {hours[0]: NOON, hours[1]: NOON.next}

    def commit(self: OpenHour, found: Collection) -> Commit:
        if (self.feed, self.hour) in next_of:
            assert asked[next_of[self.feed, self.hour]].wait(PATIENCE)
        return real(self, found)

    real = OpenHour.commit
    monkeypatch.setattr(OpenHour, "commit", commit)
    outcomes = list(round_.collect(tasks))

    assert not failed(outcomes)
    manifests = [outcome.commit.manifest for outcome in outcomes if isinstance(outcome, Collected)]
    in_order = [(feed.name, hour.key) for feed, hour in hours]
    assert [(manifest.feed, manifest.hour) for manifest in manifests] == in_order


def test_hours_that_overlap_ask_for_no_more_details_at_a_time_than_one_may(
    round_: Round, clients: Mapping[str, UzmanPostaApi], fixed: FixedMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four calls meet; a fifth that were let out would make one more than four."""
    hours, client = [Hour(NOON.start + n * SECONDS, NOON.timezone) for n in range(-4, 0)], clients["a.example"]
    for hour in hours:
        fixed.add("a.example", "mail/incominglog", [mail(hour.start + n, f"more{n}") for n in range(8)])
    client.access = replace(client.access, max_parallel_details=4)
    meeting, in_flight, most, counting = threading.Barrier(4), 0, 0, threading.Lock()

    def detail(queue_id: str, time: int, tally: Tally) -> Record:
        nonlocal in_flight, most
        with counting:
            in_flight += 1
            most = max(most, in_flight)
        meeting.wait(PATIENCE)
        try:
            return real(queue_id, time, tally)
        finally:
            with counting:
                in_flight -= 1

    real = client.detail
    monkeypatch.setattr(client, "detail", detail)
    assert len(done(list(round_.collect([Task(incoming("a.example"), hours)])))) == len(hours)
    assert most == 4


def test_hours_a_day_apart_share_a_lock_and_wait_for_each_other_alone(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first is committed, the second waits for that, and thinks of no other process."""
    decided = threading.Event()
    monkeypatch.setattr(Turns, "wait_for_finish", after(decided.set, Turns.wait_for_finish))
    monkeypatch.setattr(OpenHour, "commit", after(lambda: decided.wait(PATIENCE), OpenHour.commit))
    told: list[str] = []

    def held(why: str) -> None:
        told.append(why)
        decided.set()

    tomorrow = Hour(NOON.start + 24 * SECONDS, NOON.timezone)
    outcomes = list(replace(round_, when_held=held).collect([Task(incoming("a.example"), [NOON, tomorrow])]))

    assert not told
    assert done(outcomes) == {("a.example", NOON.start, 5), ("a.example", tomorrow.start, 0)}


def test_a_feed_whose_hours_cannot_be_written_is_left_and_the_others_of_its_account_are_collected(
    round_: Round, monkeypatch: pytest.MonkeyPatch
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
    queue: SimpleQueue[Outcome | Feed] = SimpleQueue()
    said = list(round_.begin([Task(feed, hours), Task(other, [NOON])], queue.put, queue.put).handed_over(queue))

    *failures, end, collected, last = said
    assert [failure.hour for failure in failures if isinstance(failure, Failed)] == hours[: len(failures)]
    assert len(failures) in (1, 2)
    assert (end, last) == (feed, other), "each after the last that is said of it"
    assert isinstance(collected, Collected)
    store = round_.collector.store
    assert sorted(store.cursor(feed).failed) == [failure.start for failure in hours[: len(failures)]]


def test_no_outcome_keeps_events_or_answers_and_one_hour_at_the_most_stays_while_the_next_is_collected(
    round_: Round, simulator: Simulator, clients: Mapping[str, UzmanPostaApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[int] = []
    hours = [Hour(NOON.start + n * SECONDS, NOON.timezone) for n in range(6)]

    def count_collections() -> None:
        gc.collect()
        alive.append(sum(isinstance(one, Collection) for one in gc.get_objects()))

    monkeypatch.setattr(clients["a.example"], "rows", after(count_collections, clients["a.example"].rows))
    simulator.fail_next(of_domain("b.example", "list"), Answer(500), times=None)

    outcomes = list(round_.collect([Task(incoming("a.example"), hours), Task(incoming("b.example"), [NOON])]))

    assert len(alive) >= len(hours)
    assert max(alive) <= 1, "the hour that is being committed"
    assert {type(outcome) for outcome in outcomes} == {Collected, Failed}
    held = reachable(outcomes)
    assert not [one for one in held if isinstance(one, Event | Collection | BaseException)]


def reachable(start: object) -> list[object]:
    """All objects that hang on this one, classes and modules left out."""
    found, waiting = {id(start): start}, [start]
    while waiting:
        for one in gc.get_referents(waiting.pop()):
            if id(one) not in found and not isinstance(one, type) and type(one).__name__ not in ("module", "function"):
                found[id(one)] = one
                waiting.append(one)
    return list(found.values())


def after(before: Callable[[], object], do: Callable[..., object]) -> Callable[..., object]:
    def both(*arguments: object) -> object:
        before()
        return do(*arguments)

    return both


def then(afterwards: Callable[[], object], do: Callable[..., object]) -> Callable[..., object]:
    def both(*arguments: object) -> object:
        result = do(*arguments)
        afterwards()
        return result

    return both


def raising(error: Exception) -> Callable[..., object]:
    def fail(*arguments: object) -> object:
        raise error

    return fail
