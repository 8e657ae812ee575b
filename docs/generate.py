"""Writes the reference pages that come from the code: python docs/generate.py. A test checks that they are current."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from mailevents_dagster.cli import main
from mailevents_dagster.feeds import FEED_KINDS
from mailevents_dagster.settings import json_schema
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store.parquet import all_columns

FOLDER = Path(__file__).parent


def columns() -> Iterator[str]:
    """The columns of the snapshots, by category."""
    yield "# Columns of the Parquet files"
    yield ""
    yield "One row an event, in order of `event_time`. Fields of the API are typed where they can be; `raw` holds the"
    yield "whole record in any case. A value of another type than its column becomes null or text, never an error."
    yield "The folders add `domain`, `category`, `type` and `date`."
    for category, rows in ROW_FORMATS.items():
        feeds = ", ".join(f"`{name}`" for name, kind in FEED_KINDS.items() if kind.category == category)
        yield from (
            "",
            f"## {category}",
            "",
            f"Feeds: {feeds}.",
            "",
            "| column | type | meaning |",
            "| --- | --- | --- |",
        )
        yield from (f"| `{c.name}` | `{c.type}` | {c.description} |" for c in all_columns(rows))


def commands() -> Iterator[str]:
    """Every command with its options, as its own help says it."""
    yield "# The command line"
    yield ""
    yield from _paragraphs(main.help or "")
    yield from _paragraphs(main.epilog or "")
    yield from _options(main)
    for name, command in sorted(main.commands.items()):
        yield from ("", f"## mailevents {name}", "")
        yield from _paragraphs(command.help or "")
        yield from _options(command)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.replace("\b", "").strip().split("\n\n"):
        yield " ".join(paragraph.split())
        yield ""


def _options(command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    shown = [record for one in command.params if (record := one.get_help_record(context))]
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    if arguments:
        yield f"`mailevents {command.name} {' '.join(one.make_metavar(context) for one in arguments)}`"
        yield ""
    yield from ("| option | meaning |", "| --- | --- |")
    yield from (f"| `{names}` | {' '.join(text.split())} |" for names, text in shown)
    yield "| `--help` | Says all this. |"


def settings() -> Iterator[str]:
    """Every key of the settings file, section by section."""
    schema = json.loads(json_schema())
    yield "# The settings file"
    yield ""
    yield "`mailevents.yaml` beside `workspace.yaml`, or the file that `MAILEVENTS_CONFIG` or `--config` names."
    yield "`${NAME}` takes an environment variable, also one of the `.env` beside the file; unknown keys are errors."
    yield "[mailevents.example.yaml](../mailevents.example.yaml) shows them all with their defaults."
    yield from ("", "## At the top", "")
    yield from _keys(schema, schema)
    yield from _sections("", schema, schema)


def _sections(above: str, model: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    for name, node in model["properties"].items():
        if section := _section(node, schema):
            entries = " One entry each." if node.get("type") == "array" else ""
            yield from ("", f"## {above}{name}", "", f"{section['description']}{entries}", "")
            yield from _keys(section, schema)
            yield from _sections(f"{above}{name}.", section, schema)


def _keys(section: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    yield from ("| key | default | meaning |", "| --- | --- | --- |")
    for name, node in section["properties"].items():
        if name in section.get("required", ()):
            default = "required"
        elif _section(node, schema):
            default = "see below"
        else:
            default = f"`{json.dumps(node.get('default'), ensure_ascii=False)}`"
        bounds = next((one for one in node.get("anyOf", [node]) if "minimum" in one), None)
        within = f" From {bounds['minimum']:g} to {bounds['maximum']:g}." if bounds else ""
        yield f"| `{name}` | {default} | {node['description']}{within} |"


def _section(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The keys below a key that is a section or a list of them."""
    reference = node.get("$ref") or node.get("items", {}).get("$ref")
    found: Mapping[str, Any] | None = schema["$defs"][reference.rpartition("/")[2]] if reference else None
    return found


PAGES: dict[str, Callable[[], Iterator[str]]] = {"columns": columns, "commands": commands, "settings": settings}


def page(name: str) -> str:
    """The text of a page."""
    lines = [line.rstrip() for line in PAGES[name]()]
    kept = [line for place, line in enumerate(lines) if line or (place and lines[place - 1])]
    return "\n".join(kept).rstrip() + "\n"


if __name__ == "__main__":
    for each in PAGES:
        (FOLDER / f"{each}.md").write_text(page(each), encoding="utf-8")
