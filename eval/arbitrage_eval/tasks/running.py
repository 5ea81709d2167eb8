"""Every model examined in every task once: what is finished is kept, and the same call does what is missing."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from arbitrage.identity import content_id, sorted_json
from arbitrage.run import to_json, write_whole

from arbitrage_eval.tasks.examined import Examined
from arbitrage_eval.tasks.published import documents
from arbitrage_eval.tasks.sources import read_task_file
from arbitrage_eval.tasks.task import Task

FORM = 1
"""Goes up where what is kept means something else than before."""
LIBRARIES = ("lm_eval", "torch", "transformers", "datasets")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Ready:
    """A task that is ready to be run."""

    label: str
    decided_by: dict[str, Any]
    """All that decides its figures, besides the model."""
    told: dict[str, Any]
    """What the process is told."""


def run_tasks(
    tasks: Sequence[Task], models: Sequence[Examined], folder: Path, where: Path, seed: int, say: Say
) -> dict[str, Any]:
    """Examine models in tasks, and return the figures by model and task; the same call resumes.

    A task that fails is in the result with its reason, does not stop the others, and is run again by the next call.

    Args:
        tasks: what `check_tasks` found nothing wrong with.
        models: who is examined, one after the other, each in a process of its own.
        folder: where relative paths begin.
        where: where everything is kept.
        seed: of whatever lm-eval draws.
        say: told of the progress.

    Raises:
        ArbitrageError: a file or a dataset is no longer what it was.
    """
    where.mkdir(parents=True, exist_ok=True)
    libraries = (*LIBRARIES, "vllm") if any(model.backend == "vllm" for model in models) else LIBRARIES
    versions = {name: version(name) for name in libraries}
    ready = [_ready(task, folder, where) for task in tasks]
    found: dict[str, Any] = {}
    for model in models:
        identity = model.identity(folder)
        kept: dict[str, Path] = {}
        for one in ready:
            chat = one.told["chat"] or model.endpoint is not None
            key = content_id(
                "task", form=FORM, model=identity, seed=seed, versions=versions, chat=chat, **one.decided_by
            )
            kept[one.label] = where / f"{key}.json"
        missing = [one for one in ready if not kept[one.label].is_file()]
        if len(missing) < len(ready):
            say(f"{model.name}: {len(ready) - len(missing)} of {len(ready)} tasks were done before")
        failed = _Process(model, folder, where, seed, say).run(missing, kept) if missing else {}
        found[model.name] = {
            one.label: {"failed": failed[one.label]}
            if one.label in failed
            else json.loads(kept[one.label].read_text(encoding="utf-8"))
            for one in ready
        }
    return {"versions": versions, "models": found}


def _ready(task: Task, folder: Path, where: Path) -> Ready:
    decided: dict[str, Any] = {"few_shot": task.few_shot, "limit": task.limit}
    told = {"label": task.label, "chat": task.chat_template, "few_shot": task.few_shot, "limit": task.limit}
    if task.dataset is not None:
        lines = b"".join(sorted_json(document) + b"\n" for document in documents(task, folder))
        digest = content_id("documents", text=lines.decode("utf-8"))
        path = where / "documents" / f"{digest}.jsonl"
        path.parent.mkdir(exist_ok=True)
        write_whole(path, lines.decode("utf-8"))
        decided |= {"documents": digest, "measure": task.measure}
        told |= {"documents": str(path.resolve()), "measure": task.measure}
    elif task.yaml is not None:
        file = read_task_file(folder / task.yaml)
        decided["file"] = file.digest
        group = file.config.get("group")
        # lm-eval reads a task by its path, but finds a group by its name only, in a folder.
        told |= {
            "task": group or str(file.path),
            "folder": str(file.path.parent),
            "group": group is not None,
            "defaults": bool(file.foreign),
        }
    else:
        # The version of lm-eval says what it is.
        decided["name"] = task.name
        told |= {"task": task.name, "folder": None, "group": False, "defaults": True}
    return Ready(task.label, decided, told)


class _Process:
    """The processes in which a model is examined: one, and another after each that dies."""

    def __init__(self, model: Examined, folder: Path, where: Path, seed: int, say: Say) -> None:
        self._model = model
        self._say = say
        name = re.sub(r"[^A-Za-z0-9._-]", "_", model.name)
        self._log = where / f"{name}.log"
        self._path = where / f"{name}.settings.json"
        here = model.folder(folder)
        asked = where.resolve() / "asked" / content_id("asked", model=model.identity(folder), seed=seed)
        asked.parent.mkdir(exist_ok=True)
        self._settings = {
            "model": {
                "pretrained": model.pretrained if here is None else str(here),
                "revision": model.revision if here is None else None,
                "endpoint": model.endpoint,
                "backend": model.backend,
                "model": model.model,
            },
            "seed": seed,
            "asked": None if model.endpoint is None else str(asked),
        }

    def run(self, tasks: Sequence[Ready], kept: dict[str, Path]) -> dict[str, str]:
        """Run tasks, and return why some of them failed."""
        failed: dict[str, str] = {}
        rest = [*tasks]
        while rest:
            told = [
                {
                    **one.told,
                    "chat": one.told["chat"] or self._model.endpoint is not None,
                    "keep": str(kept[one.label].resolve()),
                }
                for one in rest
            ]
            done = self._once(told, len(tasks) - len(rest), len(tasks), failed)
            rest = rest[done:]
        for label, why in failed.items():
            self._say(f"{self._model.name}: {label} failed: {why}; {self._log} says more")
        return failed

    def _once(self, told: list[dict[str, Any]], before: int, of: int, failed: dict[str, str]) -> int:
        """Run tasks in one process, and return how many of them were ended by it or ended it."""
        write_whole(self._path, to_json({**self._settings, "parent": os.getpid(), "tasks": told}))
        began, label = 0, told[0]["label"]
        # What libraries warn of is theirs to mend, so it goes to the log whatever this process makes of warnings.
        command = [sys.executable, "-P", "-W", "default", "-m", "arbitrage_eval.tasks.process", str(self._path)]
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment(),
            )
        assert process.stdin is not None and process.stdout is not None
        ended = 0
        try:
            for line in process.stdout:
                event = json.loads(line)
                if "began" in event:
                    began, label = began + 1, event["began"]
                    self._say(f"{self._model.name}: {label} ({before + began} of {of})")
                else:
                    ended += 1
                    if "failed" in event:
                        failed[event["failed"]] = event["why"]
            process.wait()
        finally:
            with suppress(OSError):
                process.stdin.close()
            process.kill()
            process.wait()
            process.stdout.close()
        if ended < len(told):
            # One that ends before it began with any would do so at each of them.
            for lost in [label] if began else [one["label"] for one in told]:
                failed[lost] = self._ended(process.returncode)
                ended += 1
        return ended

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        # A key of somebody else's must not be sent to this endpoint; servers without keys take any.
        environment["OPENAI_API_KEY"] = self._model.token or "none"
        # lm-eval would start a process for each core to draw samples, and these outlive it.
        environment["DISABLE_MULTIPROC"] = "1"
        environment["TOKENIZERS_PARALLELISM"] = "false"
        return environment

    def _ended(self, code: int) -> str:
        if code >= 0:
            return f"its process ended with status {code}"
        hint = ", as the kernel does where memory is short" if code == -9 else ""
        return f"its process was killed by signal {-code}{hint}"
