"""A gateway before Graph and its authority whose certificate is of an authority of its own."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError
from mailevents_dagster.sources.mailbox.graph.calls import Access, Calls
from mailevents_dagster.sources.mailbox.simulator import Simulator
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, NOW, application, quiet

Key = ec.EllipticCurvePrivateKey
Owner = tuple[Key, x509.Certificate]


def authority(name: str) -> Owner:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, _signed(name, key, (key, None))


def server(by: Owner) -> Owner:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, _signed("127.0.0.1", key, by)


def _signed(name: str, key: Key, by: tuple[Key, x509.Certificate | None]) -> x509.Certificate:
    """Return a certificate of this key: of a server where somebody else signs, of an authority where it does."""
    own, (signing, issuer) = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), by
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer.subject if issuer else own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        address = x509.IPAddress(ipaddress.ip_address(name))
        made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return made.sign(signing, hashes.SHA256())


def pem(owner: Owner, path: Path, *, with_key: bool = False) -> Path:
    key, certificate = owner
    text = certificate.public_bytes(serialization.Encoding.PEM)
    if with_key:
        text += key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    path.write_bytes(text)
    return path


@pytest.fixture(autouse=True)
def _another_bundle_is_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is where a machine has one for all programs that use requests."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())


@pytest.fixture
def own_authority() -> Owner:
    return authority("Gateway Authority")


@pytest.fixture
def gateway(own_authority: Owner, tmp_path: Path) -> Iterator[Simulator]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem(server(own_authority), tmp_path / "server.pem", with_key=True))
    with Simulator(quiet(), now=lambda: NOW, secure=context) as simulator:
        yield simulator


def asked(gateway: Simulator, ca_bundle: Path | None) -> object:
    own = replace(application(gateway), ca_bundle=str(ca_bundle) if ca_bundle else None)
    calls = Calls(Access(ADDRESS, own, gateway.base_url))
    try:
        return calls.json("mailFolders/inbox", "the inbox")["displayName"]
    finally:
        calls.close()


def test_the_authority_that_ca_bundle_names_is_trusted_for_tokens_and_for_graph(
    gateway: Simulator, own_authority: Owner, tmp_path: Path
) -> None:
    assert gateway.base_url.startswith("https://")
    assert asked(gateway, pem(own_authority, tmp_path / "gateway.pem")) == "Inbox"


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize("bundle", ["none", "another"])
def test_without_the_right_authority_nothing_is_asked_and_the_setting_is_named(
    gateway: Simulator, tmp_path: Path, bundle: str
) -> None:
    another = pem(authority("Another Authority"), tmp_path / "another.pem")
    with pytest.raises(MailboxError, match=r"the CA certificates \(mailboxes\[\]\.ca_bundle\)") as caught:
        asked(gateway, another if bundle == "another" else None)
    assert caught.value.cause is Cause.TLS
    assert gateway.calls == []


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize("content", [None, "no certificate\n"], ids=["gone", "rubbish"])
def test_a_bundle_that_cannot_be_read_is_named(gateway: Simulator, tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "gateway.pem"
    if content:
        bundle.write_text(content)
    with pytest.raises(MailboxError, match=r"mailboxes\[\]\.ca_bundle") as caught:
        asked(gateway, bundle)
    assert not caught.value.is_passing
    assert caught.value.refuses_feed
