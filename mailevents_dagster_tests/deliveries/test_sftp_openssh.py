"""A folder on OpenSSH's own server: killed while it takes a file, with another key, with a full disk."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailevents_dagster.deliveries.sftp import SftpFolder
from mailevents_dagster.deliveries.sftp_failures import NameTakenError, SftpError
from mailevents_dagster_tests.deliveries.sshd import Sshd

pytestmark = pytest.mark.programs

CONTENT = os.urandom(2**20) * 32


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd") as sshd:
        yield sshd


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_arrives_whole_in_folders_that_are_made(sshd: Sshd, file: Path) -> None:
    with SftpFolder(replace(sshd.access, folder=f"{sshd.files}/a/b")) as folder:
        folder.put(file, "2026_11_20/x.pdf", digest(file))
        assert folder.names("2026_11_20") == {"x.pdf.part"}
        folder.publish("2026_11_20/x.pdf")
    assert digest(sshd.files / "a/b/2026_11_20/x.pdf") == digest(file)


def test_a_server_that_is_killed_in_mid_transfer_gets_the_rest_of_the_file(sshd: Sshd, file: Path) -> None:
    half, killed = threading.Event(), threading.Event()

    def look(sent: int) -> None:
        if sent > len(CONTENT) // 2 and not half.is_set():
            half.set()
            assert killed.wait(30)

    def kill() -> None:
        half.wait(30)
        sshd.kill()
        killed.set()

    thread = threading.Thread(target=kill)
    thread.start()
    with SftpFolder(sshd.access) as folder, pytest.raises(SftpError, match="broke off") as raised:
        folder.put(file, "a.db", digest(file), look)
    thread.join()
    assert raised.value.is_passing
    kept = (sshd.files / "a.db.part").stat().st_size
    assert 0 < kept < len(CONTENT)

    sshd.start()
    sent: list[int] = []
    with SftpFolder(sshd.access) as folder:
        folder.put(file, "a.db", digest(file), sent.append)
        folder.publish("a.db")
    assert kept < sent[0] <= kept + 32_768
    assert digest(sshd.files / "a.db") == digest(file)


def test_a_changed_key_stops_and_says_what_to_do(sshd: Sshd) -> None:
    sshd.kill()
    sshd.make_key("host_key")
    sshd.start()
    with (
        pytest.raises(SftpError, match=r"somebody may stand between.*ssh-keygen -f") as raised,
        SftpFolder(sshd.access),
    ):
        pass
    assert not raised.value.is_passing
    sshd.trust()
    with SftpFolder(sshd.access):
        pass


def test_an_unknown_key_stops_and_says_what_to_do(sshd: Sshd) -> None:
    (sshd.folder / "known_hosts").unlink()
    with pytest.raises(SftpError, match="ssh-keyscan -p") as raised, SftpFolder(sshd.access):
        pass
    assert not raised.value.is_passing


def test_a_hashed_known_hosts_is_understood(sshd: Sshd) -> None:
    known = sshd.folder / "known_hosts"
    assert os.system(f"ssh-keygen -q -H -f {known} 2> {os.devnull}") == 0
    assert "127.0.0.1" not in known.read_text()
    with SftpFolder(sshd.access):
        pass


def test_a_wrong_password_is_told(sshd: Sshd) -> None:
    with (
        pytest.raises(SftpError, match="check `user` and `password`") as raised,
        SftpFolder(replace(sshd.access, key=None, password="s3cret")),
    ):
        pass
    assert not raised.value.is_passing


def test_a_key_that_is_not_authorized_is_told(sshd: Sshd) -> None:
    access = sshd.access
    sshd.make_key("other")
    with (
        pytest.raises(SftpError, match="among its authorized keys"),
        SftpFolder(replace(access, key=sshd.folder / "other")),
    ):
        pass


def test_a_full_disk_is_told_and_passes(tmp_path: Path, file: Path) -> None:
    with Sshd(tmp_path / "full", most_bytes=2**20) as sshd:
        with SftpFolder(sshd.access) as folder, pytest.raises(SftpError, match="quota is full") as raised:
            folder.put(file, "a.db", digest(file))
        assert raised.value.is_passing
        assert {path.name for path in sshd.files.iterdir()} == {"a.db.part"}


def test_a_name_that_is_taken_is_not_written_over(sshd: Sshd, file: Path) -> None:
    (sshd.files / "a.db").write_text("another's")
    with SftpFolder(sshd.access) as folder:
        folder.put(file, "a.db", digest(file))
        with pytest.raises(NameTakenError):
            folder.publish("a.db")
    assert (sshd.files / "a.db").read_text() == "another's"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_told(sshd: Sshd, file: Path) -> None:
    sshd.files.chmod(0o500)
    with SftpFolder(sshd.access) as folder, pytest.raises(SftpError, match="give the user the right") as raised:
        folder.put(file, "a.db", digest(file))
    assert not raised.value.is_passing
