"""Reading a YAML file into plain values and the text they were written as. Knows YAML, knows no key of ours.

Stricter than PyYAML: a key that stands twice is a problem, not the last one's win. Dates stay the text they are, tags
are refused, and a file that contains itself or grows without bound when its aliases are followed ends in a problem.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from mailevents_dagster.settings.problems import Place, Problems

MAX_BYTES: Final = 1_000_000
MAX_VALUES: Final = 50_000
MAX_DEPTH: Final = 20

_PREFIX: Final = "tag:yaml.org,2002:"
_SCALARS: Final = {_PREFIX + name for name in ("str", "int", "float", "bool", "null")}
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class _Loader(yaml.SafeLoader):
    """YAML without dates: what looks like one stays the text that was written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _PREFIX + "timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _EndlessError(Exception):
    """The values go deeper, or are more, than those of any settings."""


def read_yaml(file: Path, problems: Problems) -> object:
    """The values of the file, with the text of each noted in the problems; a file without a tree of values raises."""
    try:
        node = _compose(_text(file, problems), problems)
    except RecursionError:
        node = None
        problems.add((), "nests its values too deeply; write it like mailevents.example.yaml")
    problems.raise_any()
    if node is None:
        return None
    reading = _Reading(_Loader(""), problems)
    try:
        return reading.value(node, ())
    except (_EndlessError, RecursionError):
        problems.add((), "contains itself, or far more values than settings have; look at its & anchors and * aliases")
    problems.raise_any()
    return None


def is_plain(text: str) -> bool:
    """Whether the text has no line breaks, control characters or halves of characters."""
    return not _NO_TEXT.search(text)


def _text(file: Path, problems: Problems) -> str:
    content = b""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            problems.add((), "is longer than a megabyte, which settings never are; is it the right file?")
        return content[:MAX_BYTES].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.add((), f"line {line} is not UTF-8; save the file as UTF-8 in your editor")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no such file"
        problems.add((), f"cannot be read ({reason}); check the path and the rights, or unset MAILEVENTS_CONFIG")
    problems.raise_any()
    return ""


def _compose(text: str, problems: Problems) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        # PyYAML's own text would show the line, which may hold a key typed where none belongs.
        what = re.sub(r" '[^'<]{2,}'", "", error.problem or "no YAML").replace(r"'\t'", "tab")
        mend = "; indent with spaces, not tabs" if "tab" in what else ""
        where = (
            f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: "
            if error.problem_mark
            else ""
        )
        problems.add((), f"{where}{what}{mend}; the file must be YAML such as mailevents.example.yaml")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.add((), f"line {line} holds a control character; take it out")
    return None


@dataclass(slots=True)
class _Reading:
    loader: _Loader
    problems: Problems
    values: int = 0

    def value(self, node: yaml.Node, place: Place) -> object:
        self.values += 1
        if self.values > MAX_VALUES or len(place) > MAX_DEPTH:
            raise _EndlessError
        if isinstance(node, yaml.MappingNode) and node.tag == _PREFIX + "map":
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode) and node.tag == _PREFIX + "seq":
            return [self.value(one, (*place, index)) for index, one in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            return self._scalar(node, place)
        self.problems.add(
            place, "has a YAML tag (!), and settings have none; write the plain value, in quotes if need be"
        )
        return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        own = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        try:
            self.loader.flatten_mapping(node)
        except yaml.YAMLError:
            self.problems.add(
                place, "merges (<<) what is no mapping; merge an alias of a mapping, or write the keys out"
            )
            return {}
        values: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not is_plain(key.value):
                self.problems.add(place, "has a key that is no plain text; keys are names such as `timezone`")
                continue
            name = key.value
            values[name] = self.value(value, (*place, name))
            if own.count(name) > 1:
                self.problems.add((*place, name), "stands here more than once; keep one of them")
        return values

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> object:
        self.problems.written[place] = node.value
        if not is_plain(node.value):
            self.problems.add(place, "has a line break or control character in it; write it on one line without them")
            return None
        try:
            value: Any = self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError):
            self.problems.add(place, "is no value that YAML can read; put it in quotes if it is meant as text")
            return None
        return value
