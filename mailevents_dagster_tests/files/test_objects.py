"""Objects are read with their ETags, and written only where nobody else wrote meanwhile."""

from __future__ import annotations

import pytest
from upath import UPath

from mailevents_dagster.files.objects import ABSENT, ChangedError, read_tagged, remove, write_if
from mailevents_dagster_tests.object_server import Fault, ObjectServer, Request

CUT_AFTERWARDS = Fault(is_cut=True, hands_on=True)
FAILS_AFTERWARDS = Fault(500, hands_on=True)


@pytest.fixture
def path(bucket: str) -> UPath:
    return UPath(bucket) / "a" / "cursor.json"


def test_what_is_read_can_be_replaced_once(path: UPath) -> None:
    assert read_tagged(path) is None
    first = write_if(path, b"one", ABSENT)
    assert read_tagged(path) == (b"one", first)
    second = write_if(path, b"two", first)
    with pytest.raises(ChangedError, match=r"cursor\.json"):
        write_if(path, b"three", first)
    assert read_tagged(path) == (b"two", second)


def test_what_is_there_is_not_created_again(path: UPath) -> None:
    write_if(path, b"one", ABSENT)
    with pytest.raises(ChangedError):
        write_if(path, b"two", ABSENT)


def test_what_was_removed_is_not_replaced(path: UPath) -> None:
    tag = write_if(path, b"one", ABSENT)
    remove(path)
    remove(path)
    assert read_tagged(path) is None
    with pytest.raises(ChangedError):
        write_if(path, b"two", tag)


@pytest.mark.parametrize("fault", [CUT_AFTERWARDS, FAILS_AFTERWARDS], ids=["cut", "500"])
@pytest.mark.parametrize("is_new", [True, False], ids=["created", "replaced"])
def test_a_write_whose_answer_was_lost_counts(path: UPath, s3: ObjectServer, fault: Fault, *, is_new: bool) -> None:
    tag = ABSENT if is_new else write_if(path, b"one", ABSENT)
    faults = [fault]
    s3.fault = lambda request: faults.pop() if faults and request.method == "PUT" else None
    assert write_if(path, b"two", tag) == read_tagged(path)[1]  # type: ignore[index]
    assert not faults


def test_a_lost_answer_hides_no_other_writer(path: UPath, s3: ObjectServer) -> None:
    tag = write_if(path, b"one", ABSENT)
    other: list[str] = []

    def meanwhile(request: Request) -> Fault | None:
        if request.method != "PUT" or other:
            return None
        other.append("other")
        other.append(write_if(path, b"another's", tag))
        return Fault(is_cut=True)

    s3.fault = meanwhile
    with pytest.raises(ChangedError):
        write_if(path, b"two", tag)
    assert read_tagged(path) == (b"another's", other[-1])


def test_a_request_costs_one_request(path: UPath, s3: ObjectServer) -> None:
    tag = write_if(path, b"one", ABSENT)
    read_tagged(path)
    write_if(path, b"two", tag)
    remove(path)
    assert [request.method for request in s3.requests] == ["PUT", "GET", "PUT", "DELETE"]
