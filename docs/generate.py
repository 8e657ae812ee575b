"""Write the schema and the pages that come from the code: python docs/generate.py. Tests check them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import click
from upath import UPath

from mailevents_dagster.cli import main
from mailevents_dagster.collecting.heartbeats import Heartbeats
from mailevents_dagster.deliverability.lint.linting import RULES
from mailevents_dagster.deliverability.lint.rule import Weight
from mailevents_dagster.deliverability.parts import PARTS
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import DEFAULT_LOG_FILE_NAME, OperatingLogSettings
from mailevents_dagster.settings.schema import SCHEMA_FILE, json_schema
from mailevents_dagster.sources.catalog import FEED_KINDS, SOURCES
from mailevents_dagster.sources.maillog.lives import COLUMNS as LIVES
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
    for name, command in sorted(main.commands.items()):
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
    layout = Layout(UPath(root), root, DEFAULT_LOG_FILE_NAME)
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


LINT = """\
# Messages: what receivers and readers hold against them

`mailevents lint message.eml` judges a raw message by the rules below and says what is wrong, why it matters and what to
do. It takes several files, folders (each file in them is one message; hidden ones are left out) and `-` for standard
input, and needs no settings. `--json` writes one object a line for each message: `file`, `passed`, `bulk` and
`findings`, each with `rule`, `weight`, `found`, `reason` and `mend`.

It ends with 0 where no rule of weight `error` fails, with 1 where one does or a file cannot be read, with 2 for wrong
usage, with 3 where there is no message. The libraries that it needs are in the extra: `pip install
'mailevents-dagster[deliverability]'`.

```text
message.eml: 1 error, 1 notice
  It is judged as bulk mail: it has the header Feedback-ID.

  error   one-click-missing: List-Unsubscribe is missing; List-Unsubscribe-Post is missing
          why: Gmail and Yahoo demand of bulk mail a way to leave by one click, which their own button
               uses (RFC 8058).
          do:  Write `List-Unsubscribe: <https://…>` and `List-Unsubscribe-Post:
               List-Unsubscribe=One-Click`; the address takes a POST, asks nothing, and does not
               redirect.
```

## What it knows, and what it cannot know

- **Judge what arrived**, not what was handed over: send the mail to a mailbox of your own and save it as `.eml`. A
  copy among sent mails was made before the server signed it; a message that no server has seen gets the notice
  `not-sent-yet`, and nothing is said of signature and alignment. Mail that never left your own server is often not
  signed either.
- **Bulk mail** is what says so of itself: a header List-Id, List-Post and the like, List-Unsubscribe, Feedback-ID, or
  `Precedence: bulk`, `list` or `junk`. What a program wrote to notify somebody (`Auto-Submitted: auto-generated`)
  is none for offering a way out. `--bulk` judges every message as bulk mail: marketing without these headers cannot be
  told otherwise.
- **Signatures** are checked with the key that is in DNS now (`--resolver HOST:PORT` asks another name server). No such
  key makes a signature invalid. A key that cannot be asked for, `--no-dns`, and a signature that was valid for a time
  which is over are the notice `dkim-unchecked`: nothing is held against the message. A mailing list that adds a footer
  breaks the signature of the author; what arrives by a list says little of the sender.
- **Alignment** compares organizational domains, by the installed list of public suffixes: news.example.co.uk and
  example.co.uk are one. A signature that may be valid counts, or the envelope (Return-Path).
- **The share of pictures** is an estimate: a letter counts for 140 square pixels, a picture for its size, or for
  300 by 200 where it does not say. Pictures of 1 or 2 pixels are left out: they count who opens the mail.
- **Hidden text** is found by inline styles alone; a style sheet can show or hide what is not known here.
- **Text beside HTML** should have at least half of the different words of the HTML, where that has 20 or more.
- Links are not opened, and no picture is loaded: a link that is written well may still lead to a page that is gone.
- A message is read as far as it can be: HTML of up to a megabyte, 500 elements within each other, three signatures.
  Larger messages than 64 MB are not read.
- A mail that passes can still be filed as spam: reputation, complaints and contents count for more than form.

## A sample of each day

```yaml
mailboxes:
  - address: news@example.com
    tenant_id: ${TENANT_ID}
    client_id: ${CLIENT_ID}
    client_secret: ${CLIENT_SECRET}
deliverability:
  - domain: example.com
    lint:
      mailboxes: [news@example.com]    # null: the mailboxes of the domain
      sample: 100                      # mails a day
      tolerated_percent: 5
```

makes a daily asset `deliverability/example.com/lint`: of the mails in these mailboxes whose From is of the domain, a
sample is judged, the same one each time. For each rule it holds how many were judged and how many fail, and no word of
a mail. Each rule of weight `error` has a check, which fails where more than `tolerated_percent` of the sample fail it.
A forged mail in the domain's name that reached such a mailbox is counted like the others. Keys are asked for in days of
the last week alone: later they may have been changed, and signatures stay unchecked.
"""


def lint() -> Iterator[str]:
    """Every rule on messages."""
    yield from LINT.splitlines()
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
