"""Tokens come from msal, and what an authority says becomes what to do."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError
from mailevents_dagster.sources.mailbox.simulator import Fault, Simulator
from mailevents_dagster.sources.mailbox.tokens import Application, Tokens
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import application

SCOPE = "https://graph.microsoft.com/.default"
SECRET = "s3cr3t-0f-the-app"


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(simulator: Simulator, clock: Clock) -> Iterator[Tokens]:
    made = Tokens(application(simulator), SCOPE, clock)
    yield made
    made.close()


def refused(application: Application) -> MailboxError:
    tokens = Tokens(application, SCOPE)
    with pytest.raises(MailboxError) as caught:
        tokens.token()
    tokens.close()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(application)
    return caught.value


def answered(code: int, error: str = "invalid_client") -> Fault:
    body = {"error": error, "error_description": f"AADSTS{code}: Something about {SECRET}. Trace ID: 1"}
    return Fault(401, body=json.dumps(body).encode())


def test_a_token_is_kept_until_shortly_before_its_end(simulator: Simulator, tokens: Tokens, clock: Clock) -> None:
    first = tokens.token()
    clock.time += 3600 - 301
    assert tokens.token() == first
    assert simulator.authority.given == 1


def test_a_token_that_ends_soon_is_renewed(simulator: Simulator, clock: Clock) -> None:
    simulator.authority.seconds = 200  # less than what is left of one that is renewed
    tokens = Tokens(application(simulator), SCOPE, clock)
    first = tokens.token()
    assert tokens.token() != first
    tokens.close()


def test_a_refused_token_is_asked_for_anew_and_only_once(simulator: Simulator, tokens: Tokens) -> None:
    first = tokens.token()
    tokens.refused(first)
    second = tokens.token()
    assert second != first
    tokens.refused(first)  # another thread had it, too
    assert tokens.token() == second


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (7000215, "the client secret is not the application's"),
        (7000222, "the client secret has expired"),
        (700016, "the tenant does not know the application"),
        (90002, "there is no such tenant"),
        (12345, "look the code up"),
    ],
)
def test_each_code_says_what_to_do(simulator: Simulator, code: int, said: str) -> None:
    simulator.faults.add("/token$", answered(code), None)
    error = refused(application(simulator, secret=SECRET))
    assert said in str(error)
    assert f"AADSTS{code}" in str(error)
    assert (error.cause, error.is_passing, error.refuses_feed) == (Cause.PERMISSION, False, True)


def test_a_wrong_secret_is_told(simulator: Simulator) -> None:
    assert "AADSTS7000215" in str(refused(application(simulator, secret=SECRET)))


@pytest.mark.parametrize("fault", [Fault(500), Fault(503), Fault(reset=True)], ids=["500", "503", "reset"])
@pytest.mark.parametrize("path", ["/token$", "openid-configuration$"])
def test_an_authority_that_fails_for_the_moment_is_passing(simulator: Simulator, fault: Fault, path: str) -> None:
    simulator.faults.add(path, fault, None)
    assert refused(application(simulator, secret=SECRET)).is_passing


def test_an_authority_that_has_nothing_for_the_moment_is_passing(simulator: Simulator) -> None:
    simulator.faults.add("/token$", answered(90033, "temporarily_unavailable"), None)
    assert refused(application(simulator, secret=SECRET)).is_passing


@pytest.mark.parametrize("body", ["", "<html>", "{}", "[]", '{"token_endpoint": 1}'])
def test_something_else_that_answers_is_told(simulator: Simulator, body: str) -> None:
    simulator.faults.add("openid-configuration$", Fault(200, body=body.encode()), None)
    assert "something else answers there" in str(refused(application(simulator, secret=SECRET)))


def test_a_redirect_is_not_followed_with_the_secret(simulator: Simulator) -> None:
    simulator.faults.add("/token$", Fault(307, headers={"Location": f"{simulator.url}/elsewhere"}), None)
    refused(application(simulator, secret=SECRET))
    assert not any("elsewhere" in call.path for call in simulator.calls)


def certificate(folder: Path) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailevents")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(1))
        .not_valid_after(datetime.now(UTC) + timedelta(1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "application.pem"
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(*form) + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_a_certificate_stands_in_the_place_of_a_secret(simulator: Simulator, tmp_path: Path) -> None:
    tokens = Tokens(application(simulator, secret=None, certificate=certificate(tmp_path)), SCOPE)
    assert tokens.token()
    tokens.close()


def test_a_certificate_that_cannot_be_used_is_named(simulator: Simulator, tmp_path: Path) -> None:
    missing = refused(application(simulator, secret=None, certificate=tmp_path / "missing.pem"))
    assert "missing.pem cannot be read" in str(missing)
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_bytes(b"\xff\x00 no PEM")
    assert "is no PEM file" in str(refused(application(simulator, secret=None, certificate=rubbish)))
    rubbish.write_text("no PEM either")
    assert refused(application(simulator, secret=None, certificate=rubbish)).cause is Cause.PERMISSION
