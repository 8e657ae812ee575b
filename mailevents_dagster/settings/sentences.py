"""Pydantic's errors as sentences of our own: what the file says, what belongs there instead, and an example."""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mailevents_dagster.settings.models import SettingsFile
from mailevents_dagster.settings.problems import Place, Problems, enumeration


def add_sentences(error: ValidationError, problems: Problems) -> None:
    """Adds every error of pydantic to the problems."""
    errors = error.errors(include_url=False, include_input=False)
    above = {one["loc"][:length] for one in errors for length in range(len(one["loc"]))}
    for one in errors:
        # A list of wrong entries counts as too short: the entries are what is wrong with it.
        if one["type"] != "too_short" or one["loc"] not in above:
            problems.add(one["loc"], _sentence(one, one["loc"], problems))


def _sentence(details: ErrorDetails, place: Place, problems: Problems) -> str:
    kind = details["type"]
    if kind == "extra_forbidden":
        return _unknown_key(place)
    if kind == "missing":
        return f"is missing; {_such_as(place)}"
    if kind == "too_short":
        return f"is empty and must have one entry at least; {_such_as(place)}"
    if kind == "value_error":
        return f"{problems.quote(place)} {details['ctx']['error']}"
    return f"{problems.quote(place)} is not {_expected(_node(place))}; {_such_as(place)}"


def _unknown_key(place: Place) -> str:
    name, above = str(place[-1]), place[:-1]
    known = list(_properties(_node(above)))
    close = get_close_matches(name, known, n=1)
    if close:
        return f"is no key that settings know; did you mean `{close[0]}`?"
    for section in ((), ("api",), ("collect",), ("retention",), ("alerts",), ("accounts", 0)):
        if name in _properties(_node(section)):
            where = f"below `{section[0]}`" if section else "at the left margin, outside of every section"
            return f"is no key of this place; it belongs {where}"
    return f"is no key that settings know; here they are {enumeration(known)}"


@cache
def _schema() -> dict[str, Any]:
    return SettingsFile.model_json_schema()


def _node(place: Place) -> dict[str, Any]:
    """What the schema says about a place; nothing where it does not know the place."""
    node = _schema()
    for step in place:
        node = node.get("items", {}) if isinstance(step, int) else _properties(node).get(step, {})
    return node


def _properties(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        node = _schema()["$defs"][node["$ref"].rpartition("/")[2]]
    properties: dict[str, Any] = node.get("properties", {})
    return properties


def _expected(node: dict[str, Any]) -> str:
    if "anyOf" in node:
        return " or ".join(_expected(one) for one in node["anyOf"])
    kind = node.get("type", "object")
    if kind in ("integer", "number"):
        whole = "whole " if kind == "integer" else ""
        return f"a {whole}number from {node['minimum']} to {node['maximum']}"
    words = {"boolean": "true or false", "string": "text", "array": "a list", "null": "null"}
    return words.get(str(kind), "a mapping of keys")


def _such_as(place: Place) -> str:
    node = _node(place)
    if "enum" in node:
        return f"write one of {enumeration(node['enum'])}"
    example = (node.get("examples") or [node.get("default")])[0]
    name = place[-1] if place else ""
    if example is None or not isinstance(name, str):
        return "mailevents.example.yaml shows how it is written"
    text = example if isinstance(example, str) else _flow(example)
    return f"write for example `{name}: {text}`"


def _flow(value: object) -> str:
    """The value on one line of YAML, without quotes where it needs none."""
    return json.dumps(value).replace('"', "")
