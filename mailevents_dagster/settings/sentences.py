"""Pydantic's errors as sentences of our own: what the file says, what belongs there instead, and an example."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mailevents_dagster.settings.fields import FaultError
from mailevents_dagster.settings.problems import Place, Problems, enumeration

Node = Mapping[str, Any]


def add_sentences(error: ValidationError, model: type[BaseModel], problems: Problems) -> None:
    """Add every error of pydantic to the problems; the model is what was checked."""
    sentences = _Sentences(_schema_of(model), problems)
    errors = error.errors(include_url=False, include_input=False)
    above = {one["loc"][:length] for one in errors for length in range(len(one["loc"]))}
    for one in errors:
        # A list of wrong entries counts as too short: the entries are what is wrong with it.
        if one["type"] != "too_short" or one["loc"] not in above:
            problems.add(one["loc"], sentences.sentence(one))


@cache  # takes twenty times as long as settings take to load
def _schema_of(model: type[BaseModel]) -> Node:
    return model.model_json_schema()


@dataclass(frozen=True, slots=True)
class _Sentences:
    schema: Node
    problems: Problems

    def sentence(self, details: ErrorDetails) -> str:
        kind, place = details["type"], details["loc"]
        if kind == "extra_forbidden":
            return self._unknown_key(place)
        if kind == "missing":
            return f"is missing; {self._such_as(place)}"
        if kind == "too_short":
            return f"is empty and must have at least one entry; {self._such_as(place)}"
        if kind == "value_error":
            error = details["ctx"]["error"]
            return str(error) if isinstance(error, FaultError) else f"{self.problems.quote(place)} {error}"
        return f"{self.problems.quote(place)} is not {_expected(self._node(place))}; {self._such_as(place)}"

    def _unknown_key(self, place: Place) -> str:
        name, known = str(place[-1]), list(self._properties(self._node(place[:-1])))
        if close := get_close_matches(name, known, n=1):
            return f"is not a key of settings; did you mean `{close[0]}`?"
        if name in self._properties(self.schema):
            return "is not a key of this place; it belongs at the left margin, outside of every section"
        for section, node in self._properties(self.schema).items():
            if name in self._properties(node.get("items", node)):
                return f"is not a key of this place; it belongs below `{section}`"
        return f"is not a key of settings; here they are {enumeration(known)}"

    def _node(self, place: Place) -> Node:
        """Return what the schema says about a place; nothing where it does not know the place."""
        node = self.schema
        for step in place:
            node = node.get("items", {}) if isinstance(step, int) else self._properties(node).get(step, {})
        return node

    def _properties(self, node: Node) -> Mapping[str, Node]:
        node = next((one for one in node.get("anyOf", ()) if "$ref" in one), node)  # a section that may be null
        if "$ref" in node:
            node = self.schema["$defs"][node["$ref"].rpartition("/")[2]]
        properties: Mapping[str, Node] = node.get("properties", {})
        return properties

    def _such_as(self, place: Place) -> str:
        node = self._node(place)
        if "enum" in node:
            return f"write one of {enumeration(node['enum'])}"
        example = (node.get("examples") or [node.get("default")])[0]
        name = place[-1] if place else ""
        if example is None or not isinstance(name, str):
            return "mailevents.example.yaml shows how it is written"
        text = example if isinstance(example, str) else json.dumps(example).replace('"', "")
        return f"write for example `{name}: {text}`"


def _expected(node: Node) -> str:
    if "anyOf" in node:
        return " or ".join(_expected(one) for one in node["anyOf"])
    kind = node.get("type", "object")
    if kind in ("integer", "number"):
        whole = "whole " if kind == "integer" else ""
        return f"a {whole}number from {node['minimum']} to {node['maximum']}"
    words = {"boolean": "true or false", "string": "text", "array": "a list", "null": "null"}
    return words.get(str(kind), "a mapping of keys")
