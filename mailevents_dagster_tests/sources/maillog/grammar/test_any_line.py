"""Both grammars: whatever stands in a line, an answer comes, and it is of that line alone."""

from __future__ import annotations

from types import ModuleType

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.sources.maillog.grammar import exim, postfix
from mailevents_dagster.sources.maillog.grammar.columns import COLUMNS, EVENTS
from mailevents_dagster_tests.sources.maillog.grammar.saying import all_said

REAL = (
    "Nov 29 23:01:40 m postfix/smtp[1]: 3FA2B1C0: to=<a@b>, relay=x[1.2.3.4]:25, delay=1, dsn=2.0.0, status=sent (ok)",
    "Nov 29 23:01:40 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[1.2.3.4]: 550 5.1.1 no; from=<> to=<a@b>",
    '2026-11-29 23:01:40 1vPfXY-0005vi-00 => a@b R=r T=t H=h [192.0.2.1]:25 X=TLS C="250 OK" QT=1m',
    '2026-11-29 23:01:40 1vPfXY-0005vi-00 <= <> R=1vPfXY-0005vi-01 U=u P=local S=1 T="x" for a@b',
    "2026-11-29 23:01:40 1vPfXY-0005vi-00 == a@b R=r T=t defer (111): Connection refused",
)
EXIM = "2026-11-29 23:01:40 1vPfXY-0005vi-00"
POSTFIX = "Nov 29 23:01:40 mx1 postfix/smtp[1]: 3FA2B1C0:"
FAKES = (
    *(
        "H=evil [6.6.6.6]:6",
        "X=none",
        "F=<evil@x>",
        "A=plain:root",
        "QT=9d",
        "<v@x>:",
        "=> v@x",
        'C="',
        "for v@x",
        "\\",
    ),
    *("; from=<v@x> to=<v@x>", "), status=sent (", "relay=evil[6.6.6.6]:6,", "orig_to=<v@x>,", "rejected RCPT <v@x>:"),
)
ANSWERED = {
    exim: (
        f'{EXIM} => a@b R=r T=t H=h [192.0.2.1]:25 C="QUOTED" QT=1m',
        f'{EXIM} => a@b R=r T=lmtp C="QUOTED"',
        f'{EXIM} <= s@b U=u P=local S=1 T="QUOTED" for a@b',
        f"{EXIM} ** a@b R=r T=t H=h [192.0.2.1]:25: ANSWER.",
        f"{EXIM} == a@b R=r T=t defer (-44) H=h [192.0.2.1]:25: ANSWER",
        f"{EXIM} == a@b R=r defer (-1): ANSWER",
    ),
    postfix: (
        f"{POSTFIX} to=<a@b>, relay=x[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (ANSWER)",
        f"{POSTFIX} to=<a@b>, relay=none, delay=1, dsn=5.0.0, status=bounced (ANSWER)",
    ),
}
GRAMMARS = pytest.mark.parametrize("grammar", [exim, postfix], ids=["exim", "postfix"])

_PIECES = st.sampled_from(
    [piece for line in REAL for piece in line.split(" ")] + ['"', "<", ">", "\0", "\n", "ä", ": ", " ", "9" * 30]
)
_LINES = st.lists(_PIECES | st.text(max_size=5), max_size=25).map(" ".join) | st.text(max_size=60)


@GRAMMARS
@settings(max_examples=30)
@given(lines=st.lists(_LINES | st.sampled_from(REAL), max_size=8))
def test_any_line_has_an_event_and_values_of_the_types_of_the_columns(grammar: ModuleType, lines: list[str]) -> None:
    arrays = grammar.understand(pa.array(lines, pa.string()))
    assert [(array.type, len(array)) for array in arrays] == [(column.type, len(lines)) for column in COLUMNS]
    for array in arrays:
        array.validate(full=True)
    assert set(arrays[0].to_pylist()) <= set(EVENTS)


@pytest.mark.slow
@GRAMMARS
@settings(max_examples=20)
@given(lines=st.lists(_LINES | st.sampled_from(REAL), max_size=8))
def test_a_line_says_the_same_alone_and_among_others(grammar: ModuleType, lines: list[str]) -> None:
    assert all_said(grammar, *lines) == [row for line in lines for row in all_said(grammar, line)]


@GRAMMARS
@settings(max_examples=50)
@given(line=st.sampled_from(REAL), at=st.integers(0, 160))
def test_a_line_that_was_cut_names_no_other_recipient(grammar: ModuleType, line: str, at: int) -> None:
    (row,) = all_said(grammar, line[:at])
    assert row["recipient"] in (None, "a@b", "a@", "a")


@pytest.mark.slow
@settings(max_examples=40)
@given(answer=st.lists(_PIECES | st.sampled_from(FAKES), max_size=8).map(" ".join))
def test_whatever_the_other_side_answers_is_text_and_nothing_else(answer: str) -> None:
    quoted = answer.replace("\\", "\\\\").replace('"', '\\"')
    told = dict.fromkeys(("text", "code", "enhanced_code", "subject"))
    for grammar, lines in ANSWERED.items():
        rows = all_said(grammar, *(line.replace("ANSWER", answer).replace("QUOTED", quoted) for line in lines))
        plain = all_said(grammar, *(line.replace("ANSWER", "").replace("QUOTED", "") for line in lines))
        assert [{**row, **told} for row in rows] == [{**row, **told} for row in plain]


@GRAMMARS
@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        "\0" * 100,
        "x" * 1_000_000,
        "Nov 29 23:01:40 mx1 postfix/smtp[99999999999]: x: y",
        "\ufeff\u2028",
        "a\nb",
    ],
    ids=["empty", "blank", "zeros", "long", "number", "odd", "newline"],
)
def test_rubbish_is_other_and_unknown(grammar: ModuleType, line: str) -> None:
    (row,) = all_said(grammar, line)
    assert (row["event"], row["known"], row["recipient"]) == ("other", False, None)


@GRAMMARS
def test_no_lines_give_no_rows_and_null_is_like_an_empty_line(grammar: ModuleType) -> None:
    assert all(len(array) == 0 for array in grammar.understand(pa.array([], pa.string())))
    assert grammar.understand(pa.array([None], pa.string()))[0].to_pylist() == ["other"]


@GRAMMARS
def test_a_number_that_no_column_can_hold_is_not_read(grammar: ModuleType) -> None:
    many = "9" * 40
    lines = (
        f"Nov 29 23:01:40 mx1 postfix/qmgr[1]: 3FA2B1C0: from=<a@b>, size={many}, nrcpt={many} (queue active)",
        f"2026-11-29 23:01:40 [{many}] 1vPfXY-0005vi-00 <= a@b H=h [1.2.3.4]:{many} S={many} QT={many}s",
    )
    assert [row["size"] for row in all_said(grammar, *lines)] == [None, None]


def test_what_columns_mean_is_told() -> None:
    assert all(column.description.endswith(".") for column in COLUMNS)
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
