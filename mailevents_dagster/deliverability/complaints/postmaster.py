"""Gmail's Postmaster Tools, API v2: rates of a domain, and of each Feedback-ID."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests

from mailevents_dagster.deliverability.complaints.asking import TIMEOUTS, UnaskedError, ask, json_of
from mailevents_dagster.deliverability.complaints.rows import GMAIL, Row, rate
from mailevents_dagster.sources.network import Names
from mailevents_dagster.sources.outcomes.settings.reports import GoogleSettings

DAYS: Final = 7
"""Days up to the one that is made: what Gmail knows of a day, it tells a day or two later."""
SCOPE: Final = "https://www.googleapis.com/auth/postmaster.traffic.readonly"
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SECONDS: Final = 3600
_PAGE: Final = 200
_MOST_PAGES: Final = 50
_AT_ONCE: Final = 50
_MOST_IDS: Final = 500
_NAMES: Final = Names("deliverability[].reports.google", f"{TIMEOUTS[1]:.0f} s", "Gmail's Postmaster Tools")
_AUTHORITY: Final = Names("deliverability[].reports.google.service_account", f"{TIMEOUTS[1]:.0f} s", "Google's sign-in")
_SAYS: Final = {
    401: "The token of the service account is not taken. Check that its key is not revoked",
    403: "The service account may not see the domain. Add its address in Postmaster Tools, and enable the API",
    404: "The domain is not in Postmaster Tools. Add and verify it there",
}
_SIGN_IN_SAYS: Final = {
    400: "The key of the service account is not taken. Make a new one in Google Cloud",
    401: "The key of the service account is not taken. Make a new one in Google Cloud",
}
_METRICS: Final = {
    "spam_rate": ("SPAM_RATE", ""),
    "spf_success_rate": ("AUTH_SUCCESS_RATE", 'auth_type = "spf"'),
    "dkim_success_rate": ("AUTH_SUCCESS_RATE", 'auth_type = "dkim"'),
    "dmarc_success_rate": ("AUTH_SUCCESS_RATE", 'auth_type = "dmarc"'),
    "tls_rate": ("TLS_ENCRYPTION_RATE", 'traffic_direction = "inbound"'),
    "delivery_error_rate": ("DELIVERY_ERROR_RATE", ""),
    "feedback_ids": ("FEEDBACK_LOOP_ID", ""),
}
"""What is asked for, by the names of the rows' metrics."""


def gmail_rates(settings: GoogleSettings, domain: str, last: date) -> Iterator[Row]:
    """Yield the rates of the last days, or raise an UnaskedError."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {_token(session, Path(settings.service_account))}"
        asked = _Asked(session, f"{settings.base_url}/v2/domains/{quote(domain, safe='')}/domainStats:query", last)
        ids: set[str] = set()
        for found in asked.stats([_definition(name, *metric) for name, metric in _METRICS.items()]):
            if found["metric"] == "feedback_ids":
                ids.update(_texts(found))
            else:
                yield rate(GMAIL, _date(found), found["metric"], _percent(found))
        known = sorted(one for one in ids if _is_plain(one))[:_MOST_IDS]
        for at in range(0, len(known), _AT_ONCE):
            yield from _of_ids(asked, known[at : at + _AT_ONCE])


def _of_ids(asked: _Asked, ids: Sequence[str]) -> Iterator[Row]:
    names = {f"id_{number}": one for number, one in enumerate(ids)}
    definitions = [
        _definition(name, "FEEDBACK_LOOP_SPAM_RATE", f'feedback_loop_id = "{one}"') for name, one in names.items()
    ]
    for found in asked.stats(definitions):
        if (feedback_id := names.get(found["metric"])) is not None:
            yield rate(GMAIL, _date(found), "feedback_id_spam_rate", _percent(found), feedback_id=feedback_id)


class _Asked:
    """Where the statistics of a domain are asked for, and of which days."""

    def __init__(self, session: requests.Session, url: str, last: date) -> None:
        self._session = session
        self._url = url
        first = last - timedelta(days=DAYS - 1)
        self._time = {"dateRanges": {"dateRanges": [{"start": _shown(first), "end": _shown(last)}]}}

    def stats(self, definitions: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield each number that there is, from all pages."""
        body: dict[str, Any] = {
            "metricDefinitions": definitions,
            "timeQuery": self._time,
            "aggregationGranularity": "DAILY",
            "pageSize": _PAGE,
        }
        for _ in range(_MOST_PAGES):
            answer = json_of(ask(lambda: self._post(body), _NAMES, _SAYS), _NAMES)
            stats = answer.get("domainStats", [])
            if not isinstance(stats, list) or not all(map(_is_stat, stats)):
                raise _strange()
            yield from stats
            if not answer.get("nextPageToken"):
                return
            body["pageToken"] = answer["nextPageToken"]
        raise UnaskedError(f"{_NAMES.server} answered more than {_MOST_PAGES} pages. Try again later.")

    def _post(self, body: dict[str, Any]) -> requests.Response:
        return self._session.post(self._url, json=body, timeout=TIMEOUTS, stream=True, allow_redirects=False)


def _token(session: requests.Session, file: Path) -> str:
    """Return a token of a service account, which signs for it with its key."""
    try:
        import jwt  # comes with an extra, and few ask
    except ImportError:
        raise UnaskedError("PyJWT is not installed: pip install 'mailevents-dagster[deliverability]'.") from None

    try:
        account = json.loads(file.read_bytes())
        url, now = str(account["token_uri"]), int(time.time())
        claims = {"iss": account["client_email"], "scope": SCOPE, "aud": url, "iat": now, "exp": now + _SECONDS}
        signed = jwt.encode(claims, account["private_key"], "RS256", {"kid": str(account.get("private_key_id", ""))})
    except OSError as error:
        raise UnaskedError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, LookupError, TypeError, jwt.PyJWTError):
        raise UnaskedError(f"{file} is no key of a service account; take the JSON file of Google Cloud.") from None
    address = urlsplit(url)
    if address.scheme != "https" and address.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise UnaskedError(f"{file} names a token_uri without https; take the JSON file of Google Cloud.")
    form = {"grant_type": _GRANT, "assertion": signed}

    def sign_in() -> requests.Response:
        return session.post(url, data=form, timeout=TIMEOUTS, stream=True, allow_redirects=False)

    token = json_of(ask(sign_in, _AUTHORITY, _SIGN_IN_SAYS), _AUTHORITY).get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise UnaskedError(f"{_AUTHORITY.server} gave no token. Check {_AUTHORITY.address}.")
    return token


def _definition(name: str, metric: str, only: str) -> dict[str, Any]:
    return {"name": name, "baseMetric": {"standardMetric": metric}} | ({"filter": only} if only else {})


def _shown(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}


def _is_stat(found: object) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(found.get("metric"), str)
        and all(isinstance(found.get(name, {}), dict) for name in ("date", "value"))
    )


def _date(found: dict[str, Any]) -> date:
    try:
        return date(found["date"]["year"], found["date"]["month"], found["date"]["day"])
    except (LookupError, TypeError, ValueError):
        raise _strange() from None


def _percent(found: dict[str, Any]) -> float | None:
    value = found.get("value", {})
    number = next((value[name] for name in ("doubleValue", "floatValue", "intValue") if name in value), None)
    try:
        return None if number is None else round(100 * float(number), 6)
    except (TypeError, ValueError):
        raise _strange() from None


def _texts(found: dict[str, Any]) -> list[str]:
    value = found.get("value", {})
    listed = value.get("stringList")
    texts = listed.get("values") if isinstance(listed, dict) else [value.get("stringValue")]
    return [one for one in texts if isinstance(one, str) and one] if isinstance(texts, list) else []


def _is_plain(feedback_id: str) -> bool:
    """Return whether an id can stand within quotation marks."""
    return feedback_id.isprintable() and not {'"', "\\"} & {*feedback_id} and len(feedback_id) <= 200


def _strange() -> UnaskedError:
    return UnaskedError(f"{_NAMES.server} answered something else than documented. Try again later.")
