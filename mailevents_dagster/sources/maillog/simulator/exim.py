"""The lines that an Exim writes into its main log about simulated mail, without their stamps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mailevents_dagster.sources.maillog.simulator.ids import exim_id, has_long_ids
from mailevents_dagster.sources.maillog.simulator.traffic import RETRIES, Mail, Recipient, Refusal
from mailevents_dagster.sources.maillog.simulator.words import Answer, Host

Entry = tuple[int, str]
"""A time in Unix seconds and what stands behind the stamp."""
_TLS: Final = "X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV="


class Exim:
    """An Exim by its name; half of all names have one with ids of 23 characters."""

    stamp: Final = "%Y-%m-%d %H:%M:"
    """What begins its lines, up to the seconds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._has_long_ids = has_long_ids(name)

    def mail(self, mail: Mail) -> Iterator[Entry]:
        """Yield what is written about a mail, from its arrival to its end."""
        own = self.id(mail.time, mail.number)
        yield mail.time, _arrival(own, mail)
        at = mail.time
        for attempt, later in enumerate(RETRIES):
            tried = [one for one in mail.recipients if len(one.answers) > attempt]
            if not tried:
                break
            at = mail.time + later + (mail.number % 5 if not later else mail.number % 120)
            failed, delivered_to = [], set()
            for recipient in tried:
                answer, relay = recipient.answers[attempt], recipient.relay
                flag = "->" if relay in delivered_to else "=>"
                yield at, f" {own} {_outcome(flag, mail, recipient, answer, at)}"
                if relay and answer.status == "sent":
                    delivered_to.add(relay)
                if answer.status in ("bounced", "expired"):
                    failed.append(recipient)
            if failed and mail.sender:
                yield from self._bounce(own, mail, at)
        yield at, f" {own} Completed QT={at - mail.time}s"

    def accepts(self, mail: Mail) -> str:
        """Return what it answers to whoever hands it a mail."""
        return f"250 OK id={self.id(mail.time, mail.number)}"

    def _bounce(self, failed: str, mail: Mail, at: int) -> Iterator[Entry]:
        own = self.id(at, mail.number >> 7)
        yield at, f' {own} <= <> R={failed} U=Debian-exim P=local S={mail.size % 5000 + 1500} T="Mail delivery failed"'
        back = Recipient(mail.sender, mail.sender, mail.client if not mail.user else None, ())
        yield at + 1, f" {own} {_delivery('=>', mail._replace(time=at, accepted_as=''), back, at + 1)}"
        yield at + 1, f" {own} Completed QT=1s"

    def refusal(self, refusal: Refusal) -> Iterator[Entry]:
        """Yield what is written about a recipient that was refused."""
        client, number = refusal.client, refusal.number
        reason = refusal.reason.exim.replace("{client}", client.address)
        verb = "temporarily rejected" if refusal.reason.is_passing else "rejected"
        who = f"H={_host(client)} F=<{refusal.sender}>"
        if not client.name:
            yield refusal.time, f" no host name found for IP address {client.address}"
        yield refusal.time, f" {who} {verb} RCPT <{refusal.address}>: {reason}"
        if number % 3 == 0:
            lost = f" unexpected disconnection while reading SMTP command from {_host(client)} D={number % 9}s"
            yield refusal.time + 1, lost
        elif number % 7 == 0:
            refused = self.id(refusal.time + 2, number)
            yield refusal.time + 2, f" {refused} {who} rejected after DATA: This message contains malware (Eicar)"

    def chores(self, minute: int) -> Iterator[Entry]:
        """Yield what is written whether mail comes or not."""
        at, pid = minute * 60, 1000 + minute * 7919 % 30_000
        if minute % 30 == 8:
            yield at + 12, f" Start queue run: pid={pid}"
            yield at + 13, f" End queue run: pid={pid}"
        if minute % 977 == 0:
            yield at + 30, f" mail-counter: {pid} things were counted, {pid % 7} were not"

    def id(self, time: int, number: int) -> str:
        """Return the id that it gives to a mail."""
        return exim_id(time, number, is_long=self._has_long_ids)


def _arrival(own: str, mail: Mail) -> str:
    client, sender = mail.client, mail.sender or "<>"
    subject = mail.subject.replace("\\", "\\\\").replace('"', '\\"')
    what = f'S={mail.size} id={mail.message_id} T="{subject}"'
    to = " ".join(recipient.original for recipient in mail.recipients)
    if client is None:
        return f" {own} <= {sender} U=www-data P=local {what} from <{mail.sender}> for {to}"
    tls = f" P=esmtps{'a' if mail.user else ''} {_TLS}no" if client.has_tls else " P=esmtp"
    user = f" A=plain_login:{mail.user}" if mail.user else ""
    return f" {own} <= {sender} H={_host(client)}{tls}{user} {what} from <{mail.sender}> for {to}"


def _outcome(flag: str, mail: Mail, recipient: Recipient, answer: Answer, at: int) -> str:
    if answer.status == "sent":
        return _delivery(flag, mail, recipient, at)
    address, relay = _address(recipient), recipient.relay
    if answer.status == "expired":
        return f"** {address}: retry timeout exceeded"
    if relay is None:
        return f"== {address} R=local_user T=maildir_home defer (-22): mailbox is full (MTA-imposed quota exceeded)"
    to, host = f"{address} R=dnslookup T=remote_smtp", f"H={relay.name} [{relay.address}]"
    if not answer.stage:
        return f"== {to} {host} defer (110): {answer.text}"
    command = {"RCPT TO": f"RCPT TO:<{recipient.address}>", "MAIL FROM": f"MAIL FROM:<{mail.sender}>"}
    said = answer.text.replace("{address}", recipient.address)
    after = f"SMTP error from remote mail server after {command.get(answer.stage, answer.stage)}: {said}"
    if answer.status == "deferred":
        return f"== {to} defer (-44) {host}: {after}"
    return f"** {to} {host}{f' {_TLS}yes' if relay.has_tls else ''}: {after}"


def _delivery(flag: str, mail: Mail, recipient: Recipient, at: int) -> str:
    relay, took = recipient.relay, mail.number % 3
    if relay is None:
        local = recipient.address.partition("@")[0]
        return f"=> {local} <{recipient.original}> R=local_user T=maildir_home QT={at - mail.time}s DT=0s"
    tls = f" {_TLS}yes" if relay.has_tls else ""
    said = f'C="{mail.accepted_as or f"250 2.0.0 Ok: queued as {mail.number % 2**40:X}"}"'
    to = f"{flag} {_address(recipient)} R=dnslookup T=remote_smtp H={relay.name} [{relay.address}]"
    return f"{to}{tls} {said} QT={at - mail.time}s DT={took}s"


def _address(recipient: Recipient) -> str:
    if recipient.relay is None or recipient.original != recipient.address:
        return f"{recipient.address} <{recipient.original}>"
    return recipient.address


def _host(host: Host) -> str:
    return f"{host.name} [{host.address}]" if host.name else f"(friend) [{host.address}]"
