"""Object stores as fsspec knows them, for what reads and lists: `UPath` of `s3://` is this once a storage lies there.

Every call is as few requests as it can be: a file is read whole by one, and a tree is listed by one for each thousand.
"""
# ruff: noqa: FBT001, FBT002 - the signatures are those of fsspec

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from io import BytesIO
from typing import IO, Any

import fsspec
from fsspec.spec import AbstractFileSystem
from upath import UPath

from mailevents_dagster.files.objects import S3, asked, below, copied, fetched, remove

Info = dict[str, Any]


def objects_at(storage: str) -> UPath:
    """Return the URL of a storage as a path."""
    fsspec.register_implementation(S3, ObjectFiles, clobber=True)
    return UPath(storage)


class ObjectFiles(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The objects of all buckets. What folders there are, keys tell: none is made, and an empty one is none."""

    protocol = S3

    def info(self, path: str, **_: object) -> Info:
        path = self._strip_protocol(path)
        try:
            return _info(path, asked(_path(path), lambda store, key: store.head(key)))
        except FileNotFoundError:
            if any(True for _ in _below(path)):
                return _folder(path)
            raise

    def ls(self, path: str, detail: bool = True, **_: object) -> list[Any]:
        path = self._strip_protocol(path)
        bucket = path.partition("/")[0]
        found = asked(_path(path), lambda store, key: store.list_with_delimiter(key or None))
        infos = [_folder(f"{bucket}/{one}") for one in found["common_prefixes"]]
        infos += [_info(f"{bucket}/{one['path']}", one) for one in found["objects"]]
        if not infos:
            raise FileNotFoundError(path)
        return infos if detail else [info["name"] for info in infos]

    def find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        **_: object,
    ) -> Any:
        path = self._strip_protocol(path)
        infos = {info["name"]: info for info in _below(path)}
        if withdirs:
            infos |= {folder: _folder(folder) for folder in _folders(infos, path)}
        depth = path.count("/") + maxdepth if maxdepth else None
        within = {name: infos[name] for name in sorted(infos) if depth is None or name.count("/") <= depth}
        return within if detail else list(within)

    def _open(self, path: str, mode: str = "rb", **_: object) -> IO[bytes]:
        if mode != "rb":
            raise NotImplementedError("objects are written whole, by `publish`")
        with fetched(_path(path)) as file:
            return BytesIO(file.read())  # pyarrow closes none of its files

    def modified(self, path: str) -> datetime:
        at: datetime = self.info(path)["last_modified"]
        return at

    def cp_file(self, path1: str, path2: str, **_: object) -> None:
        copied(_path(self._strip_protocol(path1)), _path(self._strip_protocol(path2)))

    def rm_file(self, path: str) -> None:
        remove(_path(self._strip_protocol(path)))

    def rm(self, path: str, recursive: bool = False, **_: object) -> None:
        if recursive:
            raise NotImplementedError("trees are not removed")
        self.rm_file(path)


def _path(path: str) -> UPath:
    return UPath(f"{S3}://{path}")


def _below(path: str) -> Iterator[Info]:
    bucket = path.partition("/")[0]
    return (_info(f"{bucket}/{one['path']}", one) for one in below(_path(path)))


def _folders(names: Iterable[str], above: str) -> set[str]:
    return {
        f"{above}/{'/'.join(parts[:end])}"
        for name in names
        for parts in [name.removeprefix(f"{above}/").split("/")]
        for end in range(1, len(parts))
    }


def _info(name: str, one: Any) -> Info:
    return {
        "name": name,
        "type": "file",
        "size": one["size"],
        "last_modified": one["last_modified"],
        "ETag": one["e_tag"],
    }


def _folder(name: str) -> Info:
    return {"name": name, "type": "directory", "size": 0}
