"""STARTTLS of a mail server, tried as a sender does, with the certificate that it shows.

Written here since smtplib cannot be told the name that a certificate is for apart from the address to connect to, and
has no deadline for a whole dialogue.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import certifi
from cryptography import x509
from cryptography.x509.oid import NameOID

from mailevents_dagster.deliverability.answers import Answer, Ask, absent, there, unasked
from mailevents_dagster.deliverability.posture.addresses import first_answer
from mailevents_dagster.deliverability.quoting import quoted
from mailevents_dagster.files.printable import printable

SMTP: Final = 25
MOST_ADDRESSES: Final = 2
LONGEST_LINE: Final = 2048
MOST_LINES: Final = 100
MOST_NAMES: Final = 100
PIECE: Final = 4096


class _UnusableError(Exception):
    """The server did what says nothing about its TLS; the text says what."""


@dataclass(frozen=True, slots=True)
class MailServers:
    """Tries mail servers; port and authorities are others in tests."""

    port: int = SMTP
    ca_bundle: str | None = None
    seconds: float = 10.0

    def starttls(self, host: str, ask: Ask) -> Answer:
        """Return the certificate as lines `field: value`. Absent is what offers no TLS that can be used."""
        return first_answer(host, ask, MOST_ADDRESSES, lambda address: self._try(address, host))

    def _try(self, address: str, host: str) -> Answer:
        authorities = self.ca_bundle or certifi.where()
        try:
            try:
                return _shown(self._shaken(address, host, ssl.create_default_context(cafile=authorities)))
            except ssl.SSLCertVerificationError as error:
                refused = error.verify_message
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return _shown(self._shaken(address, host, context), refused)
        except _NoTls as error:
            return absent(str(error))
        except _UnusableError as error:
            return unasked(f"{host} port {self.port} {error}")
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, TimeoutError):
            return unasked(f"{host} port {self.port} gave no whole answer within {self.seconds:g} s")
        except ssl.SSLError as error:
            return absent(f"its TLS cannot be used: {error.reason or error}")
        except OSError as error:
            return unasked(f"{host} port {self.port} cannot be reached: {error.strerror or error}")

    def _shaken(self, address: str, host: str, context: ssl.SSLContext) -> ssl.SSLObject:
        """Return TLS as it stands after the handshake."""
        ends_at = time.monotonic() + self.seconds
        with closing(socket.create_connection((address, self.port), self.seconds)) as connection:
            talk = _Talk(connection, ends_at)
            _expect(talk.reply(), "2", "greets with")
            talk.say(f"EHLO {_greeting(connection)}")
            reply = _expect(talk.reply(), "2", "answers EHLO with")
            if "STARTTLS" not in (line[4:].strip().upper() for line in reply):
                raise _NoTls("it offers no STARTTLS")
            talk.say("STARTTLS")
            reply = talk.reply()
            if reply[0].startswith("5"):
                raise _NoTls(f"it refuses STARTTLS: {quoted(reply[0])}")
            _expect(reply, "2", "answers STARTTLS with")
            return talk.handshake(context, host)


def _greeting(connection: socket.socket) -> str:
    """Return the own address as a greeting, since this machine may have no name that others know."""
    address = connection.getsockname()[0].partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


class _NoTls(Exception):  # noqa: N818 (it is no error of ours)
    """The server has no TLS to offer."""


class _Talk:
    """A dialogue that ends in time."""

    def __init__(self, connection: socket.socket, ends_at: float) -> None:
        self._connection = connection
        self._ends_at = ends_at
        self._read = b""

    def _receive(self) -> bytes:
        self._hurry()
        return self._connection.recv(PIECE)

    def _hurry(self) -> None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)

    def say(self, line: str) -> None:
        self._hurry()
        self._connection.sendall(f"{line}\r\n".encode())

    def reply(self) -> list[str]:
        """Return the lines of a reply."""
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            if len(lines) == MOST_LINES:
                raise _UnusableError(f"sends more than {MOST_LINES} lines at once")
            lines.append(self._line())
        return lines

    def _line(self) -> str:
        while b"\n" not in self._read:
            if len(self._read) > LONGEST_LINE:
                raise _UnusableError("sends a line without end")
            piece = self._receive()
            if not piece:
                raise _UnusableError("ends the connection")
            self._read += piece
        line, _, self._read = self._read.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")

    def handshake(self, context: ssl.SSLContext, host: str) -> ssl.SSLObject:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        incoming.write(self._read)
        tls = context.wrap_bio(incoming, outgoing, server_hostname=host)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._hurry()
                self._connection.sendall(outgoing.read())
                piece = self._receive()
                incoming.write(piece) if piece else incoming.write_eof()
            else:
                self._connection.sendall(outgoing.read())
                return tls


def _expect(reply: list[str], first: str, said: str) -> list[str]:
    if not reply[0].startswith(first):
        raise _UnusableError(f"{said} {quoted(reply[0])}")
    return reply


def _shown(tls: ssl.SSLObject, refused: str = "") -> Answer:
    content = tls.getpeercert(binary_form=True) or b""
    try:
        certificate = x509.load_der_x509_certificate(content)
        lines = [
            f"protocol: {tls.version()}",
            f"not before: {certificate.not_valid_before_utc.isoformat()}",
            f"not after: {certificate.not_valid_after_utc.isoformat()}",
            *(f"name: {printable(name.lower(), 253)}" for name in _names(certificate)[:MOST_NAMES]),
        ]
    except ValueError as error:
        return absent(f"its certificate cannot be read: {printable(str(error), 100)}")
    return there(*lines, *([f"refused: {refused}"] if refused else []))


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return names.value.get_values_for_type(x509.DNSName)
