"""Answers and settings that nobody sends by accident: nothing leaves its folder, its log line or its error message."""

from __future__ import annotations

import gc
import json
import logging
import re
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from mailevents_dagster.collecting.outcomes import Task
from mailevents_dagster.collecting.runner import Runner
from mailevents_dagster.model.event import Detail
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.assets import SOURCE_IS_DOWN_AFTER
from mailevents_dagster.orchestration.collected_hours import CollectedHours
from mailevents_dagster.sources.uzmanposta import collect as collect_module
from mailevents_dagster.sources.uzmanposta.collect import UzmanPostaClient
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause, TransientError
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Request, Simulator
from mailevents_dagster.sources.uzmanposta.simulator.server import Connection
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting_process import collector_in
from mailevents_dagster_tests.conftest import INCOMING, START, MakeApi, mail
from mailevents_dagster_tests.sources.uzmanposta.calling import failure, listed
from mailevents_dagster_tests.sources.uzmanposta.fixed_hours import Clock, Collector, detail_of, files_below
from mailevents_dagster_tests.sources.uzmanposta.hostile import (
    CAN_BE_WRITTEN,
    DEEP,
    EDGE,
    HOUR_FILES,
    NO_ADDRESS,
    TEXTS,
    fit_for_a_log,
    text_fields,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def here(
    store: Store,
    simulator: Simulator,
    fixed: FixedMail,
    make_api: MakeApi,
    waits: list[float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Collector:
    """A collector whose working folder is the one around the storage: a file that escapes is seen there."""
    monkeypatch.setattr(collect_module, "time", Clock())
    monkeypatch.chdir(tmp_path)
    return Collector(store, simulator, fixed, make_api(simulator.base_url, max_attempts=2, max_parallel_details=4))


# --- records


@pytest.mark.parametrize("feed", HOUR_FILES, ids=lambda feed: feed.name)
@pytest.mark.parametrize("name", TEXTS)
def test_hostile_text_in_every_field_stays_in_its_folder_its_line_and_its_columns(
    name: str, feed: Feed, here: Collector, tmp_path: Path
) -> None:
    text = TEXTS[name]
    hostile = mail(START, **{field: text for _, field in text_fields(feed)}, **{text: {text: [text]}})
    hostile["recipients"][0]["mailto"] = text
    here.add(hostile, mail(START + 1, "Q1"), feed=feed)
    here.collect(feed)

    assert set(files_below(tmp_path)) == {*HOUR_FILES[feed], "data/manifests/store.json", "data/locks/store.lock"}
    truth = here.truth(feed)
    if name in NO_ADDRESS:
        truth[0] = hostile
    log, parquet = (tmp_path / file for file in HOUR_FILES[feed][:2])
    *lines, end = log.read_bytes().split(b"\n")
    assert [json.loads(line) for line in lines] == truth
    assert (end, re.search(rb"[\x00-\x1f]", b"".join(lines))) == (b"", None)

    table = pq.read_table(parquet, partitioning=None)
    shown = "a\ufffd" if name == "a lone surrogate" else text
    assert {column: table[column][0].as_py() for column, _ in text_fields(feed)} == {
        column: shown for column, _ in text_fields(feed)
    }
    assert [json.loads(raw) for raw in table["raw"].to_pylist()] == truth


@pytest.mark.parametrize(
    "queue_id",
    [
        "../../quarantines", ".", "..", "/", "//evil.example/x", "a\nHost: evil", "a HTTP/1.1\r\n\r\nGET /x", "a\x00b",
        "?time=1#x", "%2e%2e%2f", "\"'\\", "\u202e\x1b[31m", "@evil.example", ";a=b",
    ],
)  # fmt: skip
def test_the_detail_of_a_hostile_queue_id_is_asked_for_as_one_segment_of_the_path(
    queue_id: str, here: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[tuple[str, list[str]]] = []

    def do_get(self: Connection) -> None:
        heads.append((self.requestline, self.headers.keys()))
        real(self)

    real = Connection.do_GET
    monkeypatch.setattr(Connection, "do_GET", do_get)
    here.add(mail(START, queue_id))
    assert b'"logs":' in here.api.detail(queue_id, START).raw
    [call] = here.simulator.calls
    assert (call.kind, call.path, call.params) == ("detail", f"/logs/mail/{queue_id}", {"time": str(START)})
    [(line, headers)] = heads
    assert re.fullmatch(r"GET /api/v2/logs/mail/[A-Za-z0-9%_~-]+\?time=\d+ HTTP/1.1", line)
    assert len(headers) == len(set(headers)) == 5


def test_a_queue_id_too_long_for_an_address_leaves_its_row_marked_and_is_not_asked_for(here: Collector) -> None:
    long = mail(START, "Q" * 2**20)
    here.add(long, mail(START + 1, "Q1"))
    assert here.collect().manifest.details_owed == 1
    assert here.asked() == ["Q1"]
    assert here.details() == {long["queue_id"]: Detail.MISSING, "Q1": Detail.WHOLE}
    with pytest.raises(ApiError, match="queue id of 1,048,576 characters") as raised:
        here.api.detail(long["queue_id"], START)
    assert fit_for_a_log(str(raised.value))


@pytest.mark.parametrize("depth", [250, 500, *([1000] if CAN_BE_WRITTEN else [])])
def test_a_record_nested_deep_is_kept_as_it_came(depth: int, here: Collector) -> None:
    deep = json.loads("[" * depth + "]" * depth)
    here.add(mail(START, subject=deep), mail(START + 1, "Q1"))
    here.collect()
    assert here.log() == here.truth()
    assert [event.detail for event in here.events()] == [Detail.WHOLE] * 2


def test_a_number_beyond_all_floats_is_kept_as_its_digits(here: Collector) -> None:
    body = b'[{"queue_id":"","size":1e999,"score":-1e999,"time":%d}]' % START
    here.simulator.fail_next("/logs/mail", Answer(200, body=body))
    here.collect()
    assert here.log() == [{"queue_id": "", "size": "1e999", "score": "-1e999", "time": START}]


# --- answers


HOSTILE_BODIES = {
    "a list nested 10,000 deep": DEEP,
    "objects nested 10,000 deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a record nested 10,000 deep in a list": b'[{"time":1,"subject":' + DEEP + b'},{"time":2}]',
    "an opening without end": b"[" * 2**20,
    "NULs": b"\x00" * 4096,
    "NULs around a list": b"\x00[]\x00",
    "no UTF-8": b'[{"subject":"\xff\xfe\xc0\xaf"}]',
    "NaN": b'[{"time":NaN}]',
    "infinity": b'[{"time":-Infinity}]',
    "a number beyond all floats": b"1e999",
    "numbers beyond all floats": b"[1e999,-1e999]",
    "a number of 5,000 digits": b'[{"time":' + b"9" * 5000 + b"}]",
    "terminal codes": b"\x1b]0;owned\x07\x1b[2J\n[ERROR] forged",
    "a script": b"<script>\n" * 1000,
}
if not CAN_BE_WRITTEN:
    HOSTILE_BODIES["a record nested too deep to be written"] = b'[{"subject":' + EDGE + b"}]"
    HOSTILE_BODIES["a queue id nested too deep to be written"] = b'[{"queue_id":' + EDGE + b"}]"


@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_a_hostile_listing_is_asked_for_again_and_ends_typed_saying_what_came_in(name: str, here: Collector) -> None:
    here.add(mail(START, "Q1"))
    body = HOSTILE_BODIES[name]
    here.simulator.fail_next("/logs/mail", Answer(200, body=body), times=2)
    error = failure(lambda: listed(here.api))
    assert (type(error), error.cause, len(here.simulator.calls)) == (TransientError, Cause.PROTOCOL, 2)
    assert f"sent {len(body):,} bytes of application/json; charset=utf-8 that cannot be used (" in str(error)
    assert fit_for_a_log(str(error))
    here.simulator.fail_next("/logs/mail", Answer(200, body=body))
    assert here.collect().manifest.events == 1


@pytest.mark.parametrize("kind", ["text/\x1b[31mhtml", "a\r\n\tb", "\x9b2J\x85", "x" * 60_000, ""])
def test_a_hostile_content_type_fits_into_one_line(kind: str, here: Collector) -> None:
    here.simulator.fail_next("/logs/mail", Answer(200, {"Content-Type": kind}, b"<html>"), times=None)
    error = failure(lambda: listed(here.api))
    assert "sent 6 bytes of " in str(error)
    assert fit_for_a_log(str(error))


HOSTILE_DETAILS = {
    "nested 10,000 deep": b'{"queue_id":"Q1","logs":' + DEEP + b"}",
    "with a queue id nested too deep to be read": b'{"queue_id":' + EDGE + b"}",
    "of NULs": b"\x00" * 4096,
    "with NaN": b'{"queue_id":"Q1","size":NaN}',
    "of another mail with terminal codes": b'{"queue_id":"\\u001b[2J\\n"}',
}
if not CAN_BE_WRITTEN:
    HOSTILE_DETAILS["nested too deep to be written"] = b'{"queue_id":"Q1","logs":' + EDGE + b"}"


@pytest.mark.parametrize("name", HOSTILE_DETAILS)
def test_a_hostile_detail_leaves_its_row_marked_and_the_others_whole(name: str, here: Collector) -> None:
    here.add(mail(START, "Q1"), mail(START + 1, "Q2"), mail(START + 2, "Q3"))
    here.simulator.fail_next(detail_of("Q1"), Answer(200, body=HOSTILE_DETAILS[name]), times=None)
    assert here.collect().manifest.details_owed == 1
    assert here.details() == {"Q1": Detail.MISSING, "Q2": Detail.WHOLE, "Q3": Detail.WHOLE}
    assert here.log()[0] == mail(START, "Q1")
    assert here.log()[1:] == here.truth()[1:]


@pytest.mark.slow
def test_a_run_over_many_hours_does_not_gather_the_answers_it_could_not_use(
    here: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    def errors_with_an_answer() -> int:
        gc.collect()
        return sum(isinstance(one, json.JSONDecodeError) for one in gc.get_objects())

    def counts(_: Request) -> bool:
        gathered.append(errors_with_an_answer() - before)
        return False

    before = errors_with_an_answer()
    gathered: list[int] = []

    here.simulator.fail_next(counts, Answer(500), times=None)
    here.simulator.fail_next("/logs/mail", Answer(200, body=b"<" * 2**20), times=None)
    hours = [Hour(START + number * 3600, "UTC") for number in range(6)]
    collector, client = collector_in(here.store), UzmanPostaClient(here.api)
    tasks = [Task(INCOMING, hours)]
    log = collector.logs.log_of(INCOMING, logging.getLogger("run"))
    with (
        Runner(collector, lambda _: client, tasks, failures_in_a_row=SOURCE_IS_DOWN_AFTER) as runner,
        pytest.raises(dg.Failure) as raised,
    ):
        CollectedHours(INCOMING, hours).take(runner.outcomes_of(INCOMING), log)
    assert max(gathered) <= 2  # of the call at hand
    assert sum(record.name == "run" for record in caplog.records) == SOURCE_IS_DOWN_AFTER
    assert all(map(fit_for_a_log, [*caplog.messages, str(raised.value.description)]))


# --- messages


MESSAGES = {
    "line ends": ("a\n2026-11-20 ERROR forged\r\nb\u2028c\x85", r"a\n2026-11-20 ERROR forged\r\nb\u2028c\x85"),
    "terminal codes": ("\x1b]0;owned\x07\x1b[2J\x9b31m\x7f", r"\x1b]0;owned\x07\x1b[2J\x9b31m\x7f"),
    "NUL and a turn of direction": ("a\x00b\u202ec\ud800", r"a\x00b\u202ec\ud800"),
    "a megabyte": ("y" * 2**20, "y" * 200 + "…"),
    "a megabyte of control characters": ("\x1b" * 2**20, r"\x1b" * 50 + "…"),
    "patterns": ("{domain} {0} %s", "{domain} {0} %s"),
    "Turkish": ("Erişim reddedildi: ışık", "Erişim reddedildi: ışık"),
}


@pytest.mark.parametrize("status", [400, 403, 406, 500])
@pytest.mark.parametrize("name", MESSAGES)
def test_what_the_api_says_of_an_error_is_one_line_of_a_bounded_length(name: str, status: int, here: Collector) -> None:
    said, shown = MESSAGES[name]
    here.simulator.fail_next("/logs/mail", Answer(status, body=json.dumps({"message": said}).encode()), times=None)
    error = failure(lambda: listed(here.api))
    assert f"It says: {shown} (attempt" in str(error)
    assert fit_for_a_log(str(error))


@pytest.mark.parametrize("message", [b"[" * 1020 + b"]" * 1020, DEEP, b'{"a":1}', b"9" * 5000, b"null", b'""'])
def test_an_error_whose_message_is_no_text_is_told_without_it(message: bytes, here: Collector) -> None:
    here.simulator.fail_next("/logs/mail", Answer(500, body=b'{"message":' + message + b"}"), times=None)
    error = failure(lambda: listed(here.api))
    assert (type(error), error.cause) == (TransientError, Cause.SERVER)
    assert "It says" not in str(error)
    assert fit_for_a_log(str(error))


@pytest.mark.parametrize("queue_id", [*TEXTS.values(), "x" * 4000], ids=[*TEXTS, "4,000 letters"])
def test_the_error_of_a_detail_names_its_address_on_one_line(queue_id: str, here: Collector) -> None:
    here.simulator.fail_next("/logs/mail/", Answer(403), times=None)
    with pytest.raises(ApiError) as raised:
        here.api.detail(queue_id, START)
    assert fit_for_a_log(str(raised.value))
