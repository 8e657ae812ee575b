"""Write the schema and the pages that come from the code: python docs/generate.py. Tests check them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import click

from mailevents_dagster.cli import main
from mailevents_dagster.collecting.heartbeats import Heartbeats
from mailevents_dagster.deliverability.lint.linting import RULES
from mailevents_dagster.deliverability.lint.rule import Weight
from mailevents_dagster.deliverability.parts import PARTS
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import DEFAULT_LOG_FILE_NAME, OperatingLogSettings
from mailevents_dagster.settings.schema import SCHEMA_FILE, json_schema
from mailevents_dagster.sources.catalog import FEED_KINDS, SOURCES
from mailevents_dagster.sources.maillog.lives import COLUMNS as LIVES
from mailevents_dagster.sources.outcomes.feeds import SUPPRESSION_SQS
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.webhook.spool.segments import SUFFIX
from mailevents_dagster.store.blobs import PACKED
from mailevents_dagster.store.hour.snapshot_columns import all_columns
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.lock_names import feed_lock, hour_lock

FOLDER = Path(__file__).parent


def columns() -> Iterator[str]:
    """The columns of the snapshots, by category."""
    yield "# Columns of the Parquet files"
    yield ""
    yield "One row an event, in order of `event_time`. What a record says is typed where it can be; `raw` holds the"
    yield "whole record in any case. A value of another type than its column becomes null or text, never an error."
    yield "The folders add `domain`, `category`, `type` and `date`."
    for rows in dict.fromkeys(tuple(all_columns(kind.rows)) for kind in FEED_KINDS.values()):
        kinds = [kind for kind in FEED_KINDS.values() if all_columns(kind.rows) == rows]
        categories = {kind.category for kind in kinds}
        others = [kind for kind in FEED_KINDS.values() if kind.category in categories and kind not in kinds]
        title = " and ".join(kind.name for kind in kinds) if others else categories.pop()
        feeds = ", ".join(f"`{kind.name}`" for kind in kinds)
        yield from (
            "",
            f"## {title}",
            "",
            f"Feeds: {feeds}.",
            "",
            "| column | type | meaning |",
            "| --- | --- | --- |",
        )
        yield from (f"| `{c.name}` | `{c.type}` | {c.description} |" for c in rows)
    yield from ("", "## maillog/lives", "", "[Lives of mails](mail-logs.md#lives-of-mails), made of lines.", "")
    yield from ("| column | type | meaning |", "| --- | --- | --- |")
    yield from (f"| `{c.name}` | `{c.type}` | {c.description} |" for c in LIVES)
    for part in PARTS:
        yield from ("", f"## deliverability, {part.name}", "", f"A file a day. {part.summary}", "")
        yield from ("| column | type | meaning |", "| --- | --- | --- |")
        yield from (f"| `{c.name}` | `{c.type}` | {c.description} |" for c in part.columns)


def commands() -> Iterator[str]:
    """Every command with its options, as its own help says it."""
    yield "# The command line"
    yield ""
    yield from _paragraphs(main.help or "")
    yield from _paragraphs(main.epilog or "")
    yield from _options(main)
    context = click.Context(main)
    for name in main.list_commands(context):
        if command := main.get_command(context, name):
            yield from _command(f"mailevents {name}", command)


def _command(name: str, command: click.Command) -> Iterator[str]:
    """A command, and those below it."""
    yield from ("", f"## {name}", "")
    yield from _paragraphs(command.help or "")
    yield from _options(command, name)
    for below, one in sorted(command.commands.items()) if isinstance(command, click.Group) else ():
        yield from _command(f"{name} {below}", one)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.replace("\b", "").strip().split("\n\n"):
        yield " ".join(paragraph.split())
        yield ""


def _options(command: click.Command, name: str = "mailevents") -> Iterator[str]:
    context = click.Context(command)
    shown = [record for one in command.params if (record := one.get_help_record(context))]
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    if arguments:
        yield f"`{name} {' '.join(one.make_metavar(context) for one in arguments)}`"
        yield ""
    yield from ("| option | meaning |", "| --- | --- |")
    yield from (f"| `{names}` | {' '.join(text.split())} |" for names, text in shown)
    yield "| `--help` | Says all this. |"


def settings() -> Iterator[str]:
    """Every key of the settings file, section by section."""
    schema = json.loads(json_schema(SOURCES))
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


def files() -> Iterator[str]:
    """What lies where below the storage, for one hour of one feed."""
    feed, hour = feed_of("example.com", "mail/incominglog"), Hour.from_key("2026-11-20-14:00", "Europe/Istanbul")
    root = Path("/storage")
    names = OperatingLogSettings()
    layout = Layout(root, root, DEFAULT_LOG_FILE_NAME)
    rows = {
        layout.log(feed, hour): "the log of the hour: a JSON object a line, oldest first",
        layout.snapshot(feed, hour): "the snapshot of the hour, [its columns](columns.md): the truth",
        layout.manifest(feed, hour): "what was committed: counts, digests, what was listed and when",
        layout.blob(
            "9f86d081" + "…", PACKED
        ): "a message as it came, or an attachment, under its SHA-256; `.eml` where packing would not make it smaller",
        layout.webhook_spool("replies") / f"…{SUFFIX}": "[requests of a webhook](webhooks.md), until their hours "
        "are closed; `.hours` beside it says which these are, and `running.json` when the receiver ran",
        layout.cursor(feed): "[what the feed has](automation.md#the-stored-cursor-of-a-feed)",
        layout.journal(feed, hour): "details already fetched of an hour that is not committed yet",
        layout.destruction(
            feed, hour
        ): "the record of an hour that was [destroyed](retention.md); `.undone` where that was taken back",
        layout.operating_log(feed, hour.stamp(names.messages)): "what the collector did for the feed, a line each",
        layout.operating_log(feed, hour.stamp(names.errors)): "what went wrong, a JSON object a line",
        Heartbeats(layout, {}, hour.timezone).path(feed): "what a process does for the feed right now",
        layout.lives(
            hour.stamp("%Y-%m-%d")
        ): "[lives of mails](mail-logs.md#lives-of-mails) of the day, of all servers",
        layout.doomed_blobs / "….txt": "messages whose hours were destroyed, until it is known "
        "[who else needs them](retention.md#messages)",
        layout.part(
            "example.com", "suppression", hour.stamp("%Y-%m-%d")
        ): "[who must not be mailed](suppression.md) as of the end of the day; other answers of a day likewise",
        layout.manual_suppressions("example.com"): "what people put on [that list](suppression.md) and took off it",
        layout.told_suppressions(
            Feed("example.com", SUPPRESSION_SQS)
        ): "what a receiver was [told](suppression.md#telling-other-systems) of that list",
        layout.metrics: "numbers of all feeds for Prometheus",
        layout.description: "the time zone in which the hours are named",
        layout.locks / f"{hour_lock(feed, hour)}.lock": "held while the hour is collected, by nobody else meanwhile",
        layout.locks / f"{feed_lock(feed)}.lock": "held for moments, while something of the feed is written",
    }
    yield "# The files"
    yield ""
    yield f"For `{feed}` in the hour from 14:00 on 20 November 2026 in `{hour.timezone}`, below `storage`,"
    yield "with names as by default. Where the storage is a URL, journals, operating logs and heartbeats lie"
    yield "below `DAGSTER_HOME`. [Daily summaries](summaries.md) have a tree of their own below `summaries`."
    yield from ("", "| file | what it is |", "| --- | --- |")
    yield from (f"| `{PurePosixPath(str(path)).relative_to(root)}` | {what} |" for path, what in rows.items())
    yield ""
    yield "Below `output`, `quarantine/quarantine` and `authentication` lie in the folder of their category, and the"
    yield "type of `authentication` is `auth` in names. The second of two hours that the clock shows alike has its UTC"
    yield "offset behind the hour. A file that was found damaged is set aside as `NAME.damaged`; one that is being"
    yield "written is `.NAME.partial`, or has a name by chance below `blobs`. Locks are files where `storage` is a"
    yield "folder; [an object store has others](architecture.md#who-keeps-whom-out)."


def lint() -> Iterator[str]:
    """Every rule on messages, after what is written by hand."""
    yield from (FOLDER / "lint.beginning.txt").read_text(encoding="utf-8").splitlines()
    for weight in Weight:
        yield from (
            "",
            f"## Rules of weight {weight}",
            "",
            "| rule | why it matters | what to do |",
            "| --- | --- | --- |",
        )
        for rule in RULES:
            if rule.weight is weight:
                yield f"| `{rule.id}` | {rule.reason} | {rule.mend} |"


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "columns": columns,
    "commands": commands,
    "files": files,
    "lint": lint,
    "settings": settings,
}


def page(name: str) -> str:
    """The text of a page."""
    lines = [line.rstrip() for line in PAGES[name]()]
    kept = [line for place, line in enumerate(lines) if line or (place and lines[place - 1])]
    return "\n".join(kept).rstrip() + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json_schema(SOURCES), encoding="utf-8", newline="\n")
    for each in PAGES:
        (FOLDER / f"{each}.md").write_text(page(each), encoding="utf-8")
