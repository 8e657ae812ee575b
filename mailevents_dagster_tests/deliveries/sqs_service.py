"""SQS over HTTP: moto's server in a process of its own, and a gateway before it that fails as it is told.

The gateway remembers what arrived, since moto forgets it when it is killed.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from mailevents_dagster_tests.moto_server import PATIENCE, MotoServer


class Moto(MotoServer):
    """moto's server as SQS."""

    def ask(self, operation: str, **parameters: object) -> dict[str, Any]:
        """Call an operation of SQS."""
        return json.loads(
            forwarded(self.port, "/", HEADERS | {"X-Amz-Target": f"AmazonSQS.{operation}"}, parameters)[1]
        )

    def make_queue(self, name: str) -> None:
        fifo = {"Attributes": {"FifoQueue": "true"}} if name.endswith(".fifo") else {}
        assert self.ask("CreateQueue", QueueName=name, **fifo)["QueueUrl"]

    def bodies(self, name: str) -> list[str]:
        """Take all messages out of a queue, as its reader would."""
        url, bodies = self.ask("GetQueueUrl", QueueName=name)["QueueUrl"], []
        while got := self.ask("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            bodies += [one["Body"] for one in got]
            for one in got:
                self.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return bodies


SCOPE = "Credential=AKIDEXAMPLE/20261130/eu-west-1/sqs/aws4_request"
HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": f"AWS4-HMAC-SHA256 {SCOPE}, SignedHeaders=host, Signature=0",
}


def forwarded(port: int, path: str, headers: dict[str, str], body: object) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@dataclass(frozen=True)
class Fault:
    """What the gateway does with one call instead of handing it on."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/x-amz-json-1.0"
    is_cut: bool = False
    """End the connection without an answer."""
    hands_on: bool = False
    """Hand the call on all the same; what SQS says is lost."""
    fails: tuple[int, ...] = ()
    """Entries that are not handed on and answered as failed."""
    code: str = "InternalError"
    is_senders_fault: bool = False


def error(code: str, status: int = 400) -> Fault:
    return Fault(status, json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "AKIDEXAMPLE s3cret"}).encode())


PAGE = b"<html><body>Please sign in to the network, AKIDEXAMPLE s3cret</body></html>"
HTML = Fault(200, PAGE, "text/html")
CUT = Fault(is_cut=True)
ANSWER_LOST = Fault(is_cut=True, hands_on=True)


class Gateway(ThreadingHTTPServer):
    """Hands calls on to SQS and does with the next batches what `faults` says; None hands a batch on."""

    daemon_threads = True

    def __init__(self, moto: Moto) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.moto = moto
        self.faults: deque[Fault | None] = deque()
        self.other_faults: deque[Fault] = deque()
        """The same for calls that send nothing."""
        self.calls = 0
        """Batches that came, whatever became of them."""
        self.arrived: list[dict[str, str]] = []
        """Entries that SQS took, in their order."""
        self.when_called: Callable[[int, str], None] = lambda number, moment: None
        """Called with the number of the batch before it is handed on, when SQS answered, and when that was told."""
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def bodies(self) -> list[str]:
        return [entry["MessageBody"] for entry in self.arrived]

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of callers that were killed."""


class _Handler(BaseHTTPRequestHandler):
    server: Gateway
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: else each waits 40 ms for an acknowledgement

    def do_POST(self) -> None:
        gateway = self.server
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.headers["X-Amz-Target"].endswith("SendMessageBatch"):
            other = gateway.other_faults.popleft() if gateway.other_faults else None
            self._tell(*((other.status, other.body) if other else self._handed_on(request)))
            return
        with gateway.lock:
            gateway.calls += 1
            number = gateway.calls
            fault = gateway.faults.popleft() if gateway.faults else None
        gateway.when_called(number, "called")
        status, body = self._answer(request, fault or Fault(hands_on=True))
        gateway.when_called(number, "answered")
        if fault and fault.is_cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._tell(status, body, fault.content_type if fault else HEADERS["Content-Type"])
        self.wfile.flush()
        gateway.when_called(number, "told")

    def _answer(self, request: dict[str, Any], fault: Fault) -> tuple[int, bytes]:
        if not fault.hands_on and not fault.fails:
            return fault.status, fault.body
        entries = request["Entries"]
        failing = [entries[position] for position in fault.fails]
        rest = [entry for entry in entries if entry not in failing]
        status, body = self._handed_on({**request, "Entries": rest}) if rest else (200, b"{}")
        if status != 200:
            return status, body
        said = json.loads(body)
        taken = {one["Id"] for one in said.get("Successful", ())}
        with self.server.lock:
            self.server.arrived += [entry for entry in rest if entry["Id"] in taken]
        said.setdefault("Failed", []).extend(
            {"Id": entry["Id"], "Code": fault.code, "SenderFault": fault.is_senders_fault, "Message": "s3cret"}
            for entry in failing
        )
        return 200, json.dumps(said).encode()

    def _handed_on(self, request: dict[str, Any]) -> tuple[int, bytes]:
        headers = {name: self.headers[name] for name in ("Content-Type", "X-Amz-Target", "Authorization")}
        try:
            return forwarded(self.server.moto.port, self.path, headers, request)
        except ConnectionRefusedError:
            return 503, b""
        except (OSError, HTTPException):
            return 502, b""

    def _tell(self, status: int, body: bytes, content_type: str = HEADERS["Content-Type"]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def moto_running() -> Iterator[Moto]:
    moto = Moto()
    try:
        yield moto
    finally:
        moto.kill()
