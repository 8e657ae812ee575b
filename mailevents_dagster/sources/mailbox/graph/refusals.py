"""What an answer of Graph other than 200 means, and what to do. Pure."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError

_MAILBOX_CODES: Final = frozenset({"MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI", "ErrorInvalidUser"})
_RIGHTS: Final = (
    "the application may not read this mailbox. Grant it the application permission Mail.Read with an administrator's "
    "consent, and let its access policy hold this mailbox"
)
_REFUSED: Final = "the token is not accepted. Check base_url, tenant_id and the rights of the application"
_MAILBOX: Final = "there is no such mailbox in Microsoft 365. Check its address and its licence"


class RefusedError(MailboxError):
    """An answer other than 200."""

    def __init__(
        self, cause: Cause, message: str, status: int, *, is_passing: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(cause, message, is_passing=is_passing)
        self.status = status
        self.retry_after = retry_after


def refusal(status: int, code: str, where: str, retry_after: float | None) -> RefusedError:
    """Return the error of an answer, by its status and Graph's own code."""
    said = f"{where} answered {status}{f' {code}' if code else ''}"
    if status == 429 or (status in (503, 504) and retry_after is not None):
        return RefusedError(Cause.RATE, f"{said}.", status, is_passing=True, retry_after=retry_after)
    if status >= 500 or status == 408:
        return RefusedError(Cause.SERVER, f"{said}.", status, is_passing=True)
    if 300 <= status < 400:
        return RefusedError(Cause.REQUEST, f"{said}, a redirect, which is not followed. Mend base_url.", status)
    if status == 401:
        return RefusedError(Cause.PERMISSION, f"{said}: {_REFUSED}.", status)
    if status == 404 or code in _MAILBOX_CODES:
        return RefusedError(Cause.MAILBOX, f"{said}: {_MAILBOX}.", status)
    if status == 403:
        return RefusedError(Cause.PERMISSION, f"{said}: {_RIGHTS}.", status)
    if 200 < status < 300:
        return RefusedError(Cause.PROTOCOL, f"{said}, which is no answer to a question.", status, is_passing=True)
    return RefusedError(Cause.REQUEST, f"{said}, so it does not know this request.", status)
