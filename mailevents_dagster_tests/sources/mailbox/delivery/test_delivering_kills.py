"""Deliveries to OpenSSH's own server, killed at random moments; the server is killed, too.

MAILEVENTS_KILLS sets how many; `make soak` has 200.
"""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import pytest

from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster_tests.deliveries.sshd import Sshd
from mailevents_dagster_tests.sources.mailbox.delivery.delivering_process import delivering_process
from mailevents_dagster_tests.sources.mailbox.delivery.mails import DESTINATION, FileBlobs, note, raw, rows

pytestmark = pytest.mark.programs

KILLS = int(os.environ.get("MAILEVENTS_KILLS", "8"))
MAILS = 8
UNDISTURBED = 2


class Reader:
    """Takes each database away as soon as it has its name, as the other system does."""

    def __init__(self, folder: Path) -> None:
        self.read: list[str] = []
        self.lacking: list[str] = []
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()

    def _poll(self) -> None:
        while not self._stop.wait(0.005):
            self.take()

    def take(self) -> None:
        for path in self._folder.glob("fm_*.db"):
            self.read += [row["email_id"] for row in rows(path)]
            for one in rows(path, "fund_mail_attach"):
                file = self._folder / one["save_folder"] / one["file_name"]
                if not file.exists() or file.read_bytes() != content(one["email_id"]):
                    self.lacking.append(one["file_name"])
            path.unlink()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.take()


def content(mail_id: str) -> bytes:
    return random.Random(mail_id).randbytes(400_000)


def large(number: int) -> bytes:
    return raw(number, [("nav.csv", content(f"id-{number}"))])


def test_whatever_is_killed_when_each_mail_is_in_one_database(tmp_path: Path) -> None:
    chance, blobs = random.Random(1), FileBlobs(tmp_path / "blobs")
    (tmp_path / "blobs").mkdir()
    outbox = Outbox(tmp_path / "outbox.sqlite")
    with Sshd(tmp_path / "sshd") as sshd:
        reader, killed = Reader(sshd.files), 0
        for turn in range(UNDISTURBED):
            note(outbox, blobs, range(turn * MAILS, turn * MAILS + MAILS), large)
            began = time.monotonic()
            delivering_process(tmp_path, sshd.access).join()
            undisturbed = time.monotonic() - began  # which tells how fast this machine is, once all is loaded
        for turn in range(UNDISTURBED, KILLS + UNDISTURBED):
            note(outbox, blobs, range(turn * MAILS, turn * MAILS + MAILS), large)
            process = delivering_process(tmp_path, sshd.access)
            process.join(chance.uniform(0, undisturbed))
            killed += process.is_alive()
            if turn % 4 == 3:
                sshd.kill()
            process.kill()
            process.join()
            if turn % 4 == 3:
                sshd.start()
        delivering_process(tmp_path, sshd.access).join()
        reader.close()
    assert killed
    assert sorted(reader.read) == sorted(f"id-{number}" for number in range((KILLS + UNDISTURBED) * MAILS))
    assert reader.lacking == []
    assert sum(one.waiting for one in outbox.counts(DESTINATION).values()) == 0
