"""The folders of a mailbox: their paths as people read them, asked for once and again where one is new."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from mailevents_dagster.sources.mailbox.graph.calls import Calls
from mailevents_dagster.sources.mailbox.graph.messages import Json
from mailevents_dagster.sources.mailbox.graph.refusals import RefusedError

_OF_EACH: Final = "includeHiddenFolders=true&$top=100&$select=id,displayName,childFolderCount,totalItemCount"
_SEARCH: Final = "mailSearchFolder"
"""What only shows mails of other folders."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder."""

    id: str
    path: str
    total: int | None


class Folders:
    """The folders of one mailbox. Threads may ask at once."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._asking = threading.Lock()
        self._known: dict[str, Folder] | None = None
        self._nowhere = set[str]()
        """Ids that no folder has, though they were looked for."""
        self._sent: str | None = None

    def path(self, folder_id: str) -> str:
        """Return the path of a folder; its id where no listing shows it."""
        with self._asking:
            if self._known is None or (folder_id not in self._known and folder_id not in self._nowhere):
                self._known = {folder.id: folder for folder in self._all()}
                if folder_id not in self._known:
                    self._nowhere.add(folder_id)
            folder = self._known.get(folder_id)
        return folder.path if folder else folder_id

    def all(self) -> list[Folder]:
        """Return all folders, as they are now."""
        found = [*self._all()]
        with self._asking:
            self._known = {folder.id: folder for folder in found}
        return found

    @property
    def sent(self) -> str:
        """The id of the folder of sent mail; empty where the mailbox has none."""
        with self._asking:
            if self._sent is None:
                try:
                    folder = self._calls.json("mailFolders/sentitems?$select=id", "the folder of sent mail")
                    self._sent = str(folder.get("id") or "")
                except RefusedError as error:
                    if not error.is_of_item:
                        raise
                    self._sent = ""
            return self._sent

    def _all(self) -> Iterator[Folder]:
        waiting = [("", f"mailFolders?{_OF_EACH}")]
        seen = set[str]()
        while waiting:
            above, path = waiting.pop(0)
            for row in self._rows(path):
                folder_id = str(row.get("id") or "")
                if not folder_id or folder_id in seen or _SEARCH in str(row.get("@odata.type") or ""):
                    continue
                seen.add(folder_id)
                name = above + str(row.get("displayName") or "").replace("/", "∕")
                total = row.get("totalItemCount")
                yield Folder(folder_id, name, total if isinstance(total, int) else None)
                if row.get("childFolderCount") != 0:  # where it is not said, too
                    waiting.append((f"{name}/", f"mailFolders/{quote(folder_id, safe='')}/childFolders?{_OF_EACH}"))

    def _rows(self, path: str) -> Iterator[Json]:
        for page in self._calls.pages(path, "the folders"):
            yield from (row for row in page["value"] if isinstance(row, dict))
