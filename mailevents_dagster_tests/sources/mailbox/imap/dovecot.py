"""A Dovecot of its own: its configuration, its mails in folders on disk, its processes."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from imapclient import IMAPClient
from imapclient.imap_utf7 import encode

CERTIFICATE: Final = Path(__file__).parents[3].joinpath("worthless_test_certificate.pem")
USER: Final = "fund@example.com"
PASSWORD: Final = 'p "ä\\s{5}'
NOBODY: Final = "nobody"

CONFIGURATION: Final = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
first_valid_gid = 1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{certificate}
auth_mechanisms = plain xoauth2
auth_failure_delay = 0
auth_username_format = %Lu
mail_location = maildir:{folder}/mail
mail_max_userip_connections = 20
mail_always_cache_fields = imap.envelope
passdb {{
  driver = passwd-file
  mechanisms = plain
  args = {folder}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner_group} home={folder}/home
}}
namespace inbox {{
  inbox = yes
  separator = .
  mailbox Drafts {{
    special_use = \\Drafts
    auto = create
  }}
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
{more}
"""
VIEW: Final = """
mail_plugins = virtual
namespace view {{
  prefix = View.
  separator = .
  location = virtual:{folder}/view
  mailbox All {{
    special_use = \\All
  }}
}}
"""
"""A folder that shows what lies in all others."""
OAUTH2: Final = """
introspection_mode = post
introspection_url = {url}
username_attribute = username
active_attribute = active
active_value = true
"""
numbers = count(1)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Dovecot:
    """A server for one user, whose mails are files that tests write."""

    def __init__(self, folder: Path, introspection: str = "http://127.0.0.1:1/", *, has_view: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self.mail = folder / "mail"
        is_root = os.geteuid() == 0
        me = pwd.getpwuid(os.geteuid()).pw_name
        self.owner = pwd.getpwnam(NOBODY if is_root else me)
        internal = "dovecot" if is_root else me
        for name in ("run", "state", "home", "mail"):
            (folder / name).mkdir(parents=True)
        for above in (folder, *folder.parents):  # pytest makes folders that only their owner may enter
            if above.stat().st_uid == os.geteuid() and str(above) != "/":
                above.chmod(above.stat().st_mode | 0o011)
        (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
        (folder / "oauth2.conf").write_text(OAUTH2.format(url=introspection))
        (folder / "dovecot.conf").write_text(
            CONFIGURATION.format(
                folder=folder,
                internal=internal,
                group=_group_of(internal),
                login="dovenull" if is_root else me,
                certificate=CERTIFICATE,
                owner=self.owner.pw_uid,
                owner_group=self.owner.pw_gid,
                port=self.port,
                more=VIEW.format(folder=folder) if has_view else "",
            )
        )
        (folder / "view" / "All").mkdir(parents=True)
        (folder / "view" / "All" / "dovecot-virtual").write_text("*\n-View.*\n  all\n")
        self._give(folder / "home", folder / "mail", *(folder / "view").rglob("*"), folder / "view")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert program, "dovecot is not installed"
        self._process = subprocess.Popen([program, "-F", "-c", self.folder / "dovecot.conf"])
        ends = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert self._process.poll() is None, self.log
                assert time.monotonic() < ends, self.log
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    @property
    def log(self) -> str:
        path = self.folder / "dovecot.log"
        return path.read_text() if path.exists() else ""

    def cut(self) -> int:
        """End the processes that serve signed-in users; return how many there were."""
        assert self._process
        found = subprocess.run(
            ["ps", "-o", "pid=,comm=", "--ppid", str(self._process.pid)], capture_output=True, text=True, check=True
        )
        pids = [int(pid) for pid, name in map(str.split, found.stdout.splitlines()) if name == "imap"]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return len(pids)

    def path(self, folder: str = "INBOX") -> Path:
        """The folder on disk of a folder, named as people name it."""
        return self.mail if folder == "INBOX" else self.mail / f".{encode(folder.replace('/', '.')).decode()}"

    def make(self, folder: str) -> None:
        path = self.path(folder)
        for name in ("", "cur", "new", "tmp"):
            (path / name).mkdir(parents=True, exist_ok=True)
        if path != self.mail:
            (path / "maildirfolder").touch()
        self._give(path, *path.iterdir())

    def put(self, message: bytes, at: int, folder: str = "INBOX", flags: str = "") -> Path:
        """A mail that came at a time; its file, whose time is that of its arrival."""
        if not (self.path(folder) / "cur").exists():
            self.make(folder)
        size = len(message)
        path = self.path(folder) / "cur" / f"{at}.M{next(numbers)}P1.host,S={size},W={size}:2,{flags}"
        path.write_bytes(message)
        os.utime(path, (at, at))
        self._give(path)
        return path

    @contextmanager
    def session(self) -> Iterator[IMAPClient]:
        """Somebody else at work in the mailbox."""
        context = ssl.create_default_context(cafile=str(CERTIFICATE))
        with IMAPClient("localhost", self.port, ssl_context=context) as client:
            client.plain_login(USER, PASSWORD)
            yield client

    def move(self, subject: str, folder: str, to: str) -> None:
        """Moves the first mail of this subject."""
        with self.session() as client:
            if not client.folder_exists(to):
                client.create_folder(to)
            client.select_folder(folder)
            client.move(client.search(["SUBJECT", subject])[:1], to)

    def delete(self, subject: str, folder: str = "INBOX") -> None:
        with self.session() as client:
            client.select_folder(folder)
            client.delete_messages(client.search(["SUBJECT", subject]))
            client.expunge()

    def renumber(self, folder: str) -> None:
        """Has a folder of this name whose mails have other UIDs, and the folder another validity."""
        with self.session() as client:
            client.rename_folder(folder, "Before")
            client.create_folder(folder)
            client.select_folder("Before")
            client.move(client.search(), folder)
            client.close_folder()
            client.delete_folder("Before")

    def flags(self) -> set[str]:
        """The flags of all mails on disk."""
        return {path.name.partition(":2,")[2] for path in self.mail.rglob("*:2,*")}

    def _give(self, *paths: Path) -> None:
        if os.geteuid() == 0:
            for path in paths:
                os.chown(path, self.owner.pw_uid, self.owner.pw_gid)


def _group_of(user: str) -> str:
    import grp

    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


def message(number: int, text: str = "", message_id: str | None = "") -> bytes:
    """A mail with a number; of None as its Message-ID it has none."""
    lines = [
        f"From: Sender {number} <s{number}@example.org>",
        f"To: {USER}",
        f"Subject: Number {number}",
        "Date: Fri, 20 Nov 2026 12:00:00 +0000",
        *([] if message_id is None else [f"Message-ID: <{message_id or number}@example.org>"]),
        "",
        text or f"This is number {number}.",
        "",
    ]
    return "\r\n".join(lines).encode()


@contextmanager
def running(dovecot: Dovecot) -> Iterator[Dovecot]:
    try:
        dovecot.start()
        yield dovecot
    finally:
        dovecot.stop()
