"""The double as a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hub
from test_hub.calls import call, commit


@contextmanager
def process(folder: Path, port: int = 0) -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    script = Path(hub.__file__).parent / "__main__.py"
    command = [sys.executable, str(script), "--folder", str(folder), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as started:
        assert started.stdout
        try:
            yield json.loads(started.stdout.readline()), started
        finally:
            started.kill()


def test_what_it_has_outlives_it_even_when_it_is_killed(tmp_path: Path) -> None:
    body: dict[str, Any] = {"name": "kept", "organization": "org", "type": "dataset", "visibility": "private"}
    file = ("file", {"path": "a.txt", "content": "a"})
    with process(tmp_path / "hub") as (ready, started):
        url, token = ready["url"], ready["token"]
        assert call(f"{url}/api/repos/create", "POST", body, token).status == 200
        made = call(f"{url}/api/datasets/org/kept/commit/main", "POST", commit(file), token).body["commitOid"]
        started.kill()
        started.wait()
    with process(tmp_path / "hub", int(url.rpartition(":")[2])) as (again, started):
        assert again["url"] == url
        assert call(f"{url}/api/datasets/org/kept", token=token).body["sha"] == made
        assert call(f"{url}/api/datasets/org/kept", token=again["other_token"]).status == 404
        assert call(f"{url}/datasets/org/kept/resolve/main/a.txt", token=again["read_token"]).raw == b"a"
        log = call(f"{url}/__double__/log").body
        assert [(one["method"], one["status"], one["sent"]) for one in log][1:] == [("GET", 404, 33), ("GET", 200, 1)]
        started.terminate()
        assert started.wait(5) == 0
    with hub.serving(tmp_path / "hub") as server:
        assert server.repo("org/kept").commits()[0].id == made
