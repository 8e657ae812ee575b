"""The schema that editors read: the example agrees with it, and it marks what it should."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from mailevents_dagster.settings.schema import SCHEMA_FILE, json_schema
from mailevents_dagster.sources.catalog import SOURCES
from mailevents_dagster_tests.settings.documents import EXAMPLE, KEY, account, document


def test_the_example_and_the_committed_schema_agree() -> None:
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(EXAMPLE.read_text("utf-8")))
    assert EXAMPLE.read_text("utf-8").startswith(f"# yaml-language-server: $schema={SCHEMA_FILE.parent.name}/")


def test_the_committed_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text("utf-8") == json_schema(SOURCES), "run python docs/generate.py"


def test_the_schema_explains_every_key_and_allows_no_other() -> None:
    schema = json.loads(json_schema(SOURCES))
    for model in (schema, *schema["$defs"].values()):
        assert model["additionalProperties"] is False
        assert all(node.get("description") for node in model["properties"].values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"api": {"page_limit": 0}},
        {"accounts": [account(feeds=["mail"])]},
        {"accounts": [account(api_key=KEY)]},
        {"x": 1},
    ],
)
def test_the_schema_refuses_what_an_editor_should_mark(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json.loads(json_schema(SOURCES))).validate(document(**wrong))
