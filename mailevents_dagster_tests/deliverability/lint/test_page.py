"""What HTML shows, hides and does; HTML that is made to keep a reader busy."""

from __future__ import annotations

import pytest

from mailevents_dagster.deliverability.lint.page import read_page

MILLION = 1_000_000


@pytest.mark.parametrize(
    "html",
    [
        '<p style="display:none">X</p>',
        '<p style="DISPLAY : None !important">X</p>',
        '<div style="visibility:hidden"><b>X</b></div>',
        '<div style="max-height:0px;overflow:hidden">X</div>',
        '<span style="font-size:0">X</span>',
        '<span style="opacity:0.0">X</span>',
        "<p hidden>X</p>",
        '<td bgcolor="#FFFFFF"><font color="white">X</font></td>',
        '<div style="background:#fff"><p style="color:rgb(255, 255, 255)">X</p></div>',
    ],
)
def test_text_that_nobody_sees_is_hidden(html: str) -> None:
    page = read_page(f"<body>seen{html}seen</body>")
    assert "X" in page.hidden
    assert "X" not in page.text
    assert page.text.split() == ["seen", "seen"] or page.text == "seenseen"


@pytest.mark.parametrize(
    "html",
    [
        '<div style="font-size:0"><p style="font-size:14px">X</p></div>',
        '<td style="height:0">X</td>',
        '<p style="color:#fff">X</p>',
        '<div style="background:#fff"><p style="color:#fff;background:#000">X</p></div>',
        '<style>.dark {background: #000}</style><div bgcolor="#fff"><p class="dark" style="color:#fff">X</p></div>',
        '<div style="background:#fff url(a.png)"><p style="color:#fff">X</p></div>',
        '<td bgcolor="#fff" background="a.png"><p style="color:#fff">X</p></td>',
        '<p style=";;:;color">X</p>',
    ],
)
def test_text_that_may_be_seen_is_not_hidden(html: str) -> None:
    page = read_page(html)
    assert "X" in page.text
    assert not page.hidden.strip()


def test_links_have_the_text_that_they_show() -> None:
    page = read_page('<a href="https://a.example/?x=1&amp;y=2"><b>Go</b> there</a><a name="top">no</a><a>none</a>')
    assert [(link.href, link.text) for link in page.links] == [
        ("https://a.example/?x=1&y=2", "Go there"),
        (None, "none"),
    ]


def test_pictures_have_their_sizes_and_pixels_are_known() -> None:
    page = read_page(
        '<img src=a width="1" height="1"><img src=b alt="" style="width:20px; height: 30.5px">'
        '<img src=c width="100%" height="many" alt=c>'
    )
    assert [(one.source, one.alt, one.width, one.height, one.is_pixel) for one in page.pictures] == [
        ("a", None, 1, 1, True),
        ("b", "", 20, 30, False),
        ("c", "c", None, None, False),
    ]


def test_what_is_active_is_named() -> None:
    page = read_page(
        '<script>x</script><form action=a><input></form><p onClick="x()">t</p>'
        '<meta http-equiv="Refresh" content="0"><link rel=stylesheet href=https://a.example/s.css>'
    )
    assert {"<script>", "<form>", "onclick= in <p>", "<meta http-equiv=refresh>"} == {*page.active}
    assert page.style_sheets == ["https://a.example/s.css"]
    assert page.text.strip() == "t"


@pytest.mark.parametrize(
    "html", ["", "\0", "<", "<a", "&#xFFFFFFF;", "<!--", "<?xml?>", "\ud800", "<html></html>"], ids=range(9)
)
def test_html_with_nothing_in_it_is_an_empty_page(html: str) -> None:
    assert not read_page(html).links


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        *("<", "<a ", "<!--", "<!--->", "<![CDATA[", "<!a", "<?", "</", "</a", '<a x="', "<a x='y' ", "<script>", "</"),
        *("<title>", "&#", "&a", "<div>", "<b><p>", "<a href=x>", "<table><tr><td>", "\0", " ", "<p hidden>", "<img>"),
        "<div>" * 1000 + "</span>" * 1000,
        "<p style='" + "display:none;" * 300 + "'>x",
        "<p style='color: rgb( 1" + " " * 500 + "'>x",
    ],
    ids=range(27),
)
def test_a_million_bytes_of_hostile_html_end(unit: str) -> None:
    page = read_page(unit * (MILLION // len(unit)))
    assert len(page.text) + len(page.hidden) <= 2 * MILLION


def test_html_that_is_nested_too_deep_is_read_so_far_and_says_so() -> None:
    page = read_page("before" + "<div>" * 5_000 + "after")
    assert page.is_too_deep
    assert "before" in page.text
    assert not read_page("<div>" * 200 + "x" + "</div>" * 200).is_too_deep
