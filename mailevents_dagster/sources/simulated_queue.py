"""A queue on this machine, for as long as this process lives: what it took is gone with it."""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import Final

REGION: Final = "eu-central-1"


@cache
def simulated_queue(name: str) -> str:
    """Start the queue and return the address of its server. It takes any credentials, and some must be there."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # which has a line for each call
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    for variable in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        os.environ.setdefault(f"AWS_{variable}", "simulator")
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    url = f"http://127.0.0.1:{port}"
    boto3.client("sqs", endpoint_url=url, region_name=REGION).create_queue(QueueName=name)
    return url
