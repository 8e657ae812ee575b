"""TNEF files that tests make."""

from __future__ import annotations

import struct

STRING, UNICODE, OBJECT, BINARY, LONG, SHORT, SEVERAL = 0x1E, 0x1F, 0x0D, 0x102, 0x03, 0x02, 0x1000
MESSAGE, ATTACHMENT = 1, 2
OBJECT_OF_A_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")


def tnef(*attributes: bytes) -> bytes:
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(attributes)


def attribute(level: int, name: int, data: bytes) -> bytes:
    return struct.pack("<BII", level, name, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def properties(*values: bytes) -> bytes:
    return struct.pack("<I", len(values)) + b"".join(values)


def long(id_: int, value: int) -> bytes:
    return struct.pack("<HHI", LONG, id_, value)


def variable(type_: int, id_: int, data: bytes) -> bytes:
    return struct.pack("<HHII", type_, id_, 1, len(data)) + data + bytes(-len(data) % 4)


def text(id_: int, value: str) -> bytes:
    return variable(UNICODE, id_, f"{value}\0".encode("utf-16-le"))


def named(name: str) -> bytes:
    """Return a property that has a name of its own."""
    data = f"{name}\0".encode("utf-16-le")
    head = struct.pack("<HH16sII", SHORT, 0x8001, bytes(16), 1, len(data))
    return head + data + bytes(-len(data) % 4) + struct.pack("<HH", 7, 0)


def file(name: str, content: bytes, *values: bytes) -> bytes:
    return (
        attribute(ATTACHMENT, 0x69002, bytes(14))
        + attribute(ATTACHMENT, 0x18010, b"SHORT~1.PDF\0")
        + attribute(ATTACHMENT, 0x6800F, content)
        + attribute(ATTACHMENT, 0x69005, properties(text(0x3707, name), *values))
    )
