"""The operator's patterns as their file has them: pattern.xml of maillog_events, or the same as YAML.

maillog_events reads the first three children of each element, whatever their names: number, name, pattern. Here names
count where they are known, and places where not; attributes are read, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

import yaml
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

_NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("number", "id", "no", "num"), "id"),
    "name": "name",
    **dict.fromkeys(("pattern", "match", "regex", "regexp"), "match"),
    "class": "class",
}
_IN_ORDER: Final = ("id", "name", "match")
_EDGES: Final = re.compile(r"^\s*\n\s*|\s*\n\s*$")


class PatternsError(Exception):
    """The file cannot be used at all; the text says why, and what to do."""


Entry = Mapping[str, str]
"""What an entry of the file says, by `id`, `name`, `match` and `class`; what it does not say is not there."""


def entries_of(content: bytes, *, is_yaml: bool) -> list[Entry]:
    """Return the entries of a file in their order."""
    return list(_of_yaml(content) if is_yaml else _of_xml(content))


def _of_xml(content: bytes) -> Iterator[Entry]:
    try:
        root = fromstring(content)
    except ParseError as error:
        line, column = error.position
        raise PatternsError(
            f"is not XML (line {line}, column {column + 1}). Write `&lt;` for `<` and `&amp;` for `&` in a pattern; a "
            "file in YAML must end in .yaml"
        ) from None
    except DefusedXmlException:
        raise PatternsError("defines entities, which patterns never need; take its DOCTYPE out") from None
    except (LookupError, ValueError):
        raise PatternsError("says that it is in an encoding that is not known; save it as UTF-8") from None
    return map(_of_element, root)


def _of_element(element: Element) -> Entry:
    said = {_NAMES[key.lower()]: value for key, value in element.attrib.items() if key.lower() in _NAMES}
    texts = [(str(child.tag).rpartition("}")[2].lower(), "".join(child.itertext())) for child in element]
    named = {_NAMES[tag]: text for tag, text in texts if tag in _NAMES}
    if "match" not in named and "match" not in said and len(texts) >= len(_IN_ORDER):
        named = dict(zip(_IN_ORDER, (text for _, text in texts), strict=False))
    said |= named
    if "match" not in said and not texts and element.text:
        said["match"] = element.text
    return _trimmed(said)


def _of_yaml(content: bytes) -> Iterator[Entry]:
    try:
        listed = yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        where = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise PatternsError(f"is not YAML{where}. Write patterns in 'single quotes'") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise PatternsError("is not YAML; save it as UTF-8, as a list of `id`, `name` and `match`") from None
    if isinstance(listed, dict) and len(listed) == 1:
        listed = next(iter(listed.values()))  # a list below a heading such as `patterns:`
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise PatternsError("is not a list of patterns; write `- id: 1`, and `name` and `match` below it")
    return map(_of_mapping, listed)


def _of_mapping(mapping: Mapping[Any, Any]) -> Entry:
    scalars = {str(key).lower(): value for key, value in mapping.items() if isinstance(value, str | int | float)}
    return _trimmed({_NAMES[key]: str(value) for key, value in scalars.items() if key in _NAMES})


def _trimmed(said: Mapping[str, str]) -> Entry:
    """Return the entry without white space that means nothing.

    Blanks around a pattern are part of it. Not so line ends, which no line of a log holds.
    """
    return {key: _EDGES.sub("", value) if key == "match" else value.strip() for key, value in said.items()}
