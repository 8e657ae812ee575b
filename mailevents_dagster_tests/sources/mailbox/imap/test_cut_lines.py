"""A server that is away, ends connections or does not answer: nothing is lost, nothing comes twice."""

from __future__ import annotations

import io
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator

import pytest

from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError
from mailevents_dagster.sources.mailbox.imap import connections
from mailevents_dagster.sources.mailbox.imap.access import Access
from mailevents_dagster.sources.mailbox.imap.connection import PIECE
from mailevents_dagster.sources.mailbox.imap.reader import ImapReader
from mailevents_dagster_tests.conftest import START
from mailevents_dagster_tests.sources.mailbox.imap.dovecot import CERTIFICATE, PASSWORD, USER, Dovecot, message

END = START + 3600


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "backoff", lambda _: 0.0)


class Cutting(io.BytesIO):
    """Takes a message and ends all connections whenever some of it came."""

    def __init__(self, dovecot: Dovecot) -> None:
        super().__init__()
        self.dovecot = dovecot
        self.cuts = 0

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self.cuts += self.dovecot.cut()
        return super().write(data)


@pytest.mark.programs
class TestCut:
    def test_a_message_goes_on_where_its_line_was_cut(self, dovecot: Dovecot, reader: ImapReader) -> None:
        raw = message(1, os.urandom(3 * PIECE).hex())
        dovecot.put(raw, START)
        (row,) = reader.rows(START, END)
        blob = Cutting(dovecot)
        reader.fetch(row, blob)
        assert blob.getvalue() == raw
        assert blob.cuts >= 6

    def test_a_listing_goes_on_where_its_line_was_cut(self, dovecot: Dovecot, reader: ImapReader) -> None:
        for number, folder in enumerate(["INBOX", "A", "B", "C"]):
            dovecot.put(message(number), START, folder)
        subjects = []
        for row in reader.rows(START, END):
            subjects.append(row.shown["subject"])
            dovecot.cut()
        assert sorted(map(str, subjects)) == [f"Number {number}" for number in range(4)]

    def test_a_server_that_is_away_may_be_asked_another_time(self, dovecot: Dovecot, reader: ImapReader) -> None:
        dovecot.put(message(1), START)
        assert len(list(reader.rows(START, END))) == 1
        dovecot.cut()
        dovecot.stop()
        with pytest.raises(MailboxError) as raised:
            list(reader.rows(START, END))
        assert (raised.value.cause, raised.value.is_passing) == (Cause.REFUSED, True)
        assert not raised.value.refuses_feed
        dovecot.start()
        assert len(list(reader.rows(START, END))) == 1

    def test_who_is_told_to_stop_waits_for_no_answer(self, dovecot: Dovecot, reader: ImapReader) -> None:
        dovecot.put(message(1), START)
        (row,) = reader.rows(START, END)
        pids = imap_processes(dovecot)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        ended: list[BaseException] = []

        def fetch() -> None:
            try:
                reader.fetch(row, io.BytesIO())
            except StoppedError as error:
                ended.append(error)

        thread = threading.Thread(target=fetch)
        thread.start()
        try:
            while not reader._connections._at_work:
                assert thread.is_alive()
            reader.stop()
            thread.join(30)
            assert ended
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            thread.join()
        with pytest.raises(StoppedError):
            list(reader.rows(START, END))


def imap_processes(dovecot: Dovecot) -> list[int]:
    assert dovecot._process
    found = subprocess.run(
        ["ps", "-o", "pid=,comm=", "--ppid", str(dovecot._process.pid)], capture_output=True, text=True, check=True
    )
    return [int(pid) for pid, name in map(str.split, found.stdout.splitlines()) if name == "imap"]


class TestOtherServers:
    """What listens there is no IMAP server, or nothing does."""

    @pytest.fixture
    def listener(self) -> Iterator[socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as one:
            yield one

    def refusal(self, host: str, port: int) -> MailboxError:
        reader = ImapReader(Access(USER, host, port, password=PASSWORD, ca_bundle=str(CERTIFICATE)))
        with pytest.raises(MailboxError) as raised:
            list(reader.rows(START, END))
        reader.close()
        return raised.value

    def answering(self, listener: socket.socket, greeting: bytes) -> int:
        def answer() -> None:
            while True:
                try:
                    one, _ = listener.accept()
                except OSError:
                    return
                with one:
                    if greeting:
                        one.sendall(greeting)

        threading.Thread(target=answer, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    def test_nobody_listens(self, listener: socket.socket) -> None:
        port = listener.getsockname()[1]
        listener.close()
        error = self.refusal("127.0.0.1", port)
        assert (error.cause, error.is_passing) == (Cause.REFUSED, True)
        assert f"127.0.0.1:{port}" in str(error)

    def test_an_unknown_host(self) -> None:
        error = self.refusal("imap.invalid", 993)
        assert (error.cause, error.is_passing) == (Cause.DNS, True)
        assert "mailboxes[].host" in str(error)

    def test_a_port_without_tls(self, listener: socket.socket) -> None:
        error = self.refusal("127.0.0.1", self.answering(listener, b"* OK IMAP4rev1 ready\r\n"))
        assert error.cause is Cause.TLS
        assert "mailboxes[].host and port" in str(error)

    def test_a_server_that_goes_while_somebody_signs_in_refused_nobody(self, listener: socket.socket) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATE)

        def serve() -> None:
            while True:
                try:
                    one, _ = listener.accept()
                except OSError:
                    return
                with context.wrap_socket(one, server_side=True) as line, line.makefile("rwb") as file:
                    file.write(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] here\r\n")
                    file.flush()
                    while b"CAPABILITY" in (asked := file.readline()):
                        file.write(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n%s OK done\r\n" % asked.split()[0])
                        file.flush()

        threading.Thread(target=serve, daemon=True).start()
        error = self.refusal("127.0.0.1", listener.getsockname()[1])
        assert error.is_passing
        assert not error.refuses_feed

    def test_a_server_that_ends_each_connection(self, listener: socket.socket) -> None:
        error = self.refusal("127.0.0.1", self.answering(listener, b""))
        assert error.cause in (Cause.RESET, Cause.TLS)
        assert error.is_passing
