"""The detail of a mail: its listing record with what the mail servers noted on its way. Derived from the record."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]


def with_detail(record: Record) -> Record:
    """The record plus `logs`, `transactions`, `filters` and `emails`; any of its own fields may be missing or odd."""
    recipients = record.get("recipients")
    known = [recipient for recipient in recipients if isinstance(recipient, dict)] if recipients else []
    return {
        **record,
        "logs": _logs(record, known),
        "transactions": _transactions(record, known),
        "filters": _filters(record),
        "emails": [_email(record, recipient) for recipient in known],
    }


def _logs(record: Record, recipients: list[Record]) -> list[Record]:
    queue_id, sender, time = record.get("queue_id"), record.get("mailfrom"), record.get("time")
    source, size = record.get("srcip"), record.get("size")
    lines = [
        ("smtpd", f"connect from client.example[{source}]"),
        ("smtpd", f"{queue_id}: client=client.example[{source}]"),
        ("cleanup", f"{queue_id}: message-id={record.get('message_id')}"),
        ("qmgr", f"{queue_id}: from=<{sender}>, size={size}, nrcpt={len(recipients)} (queue active)"),
    ]
    logs = [{"time": time, "host": "mx1.posta.example", "program": program, "line": line} for program, line in lines]
    for recipient in recipients:
        line = (
            f"{queue_id}: to=<{recipient.get('mailto')}>, relay=mail.posta.example[{recipient.get('dstip')}]:25, "
            f"dsn={recipient.get('status_code')}, status={recipient.get('status')} ({recipient.get('status_string')})"
        )
        logs.append({"time": recipient.get("time"), "host": "mx1.posta.example", "program": "smtp", "line": line})
    return logs


def _transactions(record: Record, recipients: list[Record]) -> list[Record]:
    time = record.get("time")
    dialogue = [
        ("CONNECT", "220 mx1.posta.example ESMTP"),
        ("EHLO client.example", "250 mx1.posta.example"),
        ("STARTTLS", "220 2.0.0 Ready to start TLS"),
        (f"MAIL FROM:<{record.get('mailfrom')}>", "250 2.1.0 Ok"),
    ]
    dialogue += [(f"RCPT TO:<{recipient.get('mailto')}>", "250 2.1.5 Ok") for recipient in recipients]
    dialogue.append(("DATA", f"250 2.0.0 Ok: queued as {record.get('queue_id')}"))
    return [{"time": time, "command": command, "response": response} for command, response in dialogue]


def _filters(record: Record) -> list[Record]:
    size = record.get("size")
    score = size % 60 / 10 if isinstance(size, int) else 0.0
    return [
        {"name": "spf", "result": "pass", "detail": f"{record.get('srcip')} is permitted"},
        {"name": "dkim", "result": "pass" if score < 4 else "none", "detail": "header.s=posta"},
        {"name": "dmarc", "result": "pass" if score < 4 else "fail", "detail": "policy=quarantine"},
        {"name": "antivirus", "result": "clean", "detail": "0 of 2 engines"},
        {"name": "antispam", "result": "ham" if score < 5 else "spam", "score": score, "required": 5.0},
    ]


def _email(record: Record, recipient: Record) -> Record:
    return {
        "time": recipient.get("time"),
        "from": record.get("headerfrom"),
        "to": recipient.get("mailto"),
        "subject": record.get("subject"),
        "status": recipient.get("status"),
        "status_code": recipient.get("status_code"),
    }
