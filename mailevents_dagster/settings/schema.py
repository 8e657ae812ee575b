"""The JSON Schema of the settings file, for editors. The committed file beside this package is written from here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mailevents_dagster.model.source import Source
from mailevents_dagster.settings.models import settings_model
from mailevents_dagster.settings.variables import VARIABLE_PATTERN

SCHEMA_FILE: Final = Path(__file__).parent.with_suffix(".schema.json")

_NOT_TEXT: Final = {"integer", "number", "boolean"}


def json_schema(sources: Sequence[Source]) -> str:
    """Return the schema as text, the same for the same models."""
    schema = settings_model(tuple(sources)).model_json_schema()
    for model in (schema, *schema["$defs"].values()):
        for name, node in model["properties"].items():
            model["properties"][name] = _for_editors(node)
    titled = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "mailevents settings"}
    return json.dumps(titled, indent=2, ensure_ascii=False) + "\n"


def _for_editors(node: dict[str, Any]) -> dict[str, Any]:
    """Return the node without the title that repeats its key; `${NAME}` may stand for what is not text."""
    node.pop("title", None)
    kinds = node.get("anyOf", [node])
    if not any(kind.get("type") in _NOT_TEXT for kind in kinds):
        return node
    about: dict[str, Any] = {key: node[key] for key in ("default", "description", "examples") if key in node}
    wanted = [{key: value for key, value in kind.items() if key not in about} for kind in kinds]
    return {"anyOf": [*wanted, {"type": "string", "pattern": VARIABLE_PATTERN}], **about}
