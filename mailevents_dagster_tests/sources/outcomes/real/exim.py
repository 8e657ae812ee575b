"""An Exim of its own: configuration, queue and log lie in one folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from mailevents_dagster_tests.sources.mailbox.imap.dovecot import free_port
from mailevents_dagster_tests.sources.outcomes.real.programs import started

USER: Final = "Debian-exim"
CONFIGURATION: Final = """
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
primary_hostname = mx1.example.com
timezone = UTC
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts =
keep_environment =
notifier_socket =
queue_only = true
deliver_drop_privilege = true
acl_smtp_rcpt = accept
log_selector = +smtp_protocol_error +smtp_syntax_error +tls_certificate_verified +tls_peerdn +subject
begin routers
alias:
  driver = redirect
  domains = example.com
  local_parts = friend
  data = forwarded@dest.example
remote:
  driver = manualroute
  domains = *
  transport = remote
  route_data = 127.0.0.1
  self = send
begin transports
remote:
  driver = smtp
  allow_localhost = true
  multi_domain = false
  connection_max_messages = 1
  port = ${{extract{{$domain}}{{plain.example={plain} closed.example={closed}}}{{$value}}{{{encrypted}}}}}
  tls_verify_certificates = {authority}
  tls_verify_cert_hostnames =
begin retry
{retry}
"""


class Exim:
    """Sends all mail to the receiving server of a test, each time that its queue is run."""

    format = "exim"

    def __init__(self, folder: Path, encrypted: int, plain: int, authority: str) -> None:
        program = shutil.which("exim4", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert program, "exim4 is not installed"
        self._command = [program, "-C", str(folder / "exim.conf")]
        self._folder = folder
        self._values = {"encrypted": encrypted, "plain": plain, "authority": authority, "closed": free_port()}
        self.port = free_port()
        self.log = folder / "log" / "mainlog"
        for name in ("spool", "log"):
            (folder / name).mkdir()
            shutil.chown(folder / name, USER)
        self._configure(retry="* * F,5d,1m")

    def _configure(self, retry: str) -> None:
        values = {"folder": self._folder, "port": self.port, **self._values, "retry": retry}
        (self._folder / "exim.conf").write_text(CONFIGURATION.format(**values))

    def __enter__(self) -> Exim:
        self._process = started([*self._command, "-bdf"], self.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    def deliver(self) -> None:
        """Try every mail that waits once, and then what was made of the failures."""
        subprocess.run([*self._command, "-qff"], check=True)

    def give_up(self) -> None:
        """Try every mail that waits once more, and give up those that are deferred again."""
        self._configure(retry="")
        self.deliver()
        self._configure(retry="* * F,5d,1m")
