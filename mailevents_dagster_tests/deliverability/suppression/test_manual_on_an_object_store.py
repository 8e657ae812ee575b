"""Two who change a domain's list by hand at once, on an object store: what both wrote stands."""

from __future__ import annotations

from pathlib import Path

from mailevents_dagster.deliverability.suppression.manual import note_changes, read_changes
from mailevents_dagster_tests.conftest import DOMAIN
from mailevents_dagster_tests.object_server import Fault, ObjectServer, Request
from mailevents_dagster_tests.store.kept import unguarded


def test_a_change_that_comes_between_is_kept(bucket: str, s3: ObjectServer, tmp_path: Path) -> None:
    one, other = (unguarded(bucket, tmp_path / name) for name in ("one", "other"))
    came: list[str] = []

    def meanwhile(request: Request) -> Fault | None:
        if request.writes and not came:
            came.append("other@example.org")
            note_changes(other, DOMAIN, came, "add", 2, "asked by phone")
        return None

    s3.fault = meanwhile
    note_changes(one, DOMAIN, ["one@example.org"], "add", 1, "asked by mail")
    assert [change.address for change in read_changes(one.layout, DOMAIN)] == ["other@example.org", "one@example.org"]
