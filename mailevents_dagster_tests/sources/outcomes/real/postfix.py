"""A Postfix of its own: configuration, queue and log lie in one folder.

Debian lets one mail server be installed, so that its package is unpacked in `.postfix` (make programs).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailevents_dagster_tests.pages import CHECKOUT
from mailevents_dagster_tests.sources.mailbox.imap.dovecot import free_port
from mailevents_dagster_tests.sources.outcomes.real.programs import answers_at, started, wait_until

PROGRAMS: Final = CHECKOUT / ".postfix"
MASTER_PROGRAM: Final = PROGRAMS / "usr/lib/postfix/sbin/master"
OWNER: Final = "mail"
GROUP: Final = "games"
"""Users and groups that every Debian has, and that Postfix takes for its own."""
QUEUES: Final = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop"),
    *("private", "public", "saved", "trace"),
)
MAIN: Final = """
compatibility_level = 3.6
myhostname = mx1.example.com
mydestination =
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = {programs}/usr/sbin
daemon_directory = {programs}/usr/lib/postfix/sbin
shlib_directory = {programs}/usr/lib/postfix
meta_directory = {folder}
mail_owner = {owner}
setgid_group = {group}
import_environment = MAIL_CONFIG LD_LIBRARY_PATH TZ
export_environment = LD_LIBRARY_PATH TZ
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
virtual_alias_maps = inline:{{friend@example.com=forwarded@dest.example}}
relayhost = [127.0.0.1]:{encrypted}
transport_maps = inline:{{plain.example=smtp:[127.0.0.1]:{plain}, closed.example=smtp:[127.0.0.1]:{closed}}}
smtp_tls_security_level = may
smtp_tls_loglevel = 1
smtp_connection_cache_on_demand = no
default_destination_concurrency_failed_cohort_limit = 0
queue_run_delay = 1h
minimal_backoff_time = 1h
maximal_backoff_time = 1h
maximal_queue_lifetime = {lifetime}
"""
MASTER: Final = """
{port} inet n - n - - smtpd
pickup unix n - n 3600 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 3600 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Sends all mail to the receiving server of a test, at once and each time that its queue is run."""

    format = "postfix"

    def __init__(self, folder: Path, encrypted: int, plain: int, _authority: str) -> None:
        assert MASTER_PROGRAM.exists(), "Postfix is not unpacked in .postfix; do this with: make .postfix"
        self._folder = folder
        self._values = {"encrypted": encrypted, "plain": plain, "closed": free_port(), "programs": PROGRAMS}
        self.port = free_port()
        self.log = folder / "log" / "mail.log"
        self._make_queue()
        (folder / "master.cf").write_text(MASTER.format(port=self.port))
        self._configure(lifetime="5d")
        libraries = str(PROGRAMS / "usr/lib/postfix")
        self._environment = {**os.environ, "MAIL_CONFIG": str(folder), "LD_LIBRARY_PATH": libraries, "TZ": "UTC"}

    def _make_queue(self) -> None:
        (self._folder / "log").mkdir()
        (self._folder / "data").mkdir()
        shutil.chown(self._folder / "data", OWNER)
        for name in QUEUES:
            path = self._folder / "spool" / name
            path.mkdir(parents=True, mode=0o700)
            shutil.chown(path, OWNER)
        (self._folder / "spool" / "public").chmod(0o710)
        shutil.chown(self._folder / "spool" / "public", OWNER, GROUP)
        (self._folder / "spool" / "pid").mkdir()

    def _configure(self, lifetime: str) -> None:
        values = {"folder": self._folder, "owner": OWNER, "group": GROUP, "lifetime": lifetime, **self._values}
        (self._folder / "main.cf").write_text(MAIN.format(**values))

    def __enter__(self) -> Postfix:
        # The master ends its children by their process group.
        self._process = started([MASTER_PROGRAM, "-d"], self.port, env=self._environment, start_new_session=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        wait_until(lambda: not answers_at(self.port), None, "the children of Postfix go on")

    def deliver(self) -> None:
        """Try every mail that waits once, and then what was made of the failures."""
        waiting = self._waiting()
        if waiting:
            subprocess.run([PROGRAMS / "usr/sbin/postqueue", "-f"], env=self._environment, check=True)
            wait_until(lambda: not waiting & self._waiting(), self._process, "Postfix does not try again")
        wait_until(self._is_idle, self._process, "Postfix does not come to an end")

    def _waiting(self) -> set[tuple[str, int]]:
        """Return the files of deferred mails, each with the time when it was moved there."""
        found = set()
        for path in (self._folder / "spool" / "deferred").glob("**/[0-9A-F]*"):
            with suppress(FileNotFoundError):  # it is being tried
                if path.is_file():
                    found.add((path.name, path.stat().st_ctime_ns))
        return found

    def _is_idle(self) -> bool:
        return not any(any((self._folder / "spool" / name).iterdir()) for name in ("incoming", "active"))

    def give_up(self) -> None:
        """Try every mail that waits once more, and give up those that are deferred again."""
        self._restart(lifetime="0")
        self.deliver()
        self._restart(lifetime="5d")

    def _restart(self, lifetime: str) -> None:
        self.__exit__()
        self._configure(lifetime)
        self.__enter__()
