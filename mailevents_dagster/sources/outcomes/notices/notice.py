"""What a message tells of a mail that was sent before. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailevents_dagster.failures.classes import BounceClass, Reason


class NoticeKind(StrEnum):
    """What a message tells of a recipient."""

    BOUNCE = "bounce"
    """The mail was not delivered, and nobody tries again."""
    DEFERRAL = "deferral"
    """The mail was not delivered yet; the server goes on trying."""
    COMPLAINT = "complaint"
    """A receiver reports the mail: mostly somebody who called it spam."""
    AUTO_REPLY = "auto-reply"
    """A program answers for the recipient."""
    RECEIPT = "receipt"
    """The mail was delivered, relayed, displayed or deleted."""
    NONE = "none"
    """The message is about no delivery."""


@dataclass(frozen=True, slots=True)
class Original:
    """What is known of the mail that the message is about."""

    message_id: str | None = None
    """Without < and >."""
    sender: str | None = None
    """The envelope sender where it is told, else the author."""
    recipients: tuple[str, ...] = ()
    """All that its header or the notice names, in small letters; empty where only its beginning was lost."""
    sent: int | None = None
    """Date of its header, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a message tells of one recipient."""

    kind: NoticeKind
    recipient: str | None = None
    """The address that the mail was sent to: the original one where an alias led to another."""
    bounce_class: BounceClass | None = None
    """None unless something failed."""
    reason: Reason = Reason.NONE
    rule: str | None = None
    """The rule that assigned the class; without a class, what told the kind."""
    code: int | None = None
    enhanced_code: str | None = None
    text: str | None = None
    """The answer of the other server, or the reason in the words of the server that gave up."""
    action: str | None = None
    """failed, delayed, delivered, relayed or expanded, as the report says."""
    diagnostic_type: str | None = None
    """Who speaks in the text: smtp, x-unix, x-postfix and the like."""
    final_recipient: str | None = None
    original_recipient: str | None = None
    remote_host: str | None = None
    """The host that answered."""
    reporting_host: str | None = None
    """The host that reports."""
    arrived: int | None = None
    """When the mail came to the host that reports, in Unix seconds."""
    last_attempt: int | None = None
    envelope_id: str | None = None
    feedback_type: str | None = None
    """Of a complaint: abuse, fraud, not-spam and the like (RFC 5965); only abuse and fraud are held against a mail."""
    original: Original = Original()

    @property
    def is_delivered(self) -> bool:
        """Whether the report of a mail server says that it was delivered or handed on."""
        return self.kind is NoticeKind.RECEIPT and self.action in ("delivered", "relayed", "expanded")
