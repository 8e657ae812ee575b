"""Requests and answers of the simulated Graph, and faults that take the place of answers."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    method: str
    path: str
    """Decoded, without the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By names in small letters."""
    body: bytes = b""

    @property
    def immutable(self) -> bool:
        return 'idtype="immutableid"' in self.headers.get("prefer", "").lower()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    type: str = "application/json;odata.metadata=minimal;charset=utf-8"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens instead of an answer, or to it."""

    status: int | None = None
    code: str = "generalException"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """In place of Graph's error, or with status 200 in place of the answer."""
    cut: bool = False
    """The answer breaks off in its middle,"""
    reset: bool = False
    """or the connection is reset before it."""


class Faults:
    """The faults that wait for requests."""

    def __init__(self) -> None:
        self._waiting: list[list[Any]] = []
        self._taking = threading.Lock()

    def add(self, pattern: str, fault: Fault, times: int | None = 1) -> None:
        """Let so many requests fail whose path matches, or all of them from now on."""
        with self._taking:
            self._waiting.append([re.compile(pattern), fault, times])

    def clear(self) -> None:
        with self._taking:
            self._waiting.clear()

    def take(self, path: str) -> Fault | None:
        with self._taking:
            for waiting in self._waiting:
                pattern, fault, times = waiting
                if pattern.search(path) and times != 0:
                    waiting[2] = None if times is None else times - 1
                    found: Fault = fault
                    return found
        return None


def as_json(value: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


def error(status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    inner = {"date": "2026-11-20T00:00:00", "request-id": "0", "client-request-id": "0"}
    body = {"error": {"code": code, "message": message or code, "innerError": inner}}
    return Answer(status, json.dumps(body).encode(), headers or {})
