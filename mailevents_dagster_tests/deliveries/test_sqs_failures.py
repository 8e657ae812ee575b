"""What an error means, without a server."""

from __future__ import annotations

import pytest
from botocore import exceptions
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.deliveries.message import Failed, Refused
from mailevents_dagster.deliveries.sqs import answers_in
from mailevents_dagster.deliveries.sqs_failures import (
    failure_of_entry,
    failure_of_library,
    failure_of_request,
)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("Throttling", 400, "passing"),
        ("AWS.SimpleQueueService.RequestThrottled", 400, "passing"),
        ("KMS.ThrottlingException", 400, "passing"),
        ("429", 429, "passing"),
        ("503", 503, "passing"),
        ("InternalFailure", 500, "uncertain"),
        ("502", 502, "uncertain"),
        ("504", 504, "uncertain"),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, "permanent"),
        ("KMS.AccessDeniedException", 400, "permanent"),
        ("RequestExpired", 400, "permanent"),
        ("403", 403, "permanent"),
        ("NobodyKnows", 400, "permanent"),
        ("", 0, "permanent"),
        ("AWS.SimpleQueueService.BatchRequestTooLong", 400, "refused"),
        ("413", 413, "refused"),
    ],
)
def test_an_error_of_a_request_is_of_one_of_four_kinds(code: str, status: int, kind: str) -> None:
    assert kind_of(failure_of_request(code, status)) == kind


@pytest.mark.parametrize(
    ("code", "is_senders_fault", "kind"),
    [
        ("InternalError", False, "passing"),
        ("RequestThrottled", True, "passing"),
        ("KmsAccessDenied", True, "permanent"),
        ("InvalidMessageContents", True, "refused"),
        ("NobodyKnows", True, "refused"),
        ("NobodyKnows", False, "passing"),
    ],
)
def test_an_error_of_an_entry_is_never_uncertain(code: str, is_senders_fault: bool, kind: str) -> None:
    assert kind_of(failure_of_entry(code, is_senders_fault=is_senders_fault)) == kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.EndpointConnectionError, "passing"),
        (exceptions.ConnectTimeoutError, "passing"),
        (exceptions.ProxyConnectionError, "passing"),
        (exceptions.ReadTimeoutError, "uncertain"),
        (exceptions.ConnectionClosedError, "uncertain"),
        (exceptions.ResponseStreamingError, "uncertain"),
        (exceptions.HTTPClientError, "uncertain"),
        (exceptions.SSLError, "permanent"),
        (exceptions.NoCredentialsError, "permanent"),
        (exceptions.UnauthorizedSSOTokenError, "permanent"),
        (exceptions.ParamValidationError, "permanent"),
        (ValueError, "permanent"),
        (OSError, "uncertain"),
    ],
)
def test_an_error_without_an_answer_says_whether_the_messages_may_have_arrived(
    error: type[Exception], kind: str
) -> None:
    assert kind_of(failure_of_library([one.__name__ for one in error.__mro__])) == kind


@settings(max_examples=50)
@given(st.text(), st.integers(0, 999), st.booleans())
def test_nothing_that_a_server_says_is_repeated_but_what_looks_like_a_code(
    code: str, status: int, is_senders_fault: bool
) -> None:
    secret = f"AKIA0123456789 {code}\n"
    for failure in (failure_of_request(secret, status), failure_of_entry(secret, is_senders_fault=is_senders_fault)):
        assert "AKIA" not in failure.reason
        assert failure.reason.isprintable()


def test_what_an_answer_does_not_speak_of_may_have_arrived() -> None:
    silent, taken = answers_in({"Successful": [{"Id": "1", "MessageId": "m"}, {"Id": "99", "MessageId": "m"}]}, 2)
    assert kind_of(taken) == "Taken"
    assert kind_of(silent) == "uncertain"


def kind_of(answer: object) -> str:
    match answer:
        case Refused():
            return "refused"
        case Failed(may_have_arrived=True):
            return "uncertain"
        case Failed(is_passing=True):
            return "passing"
        case Failed():
            return "permanent"
    return type(answer).__name__
