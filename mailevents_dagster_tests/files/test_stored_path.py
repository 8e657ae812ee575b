"""Where a storage lies, and what its paths are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.files.stored_path import is_local, name_for_arrow, stored_at


@pytest.mark.parametrize(
    "name", ["a folder", "a/", "a//b", "./a/../b", "~/a", "a#b?c=d", "100%25", "a:b", "s3:/a", "ğ"]
)
@pytest.mark.parametrize("above", ["/data/", ""], ids=["absolute", "relative"])
def test_the_paths_of_a_folder_are_those_of_this_machine(above: str, name: str) -> None:
    path = stored_at(above + name)
    assert type(path) is type(Path())
    assert path == Path(above + name)
    assert is_local(path / "manifests")
    assert name_for_arrow(path) == path.as_posix()


@pytest.mark.parametrize("name", ["bucket", "bucket/prefix", "bucket/a prefix#b?c=d"])
def test_the_paths_of_an_object_store_are_none_of_this_machine(name: str) -> None:
    path = stored_at(f"s3://{name}") / "manifests"
    assert not is_local(path)
    assert str(path) == f"s3://{name}/manifests"
    assert name_for_arrow(path) == f"{name}/manifests"
