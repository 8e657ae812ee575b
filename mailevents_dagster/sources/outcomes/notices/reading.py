"""What a message tells of each recipient of a mail that was sent before: the way from bytes to notices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

from mailevents_dagster.failures.replies import reply_in
from mailevents_dagster.sources.outcomes.notices.auto_replies import auto_replies_in
from mailevents_dagster.sources.outcomes.notices.complaints import complaints_in
from mailevents_dagster.sources.outcomes.notices.forms import REMOTE_HOST
from mailevents_dagster.sources.outcomes.notices.kinds import Origin, origin_of
from mailevents_dagster.sources.outcomes.notices.mail import Mail, read_mail
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind, Original
from mailevents_dagster.sources.outcomes.notices.phrases import DELAYED, FAILED_TEXT, GIVEN_UP
from mailevents_dagster.sources.outcomes.notices.prose import Prose, Said, prose_of, said_in
from mailevents_dagster.sources.outcomes.notices.provider_json import notices_in_json
from mailevents_dagster.sources.outcomes.notices.receipts import receipts_in
from mailevents_dagster.sources.outcomes.notices.returned import head_of, original_of, returned_in
from mailevents_dagster.sources.outcomes.notices.statuses import STATUS_TYPES, told_in_report
from mailevents_dagster.sources.outcomes.notices.verdicts import failed

NOTHING: Final = Notice(NoticeKind.NONE)
_MOST_FORWARDS: Final = 2
_WORDS_OF_A_FORWARD: Final = 20
"""Somebody who writes more about a notice that he attaches has written a mail of his own."""


def notices_of(chunks: Iterable[bytes]) -> tuple[Notice, ...]:
    """Return what a message tells, at least one notice; of one that is about no delivery its kind is none.

    Only errors of the chunks are raised, whatever is broken in the message.
    """
    return tuple(_told(read_mail(chunks), _MOST_FORWARDS)) or (NOTHING,)


def _told(mail: Mail, forwards: int) -> Sequence[Notice]:
    message = _Message(mail)
    original = message.original
    return (
        complaints_in(mail, original)
        or receipts_in(mail, original)
        or message.reported()
        or notices_in_json(mail.text if not mail.root.is_multipart else "")
        or message.written()
        or _forwarded(mail, forwards)
        or auto_replies_in(mail.head)
    )


def _forwarded(mail: Mail, forwards: int) -> Sequence[Notice]:
    """Return what a notice tells that somebody handed on as it is, without a mail of his own around it."""
    attached = mail.of_types("message/rfc822")
    if not forwards or len(attached) != 1 or len(mail.text.split()) > _WORDS_OF_A_FORWARD:
        return ()
    return [
        one
        for one in _told(read_mail([bytes(attached[0].data)]), forwards - 1)
        if one.kind is not NoticeKind.AUTO_REPLY
    ]


class _Message:
    """A message, of which no more is looked at than is needed."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    @cached_property
    def origin(self) -> Origin:
        return origin_of(self._mail.head)

    @cached_property
    def prose(self) -> Prose:
        return prose_of(self._mail.text)

    @cached_property
    def original(self) -> Original:
        head = returned_in(self._mail)
        if head is None and not self._mail.of_types(*STATUS_TYPES) and self.prose.returned:
            head = head_of(self.prose.returned.encode())
        return original_of(head)

    @cached_property
    def said(self) -> list[Said]:
        others = {*self.origin.own, *([self.original.sender] if self.original.sender else [])}
        return said_in(self.prose, others)

    @property
    def is_late(self) -> bool:
        text = self.prose.text
        return self.origin.tells_delay or bool(DELAYED.search(text) and not GIVEN_UP.search(text))

    def reported(self) -> list[Notice]:
        """Return what a report for programs tells."""
        notices = told_in_report(self._mail, self.original, lambda: self.said, is_late=self.is_late)
        return notices

    def written(self) -> list[Notice]:
        """Return what a text for people tells where a mail server seems to have written it."""
        if not self._is_notice():
            return []
        said = self.said or [Said(one) for one in self._recipients()]
        kind = NoticeKind.DEFERRAL if self.is_late else NoticeKind.BOUNCE
        host = REMOTE_HOST.search(self.prose.text)
        told = Notice(
            kind,
            remote_host=next((name.lower() for name in host.groups() if name), None) if host else None,
            original=self.original,
        )
        return [self._failed(told, one) for one in said] or [self._failed(told, None)]

    def _failed(self, told: Notice, said: Said | None) -> Notice:
        text = (said.reason if said else "") or self.prose.text
        reply = reply_in(text)
        if said:
            told = replace(told, recipient=said.recipient, final_recipient=said.final)
        return failed(told, reply.code, reply.enhanced, text, around=self.prose.text)

    def _recipients(self) -> Sequence[str]:
        """Return whom a mail failed for where the text names nobody: by the header, or the mail that came back."""
        if self.origin.failed:
            return self.origin.failed
        others = [one for one in self.original.recipients if one not in self.origin.own]
        return others or self.original.recipients if len(self.original.recipients) < 2 else others[:1]

    def _is_notice(self) -> bool:
        origin = self.origin
        if origin.failed:
            return True
        if origin.is_answer and not origin.is_daemon:
            return False
        if origin.is_of_list and not (origin.is_daemon and origin.tells_failure):
            return False
        if origin.is_daemon:
            return (origin.tells_failure or self._says_failure) and bool(origin.tells_failure or self.said)
        if origin.has_no_sender:
            return (origin.tells_failure and self._says_failure) or self._quotes_reply
        return origin.tells_failure and self._says_failure and self._quotes_reply

    @property
    def _says_failure(self) -> bool:
        return bool(FAILED_TEXT.search("\n".join(self.prose.lines)))

    @property
    def _quotes_reply(self) -> bool:
        """Whether a recipient is named together with the answer of a mail server."""
        return any(reply_in(one.reason).code for one in self.said)
