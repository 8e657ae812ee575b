"""An object store that throttles, fails after it did what it was asked, hangs, is started again, or refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mailevents_dagster.files import objects
from mailevents_dagster.files.object_errors import ObjectStoreError, UnansweredError
from mailevents_dagster.store import description
from mailevents_dagster.store.description import describe_objects
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import INCOMING, NOON, START, event, make_store
from mailevents_dagster_tests.object_server import Fault, ObjectServer, Request
from mailevents_dagster_tests.store.kept import MANIFEST, commit, known

Fails = Callable[[Request], Fault | None]
REFUSALS = {
    "no bucket": (404, "NoSuchBucket", "Create it, or correct `storage`"),
    "elsewhere": (301, "PermanentRedirect", "Set AWS_REGION"),
    "elsewhere for now": (307, "TemporaryRedirect", "Set AWS_REGION"),
    "signed for another region": (400, "AuthorizationHeaderMalformed", "Set AWS_REGION"),
    "unknown key": (403, "InvalidAccessKeyId", "Correct AWS_ACCESS_KEY_ID"),
    "wrong secret": (403, "SignatureDoesNotMatch", "Correct AWS_ACCESS_KEY_ID"),
    "expired": (400, "ExpiredToken", "Renew them"),
    "no right": (403, "AccessDenied", "Allow s3:GetObject"),
    "wrong clock": (403, "RequestTimeTooSkewed", "this machine's clock"),
    "archived": (403, "InvalidObjectState", "lifecycle rule"),
    "unknown code": (418, "Teapot", "418 Teapot"),
    "no code": (403, "", "Allow s3:GetObject"),
}


@pytest.fixture
def kept(bucket: str, tmp_path: Path) -> Store:
    """A store with one event in an hour, as a process finds it that begins."""
    commit(make_store(bucket, scratch=tmp_path / "before"), [event(START)])
    return make_store(bucket, scratch=tmp_path / "scratch")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few retries, soon, of requests that end soon."""
    monkeypatch.setattr(objects, "RETRIES", 2)
    monkeypatch.setattr(objects, "FIRST_PAUSE", timedelta(milliseconds=1))
    monkeypatch.setattr(objects, "TIMEOUT", timedelta(seconds=1))
    objects._bucket.cache_clear()


def every(number: int, fault: Fault, *, of_writes: bool = False) -> Fails:
    """Each so-manieth request, or write, ends so."""
    lock, counted = threading.Lock(), [0]

    def fails(request: Request) -> Fault | None:
        if of_writes and not request.writes:
            return None
        with lock:
            counted[0] += 1
            return fault if counted[0] % number == 0 else None

    return fails


@pytest.mark.parametrize(
    "fails",
    [
        every(2, Fault(503, "SlowDown")),
        every(2, Fault(500, hands_on=True), of_writes=True),
        every(2, Fault(is_cut=True, hands_on=True), of_writes=True),
        every(2, Fault(is_cut=True)),
        every(3, Fault(502, "")),
    ],
    ids=["throttled", "500 after the write", "cut after the write", "cut before", "502 of a proxy"],
)
def test_what_passes_costs_time_and_nothing_else(bucket: str, s3: ObjectServer, tmp_path: Path, fails: Fails) -> None:
    s3.fault = fails
    store = make_store(bucket, scratch=tmp_path)
    commit(store, [event(START), event(START + 5)])
    commit(store, [event(START + 5), event(START + 9)])
    s3.fault = lambda request: None
    assert [one.time for one in assert_agrees(store)] == [START, START + 5, START + 9]
    assert store.cursor(INCOMING).closed == ((START, START + 3600),)
    assert not store.cursor(INCOMING).failed


def assert_agrees(store: Store) -> list[object]:
    events = known(store)
    manifest = store.manifest(INCOMING, NOON)
    assert manifest
    assert manifest.events == len(events)
    assert store.layout.log(INCOMING, NOON).read_bytes() == b"".join(one.raw + b"\n" for one in events)
    return [*events]


def test_a_write_that_timed_out_after_it_took_place_counts(kept: Store, s3: ObjectServer, impatient: None) -> None:
    answered, hung = threading.Event(), list[Request]()

    def hang(request: Request) -> Fault | None:
        if request.method == "PUT" and MANIFEST in request.key and not hung:
            hung.append(request)
            return Fault(hands_on=True, until=answered)
        return None

    s3.fault = hang
    commit(kept, [event(START + 5)])
    answered.set()
    assert hung
    assert [one.time for one in assert_agrees(kept)] == [START, START + 5]


def test_a_server_that_is_away_fails_the_hour_and_the_next_collection_completes_it(
    kept: Store, s3: ObjectServer, tmp_path: Path, impatient: None
) -> None:
    def away(request: Request) -> Fault | None:
        return Fault(is_cut=True) if MANIFEST in request.key and request.writes else None

    s3.fault = away
    with pytest.raises(UnansweredError, match="does not answer"):
        commit(kept, [event(START + 5)])
    s3.fault = lambda request: None
    assert kept.cursor(INCOMING).failed[START].cause == "UnansweredError"
    commit(kept, [event(START + 7)])
    assert [one.time for one in assert_agrees(kept)] == [START, START + 5, START + 7]


def test_a_server_that_is_started_again_is_found_again(bucket: str, s3: ObjectServer, tmp_path: Path) -> None:
    store = make_store(bucket, scratch=tmp_path)
    commit(store, [event(START)])
    port = s3.server_port
    s3.__exit__()
    with ObjectServer(s3.moto, port):
        commit(store, [event(START + 5)])
        assert [one.time for one in assert_agrees(store)] == [START, START + 5]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("writes", [False, True], ids=["read", "written"])
def test_a_refusal_stops_at_once_and_says_what_to_do(
    kept: Store, s3: ObjectServer, refusal: str, *, writes: bool
) -> None:
    status, code, mend = REFUSALS[refusal]
    s3.forget()
    s3.fault = lambda request: Fault(status, code) if request.writes == writes else None
    with pytest.raises(ObjectStoreError, match="object store") as raised:
        commit(kept, [event(START + 5)])
    assert mend in str(raised.value)
    assert "s3://" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert len([request for request in s3.requests if request.writes == writes]) <= 2
    s3.fault = lambda request: None
    commit(kept, [event(START + 5)])
    assert [one.time for one in assert_agrees(kept)] == [START, START + 5]


def test_without_credentials_it_says_which_to_give(
    kept: Store, s3: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects._bucket.cache_clear()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ObjectStoreError, match="no credentials were found"):
        commit(kept, [event(START + 5)])


# --- a server that keeps no conditions


@pytest.fixture
def careless(s3: ObjectServer) -> None:
    describe_objects.cache_clear()
    s3.keeps_conditions = False


def test_a_server_that_overwrites_is_found_out_and_one_machine_may_write(
    bucket: str, careless: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_store(bucket, scratch=tmp_path)
    commit(store, [event(START)])
    assert "may write to this storage" in caplog.text
    commit(store, [event(START + 5)])
    describe_objects.cache_clear()
    commit(make_store(bucket, scratch=tmp_path), [event(START + 9)])
    assert [one.time for one in assert_agrees(store)] == [START, START + 5, START + 9]


def test_another_machine_is_refused_by_name(
    bucket: str, careless: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(description, "gethostname", lambda: "one.example.com")
    commit(make_store(bucket, scratch=tmp_path), [event(START)])
    describe_objects.cache_clear()
    monkeypatch.setattr(description, "gethostname", lambda: "other.example.com")
    with pytest.raises(ObjectStoreError, match=r"Only one\.example\.com may write here"):
        commit(make_store(bucket, scratch=tmp_path), [event(START + 5)])


def test_conditions_are_tried_once_for_a_server(bucket: str, s3: ObjectServer, tmp_path: Path) -> None:
    describe_objects.cache_clear()
    commit(make_store(bucket, scratch=tmp_path), [event(START)])
    assert any("probe" in said for said in s3.said)
    s3.forget()
    describe_objects.cache_clear()
    commit(make_store(bucket, scratch=tmp_path), [event(START + 5)])
    assert not any("probe" in said for said in s3.said)
