"""Calls to Graph for one mailbox: within its budget, with tokens that are good, again where that may help."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import requests
import urllib3

from mailevents_dagster.sharing.number_places import Place
from mailevents_dagster.sources.http_headers import http_date, retry_after
from mailevents_dagster.sources.mailbox.certificates import CERTIFICATES
from mailevents_dagster.sources.mailbox.errors import BrokenOffError, Cause, MailboxError
from mailevents_dagster.sources.mailbox.graph.answers import (
    code_of,
    is_error,
    is_same_server,
    no_answer,
    object_of,
    where,
)
from mailevents_dagster.sources.mailbox.graph.budget import AT_A_TIME, Budget, PausedError
from mailevents_dagster.sources.mailbox.graph.refusals import RefusedError, refusal
from mailevents_dagster.sources.mailbox.reader import Sink
from mailevents_dagster.sources.mailbox.tokens import Application, Tokens
from mailevents_dagster.sources.network import Names, network_fault
from mailevents_dagster.sources.waits import backoff, pause

ATTEMPTS: Final = 8
"""Of a call that fails in passing: two minutes or so. Waits that Graph asks for do not count."""
REFUSALS: Final = 30
"""Of one call by its rate."""
TIMEOUTS: Final = (10.0, 60.0)
"""Seconds until a connection is there, and until the next bytes are."""
LONGEST_CALL: Final = 1800.0
"""Seconds that one answer may take: 150 MB at 1 Mbit/s."""
MOST_BYTES: Final = 64 * 2**20
"""Of JSON: an attachment that is listed with its content is the longest."""
PIECE: Final = 2**16
NAMES: Final = Names("mailboxes[].base_url", f"{TIMEOUTS[1]:.0f} s", "Graph", CERTIFICATES)
SCOPES: Final = {
    "graph.microsoft.us": "https://graph.microsoft.us/.default",
    "dod-graph.microsoft.us": "https://dod-graph.microsoft.us/.default",
    "microsoftgraph.chinacloudapi.cn": "https://microsoftgraph.chinacloudapi.cn/.default",
}
"""Of the clouds that are not the worldwide one, whose tokens gateways take, too."""
_WORLDWIDE: Final = "https://graph.microsoft.com/.default"

T = TypeVar("T")
Observe = Callable[[float, MailboxError | None], object]
"""Hears of each attempt of a call, from any thread: the seconds it took, and why it failed."""


@dataclass(frozen=True, slots=True)
class Access:
    """How one mailbox is reached."""

    address: str
    application: Application
    base_url: str
    budget: Place | None = None
    """Where the budget is shared; without it, it is this client's own."""


class Calls:
    """The calls for one mailbox. Threads may call at once."""

    def __init__(self, access: Access, observe: Observe = lambda *_: None) -> None:
        self.budget = Budget(access.budget)
        self.observe = observe
        self.clock: float | None = None
        """Graph's clock less this machine's, as the last answer said."""
        self._base = access.base_url
        self._user = f"{access.base_url}/users/{quote(access.address, safe='@')}"
        self._tokens = Tokens(access.application, SCOPES.get(urlsplit(access.base_url).hostname or "", _WORLDWIDE))
        self._session = requests.Session()
        self._verify = access.application.ca_bundle or True
        if urlsplit(access.base_url).scheme == "http":  # which stays on this machine; a proxy would read the token
            self._session.trust_env = False
        self._session.mount(self._base, requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=AT_A_TIME))

    def json(self, path: str, what: str) -> Mapping[str, Any]:
        """Return the JSON object at a path of the mailbox, or at the address that a page names as the next one."""

        def read(response: requests.Response) -> Mapping[str, Any]:
            body = bytearray()
            for piece in self._pieces(response):
                body += piece
                if len(body) > MOST_BYTES:
                    raise MailboxError(Cause.PROTOCOL, f"{where(what)} sent more than {MOST_BYTES:,} bytes.")
            return object_of(bytes(body), what)

        return self._get(self._address(path, what), what, read)

    def pages(self, path: str, what: str) -> Iterator[Mapping[str, Any]]:
        """Yield the pages of a listing to its end."""
        seen, following = set[str](), path
        while following:
            seen.add(following)
            page = self.json(following, what)
            if not isinstance(page.get("value"), list):
                raise MailboxError(Cause.PROTOCOL, f"{where(what)} sent no list.", is_passing=True)
            yield page
            link = str(page.get("@odata.nextLink") or "")
            following = urljoin(self._address(following, what), link) if link else ""
            if following in seen:
                raise MailboxError(Cause.PROTOCOL, f"{where(what)} names a page as the next one that was there before.")

    def stream(self, path: str, what: str, sink: Sink, *, is_mail: bool = False) -> None:
        """Write what is at a path into a sink. What breaks off in the middle is not asked for again here.

        No mail begins as an error of Graph does; a file that is attached may.
        """

        def read(response: requests.Response) -> None:
            has_begun = False
            try:
                for piece in self._pieces(response):
                    if is_mail and not has_begun and is_error(piece):
                        raise no_answer(what, "")
                    has_begun = True
                    sink.write(piece)
            except (requests.RequestException, urllib3.exceptions.HTTPError, TimeoutError) as error:
                cause, text = network_fault(error, where(what), NAMES, _nothing)
                failed = (BrokenOffError if has_begun else MailboxError)(Cause(cause), text, is_passing=True)
            else:
                return
            raise failed

        self._get(self._address(path, what), what, read)

    def stop(self) -> None:
        self.budget.stop()

    def close(self) -> None:
        self._session.close()
        self._tokens.close()
        self.budget.close()

    def _address(self, path: str, what: str) -> str:
        """Return the address of a path; a whole one must be of the same server, since the token goes there."""
        if "://" not in path:
            return f"{self._user}/{path}"
        if not is_same_server(self._base, path):
            raise MailboxError(
                Cause.PROTOCOL,
                f"{where(what)} names a next page on another server than base_url, which is not asked: the "
                f"token would go there. Look at gateways on the way.",
            )
        return path

    def _get(self, url: str, what: str, read: Callable[[requests.Response], T]) -> T:
        """Return what an answer says, after as many attempts as it takes and is allowed."""
        attempt = refusals = 0
        is_renewed = False
        while True:
            token = self._token(attempt)
            try:
                return self._attempt(url, what, token, read)
            except RefusedError as error:
                if error.status == 401 and not is_renewed:
                    is_renewed = True
                    self._tokens.refused(token)
                    continue
                if error.cause is Cause.RATE and refusals < REFUSALS:
                    refusals += 1
                    self.budget.pause(pause(error.retry_after, refusals))
                    continue
                failed: MailboxError = error
            except MailboxError as error:
                failed = error
            attempt += 1
            if not failed.is_passing or isinstance(failed, BrokenOffError) or attempt >= ATTEMPTS:
                raise failed
            self.budget.sleep(backoff(attempt))

    def _token(self, attempt: int) -> str:
        while True:
            try:
                return self._tokens.token()
            except MailboxError as error:
                attempt += 1
                if not error.is_passing or attempt >= ATTEMPTS:
                    raise
            self.budget.sleep(backoff(attempt))

    def _attempt(self, url: str, what: str, token: str, read: Callable[[requests.Response], T]) -> T:
        """Make one call and observe it."""
        failed: MailboxError | None = None
        try:
            with self.budget.call():
                began = time.monotonic()
                try:
                    return self._call(url, what, token, read)
                except MailboxError as error:
                    failed = error
                    failed.request, failed.milliseconds = where(what), round((time.monotonic() - began) * 1000)
                    raise
                finally:
                    self.observe(time.monotonic() - began, failed)
        except PausedError as paused:
            until = time.time() + paused.seconds
        raise MailboxError(
            Cause.RATE,
            f"Graph told this application to make no call for {until - time.time():,.0f} s. What was fetched is kept; "
            f"the first run after that collects the rest.",
            until=until,
        )

    def _call(self, url: str, what: str, token: str, read: Callable[[requests.Response], T]) -> T:
        try:
            response = self._session.get(
                url,
                auth=_Bearer(token),
                headers=HEADERS,
                stream=True,
                timeout=TIMEOUTS,
                allow_redirects=False,
                verify=self._verify,  # a session's own is overruled by REQUESTS_CA_BUNDLE
            )
            with response:
                said = http_date(response.headers.get("Date", ""))
                self.clock = self.clock if said is None else said - time.time()
                if response.status_code == 200:
                    return read(response)
                wait = retry_after(response.headers, time.time())
                failed: MailboxError = refusal(response.status_code, code_of(response), where(what), wait)
        except (requests.RequestException, urllib3.exceptions.HTTPError, TimeoutError) as error:
            cause, text = network_fault(error, where(what), NAMES, _nothing)
            failed = MailboxError(Cause(cause), text, is_passing=True)
        raise failed  # out of the handlers: what the libraries raise holds the address

    def _pieces(self, response: requests.Response) -> Iterator[bytes]:
        ends = time.monotonic() + LONGEST_CALL
        for piece in response.iter_content(PIECE):
            self.budget.sleep(0)
            if time.monotonic() > ends:
                raise TimeoutError
            yield piece


HEADERS: Final = {"Prefer": 'IdType="ImmutableId"', "User-Agent": "mailevents-dagster"}


class _Bearer(requests.auth.AuthBase):
    """Signs a call; given so, requests looks for no password of the host in ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _nothing(_: str) -> str:
    """Return nothing of what a library says of a call: it may hold the address of the mailbox."""
    return "no details"
