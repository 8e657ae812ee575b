"""What the answers of an object store mean, for the person who must act.

Of what a server says only its codes are shown: its texts may hold the key that was used.
"""

from __future__ import annotations

import errno
import re
from typing import Final


class ChangedError(Exception):
    """Another wrote meanwhile: what was read is not there any more. Nothing was written."""


class ObjectStoreError(OSError):
    """An object store refused a request, in a way that waiting does not mend."""


class UnansweredError(ObjectStoreError):
    """An object store did not do what it was asked, or did it without an answer. It may do it later."""


_STATUS: Final = re.compile(r"status code: ([1-5][0-9]{2})")
_CODE: Final = re.compile(r"<Code>([A-Za-z0-9.:]{1,80})</Code>")
_DEBUG: Final = "\n\nDebug source:"
"""Begins what is of use to the library's authors alone."""
_PRECONDITION: Final = frozenset({"AlreadyExistsError", "PreconditionError"})
_NO_BUCKET: Final = "NoSuchBucket"

_REGION: Final = (
    "the bucket lies in another region. Set AWS_REGION to the bucket's own, or AWS_ENDPOINT_URL to its server"
)
_KEY: Final = "the key is not valid. Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile of AWS_PROFILE"
_EXPIRED: Final = "the credentials have expired. Renew them; a role or a profile renews itself"
_RIGHTS: Final = (
    "the credentials have no right to this. Allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket"
)
_ARCHIVED: Final = "it was moved to an archive. Restore it, and take this prefix out of the bucket's lifecycle rule"
_TO_DO: Final = {
    _NO_BUCKET: "there is no such bucket. Create it, or correct `storage` or AWS_ENDPOINT_URL",
    "PermanentRedirect": _REGION,
    "TemporaryRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "InvalidAccessKeyId": _KEY,
    "SignatureDoesNotMatch": _KEY,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "InvalidToken": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "AccessDenied": _RIGHTS,
    "AllAccessDisabled": _RIGHTS,
    "RequestTimeTooSkewed": "this machine's clock is wrong by minutes. Let it be set by NTP",
    "InvalidObjectState": _ARCHIVED,
    "EntityTooLarge": "the file is larger than one request may be (5 GB on S3). Make its feed smaller",
    "NotImplemented": "the server cannot do this. Use one that knows conditional writes, as S3 does",
}
"""By the codes of the server."""
_BY_STATUS: Final = {301: _REGION, 307: _REGION, 401: _KEY, 403: _RIGHTS, 507: "it is full. Make room"}
_ERRNO: Final = {401: errno.EACCES, 403: errno.EACCES, 507: errno.ENOSPC}
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})


def error_of(error: Exception, path: str) -> Exception:
    """Return what to raise for an error of the library that a request for this path ended in."""
    said = str(error).partition(_DEBUG)[0]
    code = found[1] if (found := _CODE.search(said)) else ""
    status = int(found[1]) if (found := _STATUS.search(said)) else 0
    if code != _NO_BUCKET:
        if isinstance(error, FileNotFoundError):
            return FileNotFoundError(errno.ENOENT, "there is no such object", path)
        if type(error).__name__ in _PRECONDITION:
            return ChangedError(f"{path} was written by another meanwhile")
    is_redirected = not status and "redirect" in said.lower()
    to_do = _TO_DO.get(code) or _BY_STATUS.get(301 if is_redirected else status)
    named = " ".join(str(part) for part in (status, code) if part)
    if to_do:
        return ObjectStoreError(_ERRNO.get(status, errno.EIO), f"the object store says {named}: {to_do}", path)
    if status in _PASSING:
        return UnansweredError(errno.EIO, f"the object store says {named}, after {_tries(said)}", path)
    if status:
        return ObjectStoreError(errno.EIO, f"the object store says {named}, which is not expected here", path)
    if isinstance(error, ValueError):
        return ObjectStoreError(errno.EINVAL, f"no object can have this name: {said[:200]}", path)
    return UnansweredError(
        errno.EIO, "the object store does not answer. Look at the network, and at AWS_ENDPOINT_URL", str(path)
    )


def _tries(said: str) -> str:
    retries = re.search(r"after ([0-9]{1,3}) retries", said)
    return f"{int(retries[1]) + 1} tries" if retries else "a try"


def no_credentials(path: str) -> ObjectStoreError:
    what = "no credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give a role"
    return ObjectStoreError(errno.EACCES, what, path)


def missing_extra(path: str) -> ObjectStoreError:
    return ObjectStoreError(errno.ENOSYS, "obstore is not installed: pip install 'mailevents-dagster[s3]'", path)
