"""Messages for tests: notices of mail servers, and mails that are none."""

from __future__ import annotations

from email.header import Header
from typing import Final

from mailevents_dagster.sources.outcomes.notices.notice import Notice
from mailevents_dagster.sources.outcomes.notices.reading import notices_of

BOUNCED: Final = (
    "Message-ID: <m1@shop.example>\nFrom: Shop <news@shop.example>\nTo: ada@post.example\nSubject: Your order"
)
"""The header of the mail that comes back."""


def head(**fields: str) -> str:
    """Return the header of a notice; fields are named as `Auto_Submitted`, and those that are empty are left out."""
    given = {
        "Return_Path": "<>",
        "From": "Mail Delivery System <MAILER-DAEMON@mx.shop.example>",
        "To": "news@shop.example",
        "Subject": "Undelivered Mail Returned to Sender",
        "Date": "Fri, 20 Nov 2026 10:00:00 +0300",
        "Message_ID": "<n1@mx.shop.example>",
    } | fields
    lines = (f"{name.replace('_', '-')}: {_encoded(value)}" for name, value in given.items() if value)
    return "\n".join(lines)


def _encoded(value: str) -> str:
    return value if value.isascii() else Header(value, "utf-8").encode(maxlinelen=500)


def written(text: str, returned: str = "", charset: str = "utf-8", **fields: str) -> bytes:
    """Return a notice with a text for people alone, and with the mail that comes back, if there is one, behind it."""
    body = f"{text}\n\n{returned}\n\nHello Ada\n" if returned else f"{text}\n"
    content = f"MIME-Version: 1.0\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit"
    return f"{head(**fields)}\n{content}\n\n".encode() + body.encode(charset)


def parts(*contents: tuple[str, str], kind: str = "report; report-type=delivery-status", **fields: str) -> bytes:
    """Return a multipart of these types and contents."""
    body = "".join(f"--=_b\nContent-Type: {type_}\n\n{content}\n" for type_, content in contents)
    content = f'MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary="=_b"'
    return f"{head(**fields)}\n{content}\n\n{body}--=_b--\n".encode()


def report(status: str, text: str = "It failed.", returned: str = BOUNCED, **fields: str) -> bytes:
    """Return a report of delivery, as RFC 3464 says, of the groups in `status`."""
    whole = f"Reporting-MTA: dns; mx.shop.example\nArrival-Date: Fri, 20 Nov 2026 09:59:00 +0300\n\n{status}\n"
    return parts(
        ("text/plain; charset=utf-8", text),
        ("message/delivery-status", whole),
        ("message/rfc822", f"{returned}\n\nHello Ada\n"),
        **fields,
    )


def only(message: bytes) -> Notice:
    """Return the only notice that a message holds."""
    (notice,) = notices_of([message])
    return notice


def shown(message: bytes) -> list[str]:
    """Return each notice as a line: kind, recipient, class, code, enhanced code."""
    return [
        " ".join(
            str(value or "-") for value in (one.kind, one.recipient, one.bounce_class, one.code, one.enhanced_code)
        )
        for one in notices_of([message])
    ]
