"""What a message tells of each recipient of a mail that was sent before: the way from bytes to notices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mailevents_dagster.sources.outcomes.notices.auto_replies import auto_replies_in
from mailevents_dagster.sources.outcomes.notices.complaints import complaints_in
from mailevents_dagster.sources.outcomes.notices.examined import Examined
from mailevents_dagster.sources.outcomes.notices.mail import Mail, read_mail
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind
from mailevents_dagster.sources.outcomes.notices.provider_json import notices_in_json
from mailevents_dagster.sources.outcomes.notices.receipts import receipts_in
from mailevents_dagster.sources.outcomes.notices.statuses import told_in_report
from mailevents_dagster.sources.outcomes.notices.written import told_in_writing

NOTHING: Final = Notice(NoticeKind.NONE)
_MOST_FORWARDS: Final = 2
_WORDS_OF_A_FORWARD: Final = 20
"""A person who writes more about a notice that he attaches has written a mail of his own."""


def notices_of(chunks: Iterable[bytes]) -> tuple[Notice, ...]:
    """Return what a message tells, at least one notice; of one that is about no delivery its kind is none.

    Only errors of the chunks are raised, whatever is broken in the message.
    """
    return tuple(_told(read_mail(chunks), _MOST_FORWARDS)) or (NOTHING,)


def _told(mail: Mail, forwards: int) -> Sequence[Notice]:
    message = Examined(mail)
    return (
        complaints_in(message)
        or receipts_in(message)
        or told_in_report(message)
        or notices_in_json("" if mail.root.is_multipart else mail.text)
        or _forwarded(message, forwards)
        or told_in_writing(message)
        or auto_replies_in(message)
    )


def _forwarded(message: Examined, forwards: int) -> Sequence[Notice]:
    """Return what a notice tells that somebody handed on as it is, without a mail of his own around it."""
    mail = message.mail
    attached = mail.of_types("message/rfc822")
    if not forwards or len(attached) != 1 or message.said:
        return ()
    if not message.origin.is_daemon and len(mail.text.split()) > _WORDS_OF_A_FORWARD:
        return ()
    inner = _told(read_mail([bytes(attached[0].data)]), forwards - 1)
    return [notice for notice in inner if notice.kind is not NoticeKind.AUTO_REPLY]
