"""What it means when SQS, or what stands before it, does not take messages: causes, and what to do. Pure.

Nothing of what a service or a library said is repeated, but for codes: their texts may hold access keys and bodies.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from mailevents_dagster.deliveries.message import Failed, Refused

_CODE: Final = re.compile(r"[A-Za-z]{1,40}|[0-9]{3}")
_THROTTLED: Final = frozenset(
    [
        "BandwidthLimitExceeded",
        "KmsThrottled",
        "LimitExceededException",
        "OverLimit",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    ]
)
_CONTENT: Final = frozenset(
    [
        "BatchRequestTooLong",
        "InvalidAttributeValue",
        "InvalidMessageContents",
        "InvalidParameterValue",
        "InvalidParameterValueException",
        "MessageTooLong",
        "MissingParameter",
        "RequestEntityTooLarge",
    ]
)
"""Codes that speak of the messages of a request."""
_NO_QUEUE: Final = frozenset(["InvalidAddress", "NonExistentQueue", "QueueDeletedRecently", "QueueDoesNotExist"])
_NO_RIGHT: Final = frozenset(
    [
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "KmsAccessDenied",
        "KmsDisabled",
        "KmsInvalidKeyUsage",
        "KmsInvalidState",
        "KmsNotFound",
        "KmsOptInRequired",
        "OptInRequired",
        "UnauthorizedOperation",
    ]
)
_WRONG_KEY: Final = frozenset(
    [
        "AuthFailure",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidSignature",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ]
)
_EXPIRED: Final = frozenset(
    ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed", "TokenRefreshRequired"]
)
_ADVICE: Final = (
    (
        _NO_QUEUE,
        (
            "the queue does not exist there: create it, or correct `queue`, `region`, `endpoint_url`; "
            "check the account of the credentials, too"
        ),
    ),
    (
        _NO_RIGHT,
        (
            "the credentials do not allow it: grant sqs:SendMessage, sqs:GetQueueUrl where `queue` is a name, and "
            "kms:GenerateDataKey and kms:Decrypt where the queue is encrypted"
        ),
    ),
    (_WRONG_KEY, "the access key or its secret is not accepted: check the credentials that boto3 finds, and the clock"),
    (_EXPIRED, "the credentials have expired: renew them, and check that this machine's clock is right"),
)
_NOT_SENT: Final = {
    "NoCredentialsError": "there are no credentials: set them in boto3's own ways (environment, profile, role)",
    "PartialCredentialsError": "the credentials lack a part: set both the access key and its secret",
    "CredentialRetrievalError": "the credentials cannot be had: run the program that gives them by hand, and see",
    "ProfileNotFound": "the profile is not in the AWS configuration of this user: correct `profile` or AWS_PROFILE",
    "ConfigParseError": "the AWS configuration of this user cannot be read: correct it",
    "NoRegionError": "the region is not known: set `region`",
    "InvalidRegionError": "`region` is none: correct it",
    "SSLError": "the TLS connection fails: check `endpoint_url`, its certificate, and the clock",
    "TokenRetrievalError": "the session of the single sign-on has ended: sign in again with `aws sso login`",
    "UnauthorizedSSOTokenError": "the session of the single sign-on has ended: sign in again with `aws sso login`",
    "SSOTokenLoadError": "there is no session of the single sign-on: sign in with `aws sso login`",
    "ValueError": "`endpoint_url` is no address: correct it, such as https://sqs.eu-west-1.amazonaws.com",
    "ParamValidationError": "`queue` is neither a name nor an address of a queue: correct it",
}
"""Errors of the library before anything was sent; trying again does not help."""
_AWAY: Final = frozenset(
    {"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "MetadataRetrievalError"}
)
"""Errors that say that nobody was reached."""
NOT_SQS: Final = (
    "the answer is not one of SQS (a page of a gateway?): check `endpoint_url` and the proxy of this machine"
)


def failure_of_request(code: str, status: int) -> Failed | Refused:
    """Return what an error of a whole request means for each of its messages."""
    name = _name(code)
    if name in _CONTENT or status == 413:
        return Refused(f"SQS refuses it: {name}")
    if name in _THROTTLED or status in (429, 503):
        return Failed(f"SQS asks to slow down ({name})")
    for codes, advice in _ADVICE:
        if name in codes:
            return Failed(f"{advice} ({name})", is_passing=False)
    if status >= 500 or name in ("InternalError", "InternalFailure", "RequestTimeout"):
        return Failed(f"SQS has an error of its own ({name})", may_have_arrived=True)
    if name.isdigit():
        return Failed(f"{NOT_SQS} ({name})", is_passing=False)
    return Failed(f"SQS refuses the request ({name}): check `queue` and `endpoint_url`", is_passing=False)


def failure_of_entry(code: str, *, is_senders_fault: bool) -> Failed | Refused:
    """Return what an error of one entry of a batch means."""
    known = failure_of_request(code, 400)
    if isinstance(known, Refused) or any(_name(code) in codes for codes, _ in _ADVICE):
        return known
    if known.is_passing:  # SQS says of this very entry that it did not take it
        return replace(known, may_have_arrived=False)
    if is_senders_fault:
        return Refused(f"SQS refuses it: {_name(code)}")
    return Failed(f"SQS did not take it ({_name(code)})")


def failure_of_library(error_types: list[str]) -> Failed:
    """Return what an error without an answer means, by the names of its class and that class's bases."""
    for name in error_types:
        if name in _NOT_SENT:
            return Failed(f"{_NOT_SENT[name]} ({error_types[0]})", is_passing=False)
        if name in _AWAY:
            return Failed(f"SQS cannot be reached ({error_types[0]}): check `endpoint_url`, DNS and the firewall")
    return Failed(f"the connection broke off ({error_types[0]})", may_have_arrived=True)


def _name(code: str) -> str:
    """Return the last part of a code such as AWS.SimpleQueueService.NonExistentQueue, if it looks like one."""
    name = code.rpartition(".")[2]
    return name if _CODE.fullmatch(name) else "unknown code"
