"""A small recipe, its prompts and its run, and the command line over them: in this process or in another."""

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet
import tgi
from arbitrage.cli import main

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [str(ROOT / "builder"), str(ROOT / "dataset_cards")]
LANGUAGES = ("de", "tr")
TEXTS = {"de": "Frage {}: Was weißt du über die Zahl {}?", "tr": "Soru {}: {} sayısı hakkında ne biliyorsun?"}


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def check(self) -> "Ran":
        """No command ever ends in a traceback, nor with a code that the contract does not have."""
        assert "Traceback" not in self.err + self.out, self.err
        assert self.code in (0, 1, 2, 130), self
        if self.code in (2, 130):
            assert self.err.count("arbitrage: ") == 1, self.err
        return self


def rows(count: int, languages: Sequence[str] = LANGUAGES) -> list[dict[str, Any]]:
    """Return `count` sources, each in every language."""
    return [
        {
            "id": f"s{n}",
            "language": language,
            "prompt": TEXTS.get(language, "Question {}: what of {}?").format(n, n * n),
            "answer": f"reference {n} in {language}",
            "topic": f"topic {n % 3}",
        }
        for n in range(count)
        for language in languages
    ]


def double(name: str, **settings: Any) -> tgi.Double:
    """Return a double that plays `org/<name>`, as a teacher of that name asks for."""
    return tgi.Double(model_id=f"org/{name}", model_sha=sha256(name.encode()).hexdigest()[:40], **settings)


def teacher(name: str, *urls: str, **settings: Any) -> dict[str, Any]:
    """Return a teacher block for `org/<name>`."""
    return {"endpoint": list(urls), "api": "tgi", "model": f"org/{name}", "license": "mit", **settings}


@dataclass
class Trial:
    """A recipe in a folder of its own; change `recipe` or `prompts` and run again."""

    folder: Path
    teachers: dict[str, dict[str, Any]]
    prompts: list[dict[str, Any]] = field(default_factory=lambda: rows(6))
    arms: dict[str, dict[str, Any]] = field(default_factory=lambda: {"reward": {"router": "reward"}})
    more: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(
        default_factory=lambda: {
            "prompt": "prompt",
            "language": "language",
            "source_id": "id",
            "reference": "answer",
            "topic": "topic",
        }
    )
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def recipe(self) -> Path:
        return self.folder / "recipe.yaml"

    @property
    def run_folder(self) -> Path:
        return self.folder / "runs" / "trial"

    @property
    def store(self) -> Path:
        return self.run_folder / "store.sqlite"

    @property
    def dataset(self) -> Path:
        return self.run_folder / "dataset"

    def write(self) -> None:
        """Write the recipe (JSON is YAML) and the prompts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        data: dict[str, Any] = {
            "name": "trial",
            "license": "cc-by-4.0",
            "languages": list(LANGUAGES),
            "prompts": [{"path": "prompts.jsonl", "columns": self.columns, "license": "mit"}],
            "test": 0.2,
            "teachers": self.teachers,
            "sampling": {"temperature": 0.3, "max_tokens": 256},
            "rewards": {"chrf": {"python": "chrf"}},
            "arms": self.arms,
            "patience": "2s",
            "seed": 7,
        }
        self.recipe.write_text(json.dumps({**data, **self.more}, ensure_ascii=False, indent=1), encoding="utf-8")
        self.write_prompts()

    def write_prompts(self) -> None:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in self.prompts]
        (self.folder / "prompts.jsonl").write_text("".join(lines), encoding="utf-8")

    def cli(self, verb: str, *options: str, timeout: float = 60) -> Ran:
        """Run a verb over the recipe in another process."""
        with self.start(verb, *options) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException:
                process.kill()
                raise
        return Ran(process.returncode, out, err).check()

    def start(self, verb: str, *options: str) -> subprocess.Popen[str]:
        """Start a verb over the recipe in another process."""
        return subprocess.Popen(
            [sys.executable, "-m", "arbitrage", verb, str(self.recipe), *options],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(SOURCES), "PYTHONWARNINGS": "error", **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, verb: str, *options: str) -> Ran:
        """Run a verb over the recipe in this process, which is faster."""
        out, err, code = io.StringIO(), io.StringIO(), 0
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        argv = ["arbitrage", verb, str(self.recipe if verb != "reproduce" else self.dataset), *options]
        with (
            mock.patch.object(sys, "argv", argv),
            mock.patch.dict(os.environ, self.environ),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as stop:
                code = int(stop.code or 0)
            finally:
                for number, handler in handlers.items():
                    signal.signal(number, handler)
        return Ran(code, out.getvalue(), err.getvalue()).check()

    def build(self, *options: str) -> Ran:
        """Write the recipe and build in this process."""
        self.write()
        return self.run("build", *options)

    def reproduce(self) -> Ran:
        """Rebuild the dataset folder from its pool."""
        return self.run("reproduce")

    def status(self) -> Any:
        return self.run("status", "--json").json

    def pool(self) -> list[dict[str, Any]]:
        """Return the rows of the pool in the dataset folder."""
        return self.table("pool")

    def table(self, name: str) -> list[dict[str, Any]]:
        found = sorted(self.dataset.glob(f"{name}/*/*.parquet"))
        return [row for path in found for row in pyarrow.parquet.read_table(path).to_pylist()]

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Read the store beside whatever else happens to it."""
        with closing(sqlite3.connect(f"{self.store.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def assert_nowhere(self, secret: str, *ran: Ran) -> None:
        """A secret is in no file of the run and in no output."""
        for path in self.run_folder.rglob("*"):
            assert path.is_dir() or secret.encode() not in path.read_bytes(), path
        for one in ran:
            assert secret not in one.out + one.err


def contents(folder: Path) -> Mapping[str, bytes]:
    """Return every file of a folder by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def keys(prompts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the double's keys of prompts, sorted."""
    return sorted(tgi.key_of(row["prompt"]) for row in prompts)
