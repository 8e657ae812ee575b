"""What mail servers that a test starts have in common."""

from __future__ import annotations

import smtplib
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SENDER = "s@example.com"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that a server is handed."""

    name: str
    recipients: Sequence[str]

    @property
    def message_id(self) -> str:
        return f"{self.name}@example.com"

    def send(self, port: int) -> None:
        text = f"From: {SENDER}\nMessage-ID: <{self.message_id}>\nSubject: {self.name}\n\nThis is {self.name}.\n"
        with smtplib.SMTP("127.0.0.1", port) as server:
            assert server.sendmail(SENDER, list(self.recipients), text) == {}


def started(command: Sequence[str | Path], port: int, **options: Any) -> subprocess.Popen[bytes]:
    """Start a server and return its process once it listens."""
    process = subprocess.Popen(command, **options)
    try:
        wait_until(lambda: answers_at(port), process, f"{command[0]} does not listen")
    except AssertionError:
        process.terminate()
        process.wait(20)
        raise
    return process


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[bytes] | None, what: str) -> None:
    """Wait for something that a running server does and tells nobody."""
    ends = time.monotonic() + 60
    while not is_so():
        assert process is None or process.poll() is None, what
        assert time.monotonic() < ends, what
        time.sleep(0.02)


def answers_at(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
