"""All ids of a mailbox beside what is stored of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.mailbox.compare import compare_mailbox
from mailevents_dagster.sources.mailbox.graph import reader as reader_module
from mailevents_dagster.sources.mailbox.simulator import Fault
from mailevents_dagster.store.verify import Finding, Severity
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, FEED, NOON, Place, mail, sent


def compared(here: Place, *hours: Hour) -> list[Sequence[Finding]]:
    return [findings for findings, _ in compare_mailbox(here.reader, here.store, FEED, hours or (NOON,))]


def kinds(findings: Sequence[Finding]) -> list[tuple[str, Severity]]:
    return [(finding.kind, finding.severity) for finding in findings]


def test_a_mailbox_that_is_stored_whole_has_no_differences(here: Place) -> None:
    here.mailbox.add(mail(10), mail(20, folder="Drafts"), sent(3599), mail(30, folder="Conversation History"))
    here.collect()
    assert compared(here) == [[]]


def test_a_mail_that_is_not_stored_is_a_difference_of_its_hour(here: Place) -> None:
    here.mailbox.add(mail(10))
    here.collect()
    here.collect(NOON.next)
    here.mailbox.add(mail(70, folder="Archive/2026"))
    [finding], none = compared(here, NOON, NOON.next)
    assert (finding.kind, finding.severity, finding.hour) == ("not stored", Severity.DIFFERENCE, NOON.key)
    assert finding.names == ("2026-11-20T12:01:10+00:00",)
    assert none == []
    here.collect()
    assert compared(here) == [[]]


def test_what_was_deleted_or_moved_is_noted_as_that(here: Place) -> None:
    here.mailbox.add(mail(10), mail(20), mail(30))
    here.collect()
    here.mailbox.delete(mail(10).id)
    here.mailbox.move(mail(20).id, "Archive/2026")
    [findings] = compared(here)
    assert kinds(findings) == [("deleted", Severity.NOTE), ("moved", Severity.NOTE)]
    assert findings[1].names == ("1: Inbox → Archive/2026",)


def test_a_sent_mail_that_was_moved_is_not_missed_in_another_hour(here: Place) -> None:
    here.mailbox.add(sent(3599))
    here.collect()
    here.collect(NOON.next)
    here.mailbox.move(sent(3599).id, "Archive/2026")
    assert [kinds(findings) for findings in compared(here, NOON, NOON.next)] == [[("moved", Severity.NOTE)], []]


def test_a_folder_that_says_another_number_is_named(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    here.mailbox.add(*(mail(after) for after in range(5)))
    here.collect()
    monkeypatch.setattr(reader_module, "IDS_A_PAGE", 2)
    body = b'{"value": [], "@odata.context": "x"}'
    here.simulator.faults.add("/mailFolders/[^/]+/messages$", Fault(200, body=body))
    [findings] = compared(here)
    assert ("another number", Severity.NOTE) in kinds(findings)
    assert findings[0].names == ("Inbox: says 5, lists 0",)
    assert findings[0].hour is None


def test_many_pages_of_ids_are_read(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    here.mailbox.add(*(mail(after) for after in range(25)))
    here.collect()
    monkeypatch.setattr(reader_module, "IDS_A_PAGE", 4)
    assert compared(here) == [[]]


def test_a_mailbox_that_refuses_is_not_compared(here: Place) -> None:
    here.collect()
    here.simulator.faults.add("/mailFolders", Fault(403, code="ErrorAccessDenied"), None)
    for [finding] in compared(here, NOON, NOON.next):
        assert (finding.kind, finding.severity) == ("not compared", Severity.FAILED)
        assert "permission Mail.Read" in finding.what
        assert ADDRESS not in finding.what


def test_the_calls_are_counted_once(here: Place) -> None:
    here.collect()
    calls = [calls for _, calls in compare_mailbox(here.reader, here.store, FEED, (NOON, NOON.next))]
    assert calls[0] >= 10, "one a folder"
    assert calls[1] == 0
