"""The operator's patterns: their file in all its shapes, what is wrong in it, and what they match."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.failures.classes import BounceClass
from mailevents_dagster.sources.maillog.bounces import patterns as module
from mailevents_dagster.sources.maillog.bounces.pattern_file import PatternsError
from mailevents_dagster.sources.maillog.bounces.patterns import Pattern, Patterns, load_patterns

OLD = """\
<?xml version="1.0"?>
<data>
    <!-- as maillog_events has it -->
    <event>
        <number>1</number>
        <name>over quota</name>
        <pattern>The email account that you tried to reach is over quota</pattern>
    </event>
    <event>
        <number>2</number>
        <name>invalid mailbox</name>
        <pattern>invalid mailbox</pattern>
    </event>
</data>
"""
WANTED = (
    Pattern("1", "over quota", "The email account that you tried to reach is over quota"),
    Pattern("2", "invalid mailbox", "invalid mailbox"),
)


def loaded(folder: Path, text: str | bytes, name: str = "pattern.xml") -> Patterns:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_patterns(path)


def of(*matches: str) -> Patterns:
    return Patterns([Pattern(str(place), f"the {place}.", one) for place, one in enumerate(matches)], (), "")


ATTRIBUTES = f"""\
<patterns xmlns="urn:other">
    <p number="1" name="over quota" pattern="{WANTED[0].match}"/>
    <p id="2" name="invalid mailbox">invalid mailbox</p>
</patterns>
"""
YAML = f"""\
- id: 1
  name: over quota
  match: {WANTED[0].match}
- {{number: '2', name: invalid mailbox, pattern: 'invalid mailbox', class: }}
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pattern.xml", OLD),
        ("pattern.xml", OLD.encode("utf-16")),
        ("patterns", "\ufeff" + OLD),
        ("pattern.xml", re.sub("number|name|pattern", lambda found: f"x{len(found[0])}", OLD)),
        ("pattern.xml", OLD.replace("number", "ID").replace("pattern", "Regex").replace("data>", "all>")),
        ("pattern.xml", ATTRIBUTES),
        ("pattern.yaml", YAML),
        ("patterns", "patterns:\n" + YAML),
    ],
)
def test_patterns_are_read_whatever_their_file_looks_like(tmp_path: Path, name: str, text: str | bytes) -> None:
    found = loaded(tmp_path, text, name)
    assert found.patterns == WANTED
    assert found.problems == ()


def test_the_version_changes_with_the_file(tmp_path: Path) -> None:
    first, again, other = (loaded(tmp_path, text).version for text in (OLD, OLD, OLD + "\n"))
    assert first == again != other


def test_white_space_around_a_pattern_counts_unless_lines_end_in_it(tmp_path: Path) -> None:
    text = OLD.replace("<pattern>invalid mailbox<", "<pattern>\n      invalid  mailbox \n    <").replace(
        ">over", "> over"
    )
    assert [one.match for one in loaded(tmp_path, text).patterns][1] == "invalid  mailbox"
    assert loaded(tmp_path, OLD.replace(">invalid mailbox</p", "> mailbox </p")).patterns[1].match == " mailbox "


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            "<e><number>1</number><name>twice</name><pattern>x</pattern></e>",
            "'twice' (1) has the number of 'over quota'",
        ),
        ("<e><number>3</number><name></name><pattern>x</pattern></e>", "Pattern 3 has no name"),
        ("<e><name>none</name><pattern>x</pattern></e>", "'none' (at place 3) has no number"),
        ("<e><number>3</number><name>empty</name><pattern/></e>", "'empty' (3) matches every line"),
        ("<e><number>3</number><name>open</name><pattern>a(b</pattern></e>", "'open' (3) does not compile"),
        ("<e><number>3</number><name>behind</name><pattern>(?&lt;=a*)b</pattern></e>", "'behind' (3) does not compile"),
        (
            "<e><number>3</number><name>posix</name><pattern>[[:alpha:]]</pattern></e>",
            "'posix' (3) has a class such as",
        ),
        ("<e><number>3</number><name>c</name><pattern>x</pattern><class>dead</class></e>", "hard, soft, policy, other"),
        ("<e/>", "Pattern at place 3 has no name"),
    ],
)
def test_one_that_cannot_be_used_is_told_by_name_and_leaves_the_others(tmp_path: Path, entry: str, said: str) -> None:
    found = loaded(tmp_path, OLD.replace("</data>", f"{entry}</data>"))
    assert found.patterns == WANTED
    assert len(found.problems) == 1
    assert said in found.problems[0]


LAUGHS = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><data><e>&b;</e></data>'


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("pattern.xml", "", "is not XML"),
        ("pattern.xml", OLD.replace("over quota<", "a < b & c<"), "&lt;"),
        ("pattern.xml", "\0\0\0\0", "is not XML"),
        ("pattern.xml", '<?xml version="1.0" encoding="klingon"?><data/>', "is not XML|encoding"),
        ("pattern.xml", LAUGHS, "entities"),
        ("pattern.xml", '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><data><e>&x;</e></data>', "entities"),
        ("pattern.yaml", "", "not a list"),
        ("pattern.yaml", "- just text", "not a list"),
        ("pattern.yaml", "- {id: 1", "not YAML"),
        ("pattern.yaml", "a: &a [x]\nb: *nowhere", "not YAML"),
        ("pattern.yaml", "- !!python/object:os.system {}", "not YAML"),
        ("pattern.yaml", b"\xff\xfe\x00", "not YAML"),
        ("pattern.yaml", "[" * 1000, "not YAML"),
        ("patterns", "x" * 10_000_001, "10 MB"),
    ],
)
def test_a_file_that_is_no_pattern_file_says_what_to_do(
    tmp_path: Path, name: str, text: str | bytes, said: str
) -> None:
    with pytest.raises(PatternsError, match=said) as caught:
        loaded(tmp_path, text, name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "root:" not in str(caught.value)


def test_yaml_that_refers_to_itself_without_end_is_no_pattern(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    with pytest.raises(PatternsError):
        loaded(tmp_path, bomb, "p.yaml")
    found = loaded(tmp_path, "- &e {id: 1, name: n, match: [*e]}\n", "p.yaml")
    assert "is empty" in found.problems[0]


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "locked").write_text("x")
    for path in (tmp_path, tmp_path / "nowhere", Path("nul\0")):
        with pytest.raises(PatternsError, match="cannot be read"):
            load_patterns(path)
    if os.geteuid():
        (tmp_path / "locked").chmod(0)
        with pytest.raises(PatternsError, match="Permission denied"):
            load_patterns(tmp_path / "locked")


def test_yaml_may_say_a_class(tmp_path: Path) -> None:
    found = loaded(tmp_path, "- {id: 7, name: n, match: 'a\\.b', class: Hard}", "p.yaml")
    assert found.patterns == (Pattern("7", "n", r"a\.b", BounceClass.HARD),)


def test_the_first_in_the_order_of_the_file_counts() -> None:
    found = of("zzz", r"quota", "(?=over)", "over quota", "x(?=y)")
    assert [found.first_match(line) and found.first_match(line).id for line in ("over quota", "overt", "zzz over")] == [
        *("1", "2", "0"),
    ]
    assert found.first_match("över quota") == found.patterns[1]
    assert found.first_match("nothing") is None
    assert of().first_match("nothing") is None


# The pieces from which expressions are made; the engines disagree on some of them for some lines.
PIECES = [
    *"ab1 .-",
    r"\w",
    r"\d",
    r"\s",
    r"\b",
    r"\B",
    "$",
    "^",
    r"\Z",
    "(?i:K)",
    "(?i:İ)",
    "(?i:ſ)",
    "[^a]",
    "[a-c]",
    "a{,2}",
    "b{2}",
    "(?=a)",
    "(a|b)",
    "|",
    "*",
    "+",
    "?",
    "ş",
    "İ",
    r"\W",
    r"\x41",
    "[[a]",
    "(?m:^)",
    r"\.",
    "(?s:.)",
]


@pytest.mark.slow
# Not the separators U+001C to U+001F, which are white space for Python alone; no mail server writes them into a log.
# Nor ı, which Python takes for i where case does not matter.
@settings(max_examples=400)
@given(
    st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join), min_size=1, max_size=4),
    st.lists(st.text("aAbkis1 K-\tşİſ\u212a\n\x0b\u00a0", min_size=1, max_size=8), max_size=4),
)
def test_patterns_match_as_python_does(matches: list[str], lines: list[str]) -> None:
    with warnings.catch_warnings(action="ignore"):
        good = [one for one in matches if module._not_compiling(one) is None]
        compiled = [re.compile(one) for one in good]
    found = of(*good)
    candidates = found.candidates(pa.array(lines, pa.string())).to_pylist()
    for line, may_match in zip(lines, candidates, strict=True):
        wanted = next((str(place) for place, one in enumerate(compiled) if one.search(line)), None)
        first = found.first_match(line)
        assert (first.id if first else None) == wanted, (good, line)
        assert may_match or not first
    assert not found.problems


def test_letters_that_only_python_takes_for_alike_are_alike() -> None:
    assert of("(?i)İ").first_match("i") is not None


def test_one_that_runs_out_of_time_is_told_by_name_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_A_LINE", 0.01)
    found = of("over", r"(?=(?:a|aa|a.)+$)(?:a|aa|a.)+(?=b)c", "b")
    line = "a" * 60 + "b!"
    assert found.first_match(line) == Pattern("2", "the 2.", "b")
    assert found.problems == ("Pattern 'the 1.' (1) took more than 0.01 s for a line: left out",)
    assert [one.id for one in found.patterns] == ["0", "2"]
    assert found.first_match("over") is not None
    assert len(found.problems) == 1


@pytest.mark.parametrize("found_by_set", ["nothing", "no set"])
def test_patterns_that_need_too_much_memory_together_still_match(found_by_set: str) -> None:
    found = of("a.{0,9}z", "(?=x)y", "quota")
    found._set = module._set_of([]) if found_by_set == "nothing" else None
    assert found.first_match("over quota") == found.patterns[2]
    assert found.first_match("nothing") is None


@pytest.mark.slow
def test_large_patterns_that_need_too_much_memory_together_still_match() -> None:
    large = of(*(f"{place}.{{0,900}}x.{{0,900}}{place}" for place in range(30)))
    assert large.first_match("19 x 19") == large.patterns[1]
    assert large.first_match("none") is None


def test_a_line_of_any_length_is_searched() -> None:
    assert of("needle$").first_match("x" * 5_000_000 + "needle") is not None
    assert of(r"(?=needle)").first_match("needle" + "x" * 5_000_000) is not None
