"""A letter says the same in text and in HTML, with tables and inline styles alone."""

from __future__ import annotations

import re

from mailevents_dagster.deliveries.mail.composing import composed
from mailevents_dagster.deliveries.mail.letter import Heading, Letter, Paragraph, Table

TABLE = Table("By <domain>", ["domain", "mails"], [["şirket.example", "1,234"], ["a & b", "5"]])
LETTER = Letter(
    "Report & <more>",
    [Heading("Mails", level=1), Paragraph("One.\nTwo <b>.", is_soft=True), TABLE, Paragraph("Left.", is_warning=True)],
    "tr",
)


def test_the_text_has_headings_paragraphs_and_columns() -> None:
    assert LETTER.text() == (
        "Mails\n=====\n\nOne.\nTwo <b>.\n\nBy <domain>\n  domain          mails\n"
        "  şirket.example  1,234\n  a & b               5\n\nLeft.\n"
    )


def test_the_html_holds_what_the_text_says_escaped_and_styled_inline() -> None:
    html = LETTER.html()
    assert '<html lang="tr">' in html
    for said in ("Report &amp; &lt;more&gt;", "Two &lt;b&gt;.", "a &amp; b", "By &lt;domain&gt;", "1,234"):
        assert said in html
    assert not re.findall(r"<(style|link|img|script)|class=|\$", html)
    words = set(re.findall(r"\w+", LETTER.text()))
    assert words <= set(re.findall(r"\w+", html.replace("&lt;", "<").replace("&gt;", ">")))


def test_a_letter_to_several_people_says_how_to_leave_them() -> None:
    one = composed(LETTER, sender="s@example.com", to=["a@example.com"], now=0.0)
    assert one["List-Unsubscribe"] is None
    two = composed(LETTER, sender="s@example.com", to=["a@example.com", "b@example.com"], now=0.0)
    assert two["List-Unsubscribe"] == "<mailto:s@example.com?subject=unsubscribe>"
    assert two["List-Unsubscribe-Post"] is None
    page = "https://example.com/leave"
    three = composed(LETTER, sender="s@example.com", to=["a@example.com"] * 2, now=0.0, unsubscribe=page)
    assert three["List-Unsubscribe"].startswith(f"<{page}>, <mailto:")
    assert three["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_letter_has_the_headers_that_every_mail_needs() -> None:
    mail = composed(LETTER, sender="s@example.com", to=["a@example.com"], now=0.0, message_id="report.1")
    assert mail["Message-ID"] == "<report.1@example.com>"
    assert mail["Date"] == "Thu, 01 Jan 1970 00:00:00 -0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    other = composed(LETTER, sender="s@example.com", to=["a@example.com"], now=0.0)
    assert re.fullmatch(r"<[^<>@]+@example\.com>", other["Message-ID"])
