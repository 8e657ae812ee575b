"""A queue of SQS that something is published to: what the settings say of it."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from mailevents_dagster.settings.fields import Strict
from mailevents_dagster.settings.values import web_address

SIMULATOR: Final = "simulator"


def _check_queue(queue: str) -> str:
    if not re.fullmatch(r"https?://\S+|[A-Za-z0-9_-]{1,75}(\.fifo)?", queue):
        raise ValueError("is not a queue; write its name, as in the console of AWS, or its URL")
    return queue


def _check_endpoint(url: str) -> str:
    if url != SIMULATOR:  # queues of one's own are asked within one's own network, without TLS
        web_address(re.sub("^http:", "https:", url), "write it like http://localhost:9324, or leave it out for AWS")
    return url


class QueueSettings(Strict):
    """A queue, and where it is."""

    queue: Annotated[str, AfterValidator(_check_queue)] = Field(
        description="Its name or URL; one that ends in .fifo keeps order and drops repetitions.",
        examples=["email_errors"],
    )
    region: str | None = Field(
        default=None, description="The region; null: as AWS's own tools find it.", examples=["eu-west-1"]
    )
    endpoint_url: Annotated[str, AfterValidator(_check_endpoint)] | None = Field(
        default=None,
        description="Another address than that of AWS; `simulator` for a made-up queue in each run.",
        examples=["http://localhost:9324"],
    )
    profile: str | None = Field(
        default=None,
        description="The profile of AWS's credentials file; null: environment, role or default profile.",
        examples=["mail"],
    )

    @property
    def name(self) -> str:
        """The queue and where it is, as destinations of the outbox are named: another queue is another destination."""
        return " ".join(filter(None, (self.queue, self.endpoint_url or self.region)))
