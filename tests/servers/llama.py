"""A llama.cpp server that a test starts, kills and starts again."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PROCESS = Path(__file__).with_name("llama_process.py")


@dataclass
class Llama:
    """A model served on a free port of its own, on the same one again after `kill` and `start`."""

    path: Path
    aliases: list[str]
    keys: list[str] = field(default_factory=list)
    slots: int = 4
    context: int = 1024
    port: int = 0
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Llama":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        settings = {name: getattr(self, name) for name in ("aliases", "keys", "slots", "context", "port")}
        # Its input is a pipe from here, so that it ends even where a test run is killed.
        self._process = subprocess.Popen(
            [sys.executable, str(PROCESS), json.dumps({**settings, "path": str(self.path)})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout
        address = self._process.stdout.readline()
        if not address:
            self.kill()
            raise RuntimeError(f"llama.cpp does not serve {self.path} on port {self.port}")
        self.port = int(address.rpartition(":")[2])

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def ask(self, route: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        """Ask past the client that is tested, with the first key."""
        headers = {"Content-Type": "application/json"}
        if self.keys:
            headers["Authorization"] = f"Bearer {self.keys[0]}"
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(self.url + route, data, headers), timeout=10) as response:
                return response.status, response.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    @property
    def generated(self) -> int:
        """How many tokens it has generated since it was started, by its own count."""
        found = re.search(rb"^llamacpp:tokens_predicted_total (\d+)", self.ask("/metrics")[1], re.M)
        assert found
        return int(found[1])
