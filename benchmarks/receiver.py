"""Measures how many webhooks of 5 kB the receiver takes a second on loopback, each durable before it is acknowledged.

The receiver is the installed command in a process of its own. The webhooks are signed beforehand and sent over
connections that are kept: first at the rate that is asked for, then as fast as they go. What was acknowledged is
counted in the spool.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import Final
from urllib.parse import urlsplit

import click

from mailevents_dagster.sources.webhook.spool.frames import frames
from mailevents_dagster.sources.webhook.spool.segments import segments

KEY: Final = "a-key-for-this-benchmark"
SETTINGS: Final = """
start: 2026-01-01T00:00
storage: ./data
webhooks: [{name: benchmark, provider: mailgun, secret: "${KEY}"}]
"""
COMMAND: Final = Path(sys.executable).with_name("mailevents")


def webhook(number: int, size: int) -> bytes:
    """Return a request, signed and with its headers."""
    timestamp, token = str(int(time.time())), secrets.token_hex(25)
    signature = hmac.new(KEY.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    event = {"event": "delivered", "id": f"{number:08d}", "timestamp": time.time(), "recipient": "ada@example.com"}
    event["pad"] = "x" * (size - 320)
    said = {"signature": {"timestamp": timestamp, "token": token, "signature": signature}, "event-data": event}
    body = json.dumps(said).encode()
    head = (
        f"POST /webhooks/benchmark HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    return f"{head}\r\n\r\n".encode() + body


async def send_all(address: tuple[str, int], posts: Sequence[bytes], connections: int, rate: float) -> list[float]:
    """Send all and return the seconds that each answer took; with a rate each has its moment."""
    seconds, waiting, began = list[float](), iter(enumerate(posts)), time.perf_counter()

    async def send() -> None:
        reader, writer = await asyncio.open_connection(*address)
        for number, post in waiting:
            if rate and (early := began + number / rate - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            sent = time.perf_counter()
            writer.write(post)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise click.ClickException(f"It answered {head[:40]!r}.")
            seconds.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(send() for _ in range(connections)))
    return seconds


def measure(address: tuple[str, int], posts: Sequence[bytes], connections: int, rate: float) -> str:
    began = time.perf_counter()
    taken = asyncio.run(send_all(address, posts, connections, rate))
    seconds = time.perf_counter() - began
    percentiles = quantiles(taken, n=100)
    asked = f"{rate:,.0f} a second" if rate else "as fast as they go"
    return (
        f"{asked}: {len(posts):,} webhooks in {seconds:.1f} s, {len(posts) / seconds:,.0f} a second; answers after "
        f"{percentiles[49] * 1000:.1f} ms (median), {percentiles[94] * 1000:.1f} ms (95 %), {max(taken) * 1000:.1f} ms"
    )


@click.command()
@click.option("--webhooks", default=10_000, show_default=True)
@click.option("--size", default=5_000, show_default=True, help="Bytes of a body.")
@click.option("--rate", default=500.0, show_default=True, help="A second, in the first round.")
@click.option("--connections", default=64, show_default=True)
def main(webhooks: int, size: int, rate: float, connections: int) -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # on a disk: /tmp may be memory
        file = Path(folder, "mailevents.yaml")
        file.write_text(SETTINGS)
        environ = {**os.environ, "MAILEVENTS_CONFIG": str(file), "KEY": KEY}
        command = [COMMAND, "receive", "--port", "0"]
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as receiver:
            assert receiver.stdout
            url = urlsplit(receiver.stdout.readline().split()[-1])
            address = (str(url.hostname), int(url.port or 0))
            for asked in (rate, 0.0):
                posts = [webhook(number, size) for number in range(webhooks)]
                click.echo(measure(address, posts, connections, asked))
            cpu = sum(map(float, Path(f"/proc/{receiver.pid}/stat").read_text().split()[13:15])) / os.sysconf(
                "SC_CLK_TCK"
            )
            receiver.terminate()
        kept = [
            frame for path in segments(Path(folder, "data/webhooks/benchmark")) for frame in frames(path.read_bytes())
        ]
        if len(kept) != 2 * webhooks:
            raise click.ClickException(f"{2 * webhooks:,} were acknowledged and {len(kept):,} are kept.")
        click.echo(f"All are kept. {cpu / webhooks / 2 * 1000:.2f} ms of CPU for each, start included.")


if __name__ == "__main__":
    main()
