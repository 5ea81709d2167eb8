"""Who is measured: each peer in a virtual environment of its own, and this project as it lies here."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import ours
from scenarios import Scenario

HERE = Path(__file__).parent
VENVS = HERE.parent / ".venvs"

PACKAGES = {
    "bare": ["aiohttp"],
    "hf": ["huggingface_hub"],
    # its inference needs more than it declares outside an extra that brings vLLM
    "datatrove": ["datatrove[io]==0.10.1", "httpx", "aiosqlite", "aiofiles", "xxhash<4", "openai", "orjson"],
}


@dataclass(frozen=True)
class Peer:
    """A script of peers/ in its environment."""

    name: str
    venv: str
    script: str
    settings: str
    durable: str = "no"
    options: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """Say why it cannot run, having tried to install it."""
        python = VENVS / self.venv / "bin/python"
        ready = VENVS / self.venv / "ready.json"
        packages = PACKAGES[self.venv]
        if ready.exists() and json.loads(ready.read_text()) == packages:
            return None
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(VENVS / self.venv)],
            [str(python), "-m", "pip", "install", "--quiet", *packages],
        ):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                return f"does not install: {(done.stderr or done.stdout).strip().splitlines()[-1]}"
        ready.write_text(json.dumps(packages))
        return None

    def command(self, scenario: Scenario, urls: list[str], prompts: Path, folder: Path) -> list[str]:
        command = [str(VENVS / self.venv / "bin/python"), str(HERE / "peers" / self.script), *self.options]
        command += ["--rows", str(scenario.rows), "--prompts", str(prompts), "--out", str(folder)]
        for url, lanes in zip(urls, scenario.concurrency, strict=True):
            command += ["--url", url, "--concurrency", str(lanes)]
        return command

    def environment(self) -> dict[str, str]:
        return {}

    def outcome(self, folder: Path) -> dict:
        """Return rows, versions and error as the script reported them in its last line."""
        lines = (folder / "stdout").read_text().strip().splitlines()
        return json.loads(lines[-1]) if lines else {"rows": 0, "versions": {}, "error": None}


RUNNERS = {
    runner.name: runner
    for runner in (
        Peer("bare", "bare", "bare_aiohttp.py", "workers over one session; own retry, 0.05 s doubling to 0.4 s"),
        Peer("hf", "hf", "hf_async.py", "AsyncInferenceClient, default pool, one client; the same own retry"),
        Peer("datatrove", "datatrove", "datatrove_runner.py", "no checkpoints, its own sockets (localhost)"),
        Peer(
            "datatrove+checkpoints",
            "datatrove",
            "datatrove_runner.py",
            "checkpoints of 6,000 rows and its SQLite request cache, its own sockets (localhost)",
            durable="SQLite, a row a commit",
            options=("--checkpoints", "on"),
        ),
        Peer(
            "datatrove-sdk",
            "datatrove",
            "datatrove_runner.py",
            "no checkpoints, through the openai SDK, the only path of it that retries",
            options=("--path", "sdk"),
        ),
        Peer(
            "datatrove+retry",
            "datatrove",
            "datatrove_runner.py",
            "no checkpoints, its own sockets, the same own retry in the rollout function, 128 documents",
            options=("--retry", "own"),
        ),
        ours.Ours(),
    )
}
