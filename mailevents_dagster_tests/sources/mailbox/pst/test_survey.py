"""What a PST is found to hold."""

from __future__ import annotations

import pytest

from mailevents_dagster.sources.mailbox.pst.classes import is_mail
from mailevents_dagster.sources.mailbox.pst.library import PstError
from mailevents_dagster.sources.mailbox.pst.properties import Tag
from mailevents_dagster.sources.mailbox.pst.survey import ORPHANS, Survey, surveyed
from mailevents_dagster_tests.sources.mailbox.pst.items import FakeFile, FakeFolder, FakeItem, mail

NOW = 1_780_000_000.0
NOON = 1_300_000_000.0


def survey_of(file: FakeFile) -> Survey:
    return surveyed(file, NOW, lambda _: None)


def tree_of(*folders: FakeFolder, store: dict[Tag, bytes] | None = None) -> FakeFile:
    class Tree(FakeFile):
        root = FakeFolder("", [], folders)

    tree = Tree([])
    if store:
        Tree.store = FakeItem(store)
    return tree


def entry_id(number: int) -> bytes:
    return bytes(4) + b"u" * 16 + number.to_bytes(4, "little")


def test_folders_have_the_paths_that_people_see() -> None:
    inner = FakeFolder("Sub", [mail(1, NOON)], [], 0x8042)
    top = FakeFolder("IPM_SUBTREE", [], [FakeFolder("Inbox", [mail(2, NOON)], [inner])])
    beside = FakeFolder("Finder", [], [FakeFolder("Search", [mail(3, NOON)], [], 0x2223)])
    found = survey_of(tree_of(FakeFolder("Root - Mailbox", [], [top, beside])))
    assert dict(found.items) == {"Inbox": 1, "Inbox/Sub": 1}


def test_the_store_says_which_folder_is_the_top_and_which_is_for_sent_mail() -> None:
    sent = FakeFolder("Gönderilmiş", [mail(1, NOON, client_submit_time=NOON - 7200)], [], 0x8082)
    top = FakeFolder("Kişisel Klasörler", [], [sent, FakeFolder("Sent Items", [], [], 0x80A2)], 0x8022)
    found = survey_of(tree_of(top, store={Tag.IPM_SUBTREE: entry_id(0x8022), Tag.SENT_MAIL: entry_id(0x8082)}))
    assert [(one.path, one.is_sent) for one in found.folders[1:3]] == [("Gönderilmiş", True), ("Sent Items", False)]
    assert found.seconds(0) == NOON - 7200


def test_classes_are_counted_and_what_is_no_mail_is_left_out() -> None:
    classes = ["IPM.Note", "ipm.note", "IPM.Appointment", "REPORT.IPM.Note.NDR", "IPM.TaskRequest", "X.Own"]
    found = survey_of(FakeFile([mail(number, NOON, message_class=one) for number, one in enumerate(classes)]))
    assert dict(found.classes) == dict.fromkeys(classes, 1)
    assert len(found) == 5
    assert dict(found.items) == {"Inbox": 6}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IPM.Task", False),
        ("IPM.TaskRequest.Accept", True),
        ("ipm.contact.own", False),
        ("IPM.ContactUs", True),
        ("IPM.Schedule.Meeting.Request", True),
        ("", True),
    ],
)
def test_a_class_is_mail_unless_it_is_known_as_something_else(name: str, expected: bool) -> None:
    assert is_mail(name) is expected


def test_a_time_that_cannot_be_gives_way_to_the_next() -> None:
    never = FakeItem({Tag.MESSAGE_CLASS: "IPM.Note"}, identifier=0x200044)
    found = survey_of(
        FakeFile(
            [
                mail(0, NOW + 7200, client_submit_time=NOON),
                mail(1, -11_000_000_000.0, creation_time=NOON + 1),
                never,
            ]
        )
    )
    assert [found.seconds(one) for one in range(len(found))] == [NOON, NOON + 1]
    assert found.unreadable == ["Inbox, item 3 of 3: it has no time that can be, so that no hour is its own"]


def test_one_item_that_cannot_be_read_hides_no_other() -> None:
    found = survey_of(FakeFile([PstError("torn"), mail(1, NOON), mail(2, NOON, message_class=PstError("bad"))]))
    assert len(found) == 1
    assert found.unreadable == ["Inbox, item 1 of 3: torn", "Inbox, item 3 of 3: bad"]


def test_a_folder_that_cannot_be_read_hides_no_other() -> None:
    found = survey_of(tree_of(PstError("torn"), FakeFolder("Inbox", [mail(1, NOON)], [])))
    assert (len(found), found.unreadable) == (1, [", folder 1: torn"])


def test_items_in_no_folder_are_found_and_tables_among_them_are_not() -> None:
    file = FakeFile([], lost=[FakeItem({}), mail(1, NOON), PstError("torn")])
    found = survey_of(file)
    assert dict(found.items) == {ORPHANS: 1}
    assert found.opened(file, 0) is file.lost[1]
    assert found.unreadable == [f"{ORPHANS}, item 0x2: torn"]
