"""Answers of mail servers: at least one for each rule that classifies them."""

from __future__ import annotations

from typing import Final, NamedTuple


class Answer(NamedTuple):
    """A failure as a mail server tells it, and the rule, class and reason that are its own."""

    rule: str
    verdict: str
    code: int | None
    enhanced: str | None
    text: str


ANSWERS: Final = (
    Answer("exchange-no-recipient", "hard", 550, "5.4.1", "<a@b.example>: Recipient address rejected: Access denied."),
    Answer("yahoo-policy", "policy rule", 554, "5.7.9", "Message not accepted for policy reasons."),
    Answer("aol-policy", "policy reputation", 521, "5.2.1", "(HVU:B1) https://postmaster.aol.com/error-codes"),
    Answer(
        "receives-too-fast", "soft", 450, "4.2.1", "The user you are trying to contact is receiving mail too quickly."
    ),
    Answer("receives-too-fast", "soft", 550, "5.2.1", "The user is receiving mail at a rate that prevents more."),
    Answer("sender-quota", "soft", 550, "5.4.5", "Daily user sending quota exceeded"),
    Answer("address-unverified", "soft", 450, "4.1.1", "Recipient address rejected: unverified address: timed out"),
    Answer("sender-domain", "policy authentication", 450, "4.1.8", "Sender address rejected: Domain not found"),
    Answer("sender-refused", "policy rule", 550, "5.1.0", "<s@c.example> sender rejected. AUP#In-1310"),
    Answer("sender-refused", "policy rule", 550, None, "Sender verify failed: no such user here"),
    Answer("sender-refused", "policy rule", 550, None, "Verification failed for <s@c.example>"),
    Answer(
        "sender-listed", "policy reputation", 550, "5.2.1", "Mailbox unavailable. Your IP 192.0.2.1 is blacklisted."
    ),
    Answer("rate", "soft", 550, None, "Too many invalid recipients"),
    Answer("mailbox-full", "soft", 550, None, "<a@b.example> user quota exceeded"),
    Answer("mailbox-full", "soft", 550, None, "Mail-box full"),
    Answer("mailbox-full", "soft", 550, None, "MAILBOX_FULL"),
    Answer("unknown-recipient", "hard", 550, None, "a@b.example...User unknown"),
    Answer("unknown-recipient", "hard", 553, "5.7.1", "no such mail box"),
    Answer("unknown-recipient", "hard", 550, None, "BAD_RECIPIENT"),
    Answer("unknown-recipient", "hard", 550, None, "Kullanıcı hesabı bulunamadı"),
    Answer("unknown-recipient", "hard", 550, None, "Destinatario no encontrado"),
    Answer("unknown-recipient", "hard", 550, None, "Boîte aux lettres inconnue"),
    Answer("unknown-recipient", "hard", 550, None, "Bilinmeyen kullanıcı"),
    Answer("sender-refused", "policy rule", 550, None, "Absenderadresse unbekannt"),
    Answer("unknown-domain", "hard", None, None, "[b.example]: Name or service not known"),
    Answer("disabled", "hard", 550, None, "<a@b.example> is not an active address"),
    Answer("permanent", "other", 550, None, "The account may not exist, or it may be something else"),
    Answer("reputation", "policy reputation", 550, None, "DY-001 Unfortunately, messages from 192.0.2.1 weren't sent."),
    Answer("too-large", "policy rule", 552, None, "İleti boyutu sınırını aşıyor"),
    Answer("too-large", "policy rule", 552, None, "Nachricht zu gross"),
    Answer("mailbox-full", "soft", 550, "5.1.1", "Mailbox is full / Blocks limit exceeded"),
    Answer("mailbox-full", "soft", 552, "5.2.2", "Posta kutusu dolu, KOTA AŞILDI"),
    Answer(
        "mailbox-full",
        "soft",
        452,
        None,
        "452-4.2.2 The email account that you tried to reach is over\\n452 4.2.2 quota",
    ),
    Answer("mailbox-full", "soft", 552, None, "메일함 용량이 초과되었습니다"),
    Answer("greylisting", "soft", 451, "4.7.1", "<a@b.example>: Recipient address rejected: Greylisted for 5 minutes"),
    Answer("no-such-domain", "hard", None, "4.0.0", "DNS type 'mx' lookup of b.example responded with code NXDOMAIN"),
    Answer("no-such-domain", "hard", None, None, "an MX or SRV record indicated no SMTP service"),
    Answer("code-no-mailbox", "hard", 550, "5.1.1", "User Unknown"),
    Answer("code-no-mailbox", "hard", None, "5.0.0", "smtp; 550 5.1.1 <a@b.example>... whatever"),
    Answer("code-no-domain", "hard", None, "5.4.4", "Name service error for name=b.example type=AAAA: Host not found"),
    Answer("code-disabled", "hard", 550, "5.2.1", "The email account that you tried to reach is disabled."),
    Answer("code-owner-changed", "hard", 550, "5.7.17", "Mailbox owner has changed since then"),
    Answer("code-mailbox-full", "soft", 452, "4.2.2", "No more room"),
    Answer("code-mailbox-full", "soft", 552, "5.2.2", "No more room"),
    Answer("code-receives-too-much", "soft", 550, "5.2.121", "Recipient's per hour message receive limit from IP"),
    Answer("code-too-large", "policy rule", 552, "5.3.4", "Your mail has too many bytes"),
    Answer("code-system-full", "soft", 452, "4.3.1", "Insufficient system resources"),
    Answer("code-too-many-recipients", "soft", 452, "4.5.3", "Your message has too many recipients."),
    Answer("code-sender-address", "policy rule", 550, "5.1.7", "Bad address syntax"),
    Answer("code-sender-domain", "policy authentication", 550, "5.7.27", "It has a null MX"),
    Answer("code-unauthenticated", "policy authentication", 421, "4.7.26", "This mail has been rate limited because …"),
    Answer("code-unauthenticated", "policy authentication", 550, "5.7.515", "Access denied, c.example does not meet …"),
    Answer("code-sign-in", "policy authentication", 535, "5.7.8", "Username and Password not accepted."),
    Answer("code-mail-flood", "soft reputation", 421, "4.7.28", "An unusual rate of mail originating from your IP"),
    Answer("code-reputation", "policy reputation", 550, "5.7.606", "Access denied, banned sending IP [192.0.2.1]"),
    Answer("code-reputation", "policy reputation", 550, "5.7.708", "Access denied, traffic not accepted from this IP"),
    Answer("code-content", "policy content", 500, "5.6.1", "Message content rejected"),
    Answer("code-recipient-rule", "policy rule", 550, "5.7.133", "sender not authenticated for group"),
    Answer(
        "never-again",
        "policy reputation",
        421,
        "4.7.1",
        "[TS03] All messages from 192.0.2.1 will be permanently deferred",
    ),
    Answer(
        "rate-by-reputation",
        "soft reputation",
        421,
        "4.7.0",
        "[TSS04] Messages temporarily deferred due to user complaints",
    ),
    Answer(
        "rate-by-reputation", "soft reputation", 451, "4.7.650", "temporarily rate limited due to IP reputation. (S775)"
    ),
    Answer("rate", "soft", 421, "4.7.1", "Messages to a@b.example deferred due to excessive volume"),
    Answer("rate", "soft", 550, None, "Ip frequency limited"),
    Answer("reputation", "policy reputation", 554, "5.7.1", "Client host [192.0.2.1] blocked using zen.spamhaus.org"),
    Answer(
        "reputation",
        "policy reputation",
        550,
        "5.7.1",
        "Unfortunately, messages from [192.0.2.1] weren't sent. (S3150)",
    ),
    Answer("headers", "policy content", 554, None, "Transaction failed: Duplicate header 'DKIM-Signature'."),
    Answer("authentication", "policy authentication", 550, "5.7.1", "not accepted due to c.example's DMARC policy"),
    Answer(
        "authentication",
        "policy authentication",
        450,
        "4.7.1",
        "Client host rejected: cannot find your reverse hostname",
    ),
    Answer(
        "authentication", "policy authentication", 554, None, "554-No SMTP service\n554-Bad DNS PTR resource record."
    ),
    Answer(
        "content",
        "policy content",
        550,
        None,
        "spam message rejected. Please visit https://help.mail.ru/notspam-support",
    ),
    Answer("content", "policy content", 550, "5.7.1", "[CS01] Message rejected due to local policy."),
    Answer("too-large", "policy rule", 552, None, "Message size exceeds fixed limit"),
    Answer("relaying", "policy rule", 554, "5.7.1", "<a@b.example>: Relay access denied"),
    Answer("recipient-rule", "policy rule", 550, None, "You are not allowed to send mail to this list"),
    Answer("recipient-rule", "policy rule", 550, None, "수신거부된 메일입니다"),
    Answer(
        "host-lookup", "soft", None, None, "Name service error for name=b.example type=MX: Host not found, try again"
    ),
    Answer("disabled", "hard", 550, None, "<a@b.example>: Account has been suspended"),
    Answer("disabled", "hard", 550, "5.7.1", "휴면 계정입니다"),
    Answer("unknown-domain", "hard", 550, None, "Host unknown (Authoritative answer from name server)"),
    Answer("unknown-domain", "hard", None, None, "all relevant MX records point to non-existent hosts"),
    Answer("unknown-recipient", "hard", 550, None, "Message was not accepted -- invalid mailbox. Local mailbox …"),
    Answer("unknown-recipient", "hard", 550, "5.5.0", "Requested action not taken: mailbox unavailable (S2017062302)."),
    Answer("unknown-recipient", "hard", 554, None, "delivery error: dd This user doesn't have a yahoo.com account"),
    Answer("unknown-recipient", "hard", None, None, "Unrouteable address"),
    Answer("unknown-recipient", "hard", 550, "5.7.1", "User 'a@b.example' unknown"),
    Answer("unknown-recipient", "hard", 550, None, "KULLANICI BULUNAMADI"),
    Answer("unknown-recipient", "hard", 550, None, "존재하지 않는 메일 주소입니다"),
    Answer("unknown-recipient", "hard", 550, None, "Такой пользователь не найден"),
    Answer("routing-loop", "soft", 554, "5.4.14", "Hop count exceeded - possible mail loop ATTR34"),
    Answer("routing-loop", "soft", None, "5.4.6", "mail for b.example loops back to myself"),
    Answer("code-routing-loop", "soft", 554, "5.4.6", "Configuration error"),
    Answer("network", "soft", None, None, "H=mx.b.example [192.0.2.1]: Connection timed out"),
    Answer("network", "soft", None, None, "retry timeout exceeded"),
    Answer("system", "soft", 554, None, "Service currently unavailable"),
    Answer("spam", "policy content", 554, None, "Rejected: see https://b.example/antispam"),
    Answer("blocked", "policy reputation", 550, None, "Your host is blocked."),
    Answer("policy", "policy rule", 550, None, "Administrative prohibition"),
    Answer(
        "before-recipient",
        "policy rule",
        550,
        None,
        "SMTP error from remote mail server after MAIL FROM:<s@c.example>: 550 No",
    ),
    Answer("code-address", "hard", 550, "5.1.0", "Address rejected"),
    Answer("code-not-local", "hard", 551, None, "Not here; please try <a@d.example>"),
    Answer("code-takes-no-mail", "hard", 556, None, "We take none"),
    Answer("code-host-down", "soft", None, "5.4.1", "Nobody answers"),
    Answer("code-expired", "soft", None, "5.4.7", "Too long ago"),
    Answer("code-content-generic", "policy content", 554, "5.6.0", "Something in it"),
    Answer("code-policy", "policy rule", 550, "5.7.1", "No"),
    Answer("code-policy-reply", "policy rule", 571, None, "No"),
    Answer("code-sign-in-reply", "policy authentication", 530, None, "No"),
    Answer("code-storage", "soft", 552, None, "No"),
    Answer("passing", "soft", 421, None, "Come back"),
    Answer("passing", "soft", 450, "4.1.1", "User unknown in virtual mailbox table"),
    Answer("permanent", "other", 550, None, "Rejected"),
    Answer("permanent", "other", 554, "5.0.0", "Transaction failed"),
    Answer("unknown", "other", None, None, "it went wrong"),
)
