"""What a PST holds: its folders, the classes of its items, and of each mail the time and where it lies."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.files.printable import printable
from mailevents_dagster.sources.mailbox.pst.classes import is_mail
from mailevents_dagster.sources.mailbox.pst.library import File, Item, PstError
from mailevents_dagster.sources.mailbox.pst.properties import BEGINNING, TICKS, Properties, Tag

SEARCH: Final = 3
"""The kind of a folder that only refers to items of others, in the last bits of its number."""
KIND: Final = 0x1F
TOPS: Final = frozenset({"IPM_SUBTREE", "Top of Personal Folders", "Top of Outlook data file"})
"""Names of the folder in which people see theirs, where the store does not say which it is."""
SENT_FOLDERS: Final = frozenset({"Sent Items", "Sent Mail", "Gönderilmiş Öğeler", "보낸 편지함"})
"""Names of the folder of sent mail, where the store does not say which it is."""
DEEPEST: Final = 200
ORPHANS: Final = "(in no folder)"
UNNAMED: Final = "(unnamed)"
EARLIEST: Final = 315_532_800
"""1980: before that nobody had a mailbox, and a time is a zero of some program."""

RECEIVED: Final = (Tag.DELIVERY_TIME, Tag.CLIENT_SUBMIT_TIME, Tag.CREATION_TIME, Tag.MODIFICATION_TIME)
SENT: Final = (Tag.CLIENT_SUBMIT_TIME, Tag.DELIVERY_TIME, Tag.CREATION_TIME, Tag.MODIFICATION_TIME)
"""By which time a mail is placed: the first that it has."""

Report = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as people see it."""

    path: str
    is_sent: bool
    """It holds what was sent from the mailbox."""


@dataclass(slots=True)
class Survey:
    """All that a PST holds. A mail takes 20 bytes, so that millions of them have room."""

    key: bytes = b""
    """What tells this store from others; it is in each copy of the file."""
    folders: list[Folder] = field(default_factory=list)
    classes: Counter[str] = field(default_factory=Counter)
    """How many items are of each class, mail or not."""
    items: Counter[str] = field(default_factory=Counter)
    """How many items are in each folder."""
    hidden: int = 0
    """Items that programs keep for themselves, such as views and rules."""
    unreadable: list[str] = field(default_factory=list)
    """What could not be read, and why."""
    times: array[int] = field(default_factory=lambda: array("q"))
    """Of each mail, in ticks since 1601."""
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    """By which an item is found in the file; an orphan by its place among them."""
    places: array[int] = field(default_factory=lambda: array("L"))
    """The folder of each, by its place in the list."""

    def __len__(self) -> int:
        return len(self.times)

    def folder(self, mail: int) -> Folder:
        return self.folders[self.places[mail]]

    def seconds(self, mail: int) -> int:
        """Return the time of a mail in Unix seconds."""
        return self.times[mail] // TICKS - BEGINNING

    def named(self, mail: int) -> str:
        """Return what a mail is called in messages: nobody is known by that."""
        return _named(self.folder(mail).path, self.numbers[mail])

    def opened(self, file: File, mail: int) -> Item:
        """Return a mail, to be closed."""
        number = self.numbers[mail]
        return file.orphan(number) if self.folder(mail).path == ORPHANS else file.item(number)


def surveyed(file: File, now: float, report: Report) -> Survey:
    """Return what the file holds; what cannot be read is noted and hides nothing else."""
    survey = Survey()
    store = _store_folders(file, survey)
    with file.root as root:
        for folder, path, is_sent in _walk(root, store, survey):
            _list(file, folder, Folder(path, is_sent), survey, now, report)
    _list_orphans(file, survey, now)
    return survey


def _named(path: str, number: int) -> str:
    return f"{printable(path, 200)}, item {number:#x}"


@dataclass(frozen=True, slots=True)
class _StoreFolders:
    """The numbers of folders that the store itself names; 0 where it does not."""

    top: int
    sent: int


def _store_folders(file: File, survey: Survey) -> _StoreFolders:
    try:
        with file.store as item:
            store = Properties(item, file.codepage)
            survey.key = store.bytes(Tag.RECORD_KEY)
            return _StoreFolders(*(_folder_of(store.bytes(tag)) for tag in (Tag.IPM_SUBTREE, Tag.SENT_MAIL)))
    except PstError as error:
        survey.unreadable.append(f"the properties of the store: {error}")
        return _StoreFolders(0, 0)


def _folder_of(entry_id: bytes) -> int:
    """Return the number of a folder from an entry id: flags, the store, the number."""
    return int.from_bytes(entry_id[20:24], "little") if len(entry_id) == 24 else 0


def _walk(root: Item, store: _StoreFolders, survey: Survey) -> Iterator[tuple[Item, str, bool]]:
    """Yield each folder with its path, and whether it is for sent mail; not the root, nor those that only search."""

    def below(folder: Item, path: str, depth: int, *, is_sent: bool) -> Iterator[tuple[Item, str, bool]]:
        for index in range(_counted(lambda: folder.folders, f"the folders in {path or 'the root'}", survey)):
            try:
                held = folder.folder(index)
            except PstError as error:
                survey.unreadable.append(f"{printable(path, 200)}, folder {index + 1}: {error}")
                continue
            with held as one:
                if one.identifier & KIND == SEARCH:
                    continue
                name = _name(one, survey)
                sent = is_sent or (one.identifier == store.sent if store.sent else name in SENT_FOLDERS)
                is_top = one.identifier == store.top if store.top else name in TOPS and depth < 2
                inner = f"{path}/{name}" if path else name
                yield one, inner, sent
                if depth < DEEPEST:
                    yield from below(one, "" if is_top else inner, depth + 1, is_sent=sent)

    yield from below(root, "", 0, is_sent=False)


def _name(folder: Item, survey: Survey) -> str:
    try:
        return Properties(folder, 1252).text(Tag.DISPLAY_NAME).strip() or UNNAMED
    except PstError as error:
        survey.unreadable.append(f"the name of folder {folder.identifier:#x}: {error}")
        return UNNAMED


def _list(file: File, folder: Item, said: Folder, survey: Survey, now: float, report: Report) -> None:
    survey.folders.append(said)
    count = _counted(lambda: folder.messages, f"the items in {said.path}", survey)
    survey.hidden += _counted(lambda: folder.hidden, f"the hidden items in {said.path}", survey)
    for index in range(count):
        try:
            with folder.message(index) as item:
                _note(file, item, item.identifier, survey, now)
        except PstError as error:
            survey.unreadable.append(f"{printable(said.path, 200)}, item {index + 1} of {count}: {error}")
        report(1)


def _list_orphans(file: File, survey: Survey, now: float) -> None:
    survey.folders.append(Folder(ORPHANS, is_sent=False))
    for index in range(_counted(lambda: file.orphans, "the items in no folder", survey)):
        try:
            with file.orphan(index) as item:
                if item.value(Tag.MESSAGE_CLASS):  # else it is a table or a folder
                    _note(file, item, index, survey, now)
        except PstError as error:
            survey.unreadable.append(f"{_named(ORPHANS, index)}: {error}")


def _note(file: File, item: Item, number: int, survey: Survey, now: float) -> None:
    """Count an item; a mail, also note where it is."""
    properties, folder = Properties(item, file.codepage), survey.folders[-1]
    item_class = printable(properties.text(Tag.MESSAGE_CLASS), 100) or "(without class)"
    survey.classes[item_class] += 1
    survey.items[folder.path] += 1
    if not is_mail(item_class):
        return
    times = (properties.number(tag) for tag in (SENT if folder.is_sent else RECEIVED))
    time = next((ticks for ticks in times if EARLIEST <= ticks / TICKS - BEGINNING <= now), None)
    if time is None:
        raise PstError("it has no time that can be, so that no hour is its own")
    survey.times.append(time)
    survey.numbers.append(number)
    survey.places.append(len(survey.folders) - 1)


def _counted(count: Callable[[], int], what: str, survey: Survey) -> int:
    try:
        return count()
    except PstError as error:
        survey.unreadable.append(f"{printable(what, 250)}: {error}")
        return 0
