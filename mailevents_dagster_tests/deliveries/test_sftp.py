"""A folder on an SFTP server, over loopback."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from mailevents_dagster.deliveries.sftp import SftpFolder
from mailevents_dagster.deliveries.sftp_failures import NameTakenError, SftpAccess, SftpError
from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sources.mailbox.delivery.simulated_server import SimulatedServer
from mailevents_dagster_tests.deliveries.cut_line import CutLine

pytestmark = pytest.mark.slow

CONTENT = bytes(range(256)) * 8192
"""Two megabytes."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SimulatedServer]:
    with SimulatedServer(tmp_path / "server") as server:
        yield server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(access: SftpAccess, file: Path, name: str = "in/a.db") -> None:
    with SftpFolder(access) as folder:
        folder.put(file, name, digest(file.read_bytes()))
        folder.publish(name)


def error_of(access: SftpAccess) -> SftpError:
    with pytest.raises(SftpError) as raised, SftpFolder(access):
        pass
    return raised.value


def test_a_file_is_there_whole_under_its_name_and_its_folders_are_made(server: SimulatedServer, file: Path) -> None:
    put(replace(server.access, folder="/one/two"), file, "three/a.db")
    assert (server.folder / "one/two/three/a.db").read_bytes() == CONTENT
    assert [path.name for path in (server.folder / "one/two/three").iterdir()] == ["a.db"]


def test_a_file_has_another_name_until_it_was_read_back(server: SimulatedServer, file: Path) -> None:
    with SftpFolder(server.access) as folder:
        folder.put(file, "a.db", digest(CONTENT))
        assert folder.names("") == {"a.db.part"}
        assert folder.size_of("a.db") is None
        folder.publish("a.db")
        assert folder.names("") == {"a.db"}
        assert folder.size_of("a.db") == len(CONTENT)


def test_an_empty_file_is_a_file(server: SimulatedServer, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    put(server.access, empty)
    assert (server.folder / "in/a.db").read_bytes() == b""


def test_nothing_that_is_there_is_written_over(server: SimulatedServer, file: Path) -> None:
    (server.folder / "in").mkdir()
    (server.folder / "in/a.db").write_bytes(b"another's")
    with pytest.raises(NameTakenError, match=r"in/a\.db is there already"):
        put(server.access, file)
    assert (server.folder / "in/a.db").read_bytes() == b"another's"


@pytest.mark.parametrize("there", [b"", CONTENT[:1_000_001], CONTENT, b"rubbish" * 1000, CONTENT + b"more"])
def test_what_an_earlier_try_left_is_completed_or_replaced(server: SimulatedServer, file: Path, there: bytes) -> None:
    (server.folder / "a.db.part").write_bytes(there)
    put(server.access, file, "a.db")
    assert (server.folder / "a.db").read_bytes() == CONTENT


def test_an_upload_goes_on_where_the_line_was_cut(server: SimulatedServer, file: Path) -> None:
    sent: list[int] = []
    with CutLine(server.port, 900_000) as line:
        access = through(line, server)
        with SftpFolder(access) as folder, pytest.raises(SftpError, match="broke off") as raised:
            folder.put(file, "a.db", digest(CONTENT))
        assert raised.value.is_passing
        with SftpFolder(access) as folder:
            folder.put(file, "a.db", digest(CONTENT), sent.append)
            folder.publish("a.db")
    assert (server.folder / "a.db").read_bytes() == CONTENT
    assert 32_768 < sent[0] < 1_000_000
    assert sent[-1] == len(CONTENT)


def test_a_line_that_is_cut_while_signing_in_is_no_wrong_password(server: SimulatedServer) -> None:
    rooms = [1, 500, *range(1600, 3400, 150)]
    errors = []
    with CutLine(server.port, *rooms) as line:
        access = through(line, server)
        for _ in rooms:
            try:
                with SftpFolder(access):
                    pass
            except SftpError as error:
                errors.append(error)
    assert len(errors) >= 6
    assert all(error.is_passing for error in errors)
    assert "password" not in " ".join(map(str, errors))


def test_an_unknown_key_stops_before_anything_is_sent(server: SimulatedServer, tmp_path: Path) -> None:
    access = replace(server.access, known_hosts=tmp_path / "none")
    error = error_of(access)
    assert not error.is_passing
    assert server.key.fingerprint in str(error)
    assert f"ssh-keyscan -p {server.port} 127.0.0.1 >> {tmp_path / 'none'}" in str(error)
    assert "which does not exist" in str(error)
    access.known_hosts.write_text("# nobody\n")
    assert "is not in" in str(error_of(access))


def test_a_changed_key_stops_before_anything_is_sent(server: SimulatedServer) -> None:
    access = server.access
    other = paramiko.ECDSAKey.generate()
    access.known_hosts.write_text(f"[127.0.0.1]:{server.port} {other.get_name()} {other.get_base64()}\n")
    error = error_of(access)
    assert not error.is_passing
    assert server.key.fingerprint in str(error)
    assert other.fingerprint in str(error)
    assert "ssh-keygen -f" in str(error)


def test_a_key_of_another_kind_is_a_changed_key(server: SimulatedServer) -> None:
    access = server.access
    other = paramiko.RSAKey.generate(2048)
    access.known_hosts.write_text(f"[127.0.0.1]:{server.port} {other.get_name()} {other.get_base64()}\n")
    assert other.fingerprint in str(error_of(access))


def test_a_known_hosts_of_rubbish_is_named(server: SimulatedServer) -> None:
    access = server.access
    access.known_hosts.write_bytes(b"\xff\xfe\x00rubbish ssh-ed25519 \xff\n")
    error = error_of(access)
    assert str(access.known_hosts) in str(error)


def test_a_wrong_password_is_told_and_not_shown(server: SimulatedServer) -> None:
    access = replace(server.access, password="s3cret")
    error = error_of(access)
    assert not error.is_passing
    assert "check `user` and `password`" in str(error)
    assert "s3cret" not in f"{error} {error.__cause__} {access!r} {access}"


@pytest.mark.parametrize(
    ("content", "why"), [(None, "cannot be read"), (b"rubbish", "is not such a key"), (b"", "is not such a key")]
)
def test_a_file_that_is_no_key_is_told(
    server: SimulatedServer, tmp_path: Path, content: bytes | None, why: str
) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    error = error_of(replace(server.access, password=None, key=key))
    assert f"{key} {why}" in str(error)
    assert not error.is_passing


def test_a_key_with_a_passphrase_is_told(server: SimulatedServer, tmp_path: Path) -> None:
    key = tmp_path / "key"
    paramiko.ECDSAKey.generate().write_private_key_file(str(key), password="secret")
    assert "without a passphrase" in str(error_of(replace(server.access, password=None, key=key)))


def test_a_server_that_is_away_is_a_passing_failure(server: SimulatedServer) -> None:
    access = server.access
    server.close()
    error = error_of(access)
    assert error.is_passing
    assert "nothing listens there" in str(error)


def test_a_name_that_nobody_knows_is_told(server: SimulatedServer) -> None:
    assert "`host` and DNS" in str(error_of(replace(server.access, host="nobody.invalid")))


def test_what_speaks_another_protocol_is_told(tmp_path: Path, server: SimulatedServer) -> None:
    with CutLine(server.port, 0) as line:
        assert "does not speak SSH" in str(error_of(through(line, server)))


def test_a_folder_that_cannot_be_written_is_told(server: SimulatedServer, file: Path) -> None:
    (server.folder / "in").write_text("a file in the way")
    with pytest.raises(SftpError, match=r"failed at making a folder|failed at writing a file|no such place"):
        put(server.access, file)


def test_an_upload_that_is_told_to_stop_stops(server: SimulatedServer, file: Path) -> None:
    stop = threading.Event()
    with SftpFolder(server.access, stop) as folder, pytest.raises(StoppedError):
        folder.put(file, "a.db", digest(CONTENT), lambda _: stop.set())
    assert (server.folder / "a.db.part").stat().st_size < len(CONTENT)


def test_a_server_that_gives_back_something_else_is_not_believed(server: SimulatedServer, file: Path) -> None:
    with SftpFolder(server.access) as folder, pytest.raises(SftpError, match="does not give back"):
        folder.put(file, "a.db", digest(b"something else"))
    assert list(server.folder.iterdir()) == []


def through(line: CutLine, server: SimulatedServer) -> SftpAccess:
    """Return how to sign in through the line, which shows the key of the server."""
    access = replace(server.access, port=line.port)
    known = f"[127.0.0.1]:{line.port} {server.key.get_name()} {server.key.get_base64()}\n"
    access.known_hosts.write_text(known)
    return access
