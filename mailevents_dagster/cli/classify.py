"""`mailevents classify`."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from mailevents_dagster.cli.terminal import Exit, console

if TYPE_CHECKING:
    from mailevents_dagster.sources.outcomes.notices.notice import Notice


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
def classify(*, files: tuple[Path, ...]) -> None:
    """Say what bounce messages, complaints, auto-replies and log lines tell of each recipient.

    FILE is a message, an mbox file, or a log of Exim or Postfix; folders are walked, - is standard input. Needs no
    settings. Prints one JSON object a line. Ends with 1 where a file could not be read, and names it.
    """
    from mailevents_dagster.cli.progress import progress
    from mailevents_dagster.sources.outcomes.notices.files import UnreadableError

    failed = False
    with progress(console(stderr=True), None, lambda done: f"{done:,} recipients and lines") as advance:
        for path in _walked(files):
            try:
                for line in _lines(path):
                    click.echo(line)
                    advance(1)
            except UnreadableError as error:
                failed = True
                click.echo(f"{path} {error}", err=True)
    sys.exit(Exit.SOME_FAILED if failed else Exit.DONE)


def _walked(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the files, and those in folders, in the order of their names."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names))


def _lines(path: Path) -> Iterator[str]:
    """Yield a line for each recipient that the file tells of; raise UnreadableError where it cannot be read."""
    import orjson

    from mailevents_dagster.sources.outcomes.notices.files import UnreadableError, notices_in

    name = os.fsencode(path).decode("utf-8", "replace")
    try:
        with _opened(path) as file:
            for notice in notices_in(file, path.name):
                yield orjson.dumps({"file": name, **_shown(notice)}).decode()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from error


def _opened(path: Path) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if str(path) == "-" else path.open("rb")


def _shown(notice: "Notice") -> dict[str, object]:
    from mailevents_dagster.sources.outcomes.notices.notice import NoticeKind

    return {
        "is_bounce": notice.kind is NoticeKind.BOUNCE,
        "kind": notice.kind.value,
        "recipient": notice.recipient,
        "class": notice.bounce_class.value if notice.bounce_class else None,
        "code": notice.code,
        "enhanced_code": notice.enhanced_code,
        "text": notice.text,
        "rule": notice.rule,
    }
