"""What is made of an IMAP server's answers, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from imapclient.imap_utf7 import encode

from mailevents_dagster.sources.mailbox.errors import Cause
from mailevents_dagster.sources.mailbox.imap.faults import answered_no, refused_login
from mailevents_dagster.sources.mailbox.imap.folders import Folder, folder_of, in_order
from mailevents_dagster.sources.mailbox.imap.mails import Ids, Key, Seen, listed, seen

INBOX = Folder("INBOX", "INBOX")
ALL = Folder("All", "All", is_view=True)
AT = datetime(2026, 11, 20, 15, 0, 7, tzinfo=timezone(timedelta(hours=3)))
HEADER = b"Message-ID: <a@example.org>\r\nSubject: One\r\n\r\n"


def answer(header: bytes | None = HEADER, **fields: Any) -> dict[bytes, Any]:
    own = {b"SEQ": 1, b"INTERNALDATE": AT, b"RFC822.SIZE": 100, b"FLAGS": (b"\\Seen",)}
    return {**own, b"BODY[HEADER.FIELDS (MESSAGE-ID)]": header, **{name.encode(): it for name, it in fields.items()}}


class TestFolders:
    @pytest.mark.parametrize("flags", [(b"\\Noselect",), (b"\\HasChildren", b"\\NoSelect"), (b"\\NonExistent",)])
    def test_what_holds_no_mails_is_left_out(self, flags: tuple[bytes, ...]) -> None:
        assert folder_of(flags, b"/", b"Archive") is None

    @pytest.mark.parametrize(
        ("delimiter", "name", "path"),
        [
            (b".", b"A.B.C", "A/B/C"),
            (b"/", b"A/B", "A/B"),
            (b"\\", b"A\\B", "A/B"),
            (None, b"A.B", "A.B"),
            (b"/", b"G&APY-nderilmi&AV8-", "Gönderilmiş"),
            (b"/", b"&ZeVnLIqe-", "日本語"),
            (b"/", b"R&-D", "R&D"),
            (b"/", "2026", "2026"),
        ],
    )
    def test_names_are_shown_as_people_write_them_and_sent_as_they_came(
        self, delimiter: bytes | None, name: bytes | str, path: str
    ) -> None:
        folder = folder_of((), delimiter, name)
        assert folder
        assert folder.path == path
        assert folder.name == (name.decode() if isinstance(name, bytes) else name)

    @given(st.binary(min_size=1, max_size=30))
    @example(b"&2AA-")
    @example(b"&")
    def test_any_bytes_are_a_name(self, name: bytes) -> None:
        folder = folder_of((), b"/", name)
        assert folder
        assert folder.path.encode()
        assert folder.name.encode("utf-8", "surrogateescape") == name

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
    def test_any_text_comes_back(self, text: str) -> None:
        folder = folder_of((), None, encode(text))
        assert folder
        assert folder.path == text

    def test_folders_that_show_what_lies_in_others_come_last_and_the_inbox_first(self) -> None:
        rows = [((b"\\All",), "A"), ((), "Z"), ((), "Inbox"), ((b"\\Flagged",), "B"), ((b"\\Drafts",), "D")]
        folders = [folder for flags, name in rows if (folder := folder_of(flags, b"/", name))]
        assert [folder.path for folder in in_order(folders)] == ["Inbox", "D", "Z", "A", "B"]
        assert [folder.path for folder in folders if folder.holds_drafts] == ["D"]


class TestMails:
    def test_an_answer_says_when_a_mail_came_and_what_it_is(self) -> None:
        mail = seen(answer(), None)
        assert (mail.time, mail.size, mail.is_read, mail.is_draft) == (1_795_176_007, 100, True, False)
        assert mail.head.subject == "One"

    @pytest.mark.parametrize(
        ("item", "value", "key"),
        [("X-GM-MSGID", 1278455344230334, "X-GM-MSGID-1278455344230334"), ("EMAILID", (b"M6d99a",), "EMAILID-M6d99a")],
    )
    def test_the_id_of_a_server_is_taken_where_it_has_one(self, item: str, value: object, key: str) -> None:
        assert seen(answer(**{item: value}), item).key == Key(key, is_certain=True)
        assert not seen(answer(), item).key.is_certain
        assert not seen(answer(**{item: ()}), item).key.is_certain

    def test_without_one_message_id_size_and_arrival_make_it(self) -> None:
        key = seen(answer(), None).key
        elsewhere = {**answer(), b"SEQ": 7, b"FLAGS": (), b"INTERNALDATE": AT.astimezone(UTC)}
        assert seen(elsewhere, None).key == key
        others = [
            answer(HEADER.replace(b"<a@", b"<b@")),
            {**answer(), b"RFC822.SIZE": 101},
            {**answer(), b"INTERNALDATE": AT + timedelta(seconds=1)},
            answer(b""),
        ]
        assert len({key, *(seen(other, None).key for other in others)}) == 5

    @pytest.mark.parametrize("header", [None, b"", b"\xff\x00rubbish", b"Subject\r\n\r\n", 7])
    def test_whatever_an_answer_lacks_it_is_a_mail(self, header: Any) -> None:
        mail = seen({b"BODY[HEADER.FIELDS (X)]": header}, "EMAILID")
        assert (mail.time, mail.size) == (0, 0)
        assert listed(mail, "id", INBOX, 1, 2).shown["to"] == []

    def test_a_mail_whose_arrival_is_no_date_has_its_own(self) -> None:
        dated = b"Date: Fri, 20 Nov 2026 12:00:00 +0000\r\n\r\n"
        assert seen({**answer(dated), b"INTERNALDATE": None}, None).time == 1_795_176_000


class TestIds:
    ALIKE = Key("k", is_certain=False)

    def test_mails_alike_are_counted(self) -> None:
        ids = Ids()
        assert [ids.of(self.ALIKE, INBOX) for _ in range(3)] == ["k", "k-2", "k-3"]
        assert ids.of(Key("l", is_certain=False), INBOX) == "l"

    def test_a_view_counts_by_itself(self) -> None:
        ids = Ids()
        real = [ids.of(self.ALIKE, INBOX) for _ in range(2)]
        for view in (ALL, Folder("Starred", "Starred", is_view=True)):
            assert [ids.of(self.ALIKE, view) for _ in range(2)] == real
            ids.end_of_folder()

    def test_what_a_server_is_certain_of_is_one_mail_however_often_it_is_shown(self) -> None:
        ids = Ids()
        assert {ids.of(Key("k", is_certain=True), folder) for folder in (INBOX, INBOX, ALL)} == {"k"}


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "cause", "is_passing", "is_gone"),
        [
            ("select failed: [NONEXISTENT] No such mailbox secret@example.com", Cause.SERVER, False, True),
            ("select failed: [NOPERM] secret@example.com", Cause.PERMISSION, False, False),
            ("fetch failed: [SERVERBUG] Internal error", Cause.SERVER, True, False),
            ("fetch failed: secret@example.com is busy", Cause.SERVER, True, False),
            ("UID command error: BAD [b'secret@example.com']", Cause.PROTOCOL, False, False),
        ],
    )
    def test_a_refusal_is_classed_by_its_code(self, text: str, cause: Cause, is_passing: bool, is_gone: bool) -> None:
        error = answered_no(text, "A folder")
        assert (error.cause, error.is_passing, error.is_gone) == (cause, is_passing, is_gone)
        assert not error.refuses_feed
        assert "secret" not in str(error)

    @pytest.mark.parametrize(
        ("text", "is_passing"),
        [
            ("[AUTHENTICATIONFAILED] secret@example.com", False),
            ("AUTHENTICATE failed.", False),
            ("[ALERT] Application-specific password required: secret", False),
            ("[UNAVAILABLE] Temporary authentication failure.", True),
            ("[LIMIT] Too many connections", True),
            ("", True),
        ],
    )
    def test_a_refused_login_stops_the_feed_unless_it_is_for_now(self, text: str, is_passing: bool) -> None:
        error = refused_login(text, "Do this.")
        assert (error.is_passing, error.refuses_feed) == (is_passing, not is_passing)
        assert "secret" not in str(error)
        assert is_passing or "Do this." in str(error)


def test_a_mail_says_where_it_lay() -> None:
    mail = listed(seen(answer(), None), "id", INBOX, 17, 4)
    assert (mail.within, mail.validity, mail.uid, mail.folder, mail.received) == (INBOX, 17, 4, "INBOX", mail.time)
    assert isinstance(seen(answer(), None), Seen)
