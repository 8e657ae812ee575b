"""A real SMTP server with STARTTLS on loopback (aiosmtpd), and one that says what a test wants it to."""

from __future__ import annotations

import asyncio
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP


@contextmanager
def smtp_server(context: ssl.SSLContext | None) -> Iterator[int]:
    """Run a server that offers STARTTLS where it is given a certificate, and yield its port."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    loop.set_exception_handler(lambda *_: None)  # clients that refuse the certificate
    ports: list[int] = []

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(Sink(), hostname="mx.example.com", tls_context=context), "127.0.0.1", 0
        )
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        async with server:
            await stopped.wait()

    stopped = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


Talks = Callable[[socketserver.StreamRequestHandler], None]


@contextmanager
def talking_server(talks: Talks) -> Iterator[int]:
    """Run a server whose side of each connection is this function, and yield its port."""

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client has gone
                talks(self)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Connection) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
