"""The units for systemd start what there is, agree with each other, and are what the page for operators says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import click
import pytest

from mailevents_dagster.cli import main
from mailevents_dagster.cli.terminal import Exit
from mailevents_dagster_tests.commands import below

CHECKOUT = Path(__file__).parents[1]
UNITS = CHECKOUT / "deploy" / "systemd"
COMMAND = CHECKOUT / "deploy" / "mailevents"
PAGE = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
INSTALLED = "/opt/mailevents/"
SERVICES = sorted(UNITS.glob("*.service"))
OF_EACH_OWN = {"Type", "ExecStart", "Restart", "RestartSec", "SuccessExitStatus", "TimeoutStartSec", "TimeoutStopSec"}

YES_NO, TIME, PATHS = "yes|no", "[0-9]+|infinity", "/[^ ]*( /[^ ]*)*"
UNIT_NAMES = r"[a-z-]+\.(service|target|timer)( [a-z-]+\.(service|target|timer))*"
TAKEN: Mapping[str, Mapping[str, str]] = {
    "Unit": {
        **dict.fromkeys(["Wants", "After", "JoinsNamespaceOf"], UNIT_NAMES),
        "Description": ".+",
        "Documentation": "file:///.+",
        "StartLimitIntervalSec": TIME,
    },
    "Service": {
        **dict.fromkeys(["RestartSec", "TimeoutStartSec", "TimeoutStopSec"], TIME),
        **dict.fromkeys(["User", "Group"], "[a-z_][a-z0-9_-]*"),
        **dict.fromkeys(["PrivateTmp", "PrivateDevices", "NoNewPrivileges", "LockPersonality"], YES_NO),
        **dict.fromkeys([f"Protect{what}" for what in ("Home", "Clock", "Hostname", "ControlGroups")], YES_NO),
        **dict.fromkeys([f"ProtectKernel{what}" for what in ("Tunables", "Modules", "Logs")], YES_NO),
        **dict.fromkeys([f"Restrict{what}" for what in ("Namespaces", "Realtime", "SUIDSGID")], YES_NO),
        "Type": "simple|exec|oneshot|notify",
        "Environment": "[A-Z_]+=[^ ]+",
        "WorkingDirectory": "/[^ ]*",
        "ReadWritePaths": PATHS,
        "ExecStart": r"/[^\\]*",
        "Restart": "always|no|on-failure",
        "SuccessExitStatus": "[0-9]{1,3}",
        "KillMode": "control-group|mixed|process",
        "KillSignal": "SIG(TERM|INT|QUIT)",
        "UMask": "0[0-7]{3}",
        "ProtectSystem": "strict|full|yes|no",
        "CapabilityBoundingSet": "",
        "RestrictAddressFamilies": "AF_[A-Z0-9]+( AF_[A-Z0-9]+)*",
        "SystemCallArchitectures": "native",
    },
    "Timer": {"Unit": UNIT_NAMES, "OnCalendar": r"[-*0-9:/. ]+", "RandomizedDelaySec": TIME, "AccuracySec": TIME},
    "Install": {"WantedBy": UNIT_NAMES},
}
"""What systemd takes of each section, as far as these units need it: a further directive is a further line here."""

Unit = Mapping[str, Mapping[str, Sequence[str]]]


def unit(file: Path) -> Unit:
    """The values of a unit, by section and key, of which a key may have several."""
    read: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            read[section][key].append(value)
    return read


def refused(text: str) -> list[str]:
    """The lines of a unit that are not as systemd takes them."""
    wrong = []
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            fits = line == f"[{section}]" and section in TAKEN
        else:
            key, _, value = line.partition("=")
            fits = (
                not line or line.startswith("#") or bool(re.fullmatch(TAKEN.get(section, {}).get(key, "(?!)"), value))
            )
        wrong += [] if fits else [line]
    return wrong


def environment(service: Path) -> Mapping[str, str]:
    return dict(value.split("=", 1) for value in unit(service)["Service"]["Environment"])


@cache
def commands() -> Mapping[str, click.Command]:
    """Return the commands of units. Those of Dagster are loaded here: at the top, all who collect tests load them."""
    from dagster._daemon.cli import create_dagster_daemon_cli
    from dagster_webserver.cli import dagster_webserver

    return {"mailevents": main, "dagster-daemon": create_dagster_daemon_cli(), "dagster-webserver": dagster_webserver}


def parse(words: Sequence[str]) -> None:
    """Raises where the words name a command, option or file of the checkout that there is not."""
    command, rest = commands()[Path(words[0]).name], list(words[1:])
    while isinstance(command, click.Group):
        command = below(command, rest.pop(0))
    command.make_context(command.name, rest)


@pytest.mark.parametrize("service", SERVICES, ids=lambda file: file.name)
def test_a_service_starts_a_command_that_there_is_with_options_that_it_has(service: Path) -> None:
    [command] = unit(service)["Service"]["ExecStart"]
    assert command.startswith(f"{INSTALLED}.venv/bin/")
    parse([part.replace(INSTALLED, f"{CHECKOUT}/") for part in shlex.split(command)])


def test_an_option_that_no_command_has_is_found() -> None:
    with pytest.raises(click.NoSuchOption):
        parse(["mailevents", "collect", "--since-cursors", "--quiet"])
    with pytest.raises(click.NoSuchOption):
        parse(["dagster-daemon", "run", "--workspaces", "x"])


@pytest.mark.parametrize("service", SERVICES, ids=lambda file: file.name)
def test_the_services_differ_in_what_they_start_alone(service: Path) -> None:
    first, this = (unit(file)["Service"] for file in (SERVICES[0], service))
    assert {key: first[key] for key in first if key not in OF_EACH_OWN} == {
        key: this[key] for key in this if key not in OF_EACH_OWN
    }


@pytest.mark.parametrize("service", SERVICES, ids=lambda file: file.name)
def test_a_service_writes_where_it_may_and_finds_one_dagster_yaml_alone(service: Path) -> None:
    values, variables = unit(service)["Service"], environment(service)
    home = variables["DAGSTER_HOME"]
    assert values["ProtectSystem"] == ["strict"]
    assert values["UMask"] == ["0077"]
    assert any(Path(home).is_relative_to(path) for path in values["ReadWritePaths"])
    assert values["WorkingDirectory"] == [home]  # another folder may hold a dagster.yaml that is not in force
    assert (CHECKOUT / "dagster.yaml").is_file()  # as the folder of the program does


@pytest.mark.parametrize("service", SERVICES, ids=lambda file: file.name)
def test_the_page_for_operators_names_unit_user_and_paths_as_the_service_has_them(service: Path) -> None:
    values, variables = unit(service)["Service"], environment(service)
    assert service.stem in PAGE
    for path in (*variables.values(), *values["ReadWritePaths"]):
        assert path in PAGE
    assert f"useradd --system --user-group --home-dir {values['ReadWritePaths'][0]}" in PAGE
    assert f"install -d -o {values['User'][0]} -g {values['Group'][0]} -m 0700 {values['ReadWritePaths'][0]} " in PAGE


@pytest.mark.parametrize("file", sorted(UNITS.iterdir()), ids=lambda file: file.name)
def test_a_unit_says_where_it_is_explained(file: Path) -> None:
    [page] = unit(file)["Unit"]["Documentation"]
    assert (CHECKOUT / page.removeprefix(f"file://{INSTALLED}")).is_file()


def test_the_timer_starts_the_service_that_collects_and_nothing_to_do_is_no_fault_of_it() -> None:
    [started] = unit(UNITS / "mailevents-collect.timer")["Timer"]["Unit"]
    assert unit(UNITS / started)["Service"]["SuccessExitStatus"] == [str(int(Exit.NOTHING))]
    assert unit(UNITS / started)["Service"]["Type"] == ["oneshot"]


def test_the_web_interface_reaches_the_sockets_of_the_daemons_code_server() -> None:
    web, daemon = (unit(UNITS / f"mailevents-{name}.service") for name in ("webserver", "daemon"))
    assert web["Unit"]["JoinsNamespaceOf"] == ["mailevents-daemon.service"]
    assert daemon["Unit"]["JoinsNamespaceOf"] == ["mailevents-webserver.service"]  # either may be started again alone
    assert web["Service"]["PrivateTmp"] == daemon["Service"]["PrivateTmp"] == ["yes"]
    assert "--host 127.0.0.1" in web["Service"]["ExecStart"][0]


def test_roots_command_is_that_of_the_services_with_their_settings(tmp_path: Path) -> None:
    (tmp_path / "runuser").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "runuser").chmod(0o755)
    run = subprocess.run(
        [COMMAND, "collect", "--feed", "example.com mail/*"],
        env={**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    daemon = UNITS / "mailevents-daemon.service"
    variables = [f"{name}={value}" for name, value in environment(daemon).items()]
    assert run.stdout.splitlines() == [
        *("-u", unit(daemon)["Service"]["User"][0], "--", "env"),
        *variables,
        *(f"{INSTALLED}.venv/bin/mailevents", "collect", "--feed", "example.com mail/*"),
    ]


def test_pages_name_every_file_of_this_folder_and_no_other() -> None:
    """A folder that a page is about is named as a whole."""
    pages = "".join(page.read_text(encoding="utf-8") for page in (CHECKOUT / "docs").glob("*.md"))
    paths = [path.rstrip("./") for path in re.findall(r"(?<![\w/])deploy/[\w./*-]+", pages)]
    assert all(list(CHECKOUT.glob(path)) for path in paths)
    named = {file for path in paths for file in CHECKOUT.glob(path)}
    there = {file for file in (CHECKOUT / "deploy").rglob("*") if file.is_file()}
    assert {file for file in there if not named & {file, *file.parents}} == set()


def test_the_units_hold_nothing_but_what_systemd_takes(tmp_path: Path) -> None:
    assert {file.name: refused(file.read_text()) for file in UNITS.iterdir()} == {
        file.name: [] for file in UNITS.iterdir()
    }
    if systemd := shutil.which("systemd-analyze"):  # where it is, it is the better judge
        for file in UNITS.iterdir():  # nothing is installed here
            text = re.sub("^ExecStart=[^ ]+", "ExecStart=/bin/true", file.read_text(), flags=re.MULTILINE)
            (tmp_path / file.name).write_text(re.sub("^Documentation=.*\n", "", text, flags=re.MULTILINE))
        said = subprocess.run(
            [systemd, "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))],
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0
        assert "mailevents-" not in said.stderr  # of other units of this machine it may say anything


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Restart=always", "Restart=allways"),
        ("Restart=always", "Restarts=always"),
        ("PrivateTmp=yes", "PrivateTmp=yess"),
        ("PrivateTmp=yes", "PrivateTmp = yes"),
        ("WorkingDirectory=/var", "WorkingDirectory=var"),
        ("ReadWritePaths=/var", "ReadWritePaths=./var"),
        ("ExecStart=/opt", "ExecStart=opt"),
        ("User=mailevents", "User=mail events"),
        ("TimeoutStopSec=60", "TimeoutStopSec=1 minuet"),
        ("KillSignal=SIGTERM", "KillSignal=SIGTERMINATE"),
        ("RestrictAddressFamilies=AF_INET ", "RestrictAddressFamilies=INET "),
        ("WantedBy=multi-user.target", "WantedBy=multi-user"),
        ("ExecStart=/opt/mailevents/.venv/bin/dagster-daemon run", "ExecStart=/opt/dagster-daemon run \\\n"),
        ("[Service]", "[Services]"),
        ("[Install]", "Install"),
    ],
)
def test_a_mistake_in_a_unit_is_found(right: str, wrong: str) -> None:
    text = (UNITS / "mailevents-daemon.service").read_text()
    assert right in text
    assert refused(text.replace(right, wrong))
