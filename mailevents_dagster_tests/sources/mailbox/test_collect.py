"""An hour of a mailbox is collected once, whole, and in its own hour."""

from __future__ import annotations

from math import ceil

import pytest

from mailevents_dagster.model.event import Detail, StoppedError
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.mailbox.errors import MailboxError
from mailevents_dagster.sources.mailbox.graph import calls, reader
from mailevents_dagster.sources.mailbox.simulator import Fault, raw_message
from mailevents_dagster.store.hour.snapshot_file import read_events
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import FEED, NOON, Place, mail, sent

VALUE = r"/messages/[^/]+/\$value$"


def details(here: Place) -> list[Detail]:
    return [event.detail for event in read_events(here.store.layout.snapshot(FEED, NOON))]


def test_mails_of_all_folders_are_events_with_their_raw_message(here: Place) -> None:
    mails = [
        mail(10),
        mail(20, folder="Archive/2026"),
        mail(30, folder="Conversation History"),
        mail(40, form="nested"),
    ]
    here.mailbox.add(*mails)
    _, done = here.collect()
    assert done.manifest.events == 4
    rows = here.rows()
    assert [row["folder"] for row in rows] == ["Inbox", "Archive/2026", "Conversation History", "Inbox"]
    assert [row["id"] for row in rows] == [one.id for one in mails]
    for one, row in zip(mails, rows, strict=True):
        with here.blobs.open(row["blob"]) as file:
            assert file.read() == raw_message(one)
        assert (row["subject"], row["source"], row["read"]) == (one.subject, "mime", False)
        assert row["message_id"] == one.message_id.strip("<>")


def test_drafts_are_no_mail(here: Place) -> None:
    here.mailbox.add(mail(10), mail(20, folder="Drafts"))
    here.collect()
    assert here.ids() == [mail(10).id]


def test_each_edge_of_an_hour_belongs_to_one_hour(here: Place) -> None:
    edges = [mail(after) for after in (-1, 0, 3599, 3600)]
    here.mailbox.add(*edges)
    for hour in (NOON.previous, NOON, NOON.next):
        here.collect(hour)
    found = [here.ids(hour) for hour in (NOON.previous, NOON, NOON.next)]
    assert found == [[edges[0].id], [edges[1].id, edges[2].id], [edges[3].id]]


def test_sent_mail_is_placed_by_when_it_was_sent(here: Place) -> None:
    here.mailbox.add(sent(3599), sent(-1), sent(1800))
    for hour in (NOON.previous, NOON, NOON.next):
        here.collect(hour)
    assert here.ids(NOON.previous) == [sent(-1).id]
    assert here.ids() == [sent(1800).id, sent(3599).id]
    assert here.ids(NOON.next) == []


def test_a_sent_mail_that_is_moved_stays_where_it_was(here: Place) -> None:
    here.mailbox.add(sent(3599))
    here.collect()
    here.mailbox.move(sent(3599).id, "Archive/2026")
    here.collect(NOON.next)
    assert here.ids() == [sent(3599).id]
    assert here.ids(NOON.next) == []


def test_nothing_that_is_known_is_fetched_again(here: Place) -> None:
    here.mailbox.add(*(mail(after) for after in range(7)))
    here.collect()
    here.mailbox.move(mail(3).id, "Archive/2026")
    here.mailbox.add(mail(100))
    found, done = here.collect()
    assert (here.fetched(), done.added, done.changed) == (8, 1, 0)
    assert found.measures["details_reused"] == 7


def test_a_late_mail_is_found_when_the_hour_is_listed_again(here: Place) -> None:
    here.mailbox.add(mail(10))
    _, first = here.collect()
    here.mailbox.add(mail(5))
    _, second = here.collect()
    assert (first.manifest.closed, second.added) == (True, 1)
    assert here.ids() == [mail(5).id, mail(10).id]


def test_a_deleted_mail_stays(here: Place) -> None:
    here.mailbox.add(mail(10), mail(20))
    here.collect()
    here.mailbox.delete(mail(10).id)
    _, done = here.collect()
    assert (done.unseen, len(here.rows())) == (1, 2)


def test_two_mails_of_one_message_id_are_two_mails(here: Place) -> None:
    here.mailbox.add(mail(10), mail(11, id=mail(10).id + "2"))
    here.collect()
    assert len(here.rows()) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("mails", "pages"), [(101, 1), (250, 1), (251, 2)])
def test_many_mails_are_listed_with_fewer_calls_than_one_for_each_hundred(here: Place, mails: int, pages: int) -> None:
    here.mailbox.add(*(mail(after) for after in range(mails)))
    found, done = here.collect()
    assert done.manifest.events == mails
    assert here.simulator.count("messages") == pages
    assert found.measures["list_calls"] == pages + 1 <= ceil(mails / 100), "one for what was sent"
    assert found.measures["detail_calls"] == mails
    assert here.simulator.most_at_once <= 4


@pytest.mark.slow
def test_a_mail_that_goes_while_pages_are_listed_hides_no_other(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "ROWS_A_PAGE", 100)
    here.mailbox.add(*(mail(after) for after in range(150)))
    pages, real = [], calls.Calls.json

    def json(self: calls.Calls, path: str, what: str) -> object:
        page = real(self, path, what)
        if what == "a listing of messages" and not pages:
            pages.append(page)
            here.mailbox.delete(mail(50).id)
        return page

    monkeypatch.setattr(calls.Calls, "json", json)
    here.collect()
    assert mail(100).id in here.ids(), "the first of the second page, which has become the last of the first"
    assert len(here.ids()) == len(set(here.ids())), "though they were listed twice"


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, headers={"Retry-After": "0"}),
        Fault(503, headers={"Retry-After": "0"}),
        Fault(504),
        Fault(500),
        Fault(reset=True),
        Fault(cut=True),
        Fault(401, code="InvalidAuthenticationToken"),
    ],
    ids=lambda fault: str(fault.status or ("reset" if fault.reset else "cut")),
)
@pytest.mark.parametrize("path", [VALUE, "/messages$", "/mailFolders"])
def test_what_fails_in_passing_is_asked_for_again(here: Place, fault: Fault, path: str) -> None:
    here.mailbox.add(mail(10), mail(20))
    here.simulator.faults.add(path, fault)
    _, done = here.collect()
    assert (done.manifest.events, done.manifest.details_owed) == (2, 0)
    with here.blobs.open(here.rows()[0]["blob"]) as file:
        assert file.read() == raw_message(mail(10))


@pytest.mark.usefixtures("no_waits")
def test_one_bad_mail_stops_no_other_and_is_tried_again(here: Place) -> None:
    bad = mail(10)
    here.mailbox.add(bad, mail(20), mail(30))
    here.simulator.faults.add(bad.id, Fault(403, code="ErrorAccessDenied"), times=None)
    found, done = here.collect()
    assert details(here) == [Detail.MISSING, Detail.WHOLE, Detail.WHOLE]
    assert done.manifest.details_owed == 1
    assert found.notes == ("1 mails could not be had, or not whole; they are asked for again first.",)
    row = here.rows()[0]
    assert (row["id"], row["subject"], row["blob"], row["source"]) == (bad.id, bad.subject, None, "listing")
    assert row["from_address"] == "minsu.kim@fund.example"
    here.simulator.faults.clear()
    _, done = here.collect()
    assert (done.manifest.details_owed, done.changed, here.fetched()) == (0, 1, 3)


@pytest.mark.usefixtures("no_waits")
def test_a_mail_that_fails_each_time_is_given_up_for_this_time(here: Place) -> None:
    here.mailbox.add(mail(10), mail(20))
    here.simulator.faults.add(mail(10).id, Fault(500), times=None)
    here.collect()
    assert details(here) == [Detail.MISSING, Detail.WHOLE]


def test_a_mail_that_was_deleted_since_it_was_listed_is_noted(here: Place) -> None:
    here.mailbox.add(mail(10), mail(20))
    here.simulator.faults.add(mail(10).id, Fault(404, code="ErrorItemNotFound"))
    found, done = here.collect()
    assert details(here) == [Detail.PURGED, Detail.WHOLE]
    assert (done.manifest.details_owed, done.manifest.details_purged) == (0, 1)
    assert found.notes == ("1 mails were deleted between their listing and their fetching.",)


def test_a_mail_that_is_listed_again_is_asked_for_again(here: Place) -> None:
    here.mailbox.add(mail(10))
    here.simulator.faults.add(mail(10).id, Fault(404, code="ErrorItemNotFound"))
    here.collect()
    here.collect()
    assert details(here) == [Detail.WHOLE]


def test_a_mailbox_that_goes_while_it_is_collected_is_no_mail_that_was_deleted(here: Place) -> None:
    here.mailbox.add(mail(10))
    here.simulator.faults.add(mail(10).id, Fault(404, code="MailboxNotEnabledForRESTAPI"))
    with pytest.raises(MailboxError, match="there is no such mailbox"):
        here.collect()


def test_a_second_more_is_asked_for_at_both_ends(here: Place) -> None:
    """A server may compare times with their fractions, or without."""
    here.collect()
    asked = [call.query for call in here.simulator.calls if call.kind.endswith("messages")]
    for query, field in zip(asked, ("receivedDateTime", "sentDateTime"), strict=True):
        assert f"{field} ge 2026-11-20T11:59:59Z and {field} lt 2026-11-20T13:00:01Z" in query
        assert "$top=250" in query


@pytest.mark.usefixtures("no_waits")
def test_what_was_fetched_before_a_collection_failed_is_not_fetched_again(here: Place) -> None:
    here.mailbox.add(*(mail(after) for after in range(40)))
    here.simulator.faults.add(mail(30).id, Fault(401), times=None)
    with pytest.raises(MailboxError, match="the token is not accepted"):
        here.collect()
    before = here.fetched()
    here.simulator.faults.clear()
    _, done = here.collect()
    assert (done.manifest.events, here.fetched()) == (40, 40)
    assert 0 < before < 40


def test_a_journal_whose_blob_is_gone_is_not_believed(here: Place) -> None:
    here.mailbox.add(mail(10))
    with here.store.open_hour(FEED, NOON) as work:
        here.client.collect(work, Options())
        row = next(iter(here.store.layout.blobs.rglob("*.eml*")))
    row.unlink()
    here.collect()
    assert here.fetched() == 2


def test_a_message_whose_blob_is_lost_comes_back_when_its_hour_is_collected_again(here: Place) -> None:
    here.mailbox.add(mail(10), mail(20))
    here.collect()
    path = here.blobs.path(here.rows()[0]["blob"])
    assert path
    path.unlink()
    _, done = here.collect()
    assert (done.added, done.changed, here.fetched()) == (0, 0, 3)
    assert path.exists()
    here.collect()
    assert here.fetched() == 3


def test_without_details_no_message_is_fetched(here: Place) -> None:
    here.mailbox.add(mail(10))
    here.collect(options=Options(details=False))
    assert (details(here), here.fetched()) == ([Detail.UNASKED], 0)
    here.collect()
    assert (details(here), here.fetched()) == ([Detail.WHOLE], 1)


def test_who_is_told_to_stop_stops(here: Place) -> None:
    here.mailbox.add(mail(10))
    here.client.stop()
    with pytest.raises(StoppedError):
        here.collect()


def test_an_hour_closes_when_it_was_listed_after_its_settling_time(here: Place) -> None:
    _, done = here.collect(options=Options(settle_seconds=float("inf")))
    assert not done.manifest.closed
    _, done = here.collect()
    assert done.manifest.closed


def test_what_is_shown_of_a_collection_names_nobody(here: Place) -> None:
    here.mailbox.add(mail(10))
    found, _ = here.collect()
    assert "@" not in str([found.measures, found.notes])
