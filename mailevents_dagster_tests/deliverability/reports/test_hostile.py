"""Files that were made to do harm: refused with a reason, in bounded memory and time."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mailevents_dagster.deliverability.reports import elements, records
from mailevents_dagster.deliverability.reports.reading import read_reports
from mailevents_dagster.deliverability.reports.values import Broken
from mailevents_dagster_tests.deliverability.reports.samples import (
    METADATA,
    aggregate,
    connections,
    gzipped,
    kinds,
    one_aggregate,
    read,
    record,
    why,
    zipped,
)

MEGABYTE = 2**20


@contextmanager
def within(megabytes: int) -> Iterator[None]:
    """Assert that no more memory is taken at any time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * MEGABYTE
    finally:
        tracemalloc.stop()


def with_doctype(doctype: str, name: str = "Receiver Inc.") -> bytes:
    text = aggregate(metadata=METADATA.replace("Receiver Inc.", name)).decode()
    return text.replace("<feedback>", f"<!DOCTYPE feedback {doctype}><feedback>").encode()


def test_entities_are_refused() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = with_doctype(f'[<!ENTITY l0 "ha">{laughs}]', "&l9;")
    assert why(bomb) == "it declares entities, which no report needs and attacks use"


@pytest.mark.parametrize(
    "doctype",
    [
        '[<!ENTITY x SYSTEM "file:///etc/passwd">]',
        '[<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]',
        'SYSTEM "http://127.0.0.1:9/x.dtd"',
        'PUBLIC "-//X//Y" "file:///etc/passwd"',
    ],
    ids=["file", "parameter", "system", "public"],
)
def test_other_documents_are_not_looked_at(doctype: str) -> None:
    assert "attacks use" in why(with_doctype(doctype, "&x;"))


def test_a_doctype_that_names_nothing_is_harmless() -> None:
    assert len(one_aggregate(with_doctype("")).records) == 1


def test_an_entity_that_is_not_declared_is_text() -> None:
    assert one_aggregate(aggregate(metadata=METADATA.replace("Inc.", "&xxe;"))).metadata["org_name"] == "Receiver &xxe;"


@pytest.mark.slow
def test_deep_elements_are_refused() -> None:
    assert why(aggregate(record(more="<a>" * 200 + "</a>" * 200))) == "its elements are nested deeper than 32"
    assert "longer than 512 kB" in why(aggregate("<record>" + "<a>" * (MEGABYTE // 2)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "endless",
    ["<record>" + "<a/>" * (MEGABYTE // 4), "<record><row>" + "x" * 3 * MEGABYTE, "<record " + "a='1' " * MEGABYTE],
    ids=["elements", "text", "attributes"],
)
def test_an_element_without_end_is_refused_in_bounded_memory(endless: str) -> None:
    content = aggregate(endless)
    with within(100):
        assert why(content) == "an element in it is longer than 512 kB"


def test_a_document_of_too_many_elements_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "_MOST", 1_000)
    assert why(aggregate(*[record()] * 100)) == "it has more than 1,000 elements"


@pytest.mark.slow
def test_memory_does_not_grow_with_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_IN_MEMORY", 2**16)
    content = gzipped(aggregate(*(record(f"10.1.{n // 250}.{n % 250}") for n in range(4_000))))
    with within(6):
        assert len(one_aggregate(content).records) == 4_000


def test_a_gzip_bomb_is_refused_before_it_is_unpacked() -> None:
    zeros = io.BytesIO()
    with gzip.GzipFile(fileobj=zeros, mode="wb", mtime=0) as packed:
        for _ in range(50):
            packed.write(bytes(MEGABYTE))
    with within(20):
        assert why(zeros.getvalue()) == "it is empty"
        assert why(gzipped(zeros.getvalue())) == "it is empty"


@pytest.mark.slow
def test_a_report_that_unpacks_to_more_than_any_report_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailevents_dagster.deliverability.reports.reading.Budget.__init__.__defaults__", (MEGABYTE,))
    content = aggregate(*[record()] * 3_000)
    expected = "it holds more than 1 MB: no report is that long"
    assert why(gzipped(content)) == expected
    assert why(zipped(("a.xml", content))) == expected
    (first, second) = read(zipped(("a.xml", content[: MEGABYTE // 2]), ("b.xml", content)))
    assert first.kind == "dmarc-aggregate"
    assert second == Broken("report", expected)


def test_packings_within_packings_end() -> None:
    content = aggregate()
    for _ in range(4):
        content = gzipped(content)
    assert kinds(read(content)) == ["dmarc-aggregate"]
    assert why(gzipped(content)) == "it is packed more than 4 times"


def test_a_zip_file_that_holds_itself_ends() -> None:
    content = b"x"
    for _ in range(10):
        content = zipped(("inner.zip", content))
    assert why(content) == "it is packed more than 4 times"


@pytest.mark.slow
def test_a_zip_file_of_a_million_members_is_refused_before_its_list_is_read() -> None:
    entry = b"PK\x01\x02" + bytes(24) + (1).to_bytes(2, "little") + bytes(16) + b"x"
    listed = entry * 1_000_000
    end = b"PK\x05\x06" + bytes(4) + b"\xff" * 4 + len(listed).to_bytes(4, "little") + bytes(6)
    content = b"PK\x03\x04" + listed + end
    with within(10):
        assert why(content) == "it is a zip file of more than 1,000 files"
    zip64 = b"PK\x03\x04" + listed + b"PK\x06\x07" + bytes(16) + end[:12] + bytes(4) + end[16:]
    assert why(zip64) == "it is a zip file of more than 1,000 files"


def test_a_zip_file_of_too_many_small_files_is_refused() -> None:
    assert why(zipped(*((f"{n}", b"") for n in range(1_001)))) == "it is a zip file of more than 1,000 files"


def test_an_encrypted_zip_file_is_refused() -> None:
    content = bytearray(zipped(("a.xml", aggregate())))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    assert why(bytes(content)) == "it is a zip file that is encrypted"


def test_a_zip_file_with_an_unknown_method_is_refused() -> None:
    content = bytearray(zipped(("a.xml", aggregate())))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(signature) + offset] = 99
    assert why(bytes(content)).startswith("it is a zip file that cannot be unpacked")


@pytest.mark.parametrize("size", [4, 10, 30, 100, 200], ids=str)
def test_zip_files_that_are_cut_off_are_refused(size: int) -> None:
    assert "zip file" in why(zipped(("a.xml", aggregate()))[:size])


def test_members_share_a_place_without_harm() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/a.xml", aggregate())
        archive.writestr("folder/", b"")
    assert kinds(read(packed.getvalue())) == ["dmarc-aggregate"]


def test_deep_json_is_refused() -> None:
    assert why(b'{"policies":' + b"[" * 100_000).startswith("it is no JSON")
    deep = b'{"policies": [' + b'{"policy":' * 500 + b"1" + b"}" * 500 + b"]}"
    assert why(deep) == "none of its policies can be read"


def test_long_json_is_refused() -> None:
    assert why(connections(filler="x" * 17 * MEGABYTE)) == "it is longer than 16 MB: no report of connections is"


def test_whatever_is_cut_off_anywhere_ends_in_a_value() -> None:
    for content in (aggregate(), gzipped(aggregate()), zipped(("a.xml", aggregate())), connections()):
        for size in range(0, len(content), 7):
            assert all(report.file for report in read_reports("x", io.BytesIO(content[:size])))


def test_what_is_broken_is_told_without_what_a_terminal_obeys() -> None:
    assert "\x1b" not in why(b"<\x1b[31mred/>")
    assert "\x1b" not in why("<é\u202e:x/>".encode())
