"""Those who are told: a webhook and a mail server on this machine, which keep what they were sent."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET_PATH = "/services/T0/B0/s3cret-of-the-webhook"
USER = "mailevents@example.com"
PASSWORD = "s3cret-of-the-mail-server"


@dataclass
class WebhookServer:
    url: str
    texts: list[str] = field(default_factory=list)
    bodies: list[object] = field(default_factory=list)
    status: int = 200
    stalls: bool = False
    """It takes what is sent and answers nothing until the end of the test."""
    stalled: threading.Event = field(default_factory=threading.Event)
    end: threading.Event = field(default_factory=threading.Event)


@contextmanager
def webhook_server() -> Iterator[WebhookServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if here.stalls:
                here.stalled.set()
                here.end.wait(60)
                return
            if here.status == 200:
                here.bodies.append(body)
                here.texts.append(body["text"])
            self.send_response(here.status)
            if 300 <= here.status < 400:
                self.send_header("Location", self.path)
            self.end_headers()
            self.wfile.write(f"no: {self.path}".encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = WebhookServer(f"http://127.0.0.1:{server.server_address[1]}{SECRET_PATH}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield here
        finally:
            here.end.set()
            server.shutdown()
            thread.join()


@dataclass
class MailServer:
    """Speaks as much SMTP as handing over a mail takes."""

    tls: ssl.SSLContext | None = None
    refuses: dict[str, str] = field(default_factory=dict)
    """The answer to a command, in place of the one that takes it."""
    stalls: bool = False
    port: int = 0
    heard: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    encrypted: bool = False

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(asyncio.CancelledError, ConnectionError):
            if self.stalls:
                await reader.read()  # until the client goes
            else:
                await self._talk(reader, writer)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._say(writer, "220 here")
        while line := (await reader.readline()).decode().rstrip():
            self.heard.append(line)
            word = line.split()[0].upper()
            if answer := self.refuses.get(word) or self.refuses.get(line.upper()):
                await self._say(writer, answer)
            elif word == "EHLO":
                offers = ["here", *(["STARTTLS"] if self.tls and not self.encrypted else []), "AUTH PLAIN"]
                said = [f"250{' ' if offer is offers[-1] else '-'}{offer}" for offer in offers]
                await self._say(writer, "\r\n".join(said))
            elif word == "STARTTLS":
                await self._say(writer, "220 go on")
                try:
                    await writer.start_tls(self.tls)
                except (OSError, ssl.SSLError):
                    break
                self.encrypted = True
            elif word == "AUTH":
                right = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
                await self._say(writer, "235 welcome" if line.split()[2] == right else f"535 {line} is wrong")
            elif word == "DATA":
                await self._say(writer, "354 go on")
                self.mails.append(await self._mail(reader))
                await self._say(writer, "250 taken")
            elif word == "QUIT":
                await self._say(writer, "221 bye")
                break
            else:
                await self._say(writer, "250 fine")

    async def _mail(self, reader: asyncio.StreamReader) -> EmailMessage:
        lines = []
        while (line := await reader.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return message_from_bytes(b"".join(lines), policy=policy.default)

    async def _say(self, writer: asyncio.StreamWriter, text: str) -> None:
        writer.write(f"{text}\r\n".encode())
        await writer.drain()


@contextmanager
def mail_server(here: MailServer | None = None) -> Iterator[MailServer]:
    here = here or MailServer()
    ready = threading.Event()
    stops: list[Callable[[], object]] = []

    async def serve() -> None:
        end, loop = asyncio.Event(), asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(end.set))
        async with await asyncio.start_server(here.meet, "127.0.0.1", 0) as server:
            here.port = server.sockets[0].getsockname()[1]
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        yield here
    finally:
        stops[0]()
        thread.join()
