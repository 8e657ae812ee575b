"""Messages that nearly fail a rule, or nearly pass it."""

from __future__ import annotations

import pytest

from mailevents_dagster_tests.deliverability.lint.writing import HTML, OF_LISTS, failing, good, signed, written


def of_head(**changes: str | None) -> dict[str, tuple[str, ...]]:
    return failing(signed(written({name.replace("_", "-"): value for name, value in changes.items()})))


def of_link(href: str, text: str = "here") -> dict[str, tuple[str, ...]]:
    return failing(signed(written(html=f'{HTML}<a href="{href}">{text}</a>')))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Precedence", "Bulk"),
        ("Feedback-ID", "a:b:c:shop"),
        ("List-Id", "<news.example.com>"),
        ("List-Unsubscribe", "<mailto:leave@example.com>"),
    ],
)
def test_bulk_mail_is_known_by_its_headers(name: str, value: str) -> None:
    assert "one-click-missing" in of_head(**{name: value})


def test_bulk_mail_is_what_the_operator_says() -> None:
    assert [*failing(good())] == []
    assert [*failing(good(), is_bulk=True)] == ["one-click-missing"]


def test_a_notification_of_a_program_is_no_bulk_mail_for_offering_a_way_out() -> None:
    way_out = {"List-Unsubscribe": "<mailto:leave@example.com>", "Auto-Submitted": "auto-generated"}
    assert failing(signed(written(way_out))) == {}
    assert "one-click-missing" in failing(signed(written({**way_out, "List-Id": "<a.example.com>"})))


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com/leave",
        "<http://example.com/leave>",
        "<https:///leave>",
        "<https://[::1>",
        "",
        "<mailto:x@example.com>",
    ],
)
def test_an_address_that_is_not_https_in_angle_brackets_is_no_one_click(value: str) -> None:
    assert "one-click-missing" in failing(signed(written({**OF_LISTS, "List-Unsubscribe": value})))


def test_the_headers_of_one_click_count_in_any_case_and_folded() -> None:
    more = {
        "LIST-UNSUBSCRIBE": "<mailto:a@example.com>,\r\n <HTTPS://example.com/leave?of=1>",
        "list-unsubscribe-post": "list-unsubscribe=one-click",
    }
    assert failing(signed(written(more))) == {}


@pytest.mark.parametrize(
    "subject",
    [
        *("RE: x", "Fwd: x", "AW: x", "Ynt: x", "İlt: x", "re : x", "Re[2]: x", "回复：x", "SV: x"),
        "=?utf-8?q?Re=3A_x?=",
    ],
)
def test_a_reply_prefix_without_a_thread_is_false_in_any_language(subject: str) -> None:
    written_subject = subject if subject.isascii() else f"=?utf-8?q?{''.join(f'={b:02X}' for b in subject.encode())}?="
    assert "false-reply" in of_head(Subject=written_subject)
    assert failing(signed(written({"Subject": written_subject, "In-Reply-To": "<1@example.com>"}))) == {}


@pytest.mark.parametrize("subject", ["Recipes: five of them", "Regarding: x", "Ref: 17", "re your order", "12: x", ":"])
def test_other_words_before_a_colon_are_no_reply_prefix(subject: str) -> None:
    assert of_head(Subject=subject) == {}


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("noreply@example.com", True),
        ("No_Reply+17@example.com", True),
        ("do-not-reply@example.com", True),
        ("noreply2@example.com", True),
        ("yanitlamayin@example.com", True),
        ("replies@example.com", False),
        ("nora.reply@example.com", False),
    ],
)
def test_senders_that_nobody_reads_are_known_by_their_names(address: str, is_one: bool) -> None:
    assert ("no-reply" in of_head(From=address)) is is_one
    assert ("no-reply" in of_head(Reply_To=address)) is is_one


@pytest.mark.parametrize(
    "href",
    [
        *(
            "",
            "#",
            " ",
            "/apples",
            "apples.html",
            "www.example.com",
            "https://",
            "https:/example.com/",
            "htps://x.example/",
        ),
        *("https://example.com/a b", "https://example.com/{{name}}", "https://example.com/%%id%%", "https://[x/"),
        *(
            "https://example.com/*|ID|*",
            "https://example.com/ş",
            "https://example.com/&lt;x&gt;",
            "https://example.com/|",
        ),
    ],
)
def test_links_that_lead_nowhere_are_broken(href: str) -> None:
    assert [*of_link(href)] == ["link-broken"]


@pytest.mark.parametrize(
    "href",
    [
        *("mailto:a@example.com?subject=x", "tel:+90212000000", "#top", "https://example.com:8443/a?b=c&amp;d=%20#e"),
        *("HTTPS://EXAMPLE.COM", "https://xn--irket-q4a.example/", "https://example.com/a(1),b;c=~'!*$@"),
    ],
)
def test_links_that_lead_somewhere_are_not(href: str) -> None:
    assert of_link(href) == {}


@pytest.mark.parametrize(
    "href", ["javascript:x()", " JaVaScript:x()", "java&#10;script:x()", "data:text/html,x", "vbscript:x"]
)
def test_scripts_in_links_are_known_however_they_are_written(href: str) -> None:
    assert "link-script" in of_link(href)


@pytest.mark.parametrize(
    ("text", "is_false"),
    [
        ("https://example.com/", True),
        ("www.example.com", True),
        ("example.com/apples", True),
        (" bank.example.co.uk ", True),
        ("news.example.net", False),
        ("EXAMPLE.NET/a", False),
        ("apples", False),
        ("notes.txt", False),
        ("archive.zip", False),
        ("a@example.com", False),
        ("1.5", False),
        ("e.g. here", False),
        ("https://", False),
    ],
)
def test_a_link_may_not_show_the_host_of_somebody_else(text: str, is_false: bool) -> None:
    assert ("link-elsewhere" in of_link("https://click.example.net/1", text)) is is_false


def test_short_links_count_in_the_text_too() -> None:
    raw = written(
        html=None, text="Look: https://TinyURL.com/abc, (http://www.bit.ly/1). https://example.com/bit.ly\r\n"
    )
    found = failing(signed(raw))
    assert found["link-short"] == ("`https://TinyURL.com/abc`", "`http://www.bit.ly/1`")


@pytest.mark.parametrize(
    "value",
    ["Fri, 20 Nov 2026 14:30:00 +0300", "Thu, 1 Jan 2026 00:00:00 GMT", "Fri, 20 Nov 2026 14:00:00 +0300 (TRT)"],
)
def test_dates_with_a_zone_that_are_not_ahead_are_fine(value: str) -> None:
    assert of_head(Date=value) == {}


@pytest.mark.parametrize("value", ["", "<>", "@", "a@", "News", '"x" <>', "<a@example.com>, <b@example.com>"])
def test_from_needs_one_address(value: str) -> None:
    assert {"from-address", "header-missing"} & of_head(From=value).keys()


def test_several_authors_are_fine_where_sender_says_who_sent_it() -> None:
    assert of_head(From="a@example.com, b@example.com", Sender="a@example.com") == {}


def test_eight_bit_headers_are_named_without_what_they_hold() -> None:
    assert of_head(Subject="a\r\n ş", To="ü <a@example.net>")["header-8bit"] == ("To", "Subject")


def test_a_line_of_998_bytes_is_not_too_long() -> None:
    assert failing(signed(written(html=f"{HTML}<!-- {'x' * 989} -->"))) == {}
    assert "line-length" in failing(signed(written(html=f"{HTML}<!-- {'x' * 990} -->")))


def test_a_message_with_line_feeds_alone_is_one_that_was_stored_so() -> None:
    assert failing(good().replace(b"\r\n", b"\n")) == {}
    assert "line-ends" in failing(good() + b"one\ntwo\r\n")


def test_text_in_other_words_is_found_and_text_with_links_is_not() -> None:
    many = " ".join(f"word{number}x" for number in range(40))
    assert failing(signed(written(html=f"{HTML}{many}", text=f"Unsubscribe. {many}\r\n"))) == {}
    assert "text-differs" in failing(signed(written(html=f"{HTML}{many}", text="Unsubscribe. See the web page.\r\n")))


def test_a_tracking_pixel_is_no_picture() -> None:
    assert failing(signed(written(html='<p>Hello</p><img src="https://example.com/p" width="1" height="1">'))) == {}


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"\0" * 1000, b"From", b"\r\n\r\n" * 1000, b"%PDF-1.7\n\xff\xfe"], ids=range(6)
)
def test_what_is_no_message_fails_and_ends_nothing(raw: bytes) -> None:
    assert "header-missing" in failing(raw)
