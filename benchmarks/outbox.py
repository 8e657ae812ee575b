"""Measures how long 10,000 messages take from the outbox into a loopback SQS, ten a call: moto in a process of its own.

moto looks at all messages of a queue for each that comes, and again for each that is read: 1,000 that nobody reads
take as long as 10,000 that are taken away. So the process of the server takes them away without a call, and counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import boto3
import click

from mailevents_dagster.deliveries.message import Message
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sending import deliver
from mailevents_dagster.deliveries.sqs import QueueAccess, SqsQueue

REGION: Final = "eu-west-1"
SERVE: Final = "serve"


def serve() -> None:
    """Serve SQS at a free port, tell the port, and take away what comes until killed; tell how many came."""
    from moto.server import ThreadedMotoServer
    from moto.sqs.models import sqs_backends

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    boto3.client("sqs", REGION, endpoint_url=f"http://127.0.0.1:{server.get_host_and_port()[1]}").create_queue(
        QueueName="errors"
    )
    queue = sqs_backends["123456789012"][REGION].queues["errors"]
    print(server.get_host_and_port()[1], flush=True)
    came = 0
    while True:
        time.sleep(0.02)
        # moto has no public way to take messages away that costs less than the sending that is measured.
        with queue._messages_lock:  # noqa: SLF001
            came += len(queue._messages)  # noqa: SLF001
            queue._messages.clear()  # noqa: SLF001
        print(came, flush=True)


def body() -> str:
    """Return a bounce as it is published."""
    said = "550 5.1.1 The email account that you tried to reach does not exist. " * 3
    return json.dumps({"ID": 1, "name": "no such user", "email": "a@example.com", "hostname": "mx1", "text": said})


@click.command()
@click.option("--messages", default=10_000, show_default=True)
def main(messages: int) -> None:
    os.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "true"}
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, __file__, SERVE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server,
    ):
        try:
            assert server.stdout
            access = QueueAccess("errors", REGION, f"http://127.0.0.1:{int(server.stdout.readline())}")
            outbox, began = Outbox(Path(folder, "outbox.sqlite")), time.perf_counter()
            outbox.note("benchmark", (Message(f"{number:032x}", body(), 0, number) for number in range(messages)))
            noted, cpu = time.perf_counter(), time.process_time()
            done = deliver(outbox, "benchmark", SqsQueue(access, "benchmark").send, access.limits)
            seconds, cpu = time.perf_counter() - noted, time.process_time() - cpu
            while int(server.stdout.readline()) < messages:
                pass
        finally:
            server.kill()
    assert (done.taken, done.repeated) == (messages, ())
    click.echo(
        f"{messages:,} messages noted in {noted - began:.1f} s, delivered in {seconds:.1f} s; own CPU {cpu:.1f} s"
    )


if __name__ == "__main__":
    serve() if sys.argv[1:] == [SERVE] else main()
