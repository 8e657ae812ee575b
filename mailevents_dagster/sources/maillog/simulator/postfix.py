"""The lines that a Postfix writes through syslog about simulated mail, without their stamps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mailevents_dagster.sources.maillog.simulator.ids import has_long_ids, postfix_id
from mailevents_dagster.sources.maillog.simulator.traffic import RETRIES, Mail, Recipient, Refusal
from mailevents_dagster.sources.maillog.simulator.words import Answer, Host

Entry = tuple[int, str]
"""A time in Unix seconds and what stands behind the stamp."""
_TLS: Final = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"


class Postfix:
    """A Postfix by its name; half of all names have one with long queue ids."""

    stamp: Final = "%b %e %H:%M:"
    """What begins its lines, up to the seconds."""

    def __init__(self, name: str) -> None:
        self._host = name.partition(".")[0]
        self.name = name
        self._has_long_ids = has_long_ids(name)

    def mail(self, mail: Mail) -> Iterator[Entry]:
        """Yield what is written about a mail, from its arrival to its end."""
        own = self.id(mail.time, mail.number)
        yield from self._arrival(own, mail)
        at, count = mail.time, len(mail.recipients)
        queue = self._line("qmgr", 811, f"{own}: from=<{mail.sender}>, size={mail.size}, nrcpt={count} (queue active)")
        for attempt, later in enumerate(RETRIES):
            tried = [one for one in mail.recipients if len(one.answers) > attempt]
            if not tried:
                break
            at = mail.time + later + (1 if not later else mail.number % 120)
            yield at, queue
            if failed := [one for one in tried if one.answers[attempt].status == "expired"]:
                yield at, self._line("qmgr", 811, f"{own}: from=<{mail.sender}>, status=expired, returned to sender")
            for recipient in tried:
                answer = recipient.answers[attempt]
                if answer.status != "expired":
                    yield at + 1, self._delivery(own, mail, recipient, answer, at + 1)
                if answer.status == "bounced":
                    failed.append(recipient)
            if failed and mail.sender:
                yield from self._bounce(own, mail, at + 1)
        yield at + 1, self._line("qmgr", 811, f"{own}: removed")

    def _arrival(self, own: str, mail: Mail) -> Iterator[Entry]:
        client, pid, at = mail.client, mail.number % 30_000 + 900, mail.time
        message_id = self._line("cleanup", pid + 3, f"{own}: message-id=<{mail.message_id}>")
        if client is None:
            yield at, self._line("pickup", 807, f"{own}: uid=33 from=<www-data>")
            yield at, message_id
            return
        program, host = "submission/smtpd" if mail.user else "smtpd", _host(client)
        yield at, self._line(program, pid, f"connect from {host}")
        if client.has_tls:
            yield at, self._line(program, pid, f"Anonymous TLS connection established from {host}: {_TLS}")
        user = f", sasl_method=PLAIN, sasl_username={mail.user}" if mail.user else ""
        yield at, self._line(program, pid, f"{own}: client={host}{user}")
        yield at, message_id
        envelope = (
            f"from=<{mail.sender}> to=<{mail.recipients[0].original}> proto=ESMTP helo=<{client.name or 'friend'}>"
        )
        header = f"warning: header Subject: {mail.subject} from {host}; {envelope}"
        yield at, self._line("cleanup", pid + 3, f"{own}: {header}")
        commands = f"ehlo=2 starttls=1{' auth=1' if user else ''} mail=1 rcpt={len(mail.recipients)} data=1 quit=1"
        yield at + 1, self._line(program, pid, f"disconnect from {host} {commands} commands={7 if user else 6}")

    def _delivery(self, own: str, mail: Mail, recipient: Recipient, answer: Answer, at: int) -> str:
        relay, number = recipient.relay, mail.number
        original = f" orig_to=<{recipient.original}>," if recipient.original != recipient.address else ""
        waited, parts = at - mail.time, number % 90
        timing = f"delay={waited}.{parts:02}, delays={max(0, waited - 1)}.{parts:02}/0.01/0.4/0.6, dsn={answer.dsn}"
        program, pid = "smtp", number % 20_000 + 2000
        if relay is None:
            program, where = "lmtp", f"{self.name}[private/dovecot-lmtp]"
            said = f"250 2.0.0 <{recipient.address}> {number % 2**40:x} Saved"
        else:
            where = f"{relay.name}[{relay.address}]:25"
            said = mail.accepted_as or f"250 2.0.0 Ok: queued as {number % 2**40:X}"
        if not answer.stage and answer.text:
            said, where = f"connect to {where}: {answer.text}", "none"
        elif answer.text:
            text = answer.text.replace("{address}", recipient.address).replace("\\n", " ")
            command = "end of DATA command" if answer.stage == "end of data" else f"{answer.stage} command"
            said = f"host {where.removesuffix(':25')} said: {text} (in reply to {command})"
        to = f"{own}: to=<{recipient.address}>,{original} relay={where}"
        return self._line(program, pid, f"{to}, {timing}, status={answer.status} ({said})")

    def accepts(self, mail: Mail) -> str:
        """Return what it answers to whoever hands it a mail."""
        return f"250 2.0.0 Ok: queued as {self.id(mail.time, mail.number)}"

    def _bounce(self, failed: str, mail: Mail, at: int) -> Iterator[Entry]:
        own = self.id(at, mail.number >> 7)
        pid, size = mail.number % 20_000 + 3000, mail.size % 5000 + 1500
        notification = f"{own}: message-id=<{mail.number >> 5:x}@{self.name}>"
        yield at, self._line("cleanup", pid, notification)
        yield at, self._line("bounce", pid + 1, f"{failed}: sender non-delivery notification: {own}")
        yield at, self._line("qmgr", 811, f"{own}: from=<>, size={size}, nrcpt=1 (queue active)")
        back = Recipient(mail.sender, mail.sender, None if mail.user else mail.client, ())
        yield at + 1, self._delivery(own, mail._replace(time=at, accepted_as=""), back, Answer("sent"), at + 1)
        yield at + 1, self._line("qmgr", 811, f"{own}: removed")

    def refusal(self, refusal: Refusal) -> Iterator[Entry]:
        """Yield what is written about a recipient that was refused."""
        pid, host, at = refusal.number % 30_000 + 900, _host(refusal.client), refusal.time
        reason = refusal.reason.postfix.replace("{client}", refusal.client.address)
        reason = reason.replace("{address}", refusal.address)
        yield at, self._line("smtpd", pid, f"connect from {host}")
        envelope = f"from=<{refusal.sender}> to=<{refusal.address}> proto=ESMTP helo=<friend>"
        yield at, self._line("smtpd", pid, f"NOQUEUE: reject: RCPT from {host}: {reason}; {envelope}")
        if refusal.number % 5 == 0:
            yield at + 1, self._line("smtpd", pid, f"lost connection after RCPT from {host}")
        yield at + 1, self._line("smtpd", pid, f"disconnect from {host} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4")

    def chores(self, minute: int) -> Iterator[Entry]:
        """Yield what is written whether mail comes or not."""
        at, pid = minute * 60, 1000 + minute * 7919 % 30_000
        if minute % 30 == 8:
            line = "statistics: max connection rate 2/60s for (smtp:192.0.2.14)"
            yield at + 12, self._line("anvil", pid, line)
        if minute % 45 == 3:
            refused = "warning: unknown[203.0.113.66]: SASL LOGIN authentication failed: authentication failure"
            yield at + 40, self._line("submission/smtpd", pid, refused)
        if minute % 977 == 0:
            yield at + 30, f" {self._host} mail-counter[{pid}]: {pid} things were counted, {pid % 7} were not"

    def _line(self, program: str, pid: int, text: str) -> str:
        return f" {self._host} postfix/{program}[{pid}]: {text}"

    def id(self, time: int, number: int) -> str:
        """Return the id that it gives to a mail."""
        return postfix_id(time, number, is_long=self._has_long_ids)


def _host(host: Host) -> str:
    return f"{host.name or 'unknown'}[{host.address}]"
