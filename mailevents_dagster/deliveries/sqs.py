"""SQS as a receiver of the outbox: a batch a call, and an answer for each message.

boto3 makes one try a call: it would send a batch again without a word after an answer was lost, and the outbox has to
know of each try. So the outbox waits and tries again, also where SQS asks to slow down.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from mailevents_dagster.deliveries.message import Answer, Failed, Limits, Message, Refused, Taken
from mailevents_dagster.deliveries.sqs_failures import (
    NOT_SQS,
    failure_of_entry,
    failure_of_library,
    failure_of_request,
)

if TYPE_CHECKING:
    from botocore.client import BaseClient

MOST_BYTES: Final = 2**20
"""Of a message, and of all bodies of a call together. Queues may allow less: then SQS refuses, and says so."""
CONNECT_SECONDS: Final = 10
ANSWER_SECONDS: Final = 30
KNOWN_AGAIN_SECONDS: Final = 300 - CONNECT_SECONDS - ANSWER_SECONDS
"""FIFO queues ignore a repetition within five minutes after the first arrived; a try may be that long on its way."""
_FIFO_ID: Final = re.compile(r"[!-~]{1,128}")
_NOT_ALLOWED: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class QueueAccess:
    """Which queue, and where. Credentials come in boto3's own ways."""

    queue: str
    """Its name or its URL."""
    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None

    @property
    def is_fifo(self) -> bool:
        return self.queue.endswith(".fifo")

    @property
    def is_url(self) -> bool:
        return self.queue.startswith(("http://", "https://"))

    @property
    def limits(self) -> Limits:
        """Return what a call takes.

        Calls to a FIFO queue go one after the other, since that keeps the order. Only an entry that fails alone comes
        behind those of its batch that were taken.
        """
        if self.is_fifo:
            return Limits(10, MOST_BYTES, known_again_seconds=KNOWN_AGAIN_SECONDS)
        return Limits(10, MOST_BYTES, at_once=4)


class SqsQueue:
    """A queue that messages are sent to. It connects when the first is sent."""

    def __init__(self, access: QueueAccess, destination: str) -> None:
        self._access = access
        self._group = _fifo_id(destination)
        self._connecting = threading.Lock()
        self._connected: tuple[BaseClient, str] | None = None

    def send(self, messages: Sequence[Message]) -> list[Answer]:
        """Send up to ten messages in one call and return an answer for each."""
        entries = [self._entry(number, message) for number, message in enumerate(messages)]
        try:
            client, url = self._connect()
        except ImportError:
            missing = "boto3 is not installed: pip install 'mailevents-dagster[maillog]'"
            return [Failed(missing, is_passing=False)] * len(messages)
        except Exception as error:
            return [_before_sending(_failure(error))] * len(messages)
        try:
            answer = client.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[attr-defined]
        except Exception as error:
            return [_failure(error)] * len(messages)
        return answers_in(answer, len(messages))

    def _connect(self) -> tuple[BaseClient, str]:
        with self._connecting:
            if self._connected is None:
                client = _client(self._access)
                url = self._access.queue
                if not self._access.is_url:
                    url = client.get_queue_url(QueueName=url)["QueueUrl"]  # type: ignore[attr-defined]
                self._connected = client, url
            return self._connected

    def _entry(self, number: int, message: Message) -> dict[str, str]:
        entry = {"Id": str(number), "MessageBody": _allowed(message.body)}
        if self._access.is_fifo:
            entry |= {"MessageGroupId": self._group, "MessageDeduplicationId": _fifo_id(message.key)}
        return entry


def answers_in(answer: Mapping[str, Any], number: int) -> list[Answer]:
    """Return the answer for each of so many messages; what the answer does not speak of may have arrived."""
    if not {"Successful", "Failed"} & answer.keys():
        return [Failed(NOT_SQS, is_passing=False, may_have_arrived=True)] * number
    answers: dict[str, Answer] = {
        one["Id"]: failure_of_entry(one.get("Code", ""), is_senders_fault=one.get("SenderFault", False))
        for one in answer.get("Failed", ())
    }
    answers |= {one["Id"]: Taken(one.get("MessageId", "")) for one in answer.get("Successful", ())}
    silent = Failed("SQS did not say whether it took it", may_have_arrived=True)
    return [answers.get(str(position), silent) for position in range(number)]


def _client(access: QueueAccess) -> BaseClient:
    # Loading boto3 takes a fifth of a second, and only who sends needs it.
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
    )
    session = Session(profile_name=access.profile, region_name=access.region)
    client: BaseClient = session.client("sqs", endpoint_url=access.endpoint_url, config=config)
    return client


def _before_sending(failure: Failed | Refused) -> Failed:
    """Return the failure of a call that asks for the queue: no message is under way, and none is at fault."""
    if isinstance(failure, Refused):
        return Failed(f"`queue` is not a name that SQS allows: correct it ({failure.reason})", is_passing=False)
    return replace(failure, may_have_arrived=False)


def _failure(error: Exception) -> Failed | Refused:
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        said: Mapping[str, Any] = error.response
        status = said.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return failure_of_request(str(said.get("Error", {}).get("Code", "")), status)
    if isinstance(error, BotoCoreError | ValueError | OSError):
        return failure_of_library([kind.__name__ for kind in type(error).__mro__])
    # The library stumbles over JSON that is not of the form of SQS.
    return Failed(f"{NOT_SQS} ({type(error).__name__})", is_passing=False, may_have_arrived=True)


def _fifo_id(text: str) -> str:
    """Return the text, or a digest of it where SQS does not allow it as an id."""
    return text if _FIFO_ID.fullmatch(text) else hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def _allowed(body: str) -> str:
    """Return the JSON text with escapes for the few characters that SQS refuses, which means the same."""
    return _NOT_ALLOWED.sub(lambda found: f"\\u{ord(found[0]):04x}", body)
