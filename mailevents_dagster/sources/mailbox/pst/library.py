"""The documented C interface of libpff, as far as an import needs it.

libpff is a library of the system. Its Python module is not used: it cannot open a message that is attached to another,
nor find an item by its number.
"""

from __future__ import annotations

import ctypes
import os
from ctypes.util import find_library
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mailevents_dagster.files.printable import printable

READ: Final = 1
ANY_VALUE_TYPE: Final = 1
NO_NAMED_PROPERTIES: Final = 2
BLOCK: Final = 2**18
"""Bytes of an attachment at a time."""
LONGEST_ERROR: Final = 300


class PstError(Exception):
    """A PST, or a part of it, cannot be read; the text says what and why."""


class Handle:
    """A file, an item or a value of libpff, which is freed with the block."""

    _free = "libpff_item_free"

    def __init__(self, pointer: ctypes.c_void_p) -> None:
        self._pointer = pointer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pointer:
            call(self._free, ctypes.byref(self._pointer))

    def _count(self, function: str) -> int:
        number = ctypes.c_int()
        return number.value if call(function, self._pointer, ctypes.byref(number)) else 0

    def _item(self, function: str, *which: object) -> Item:
        pointer = ctypes.c_void_p()
        if call(function, self._pointer, *which, ctypes.byref(pointer)) and pointer:
            return Item(pointer)
        raise PstError("it is not there")


class File(Handle):
    """An open PST, OST or PAB."""

    _free = "libpff_file_free"

    def __init__(self, path: Path) -> None:
        name = os.fsencode(path)
        if not call("libpff_check_file_signature", name):
            raise PstError("it is no PST, OST or PAB")
        pointer = ctypes.c_void_p()
        call("libpff_file_initialize", ctypes.byref(pointer))
        super().__init__(pointer)
        try:
            call("libpff_file_open", pointer, name, ctypes.c_int(READ))
        except PstError:
            call("libpff_file_free", ctypes.byref(pointer))
            raise

    @property
    def store(self) -> Item:
        """The properties of the whole file."""
        return self._item("libpff_file_get_message_store")

    @property
    def root(self) -> Item:
        return self._item("libpff_file_get_root_folder")

    @property
    def codepage(self) -> int:
        """Of texts that are not in Unicode."""
        return self._count("libpff_file_get_ascii_codepage")

    @property
    def orphans(self) -> int:
        """How many items are in no folder."""
        return self._count("libpff_file_get_number_of_orphan_items")

    def orphan(self, index: int) -> Item:
        return self._item("libpff_file_get_orphan_item_by_index", ctypes.c_int(index))

    def item(self, identifier: int) -> Item:
        return self._item("libpff_file_get_item_by_identifier", ctypes.c_uint32(identifier))


class Item(Handle):
    """A folder, a message, an attachment, or a list of recipients."""

    def __init__(self, pointer: ctypes.c_void_p) -> None:
        super().__init__(pointer)
        self._held = ctypes.c_void_p()
        self._held_number = -1

    @property
    def identifier(self) -> int:
        number = ctypes.c_uint32()
        call("libpff_item_get_identifier", self._pointer, ctypes.byref(number))
        return number.value

    @property
    def sets(self) -> int:
        """How many sets of values it has: a list of recipients one each, anything else one."""
        return self._count("libpff_item_get_number_of_record_sets")

    def value(self, tag: int, of_set: int = 0) -> tuple[int, bytes] | None:
        """Return the type and the bytes of a value, or None where there is none."""
        held = self._set(of_set)
        if held is None:
            return None
        entry, flags = ctypes.c_void_p(), ctypes.c_uint8(ANY_VALUE_TYPE | NO_NAMED_PROPERTIES)
        which = ctypes.c_uint32(tag), ctypes.c_uint32(0)
        try:
            found = call("libpff_record_set_get_entry_by_type", held, *which, ctypes.byref(entry), flags)
            return _typed(entry) if found else None
        finally:
            if entry:
                call("libpff_record_entry_free", ctypes.byref(entry))

    def _set(self, number: int) -> ctypes.c_void_p | None:
        """Return a set of values; one is kept at a time, since all values of one are asked for in a row."""
        if self._held_number != number:
            self._free_set()
            found = call(
                "libpff_item_get_record_set_by_index", self._pointer, ctypes.c_int(number), ctypes.byref(self._held)
            )
            self._held_number = number if found else -1
        return self._held if self._held_number == number else None

    def _free_set(self) -> None:
        self._held_number = -1
        if self._held:
            call("libpff_record_set_free", ctypes.byref(self._held))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free_set()
        super().__exit__(kind, error, trace)

    @property
    def folders(self) -> int:
        return self._count("libpff_folder_get_number_of_sub_folders")

    def folder(self, index: int) -> Item:
        return self._item("libpff_folder_get_sub_folder", ctypes.c_int(index))

    @property
    def messages(self) -> int:
        return self._count("libpff_folder_get_number_of_sub_messages")

    def message(self, index: int) -> Item:
        return self._item("libpff_folder_get_sub_message", ctypes.c_int(index))

    @property
    def hidden(self) -> int:
        """How many items of the folder are the program's own, such as views and rules."""
        return self._count("libpff_folder_get_number_of_sub_associated_contents")

    @property
    def recipients(self) -> Item | None:
        """The list of recipients, None where the mail has none."""
        pointer = ctypes.c_void_p()
        found = call("libpff_message_get_recipients", self._pointer, ctypes.byref(pointer))
        return Item(pointer) if found and pointer else None

    @property
    def attachments(self) -> int:
        return self._count("libpff_message_get_number_of_attachments")

    def attachment(self, index: int) -> Item:
        return self._item("libpff_message_get_attachment", ctypes.c_int(index))

    @property
    def attached_message(self) -> Item:
        return self._item("libpff_attachment_get_item")

    @property
    def size(self) -> int:
        """Of an attachment's data."""
        size = ctypes.c_uint64()
        call("libpff_attachment_get_data_size", self._pointer, ctypes.byref(size))
        return size.value

    def read(self) -> bytes:
        """Return the next bytes of an attachment's data; none at its end."""
        buffer = ctypes.create_string_buffer(BLOCK)
        return buffer.raw[: call("libpff_attachment_data_read_buffer", self._pointer, buffer, ctypes.c_size_t(BLOCK))]


def call(function: str, *arguments: object) -> int:
    """Call libpff and return what it answers: 0 where there is no such thing; PstError where it failed."""
    error = ctypes.c_void_p()
    answer: int = getattr(libpff(), function)(*arguments, ctypes.byref(error))
    if answer >= 0:
        return answer
    raise PstError(_text(error))


def _typed(entry: ctypes.c_void_p) -> tuple[int, bytes] | None:
    kind, size = ctypes.c_uint32(), ctypes.c_size_t()
    call("libpff_record_entry_get_value_type", entry, ctypes.byref(kind))
    call("libpff_record_entry_get_data_size", entry, ctypes.byref(size))
    if not size.value:
        return kind.value, b""
    buffer = ctypes.create_string_buffer(size.value)
    call("libpff_record_entry_get_data", entry, buffer, size)
    return kind.value, buffer.raw


def _text(error: ctypes.c_void_p) -> str:
    buffer = ctypes.create_string_buffer(4096)
    libpff().libpff_error_sprint(error, buffer, ctypes.c_size_t(len(buffer)))
    libpff().libpff_error_free(ctypes.byref(error))
    return printable(buffer.value.decode(errors="replace").strip() or "libpff does not say why", LONGEST_ERROR)


@cache
def libpff() -> ctypes.CDLL:
    """Load the libpff of this machine."""
    name = find_library("pff")
    library = ctypes.CDLL(name) if name else None
    if library is None:
        raise PstError("libpff is not there. Install it (Debian, Ubuntu: apt install libpff1) and start this again.")
    library.libpff_attachment_data_read_buffer.restype = ctypes.c_ssize_t
    return library
