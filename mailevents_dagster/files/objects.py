"""Objects of an S3 store, read with their ETags and written only where nobody else wrote meanwhile.

A write that got no answer may have taken place. So a write that is refused is compared with what is there: what is ours
counts as written.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Final, TypeVar, cast
from urllib.parse import urlsplit

from mailevents_dagster.files.object_errors import (
    ChangedError,
    ObjectStoreError,
    UnansweredError,
    error_of,
    missing_extra,
    no_credentials,
)

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import S3Store
    from upath import UPath

__all__ = [
    "ABSENT",
    "S3",
    "ChangedError",
    "Tag",
    "Version",
    "asked",
    "below",
    "copied",
    "create",
    "fetched",
    "read_tagged",
    "remove",
    "server",
    "tag_of",
    "tags_below",
    "write",
    "write_if",
]

T = TypeVar("T")

S3: Final = "s3"
Tag = str
"""The ETag of what was read."""
ABSENT: Final = ""
"""Stands for the ETag where nothing was there: create only."""
CONNECT_TIMEOUT: Final = timedelta(seconds=10)
TIMEOUT: Final = timedelta(seconds=60)
"""Of one request, with what it sends and gets."""
RETRIES: Final = 8
"""Of a request that was throttled, failed or could not be sent; with growing pauses, half a minute in all."""
FIRST_PAUSE: Final = timedelta(milliseconds=100)
LONGEST_PAUSE: Final = timedelta(seconds=10)
RETRYING: Final = timedelta(minutes=2)
CREDENTIALS_FOR: Final = timedelta(minutes=5)
"""boto3 renews what runs out within ten minutes: what it hands out is good for longer than this."""
TRIES: Final = 5
"""Of a conditional write that got no answer."""
ONE_REQUEST: Final = 5 * 2**20
"""Most bytes that are sent in one; no condition goes with parts."""
PAGE: Final = 1000
"""Keys that a server lists at a time."""
MEMORY: Final = 16 * 2**20
"""What is larger is put on disk while it is read."""


@dataclass(slots=True)
class Version:
    """Which version of an object was read last, or written: the one that may be replaced."""

    tag: Tag = ABSENT


def read_tagged(path: UPath) -> tuple[bytes, Tag] | None:
    """Return what the object holds and its ETag, by one request; None where there is no such object."""

    def read(store: S3Store, key: str) -> tuple[bytes, Tag]:
        found = store.get(key)
        return bytes(found.bytes()), found.meta["e_tag"] or ""

    try:
        return asked(path, read)
    except FileNotFoundError:
        return None


def tag_of(path: UPath) -> Tag:
    """Return the ETag of an object, which is not read; ABSENT where there is none."""
    try:
        return asked(path, lambda store, key: store.head(key))["e_tag"] or ""
    except FileNotFoundError:
        return ABSENT


def below(folder: UPath) -> Iterator[ObjectMeta]:
    """Yield all objects below a folder, page by page."""
    pages = asked(folder, lambda store, key: store.list(key or None, chunk_size=PAGE))
    while page := asked(folder, lambda store, key: next(pages, None)):  # noqa: ARG005
        yield from page


def tags_below(folder: UPath) -> dict[str, Tag]:
    """Return the ETags of all objects below a folder, by their paths: one request for each thousand."""
    bucket = folder.path.partition("/")[0]
    return {f"{S3}://{bucket}/{one['path']}": one["e_tag"] or "" for one in below(folder)}


def fetched(path: UPath, version: Version | None = None) -> IO[bytes]:
    """Return the object as a file, by one request; FileNotFoundError where there is none."""

    def fetch(store: S3Store, key: str) -> IO[bytes]:
        found = store.get(key)
        file = SpooledTemporaryFile(MEMORY)  # noqa: SIM115 - whoever asked for it closes it
        try:
            for block in found.stream(min_chunk_size=2**20):
                file.write(block)
        except BaseException:
            file.close()
            raise
        if version is not None:
            version.tag = found.meta["e_tag"] or ""
        file.seek(0)
        return cast("IO[bytes]", file)

    if version is not None:
        version.tag = ABSENT
    return asked(path, fetch)


def write_if(path: UPath, content: bytes, expected: Tag) -> Tag:
    """Write where this ETag is still there, or nothing where it is ABSENT; return the new ETag, or raise ChangedError.

    Two writers that must be told apart may not write the same content: whose it is cannot be seen then.
    """
    for left in reversed(range(TRIES)):
        try:
            return _put_if(path, content, expected)
        except (ChangedError, UnansweredError) as error:
            there = read_tagged(path)
            if there and there[0] == content:
                return there[1]
            if (there[1] if there else ABSENT) != expected:
                raise ChangedError(f"{path} was written by another meanwhile") from None
            if not left or isinstance(error, ChangedError):
                raise
        time.sleep(random.uniform(0, FIRST_PAUSE.total_seconds() * 2 ** (TRIES - left)))  # noqa: S311 - no secret
    raise AssertionError


def _put_if(path: UPath, content: bytes, expected: Tag) -> Tag:
    def put(store: S3Store, key: str) -> Tag:
        return store.put(key, content, mode={"e_tag": expected} if expected else "create")["e_tag"] or ""

    return asked(path, put)


def write(path: UPath, content: bytes | Path) -> None:
    """Write whatever is there; what is large is sent in parts."""
    asked(path, lambda store, key: store.put(key, content))


def create(path: UPath, file: Path) -> bool:
    """Write a file where nothing is, and return whether that was done; not where it is too large for one request."""
    if file.stat().st_size > ONE_REQUEST:
        return False
    try:
        asked(path, lambda store, key: store.put(key, file, mode="create"))
    except (ChangedError, UnansweredError):
        return False
    return True


def copied(path: UPath, to: UPath) -> None:
    """Copy the object within its bucket; what is there is replaced."""
    key = to.path.partition("/")[2]
    asked(path, lambda store, own: store.copy(own, key))


def remove(path: UPath) -> None:
    """Delete the object, if it is there."""
    asked(path, lambda store, key: store.delete(key))


def asked(path: UPath, ask: Callable[[S3Store, str], T]) -> T:
    """Return what a request comes to; its error says what happened, where, and what to do."""
    try:
        from obstore.exceptions import BaseError
    except ImportError:
        raise missing_extra(str(path)) from None
    bucket, _, key = path.path.partition("/")
    try:
        return ask(_bucket(bucket, _endpoint()), key)
    except ObjectStoreError:
        raise
    except (BaseError, FileNotFoundError, ValueError) as error:
        raise error_of(error, str(path)) from None  # its text may hold a key


def _endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def server() -> str:
    """Return the name of the server that this process speaks to."""
    endpoint = _endpoint()
    return urlsplit(endpoint).netloc.rpartition("@")[2] if endpoint else "AWS"


@lru_cache
def _bucket(name: str, endpoint: str | None) -> S3Store:
    """Return the connection to a bucket; one for all threads of a process."""
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.store import S3Store

    try:
        credentials = Boto3CredentialProvider(ttl=CREDENTIALS_FOR)
    except ValueError:
        raise no_credentials(f"{S3}://{name}") from None
    return S3Store(
        name,
        credential_provider=credentials,
        config={"disable_bulk_delete": True},
        client_options={
            "allow_http": bool(endpoint and endpoint.startswith("http://")),
            "connect_timeout": CONNECT_TIMEOUT,
            "timeout": TIMEOUT,
        },
        retry_config={
            "max_retries": RETRIES,
            "retry_timeout": RETRYING,
            "backoff": {"init_backoff": FIRST_PAUSE, "max_backoff": LONGEST_PAUSE, "base": 2},
        },
    )
