"""A stand-in for Docker's engine: takes what a client asks of it over HTTP, and starts processes instead of containers.

A process gets what its container would have: the variables of the image and its own, a home of its own that nothing
else sees, and the files of named volumes, at other paths than in a container.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

HOME: Final = "/opt/dagster"
_CONTAINER: Final = re.compile(r"/v[\d.]+/containers/(?P<id>\w+)(?:/(?P<verb>\w+))?(?:\?.*)?")
Translate = Callable[[str], str]
"""Turns paths of a container into those of a process."""


@dataclass
class Container:
    """What was asked for, and the process that it became."""

    id: str
    asked: Mapping[str, Any]
    home: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def is_service(self) -> bool:
        """Whether it goes on until it is ended, and is no run."""
        return "execute_run" not in self.asked["Cmd"]

    @property
    def status(self) -> str:
        if self.process is None:
            return "created"
        return "running" if self.process.poll() is None else "exited"


@dataclass
class DockerEngine:
    """Listens on loopback as long as the block runs, and ends its processes with it."""

    folder: Path
    entrypoint: Sequence[str]
    image: Mapping[str, str]
    """Variables that all containers have."""
    translate: Translate
    containers: dict[str, Container] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self._numbers = count(1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        for container in self.containers.values():
            if container.process:
                with suppress(ProcessLookupError):
                    os.killpg(container.process.pid, signal.SIGKILL)
                container.process.wait()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self._server.server_address[1]}"

    def start(self, command: Sequence[str], variables: Mapping[str, str]) -> Container:
        """Start a container as compose would."""
        container = self.create({"Cmd": list(command), "Env": [f"{name}={value}" for name, value in variables.items()]})
        self.run(container)
        return container

    def create(self, asked: Mapping[str, Any]) -> Container:
        name = f"c{next(self._numbers):03d}"
        container = Container(name, asked, self.folder / name)
        self.containers[name] = container
        return container

    def run(self, container: Container) -> None:
        """Start its process; the home is a copy of the image's, and gone with the container."""
        shutil.copytree(self.folder / "image", container.home)

        def here(text: str) -> str:  # a run is told of its daemon's home, which has the same name in each container
            return self.translate(re.sub(f"{HOME}|{self.folder}/c[0-9]{{3}}", str(container.home), text))

        given = dict(one.split("=", 1) for one in container.asked["Env"])
        variables = {name: here(value) for name, value in {**self.image, **given}.items()}
        with open(container.home / "printed", "wb") as printed:
            container.process = subprocess.Popen(
                [*self.entrypoint, *map(here, container.asked["Cmd"])],
                cwd=container.home,
                env={"PATH": os.environ["PATH"], **variables},
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )

    def lose(self, container: Container) -> None:
        """Take a container away as a lost node does: nothing of it is left."""
        assert container.process
        os.killpg(container.process.pid, signal.SIGKILL)
        container.process.wait()
        shutil.rmtree(container.home)

    def printed(self) -> str:
        """What all containers printed, for whoever looks why a test failed."""
        return "\n".join(
            f"--- {one.id} {one.asked['Cmd'][:2]}\n{(one.home / 'printed').read_text(errors='replace')[-4000:]}"
            for one in self.containers.values()
            if (one.home / "printed").exists()
        )


class _Server(ThreadingHTTPServer):
    def __init__(self, engine: DockerEngine) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.engine = engine


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its name there

    def do_GET(self) -> None:
        if self.path.endswith("/version"):
            self._answer({"ApiVersion": "1.47", "MinAPIVersion": "1.24", "Version": "27"})
        elif container := self._container():
            state = {"Status": container.status, "Running": container.status == "running"}
            self._answer({"Id": container.id, "Name": container.id, "State": state, "Config": {}})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if "/containers/create" in self.path:
            self._answer({"Id": self.server.engine.create(asked).id, "Warnings": []}, HTTPStatus.CREATED)
        elif container := self._container():
            if "/start" in self.path:
                self.server.engine.run(container)
            elif container.process:
                container.process.terminate()
            self._answer(None, HTTPStatus.NO_CONTENT)

    def _container(self) -> Container | None:
        """Return the container that is spoken of; the answer is given where there is none."""
        found = _CONTAINER.fullmatch(self.path)
        container = self.server.engine.containers.get(found["id"]) if found else None
        if container is None:
            self._answer({"message": f"no such container: {self.path}"}, HTTPStatus.NOT_FOUND)
        return container

    def _answer(self, content: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
