"""A database and its attachments on their way to a server: the attachments first, the database last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mailevents_dagster.deliveries.sftp import SftpFolder
from mailevents_dagster.sources.mailbox.delivery.mail import SavedFile


@dataclass(frozen=True, slots=True)
class Uploaded:
    """How far an upload is."""

    files: int
    of_files: int
    bytes: int
    of_bytes: int

    def __str__(self) -> str:
        return f"{self.files:,} of {self.of_files:,} files, {self.bytes:,} of {self.of_bytes:,} bytes"


Report = Callable[[Uploaded], object]


def upload(
    server: SftpFolder, folder: Path, attachments: Sequence[SavedFile], database: SavedFile, report: Report
) -> None:
    """Upload files of a folder and read them back. The attachments get their names; the database lacks its own yet."""
    files = (*attachments, database)
    done, all_bytes = 0, sum(one.size for one in files)
    for number, file in enumerate(files):
        far = Uploaded(number, len(files), done, all_bytes)

        def sent(size: int, far: Uploaded = far) -> None:
            report(replace(far, bytes=far.bytes + size))

        if file == database:
            server.put(folder / file.name, file.name, file.sha256, sent)
        elif server.size_of(file.name) != file.size:  # else it got its name in an earlier try, having been read back
            server.put(folder / file.name, file.name, file.sha256, sent)
            server.publish(file.name)
        done += file.size
    report(Uploaded(len(files), len(files), done, all_bytes))
