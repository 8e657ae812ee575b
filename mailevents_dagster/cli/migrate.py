"""`mailevents migrate`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailevents_dagster.cli.terminal import Exit, console

if TYPE_CHECKING:
    from mailevents_dagster.migration.migrating import Decided, Written


@click.command()
@click.argument("ini", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="FOLDER",
    help="Where mailevents.yaml, .env and data/ are written; else the current folder.",
)
@click.option("--timezone", metavar="NAME", help="IANA name, such as Europe/Istanbul; else that of this machine.")
@click.option("--dry-run", "dry", is_flag=True, help="Say what would be done, and write nothing.")
def migrate(*, ini: Path, folder: Path, timezone: str | None, dry: bool) -> None:
    """Move over from the cron script with its INI file and positions.

    Nothing that is there is overwritten, and no file of the old tool is changed. Ends with 1 where a section could not
    be carried over.
    """
    import time

    from mailevents_dagster.migration.ini import IniError
    from mailevents_dagster.migration.migrating import decide, write

    now = time.time()
    try:
        decided = decide(ini.absolute(), folder.absolute(), _timezone(timezone), now)
    except OSError as error:
        raise click.UsageError(f"{ini} cannot be read: {error.strerror or error}") from error
    except IniError as error:
        raise click.UsageError(f"{ini}: {error}") from error
    written = write(decided, folder.absolute(), None, now, dry=dry)
    _show(decided, written, folder, dry=dry)
    failed = decided.behind or written.problems or written.not_in_settings
    sys.exit(Exit.SOME_FAILED if failed else Exit.DONE)


def _timezone(given: str | None) -> str:
    from mailevents_dagster.migration.timezones import machine_timezone
    from mailevents_dagster.settings.values import check_timezone

    if given:
        try:
            return check_timezone(given)
        except ValueError as error:
            raise click.UsageError(f"--timezone `{given}` {error}") from error
    found = machine_timezone()
    if found is None:
        raise click.UsageError(
            "The time zone of this machine has no name that TZ, /etc/localtime or /etc/timezone would tell. The old "
            "tool named its files by it; give its name, such as --timezone Europe/Istanbul."
        )
    return found


def _show(decided: "Decided", written: "Written", folder: Path, *, dry: bool) -> None:
    from mailevents_dagster.migration.report import lines, table

    out = console()
    out.print(table(decided))
    for line in lines(decided, written, folder, dry=dry):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
