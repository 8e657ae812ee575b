"""`mailevents migrate`."""

import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from mailevents_dagster.cli.terminal import Exit, console

if TYPE_CHECKING:
    from mailevents_dagster.model.feed import Feed
    from mailevents_dagster.settings import Settings
    from mailevents_dagster.settings.first_files import Outcome
    from mailevents_dagster.sources.migration_report import Decided as MovedOver
    from mailevents_dagster.sources.uzmanposta.migration.adopting import Adoption
    from mailevents_dagster.sources.uzmanposta.migration.migrating import Decided, Target
    from mailevents_dagster.store.store import Store


@click.command()
@click.argument("ini", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--maillog",
    "conf",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="CONF",
    help="Move over from maillog_events with this maillog.conf, instead of an INI.",
)
@click.option(
    "--fund-mail",
    "env",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="ENV",
    help="Move over from fund_mail with this .env, instead of an INI.",
)
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="FOLDER",
    help="Where mailevents.yaml, .env and data/ are written; else the current folder.",
)
@click.option("--timezone", metavar="NAME", help="IANA name, such as Europe/Istanbul; else that of this machine.")
@click.option(
    "--adopt",
    "output",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="OUTPUT",
    help="Take the hourly logs below this folder of the old tool into the storage, too.",
)
@click.option("--dry-run", "dry", is_flag=True, help="Say what would be done, and write nothing.")
def migrate(
    *,
    ini: Path | None,
    conf: Path | None,
    env: Path | None,
    folder: Path,
    timezone: str | None,
    output: Path | None,
    dry: bool,
) -> None:
    """Move over from the cron script with its INI file and positions, from maillog_events, or from fund_mail.

    Nothing that is there is overwritten, and no file of the old tool is changed. Ends with 1 where something could not
    be carried over, or is to be mended.
    """
    if conf and not (ini or env or output):
        _migrate_maillog(conf, folder, timezone, dry=dry)
    elif env and not (ini or conf or output):
        _migrate_fund_mail(env, folder, timezone, dry=dry)
    elif ini and not (conf or env):
        _migrate_ini(ini, folder, timezone, output, dry=dry)
    else:
        raise click.UsageError(
            "Give either the INI file of the cron script, with --adopt where its logs are to be taken in, --maillog "
            "with the maillog.conf of maillog_events, or --fund-mail with the .env of fund_mail."
        )


def _migrate_ini(ini: Path, folder: Path, timezone: str | None, output: Path | None, *, dry: bool) -> None:
    from mailevents_dagster.sources.uzmanposta.migration.migrating import decide, target_of, write
    from mailevents_dagster.sources.uzmanposta.migration.old_tool import IniError
    from mailevents_dagster.sources.uzmanposta.migration.report import next_steps, of_logs, of_sections

    now, out = time.time(), console()
    with _usable(ini, IniError):
        decided = decide(ini.absolute(), folder.absolute(), _timezone(timezone), now)
    target = target_of(decided, folder.absolute(), now)
    with _old_logs(decided, target, output, dry=dry) as old:
        written = write(decided, target, old.first, now, dry=dry)
        if written.settings and old.folder:
            with _progress("Hours of old logs", old.records) as report:
                old.adopt(_open_from(written.settings, target.store), report)
    for part in (
        *of_sections(decided, written, dry=dry),
        *(of_logs(old, target, written) if output else ()),
        *next_steps(decided, target, written, old, dry=dry),
    ):
        out.print(part, markup=False, highlight=False, soft_wrap=isinstance(part, str))
    sys.exit(Exit.SOME_FAILED if decided.behind or written.problems else Exit.DONE)


def _migrate_maillog(conf: Path, folder: Path, timezone: str | None, *, dry: bool) -> None:
    from mailevents_dagster.sources.maillog.migration import NEXT_STEPS, ConfError, decide, write

    target = folder.absolute()
    with _usable(conf, ConfError):
        decided = decide(conf.absolute(), target, _timezone(timezone), socket.gethostname(), time.time())
    _tell(decided, write(decided, target, dry=dry), NEXT_STEPS, dry=dry)


def _migrate_fund_mail(env: Path, folder: Path, timezone: str | None, *, dry: bool) -> None:
    from mailevents_dagster.sources.mailbox.migration import NEXT_STEPS, FundMailError, decide, write

    target = folder.absolute()
    with _usable(env, FundMailError):
        decided = decide(env.absolute(), target, _timezone(timezone), time.time())
    _tell(decided, write(decided, target, dry=dry), NEXT_STEPS, dry=dry)


@contextmanager
def _usable(old: Path, unusable: type[Exception]) -> Iterator[None]:
    """End the command where the file of the old tool cannot be used."""
    from mailevents_dagster.files.object_errors import ObjectStoreError

    try:
        yield
    except ObjectStoreError:  # of the new storage
        raise
    except OSError as error:
        raise click.UsageError(f"{old} cannot be read: {error.strerror or error}") from error
    except unusable as error:
        raise click.UsageError(f"{old}: {error}") from error


def _tell(decided: "MovedOver", outcomes: "Sequence[Outcome]", steps: "Sequence[str]", *, dry: bool) -> NoReturn:
    """Say what became of the old files, and end the command."""
    from mailevents_dagster.sources.migration_report import report

    for line in report(decided, outcomes, steps, dry=dry):
        console().print(line, markup=False, highlight=False, soft_wrap=True)
    sys.exit(Exit.SOME_FAILED if decided.problems else Exit.DONE)


@contextmanager
def _old_logs(decided: "Decided", target: "Target", output: Path | None, *, dry: bool) -> "Iterator[Adoption]":
    """Return the old logs, read and sorted by hours; none where no folder is given, or nothing to take them into."""
    from mailevents_dagster.sources.uzmanposta.migration.adopting import Adoption
    from mailevents_dagster.sources.uzmanposta.migration.old_logs import find_logs

    if output is None or target.fault:
        yield Adoption(target.store)
        return
    if target.store.layout.holds(output):
        raise click.UsageError(f"--adopt {output} is the new storage; give the folder that log_directory names.")
    logs = find_logs(output, target.feeds, [name for one in decided.old.sections for name in one.file_names])
    with ExitStack() as stack:
        folder = None if dry else stack.enter_context(target.store.adopting(lambda note: click.echo(note, err=True)))
        old = Adoption(target.store, logs, folder)
        with _progress("Reading old logs", logs.size) as report:
            old.sort(report)
        yield old


def _open_from(settings: "Settings", store: "Store") -> "Mapping[Feed, int]":
    """Return from which hour on automation asks for each feed."""
    from mailevents_dagster.collecting.feed_states import rules_of, states_of
    from mailevents_dagster.collecting.planning import wanted_from

    now, rules = time.time(), rules_of(settings)
    return {state.feed: wanted_from(state, now, rules) for state in states_of(settings, store)}


def _progress(what: str, total: int) -> "AbstractContextManager[Callable[[int], None]]":
    """Show progress; it is told how much more is done."""
    from mailevents_dagster.cli.progress import progress

    return progress(console(), total, lambda done: f"{what}: {done * 100 // max(total, 1)} %")


def _timezone(given: str | None) -> str:
    from mailevents_dagster.settings.values import check_timezone
    from mailevents_dagster.sources.uzmanposta.migration.old_tool import machine_timezone

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
