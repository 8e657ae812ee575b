"""Hours of a webhook: each event once, in the hour of its own time, however late it comes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import requests

from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sources.webhook.errors import ReceiverError
from mailevents_dagster.sources.webhook.spool import survey
from mailevents_dagster.sources.webhook.spool.frames import Posted, framed
from mailevents_dagster.sources.webhook.spool.writing import SpoolWriter
from mailevents_dagster.store.verify import verify_hour
from mailevents_dagster_tests.sources.webhook.places import NOON, Place, event


@pytest.fixture
def here(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.runs((NOON.start - 7200, NOON.start + 1800))
    return place


def test_events_stand_in_the_hours_of_their_own_times_in_order(here: Place) -> None:
    here.now = NOON.end + 100
    here.receive(event("b", NOON.start + 60), event("a", NOON.start + 30.5), event("next", NOON.end))
    here.receive(event("before", NOON.start - 1))
    _, done = here.collect()
    assert here.ids() == ["a", "b"]
    assert (done.manifest.closed, done.manifest.events) == (False, 2)
    here.collect(NOON.previous)
    here.collect(NOON.next)
    assert here.ids(NOON.previous) == ["before"]
    assert here.ids(NOON.next) == ["next"]


def test_what_is_sent_again_counts_once(here: Place) -> None:
    here.receive(event("a", NOON.start), event("a", NOON.start, attempt=2))
    found, _ = here.collect()
    assert found.measures["sent_again"] == 1
    here.receive(event("a", NOON.start), event("b", NOON.start + 1))
    _, done = here.collect()
    assert here.ids() == ["a", "b"]
    assert (done.added, done.changed, done.unseen) == (1, 0, 0)


def test_an_hour_closes_when_it_has_settled(here: Place) -> None:
    here.receive(event("a", NOON.start))
    here.now = NOON.end + 599
    assert not here.collect()[1].manifest.closed
    here.now = NOON.end + 600
    assert here.collect()[1].manifest.closed


def test_an_event_that_comes_late_has_its_closed_hour_collected_again(here: Place) -> None:
    here.receive(event("a", NOON.start))
    here.now = NOON.end + 700
    here.collect()
    assert here.is_closed()
    here.now = NOON.end + 20 * 3600
    here.runs((NOON.start, here.now))
    here.receive(event("late", NOON.start + 5))
    running = replace(NOON, start=NOON.start + 20 * 3600)
    found, _ = here.collect(running)
    assert found.measures["hours_collected_again"] == 1
    assert "2026-11-20-12:00" in found.notes[0]
    assert not here.is_closed()  # so whoever collects what is missing collects it
    here.collect()
    assert here.ids() == ["a", "late"]
    assert here.is_closed()
    assert here.collect(running)[0].measures["hours_collected_again"] == 0


def test_an_event_that_comes_late_into_a_segment_that_was_read_before_is_seen(here: Place) -> None:
    here.now = NOON.end + 700
    here.runs((here.now, here.now))
    spool = SpoolWriter({"replies": here.spool}, 10**9, lambda: here.now)
    spool.add("replies", framed(Posted(here.now, "application/json", event("a", NOON.start)))).result(30)
    here.collect()
    assert here.is_closed()
    spool.add("replies", framed(Posted(here.now, "application/json", event("late", NOON.start)))).result(30)
    spool.close()
    assert len(here.segments) == 1
    assert here.collect(NOON.next)[0].measures["hours_collected_again"] == 1
    here.collect()
    assert here.ids() == ["a", "late"]


@pytest.mark.parametrize("seconds", [-8 * 86_400, 400], ids=["old", "future"])
def test_an_event_far_from_its_arrival_belongs_to_the_hour_of_that_once(here: Place, seconds: int) -> None:
    at = NOON.end - 100.0
    here.receive(event("far", at + seconds), at=at)
    here.receive(event("far", at + seconds), event("other", at + 200), at=at + 200)
    here.now = NOON.end + 4000
    found, done = here.collect()
    assert here.ids() == ["far"]
    assert len(found.strays) == len(done.manifest.strays) == 1
    here.collect(NOON.next)
    assert here.ids(NOON.next) == ["other"]
    assert not [one for hour in (NOON, NOON.next) for one in verify_hour(here.store, here.feed, hour).findings]


@pytest.mark.parametrize("is_reversed", [False, True], ids=["in order", "newest first"])
def test_a_mail_that_arrives_twice_around_the_end_of_an_hour_counts_once(tmp_path: Path, is_reversed: bool) -> None:
    here = Place(tmp_path, "postmark", NOON.end + 4000)
    here.runs((NOON.start - 7200, here.now))
    mail = b'{"From": "a@b.example", "MessageID": "m-1"}'
    for at in (NOON.end - 1, NOON.end + 1):
        here.receive(mail, at=at)
    for hour in [NOON.next, NOON] if is_reversed else [NOON, NOON.next]:
        here.collect(hour)
    assert len(here.ids() + here.ids(NOON.next)) == 1


def test_segments_go_once_all_of_them_is_committed_in_closed_hours(here: Place) -> None:
    here.now = NOON.end + 700
    here.receive(event("a", NOON.start))
    here.receive(event("b", NOON.start + 1), event("next", NOON.end + 1))
    here.receive(event("c", NOON.start + 2))  # the newest one is the receiver's
    assert here.client.sweep() == 0
    here.collect()
    assert here.client.sweep() == 1
    here.now = NOON.next.end + 700
    here.collect(NOON.next)
    assert here.another_client().sweep() == 1
    assert len(here.segments) == 1
    assert len([path for path in here.spool.iterdir() if path.suffix == survey.INDEX_SUFFIX]) == 0
    _, done = here.collect()
    assert (here.ids(), done.unseen) == (["a", "b", "c"], 0)


def test_a_segment_of_hours_that_closed_before_it_came_stays(here: Place) -> None:
    here.now = NOON.end + 700
    here.collect()
    here.receive(event("late", NOON.start))
    here.receive(event("later", NOON.start))
    assert here.client.sweep() == 0
    here.collect()
    assert here.client.sweep() == 1
    assert here.ids() == ["late", "later"]


def test_what_retention_would_destroy_does_not_lie_in_the_spool(tmp_path: Path) -> None:
    here = Place(tmp_path, kept_days=3, now=NOON.start + 5 * 86_400.0)
    here.receive(event("old", NOON.start), at=NOON.start)
    here.receive(event("new", here.now))
    assert here.client.sweep() == 1


def test_an_index_that_is_damaged_or_of_other_rules_is_made_anew(here: Place) -> None:
    here.receive(event("a", NOON.start))
    here.receive(event("b", NOON.start))
    here.collect()
    [index] = [path for path in here.spool.iterdir() if path.suffix == survey.INDEX_SUFFIX]
    index.write_text("{}")
    here.collect(client=here.another_client())
    here.reach = 10.0
    here.now += 3600
    here.receive(event("c", NOON.start))
    here.collect(client=here.another_client())
    assert here.ids() == ["a", "b"]


def test_a_torn_segment_gives_what_is_whole(here: Place) -> None:
    here.receive(event("a", NOON.start), event("b", NOON.start))
    [path] = here.segments
    path.write_bytes(path.read_bytes()[:-1])
    here.receive(event("c", NOON.start))
    here.collect()
    assert here.ids() == ["a", "c"]


def test_two_collectors_at_once_are_one_after_the_other(here: Place) -> None:
    here.receive(event("a", NOON.start))
    here.now = NOON.end + 700
    other = here.another_client()
    other._survey.segments()
    here.collect()
    here.receive(event("b", NOON.start))
    here.client.sweep()
    here.collect()
    here.client.sweep()
    _, done = here.collect(client=other)
    assert (here.ids(), done.unseen) == (["a", "b"], 0)


def test_an_hour_in_which_nothing_ran_waits_for_the_receiver(tmp_path: Path) -> None:
    here = Place(tmp_path)
    with pytest.raises(ReceiverError, match="never ran") as never:
        here.collect()
    assert never.value.refuses_feed
    here.runs((NOON.start - 7200, NOON.start - 3600))
    with pytest.raises(ReceiverError, match="does not run since the hour of 2026-11-20-11:00") as away:
        here.collect()
    assert away.value.is_passing
    assert not away.value.refuses_feed
    here.collect(NOON.previous)


def test_a_short_outage_is_told_and_no_gap(tmp_path: Path) -> None:
    here = Place(tmp_path, "sendgrid", now=NOON.end + 700)
    here.runs((NOON.start - 7200, NOON.start + 600), (NOON.start + 1800, here.now))
    found, done = here.collect()
    assert found.measures["receiver_down_seconds"] == 1200
    assert "1,200 s" in found.notes[0]
    assert done.manifest.complete


@pytest.mark.parametrize(
    ("provider", "seconds"),
    [("sendgrid", 86_400), ("mailgun", 60), ("postmark", 1200), ("ses", 60)],
    ids=["sendgrid", "mailgun", "postmark", "ses"],
)
def test_an_outage_longer_than_all_is_sent_again_is_a_gap(tmp_path: Path, provider: str, seconds: int) -> None:
    here = Place(tmp_path, provider, now=NOON.end + 700)
    last = NOON.start + 600 - seconds - 1
    here.runs((NOON.start - 2 * 86_400, last), (NOON.start + 600, here.now))
    found, done = here.collect()
    [gap] = found.gaps
    assert (gap.second, gap.end) == (max(NOON.start, last), NOON.start + 600)
    assert "not running" in gap.why
    assert not done.manifest.complete


def test_hours_before_the_receiver_first_ran_are_empty(here: Place) -> None:
    long_ago = replace(NOON, start=NOON.start - 10 * 86_400)
    _, done = here.collect(long_ago)
    assert (done.manifest.events, done.manifest.closed, done.manifest.complete) == (0, True, True)


def test_attachments_and_raw_mails_are_blobs(tmp_path: Path) -> None:
    here = Place(tmp_path, "sendgrid")
    here.runs((NOON.start - 7200, here.now))
    raw = b"From: a@b.example\r\nContent-Disposition: attachment; filename=a.bin\r\n\r\nx"
    for files in ({"a": ("a ş.pdf", b"%PDF" * 99, "application/pdf")}, {"email": (None, raw)}):
        request = requests.Request("POST", "http://x.example", files=files).prepare()
        assert isinstance(request.body, bytes)
        here.receive(request.body, type_=request.headers["content-type"])
    found, _ = here.collect()
    assert found.measures["files_kept"] == 2
    attached, mail = here.rows()
    [attachment] = attached["attachments"]
    assert (attachment["name"], attachment["size"], attached["blob"]) == ("a ş.pdf", 396, None)
    for row, name, content in ((attached, attachment["sha256"], b"%PDF" * 99), (mail, mail["blob"], raw)):
        assert row["blobs"] == [name]
        with here.store.blobs.open(name) as file:
            assert file.read() == content
    assert mail["size"] == len(raw)
    assert [one["name"] for one in mail["attachments"]] == ["a.bin"]
    assert not verify_hour(here.store, here.feed, NOON).findings


def test_what_can_be_in_no_column_is_no_fault(here: Place) -> None:
    half = b'{"event-data": {"event": "\\ud800", "id": "\\udfff", "recipient": "a\\ud800", "tags": ["\\ud800"]}}'
    here.receive(half, event("big", NOON.start, message={"size": 10**30}), b"not what it was")
    here.collect()
    assert len(here.rows()) == 3
    assert not verify_hour(here.store, here.feed, NOON).findings


def test_reading_ends_when_it_is_told_to(here: Place) -> None:
    here.receive(event("a", NOON.start))
    here.client.stop()
    with pytest.raises(StoppedError):
        here.collect()
