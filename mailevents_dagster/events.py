"""Event: one record of a source as it was given, with what the store must know of it. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Detail(StrEnum):
    """What is known of an event beyond its row in the listing."""

    WHOLE = "whole"
    """The record is all there is: it carries its detail, or records of its kind have none."""
    MISSING = "missing"
    """The detail could not be had; the listing row stands in its place and the next collection asks again."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an hour.

    `time` is the record's own (Unix seconds), or that of its neighbour in the listing where it has none to read.
    `identity` tells an event again in a later listing; equal ones are told apart by how often they occur.
    `listing` is the digest of the listing row: while it stays the same, the detail is not fetched again.
    """

    time: int
    identity: bytes
    listing: bytes
    detail: Detail
    raw: bytes
    """The record as one line of JSON, keys in the order of the API."""
