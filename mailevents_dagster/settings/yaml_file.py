"""Reading a YAML file into plain values and the text they were written as. Knows YAML, and no key of ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import yaml

from mailevents_dagster.settings.problems import Place, Problem, Problems, SettingsError

MAX_BYTES: Final = 1_000_000


class _Loader(yaml.SafeLoader):
    """YAML in which what looks like a date stays the text that was written."""


_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


def read_yaml(file: Path, problems: Problems) -> object:
    """Return the values of the file, and note the text of each; keys that stand there twice are problems."""
    try:
        text = _text(file)
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _note(node, (), problems)
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        why = f"{_shown(error)}; the file must be YAML such as mailevents.example.yaml"
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        why = f"line {line} holds a control character; take it out"
    except RecursionError:
        why = "contains itself, or nests its values too deeply; write it like mailevents.example.yaml"
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        why = f"line {line} is not UTF-8; save the file as UTF-8 in your editor"
    except (ValueError, LookupError):
        why = "holds a value that is not what its tag (!) says, or a number too long; write the plain value"
    except OSError as error:
        why = f"cannot be read ({error.strerror}); check the path and the rights, or unset MAILEVENTS_CONFIG"
    raise SettingsError([Problem("", why)], problems.source)


def _text(file: Path) -> str:
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(0, "it is longer than a megabyte, which settings never are")
    return content.decode("utf-8-sig")


def _note(node: yaml.Node, place: Place, problems: Problems) -> None:
    if isinstance(node, yaml.ScalarNode):
        problems.written[place] = node.value
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note(value, (*place, index), problems)
    elif isinstance(node, yaml.MappingNode):
        names: set[object] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in names:
                problems.add((*place, name), "stands here more than once; keep one of them")
            names.add(name)
            _note(value, (*place, name), problems)


def _shown(error: yaml.MarkedYAMLError) -> str:
    # PyYAML's own text would show the line, which may hold a key typed where none belongs.
    what = re.sub(r" '[^'<]{2,}'", "", error.problem or "not YAML").replace(r"'\t'", "tab")
    mend = "; indent with spaces, not tabs" if "tab" in what else ""
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {what}{mend}" if mark else what
