"""Moving over from maillog_events: its maillog.conf and pattern.xml become settings. Neither is ever changed."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator, Mapping
from configparser import ConfigParser, Error
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings.first_files import Outcome, env_line, write_env, write_file, written_start
from mailevents_dagster.settings.problems import enumeration, shown
from mailevents_dagster.sources.maillog.bounces.pattern_file import PatternsError
from mailevents_dagster.sources.maillog.bounces.patterns import load_patterns

SETTINGS: Final = "mailevents.yaml"
AWS_VARIABLES: Final[Mapping[str, str]] = {
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
}
"""Keys of the old file, and the variables in which AWS's own tools look for them."""
NOT_NEEDED: Final[Mapping[str, str]] = {
    "sleep_time": "lines are read every `automation.follow_minutes`, however many there are",
    "logs": "what was published and what waits stands in the metadata of each hour",
    "endpoint_url": "only the script that deletes messages used it; the queue is found by its name and region",
}
"""Keys without a successor, and why none is needed."""
NEXT_STEPS: Final = (
    "make check, then mailevents status: it lists the log with its missing hours.",
    "systemctl disable --now maillog: while the old tool runs, both publish.",
    "make ui, or the services of docs/operations.md: bounces are then published by themselves.",
)
PLACEHOLDER: Final = "test"
"""What the file that comes with the old tool has for keys of AWS."""
SNIFFED: Final = 65_536
"""Bytes of the log by which its format is told."""

_TAKEN: Final = ("mail_log_file", "pattern_file", "queue_name", "region_name")
_EXIM: Final = re.compile(rb"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\bexim\S*\[\d+\]: ", re.MULTILINE)
_POSTFIX: Final = re.compile(rb" postfix\S*/\w+\[\d+\]: ")
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?")
_HEAD: Final = """\
# Settings of mailevents_dagster, made by `mailevents migrate` from {source}.
# What is not said here is as mailevents.example.yaml shows it, where every key is explained.

# Names the hours in the Dagster UI and in file names, and is that of the times in the log.
timezone: {timezone}

# The first hour, in that time zone. What rotation left of the log is read, too: write an earlier day for more hours.
start: {start}

# Everything new lies here, seen from the folder of this file.
storage: ./data
"""
_MAIL_LOGS: Final = """\
mail_logs:
  - name: {name}  # `hostname` in messages
    format: {format}
    files: {files}
"""
_START: Final = re.compile(r"^start: *(\S+)", re.MULTILINE)


class ConfError(Exception):
    """The old file cannot be used; the text says where, and quotes nothing from the file: it may be a key."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What becomes of the old files, before anything is written."""

    head: str
    sections: str
    """Of the settings, behind the head."""
    keys: Mapping[str, str]
    """Of AWS, by their variables."""
    patterns: tuple[str, bytes] | None
    """The name of the new pattern file, and what stands in it."""
    changes: tuple[str, ...]
    """What is not as it was, a sentence each."""
    problems: tuple[str, ...]
    """What is to be mended."""


def decide(conf: Path, folder: Path, timezone: str, hostname: str, now: float) -> Decided:
    """Read the old files; OSError or ConfError where maillog.conf cannot be used."""
    old = read_conf(conf.read_bytes())
    log = conf.parent / (old.get("mail_log_file") or "/var/log/exim4/mainlog")
    problems: list[str] = []
    patterns = _patterns(conf, old.get("pattern_file", "pattern.xml"), problems)
    format_ = _format(log, problems)
    start = _start(folder / SETTINGS, timezone, now)
    head = _HEAD.format(source=json.dumps(conf.name), timezone=timezone, start=start)
    mail_logs = _MAIL_LOGS.format(name=_text(_name(hostname, problems)), format=format_, files=_text(f"{log}*"))
    sections = "".join([mail_logs, *_bounces(patterns, old, problems)])
    keys = _keys(old, problems)
    changes = tuple(_changes(conf, old, keys))
    return Decided(head, sections, keys, patterns, changes, tuple(problems))


def write(decided: Decided, folder: Path, *, dry: bool) -> list[Outcome]:
    """Write keys, then patterns, then settings; what is there and differs is left alone."""
    outcomes = [write_env(folder / ".env", decided.keys, "maillog.conf", dry=dry)] if decided.keys else []
    if decided.patterns:
        name, content = decided.patterns
        outcomes.append(write_file(folder / name, content, dry=dry))
    return [*outcomes, write_file(folder / SETTINGS, f"{decided.head}\n{decided.sections}".encode(), dry=dry)]


def read_conf(content: bytes) -> dict[str, str]:
    """Return what the file says, read as the old tool does and a little more kindly: in any section, or in none."""
    # Remarks behind values begin with a semicolon, as in the Python of the old tool.
    parser = ConfigParser(interpolation=None, strict=False, allow_no_value=True, inline_comment_prefixes=(";",))
    try:
        parser.read_string("[main]\n" + content.decode("utf-8-sig", "replace"))
    except Error as error:
        line = getattr(error, "lineno", None) or next((number for number, _ in getattr(error, "errors", ())), 1)
        raise ConfError(f"line {line - 1} is neither a [section] nor `key: value`") from None
    sections = [*(name for name in parser.sections() if name != "main"), "main"]
    said = {key: value.strip() for name in sections for key, value in parser[name].items() if value}
    if not said.keys() & {*_TAKEN, *AWS_VARIABLES}:
        raise ConfError("it names neither a log nor a queue; is it the right file?")
    return said


def _patterns(conf: Path, written: str, problems: list[str]) -> tuple[str, bytes] | None:
    """Return the pattern file: where the old tool found it, or beside maillog.conf."""
    beside = conf.parent / Path(written).name
    path = conf.parent / written
    path = path if path.exists() or not beside.exists() else beside
    try:
        patterns = load_patterns(path)
    except PatternsError as error:
        problems.append(f"{error}. Until there are patterns, nothing is published, unless `only_with_pattern: false`.")
        return None
    problems += [f"{path}: {problem}." for problem in patterns.problems]
    return path.name, path.read_bytes()


def _format(log: Path, problems: list[str]) -> str:
    """Return whose log it is: by what stands in it, or else by its name."""
    try:
        with log.open("rb") as file:
            head = file.read(SNIFFED)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no such file"
        problems.append(f"{log} cannot be read ({why}): whoever collects must be able to read it, and need no more.")
        head = b""
    if _POSTFIX.search(head):
        return "postfix"
    return "exim" if _EXIM.search(head) or "exim" in str(log) or log.name not in ("mail.log", "maillog") else "postfix"


def _start(settings: Path, timezone: str, now: float) -> str:
    """Return the first hour: the one running now, or that of an earlier run of this command."""
    try:
        found = _START.search(settings.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        found = None
    return found[1] if found else written_start(Hour.containing(now, timezone).start, timezone)


def _name(hostname: str, problems: list[str]) -> str:
    name = hostname.lower()
    if _NAME.fullmatch(name) and ".." not in name:
        return name
    problems.append("The name of this machine cannot name a feed; write another one than `mail` into the settings.")
    return "mail"


def _bounces(patterns: tuple[str, bytes] | None, old: Mapping[str, str], problems: list[str]) -> Iterator[str]:
    queue, region = old.get("queue_name"), old.get("region_name")
    if patterns or queue:
        yield "\nbounces:\n"
    if patterns:
        yield f"  patterns: {_text(patterns[0])}  # read again when it changes\n"
    if not queue:
        problems.append("queue_name is missing: bounces are kept and not published.")
        return
    yield f"  sqs:\n    queue: {_text(queue)}\n"
    if region:
        yield f"    region: {_text(region)}\n"


def _keys(old: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    keys = {variable: old[key] for key, variable in AWS_VARIABLES.items() if old.get(key, PLACEHOLDER) != PLACEHOLDER}
    read_back = dotenv_values(stream=StringIO("".join(env_line(name, value) for name, value in keys.items())))
    odd = [name for name, value in keys.items() if read_back.get(name) != value]
    if odd:
        problems.append(f"{enumeration(odd)}: has characters that no .env file can hold; set it in another way.")
    return {name: value for name, value in keys.items() if name not in odd}


def _changes(conf: Path, old: Mapping[str, str], keys: Mapping[str, str]) -> Iterator[str]:
    """Say what is not as it was."""
    yield "Lines are read where the last reading ended, and what rotation left of the log, too."
    yield "A bounce names the recipient that the mail server names, no longer the first address in the line."
    yield "A line is published once, with the first pattern that it matches, no longer with each."
    yield "Messages begin with the four fields that they had; class, code, text, time and ids stand behind them."
    yield "Bounces from before the first run are not published (`since: now`)."
    if keys:
        yield f"{enumeration(keys)}: in .env, which only this user may read. A role or a profile needs neither."
        if stat.S_IMODE(conf.stat().st_mode) & 0o044:
            yield f"{conf.name} can be read by others on this machine; consider new keys."
    elif old.keys() & AWS_VARIABLES.keys():
        yield "The keys of AWS are the placeholders of the old tool's own file; AWS's own ways are tried instead."
    yield from (f"{key}: not needed any more; {why}." for key, why in NOT_NEEDED.items() if key in old)
    if unknown := sorted(old.keys() - {*_TAKEN, *AWS_VARIABLES, *NOT_NEEDED}):
        yield f"{', '.join(map(shown, unknown))}: not known to the old tool; left out."


def _text(value: str) -> str:
    """Return the value in YAML; a dollar sign would name a variable."""
    return json.dumps(value.replace("$", "$$"), ensure_ascii=False)
