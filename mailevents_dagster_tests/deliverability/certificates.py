"""An authority of the test's own, and certificates of every kind by it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


class Authority:
    """Its certificate lies in `bundle`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("An authority")
        self._certificates = 0
        self.bundle = str(folder / "authority.pem")
        own = self._builder(self._name, self._key.public_key(), NOW - 900 * DAY, NOW + 900 * DAY)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        Path(self.bundle).write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def context(
        self,
        *names: str,
        begins: datetime = NOW - 30 * DAY,
        ends: datetime = NOW + 60 * DAY,
        is_signed_by_itself: bool = False,
    ) -> ssl.SSLContext:
        """Return what a server needs to show a certificate with these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _named(names[0] if names else "nobody")
        builder = self._builder(subject, key.public_key(), begins, ends, is_own=not is_signed_by_itself)
        alternatives = [x509.DNSName(name) for name in names]
        builder = builder.add_extension(
            x509.SubjectAlternativeName([*alternatives, x509.IPAddress(ip_address("192.0.2.1"))]), critical=False
        )
        certificate = builder.sign(key if is_signed_by_itself else self._key, hashes.SHA256())
        self._certificates += 1
        file = self._folder / f"{self._certificates}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        begins: datetime,
        ends: datetime,
        *,
        is_own: bool = True,
    ) -> x509.CertificateBuilder:
        issuer = self._name if is_own else subject
        builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), begins, ends)
        return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
