"""The clients' process as a test uses it, and plain HTTP where a test has to see exactly what is sent."""

import json
import os
import subprocess
import sys
import textwrap
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any, NamedTuple


class Failed(Exception):
    """What a client raised."""

    def __init__(self, kind: str, status: int | None, text: str) -> None:
        super().__init__(f"{kind} ({status}): {text}")
        self.kind, self.status, self.text = kind, status, text


class Client:
    """huggingface_hub and datasets in one process with one cache; call it with Python for them."""

    def __init__(self, url: str, token: str, home: Path) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        settings = {
            "HF_ENDPOINT": url,
            "HF_TOKEN": token,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }
        self.home = home
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("client.py"))],
            env=inherited | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, code: str, **values: Any) -> Any:
        """Return the value of the code's last line.

        Raises:
            Failed: The clients did.
        """
        asked, answers = self._process.stdin, self._process.stdout
        assert asked and answers
        asked.write(json.dumps({"code": textwrap.dedent(code).strip(), "values": values}) + "\n")
        asked.flush()
        answer = json.loads(answers.readline())
        if "error" in answer:
            raise Failed(answer["error"], answer["status"], answer["text"])
        return answer["value"]

    def fails(self, code: str, **values: Any) -> Failed:
        """Return what the clients raise."""
        try:
            value = self(code, **values)
        except Failed as failed:
            return failed
        raise AssertionError(f"it went well: {value}")

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=10)


class Reply(NamedTuple):
    status: int
    headers: HTTPMessage
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


def call(url: str, method: str = "GET", body: Any = None, token: str | None = None, **headers: str) -> Reply:
    """Send one request."""
    host, _, path = url.removeprefix("http://").partition("/")
    raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    connection = HTTPConnection(host, timeout=10)
    try:
        connection.request(method, "/" + path, raw, sent)
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


def commit(*operations: tuple[str, dict[str, Any]], summary: str = "A commit", **header: Any) -> bytes:
    """Return the body of a commit."""
    lines = [("header", {"summary": summary, "description": "", **header}), *operations]
    return b"".join(json.dumps({"key": key, "value": value}).encode() + b"\n" for key, value in lines)
