"""The content of files by places, packed or not, whole or cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.maillog.reading.content import UNPACKED, Content, Measures, open_content
from mailevents_dagster_tests.sources.maillog.reading.server import PACKERS

DATA = b"".join(b"%d %x\n" % (number, number**9) for number in range(20_000))
WAYS = {"": bytes, **PACKERS}


def opened(path: Path, packer: str, data: bytes = DATA) -> Content:
    path.write_bytes(WAYS[packer](data))
    return open_content(str(path), Measures())


@pytest.mark.parametrize("packer", [*WAYS])
def test_any_part_is_read_in_any_order(tmp_path: Path, packer: str) -> None:
    content = opened(tmp_path / "file", packer)
    places = [(0, 10), (5, 2), (200_000, 1000), (1000, UNPACKED), (len(DATA) - 5, 50), (len(DATA), 9), (2**40, 9)]
    for at, size in places:
        assert content.read(at, size) == DATA[at : at + size]
    content.close()
    assert content.is_packed == bool(packer)
    assert content.cut == ""


@pytest.mark.parametrize("packer", [*PACKERS])
def test_a_file_packed_in_pieces_is_one_file(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(PACKERS[packer](DATA[:1000]) + PACKERS[packer](DATA[1000:]))
    content = open_content(str(path), Measures())
    assert content.read(0, 2 * len(DATA)) == DATA
    assert content.cut == ""
    content.close()


@pytest.mark.parametrize("packer", [".gz", ".xz"])
def test_zeros_behind_a_packed_file_are_padding(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(PACKERS[packer](DATA) + bytes(1024))
    content = open_content(str(path), Measures())
    assert content.read(0, 2 * len(DATA)) == DATA
    assert content.cut == ""
    content.close()


@pytest.mark.parametrize("packer", [*PACKERS])
@pytest.mark.parametrize("share", [0.0001, 0.3, 0.9])
def test_what_a_cut_file_still_has_is_read_and_the_cut_is_told(tmp_path: Path, packer: str, share: float) -> None:
    path = tmp_path / "file"
    whole = PACKERS[packer](DATA)
    path.write_bytes(whole[: max(6, int(len(whole) * share))])
    content = open_content(str(path), Measures())
    assert DATA.startswith(content.read(0, len(DATA)))
    assert content.cut
    content.close()


@pytest.mark.parametrize("packer", [".gz", ".bz2", ".xz"])  # zstd need not have a checksum
def test_a_damaged_file_is_told_as_cut(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "file"
    whole = bytearray(PACKERS[packer](DATA))
    whole[len(whole) // 2 : len(whole) // 2 + 50] = bytes(50)
    path.write_bytes(whole)
    content = open_content(str(path), Measures())
    assert len(content.read(0, 2 * len(DATA))) <= len(DATA)
    assert content.cut
    content.close()


@pytest.mark.parametrize("packer", [*PACKERS])
@given(st.binary(max_size=200))
def test_rubbish_behind_the_mark_of_a_packed_file_is_no_trouble(
    tmp_path_factory: pytest.TempPathFactory, packer: str, rubbish: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "rubbish"
    path.write_bytes(PACKERS[packer](b"")[:4] + rubbish)
    content = open_content(str(path), Measures())
    content.read(0, 1000)
    content.close()


def test_a_hole_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.seek(2**30)
        file.write(b"text")
    content = open_content(str(path), Measures())
    assert 0 < content.text_at(0) <= 2**30
    content.close()


def test_what_was_read_is_counted_as_it_lies_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(PACKERS[".gz"](DATA))
    measures = Measures()
    content = open_content(str(path), measures)
    content.read(0, 2 * len(DATA))
    content.close()
    assert measures.files_opened == 1
    assert path.stat().st_size <= measures.bytes_read <= path.stat().st_size + 100
