"""A database and its attachments on their way to a server: the attachments first, the database last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from posixpath import basename, dirname

from mailevents_dagster.deliveries.sftp import PART, SftpFolder
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
    there = {folder: server.names(folder) for folder in {dirname(one.name) for one in attachments}}
    for number, file in enumerate(files):
        far = Uploaded(number, len(files), done, all_bytes)

        def sent(size: int, far: Uploaded = far) -> None:
            report(replace(far, bytes=far.bytes + size))

        local, names = folder / file.name, there.get(dirname(file.name), set())
        if file == database:
            server.put(local, file.name, file.sha256, sent)
        elif basename(file.name) not in names or server.size_of(file.name) != file.size:
            server.put(local, file.name, file.sha256, sent, has_begun=f"{basename(file.name)}{PART}" in names)
            server.publish(file.name)  # which an earlier try did where it is there: it had been read back
        done += file.size
    report(Uploaded(len(files), len(files), done, all_bytes))
