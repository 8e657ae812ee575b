"""A server that sends what a test hands it, byte for byte, and remembers who asked for what over which connection."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CERTIFICATE = Path(__file__).parents[2] / "worthless_test_certificate.pem"


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """An answer whose body ends where its header says."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def dripping(sent: bytes, whole_first: int = 0) -> Iterator[bytes]:
    """These bytes, the first so many at once and the others one by one, each long before a socket's time-out."""
    yield sent[:whole_first]
    for place in range(whole_first, len(sent)):
        threading.Event().wait(0.02)
        yield sent[place : place + 1]


def tls() -> ssl.SSLContext:
    """What a server proves itself with that is called localhost or 127.0.0.1, to those who trust CERTIFICATE."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


class AnsweringServer:
    """Sends `answers(n)` to its n-th request, and hangs up behind it where it says `Connection: close`."""

    def __init__(self, answers: Callable[[int], bytes | Iterable[bytes]], secure: ssl.SSLContext | None = None) -> None:
        self.answers = answers
        self.connections: list[socket.socket] = []
        self.heads: list[bytes] = []
        self.ended = threading.Semaphore(0)
        """Released for each connection that its client has closed."""
        self._secure = secure
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.base_url = f"http{'s' if secure else ''}://127.0.0.1:{self.port}/api/v2"
        threading.Thread(target=self._accept, daemon=True).start()

    def hang_up(self) -> None:
        """Ends the connections there are, as servers do with those that nobody used for a while."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._meet, args=(connection,), daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._secure:
                connection = self._secure.wrap_socket(connection, server_side=True)
            self.connections.append(connection)
            with connection, connection.makefile("rb") as lines:
                self._serve(connection, lines)
        self.ended.release()

    def _serve(self, connection: socket.socket, lines: Iterator[bytes]) -> None:
        head = b""
        for line in lines:
            head += line
            if line == b"\r\n":
                self.heads.append(head)
                sent = self.answers(len(self.heads))
                pieces = [sent] if isinstance(sent, bytes) else sent
                for piece in pieces:
                    connection.sendall(piece)
                if isinstance(sent, bytes) and b"connection: close\r\n" in sent.lower():
                    return
                head = b""


@contextmanager
def answering(
    answers: Callable[[int], bytes | Iterable[bytes]] | bytes, secure: ssl.SSLContext | None = None
) -> Iterator[AnsweringServer]:
    """A server that answers so; with bytes, always with these."""
    server = AnsweringServer((lambda _: answers) if isinstance(answers, bytes) else answers, secure)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def tunnelling(asked: list[bytes]) -> Iterator[int]:
    """A proxy that connects whoever asks for it, and writes down what was asked; its port."""

    def meet(client: socket.socket) -> None:
        with client, client.makefile("rb", buffering=0) as lines:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += lines.readline()
            asked.append(head)
            host, port = head.split()[1].decode().rsplit(":", 1)
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pass_on, args=(server, client), daemon=True)
                back.start()
                pass_on(client, server)
                back.join()

    def pass_on(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(2**16):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=meet, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
