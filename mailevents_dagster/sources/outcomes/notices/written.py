"""Notices without a report for programs: who may have written them, and what their text tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailevents_dagster.failures.replies import reply_in
from mailevents_dagster.sources.outcomes.notices.examined import Examined
from mailevents_dagster.sources.outcomes.notices.forms import REMOTE_HOST
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind
from mailevents_dagster.sources.outcomes.notices.phrases import FAILED_TEXT
from mailevents_dagster.sources.outcomes.notices.prose import Said
from mailevents_dagster.sources.outcomes.notices.second_opinion import second_opinion
from mailevents_dagster.sources.outcomes.notices.verdicts import failed


def told_in_writing(message: Examined) -> list[Notice]:
    """Return what the text tells of each recipient, or of none, where a mail server seems to have written it."""
    if not _is_notice(message):
        return []
    text = message.prose.text
    host = REMOTE_HOST.search(text)
    told = Notice(
        NoticeKind.DEFERRAL if message.is_late else NoticeKind.BOUNCE,
        remote_host=next((name.lower() for name in host.groups() if name), None) if host else None,
        original=message.original,
    )
    said = message.said or [Said(one) for one in _recipients(message) or second_opinion(message.mail)]
    around = text if len(said) < 2 else ""
    return [_failed(told, one, text, around) for one in said] or [_failed(told, None, text, around)]


def _failed(told: Notice, said: Said | None, whole: str, around: str) -> Notice:
    text = (said.reason if said else "") or whole
    reply = reply_in(text)
    if said:
        told = replace(told, recipient=said.recipient, final_recipient=said.final)
    return failed(told, reply.code, reply.enhanced, text, around=around)


def _recipients(message: Examined) -> Sequence[str]:
    """Return whom a mail failed for where the text names nobody: by the header, or the mail that came back.

    One that had several recipients does not tell which of them failed.
    """
    if message.origin.failed:
        return message.origin.failed
    named = message.original.recipients
    others = [one for one in named if one not in message.origin.own]
    return next((one for one in (others, message.origin.encoded) if len(one) == 1), ())


def _is_notice(message: Examined) -> bool:
    origin = message.origin
    is_report = (message.mail.root.report_type or "").lower() == "delivery-status"
    if origin.failed or (is_report and _says_failure(message)):
        return True
    if origin.is_answer and not origin.is_daemon:
        return False
    if origin.is_of_list and not (origin.is_daemon and origin.tells_failure):
        return False
    if origin.is_daemon:
        return origin.tells_failure or (_says_failure(message) and bool(message.said))
    if origin.has_no_sender:
        return (origin.tells_failure and _says_failure(message)) or _quotes_reply(message)
    is_likely = origin.is_program or bool(message.prose.returned)
    return is_likely and origin.tells_failure and _says_failure(message) and any(one.is_sure for one in message.said)


def _says_failure(message: Examined) -> bool:
    return bool(FAILED_TEXT.search("\n".join(message.prose.lines)))


def _quotes_reply(message: Examined) -> bool:
    """Return whether a recipient is named together with the answer of a mail server."""
    return any(reply_in(one.reason).code for one in message.said)
