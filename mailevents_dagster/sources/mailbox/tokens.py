"""Tokens of an application, by msal: kept until shortly before their end, and asked for anew when one is refused."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msal
import requests
from msal.exceptions import MsalError

from mailevents_dagster.sources.mailbox.certificates import CERTIFICATES, trusting
from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError
from mailevents_dagster.sources.network import Names, network_fault

RENEWED_BEFORE_END: Final = 300.0
"""Seconds; a message of 150 MB takes some of them."""
TIMEOUTS: Final = (10.0, 60.0)
NAMES: Final = Names("mailboxes[].authority", "60 s", "the authority", CERTIFICATES)
SAYS: Final[Mapping[str, str]] = {
    "7000215": "the client secret is not the application's. Copy its value, not its id, from the Azure portal",
    "7000222": "the client secret has expired. Make a new one in the Azure portal",
    "700016": "the tenant does not know the application. Check client_id and tenant_id",
    "700027": "the certificate is not one of the application's. Upload it in the Azure portal, or check `certificate`",
    "90002": "there is no such tenant. Check tenant_id",
    "900023": "there is no such tenant. Check tenant_id",
    "53003": "a rule of conditional access keeps the application out. Ask whoever runs the tenant",
    "1002012": "the application may not ask for this. Grant it the application permission in the Azure portal",
}
"""What the codes (AADSTS…) that operators meet mean, and what to do."""
_CODE: Final = re.compile(r"AADSTS(\d{4,8})")


@dataclass(frozen=True, slots=True)
class Application:
    """Who asks for tokens, and where."""

    authority: str
    tenant: str
    client_id: str
    secret: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    """A PEM file with the private key and the certificate."""
    ca_bundle: str | None = None


class Tokens:
    """The tokens of an application for one scope. Threads may ask at once."""

    def __init__(self, application: Application, scope: str, now: Callable[[], float] = time.monotonic) -> None:
        self._application = application
        self._scope = scope
        self._now = now
        self._asking = threading.Lock()
        self._http = _Http(application)
        self._client: msal.ConfidentialClientApplication | None = None
        self._token = ""
        self._good_until = 0.0

    def token(self) -> str:
        """Return a token that is good for some minutes, or raise a MailboxError."""
        with self._asking:
            if not self._token or self._now() >= self._good_until:
                self._token, seconds = self._ask()
                self._good_until = self._now() + seconds - RENEWED_BEFORE_END
            return self._token

    def refused(self, token: str) -> None:
        """Have the next one asked for anew, where this is the one that is kept."""
        with self._asking:
            if token == self._token and self._client:
                self._client.remove_tokens_for_client()
                self._token = ""

    def close(self) -> None:
        self._http.close()

    def _ask(self) -> tuple[str, float]:
        failed: MailboxError
        if self._application.ca_bundle:
            trusting(self._application.ca_bundle)  # requests does not say which file it cannot read
        try:
            self._client = self._client or self._made()
            answer = self._client.acquire_token_for_client(scopes=[self._scope])
        except (requests.HTTPError, MsalError) as error:  # as msal and requests tell of answers from 500 on
            status = re.search(r"\b5\d\d\b", str(error))
            said = f"answered {status[0]}" if status else "could not answer"
            failed = MailboxError(Cause.SERVER, f"The authority {said}.", is_passing=True)
        except requests.RequestException as error:
            cause, text = network_fault(error, "The authority", NAMES, lambda _: "no answer")
            failed = MailboxError(Cause(cause), text, is_passing=True)
        except (ValueError, LookupError, TypeError, AttributeError, RuntimeError):  # msal's, of rubbish
            failed = _permission(
                "it has no such tenant, or something else answers there. Check tenant_id and authority"
            )
        else:
            if answer and "access_token" in answer:
                return str(answer["access_token"]), float(answer.get("expires_in", 0))
            failed = _refusal(answer or {})
        raise failed  # out of the handlers: what msal raises may hold what was sent

    def _made(self) -> msal.ConfidentialClientApplication:
        own = self._application
        return msal.ConfidentialClientApplication(
            own.client_id,
            client_credential=_credential(own),
            authority=f"https://{urlsplit(own.authority).netloc}{urlsplit(own.authority).path}/{own.tenant}",
            instance_discovery=False,
            http_client=self._http,
        )


class _Http:
    """The calls of msal: with time limits, and without following redirects.

    msal knows https alone, and settings allow an authority on this machine without it: such calls go out as http, and
    what the answers name is https to msal.
    """

    def __init__(self, application: Application) -> None:
        self._session = requests.Session()
        self._verify = application.ca_bundle or True
        """Given with each call: a session's own is overruled by REQUESTS_CA_BUNDLE."""
        self._session.auth = _as_it_is  # else requests would look for one in ~/.netrc
        scheme, self._host, *_ = urlsplit(application.authority)
        self._is_plain = scheme == "http"
        if self._is_plain:
            self._session.trust_env = False  # a proxy would read the secret

    def get(self, url: str, **options: Any) -> requests.Response:
        return self._call("GET", url, options)

    def post(self, url: str, **options: Any) -> requests.Response:
        return self._call("POST", url, options)

    def _call(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        if self._is_plain:
            url = url.replace(f"https://{self._host}", f"http://{self._host}", 1)
        answer = self._session.request(
            method, url, timeout=TIMEOUTS, allow_redirects=False, verify=self._verify, **options
        )
        if self._is_plain:
            text = answer.text.replace(f"http://{self._host}", f"https://{self._host}")
            return cast(requests.Response, _Plain(answer.status_code, text, answer.headers, answer.raise_for_status))
        return answer

    def close(self) -> None:
        self._session.close()


@dataclass(frozen=True, slots=True)
class _Plain:
    """An answer as msal reads it."""

    status_code: int
    text: str
    headers: Mapping[str, str]
    raise_for_status: Callable[[], object]


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _credential(application: Application) -> str | dict[str, str]:
    if application.certificate is None:
        return application.secret or ""
    failed: MailboxError
    try:
        text = application.certificate.read_text("ascii")
    except OSError as error:
        failed = _permission(f"the certificate {application.certificate} cannot be read ({error.strerror})")
    except UnicodeDecodeError:
        failed = _permission(f"the certificate {application.certificate} is no PEM file")
    else:
        return {"private_key": text, "public_certificate": text}
    raise failed


def _refusal(answer: Mapping[str, Any]) -> MailboxError:
    """Return the error of an answer without a token; its own text may name people, so only its code is shown."""
    if answer.get("error") in ("temporarily_unavailable", "server_error", "timeout"):
        return MailboxError(Cause.SERVER, "The authority gives no token for the moment.", is_passing=True)
    found = _CODE.search(str(answer.get("error_description", "")))
    code = found[1] if found else ""
    said = SAYS.get(code, "look the code up, and check client_id, its secret or certificate, and tenant_id")
    return _permission(f"{said} ({f'AADSTS{code}' if code else 'no code'})")


def _permission(what: str) -> MailboxError:
    return MailboxError(Cause.PERMISSION, f"The authority gives no token: {what}.")
