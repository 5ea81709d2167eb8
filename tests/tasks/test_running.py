"""Models examined by lm-eval itself, in processes that are killed, fail and go on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from arbitrage_eval.tasks.examined import Examined
from arbitrage_eval.tasks.running import run_tasks
from arbitrage_eval.tasks.task import Task
from rewards.tiny_model import write_chat_model
from tasks.questions import CHOICE, QUESTIONS, WRITTEN, write_task

# The second task stops in the middle for as long as a file is there.
WAITING = """
import time
from pathlib import Path

def text(doc):
    while Path("wait").exists():
        time.sleep(0.02)
    return doc["question"]
"""
PARENT = """
import sys
from pathlib import Path
from arbitrage_eval.tasks.examined import Examined
from arbitrage_eval.tasks.running import run_tasks
from arbitrage_eval.tasks.task import Task

folder = Path(sys.argv[1])
tasks = [Task.model_validate(name) for name in sys.argv[2:]]
run_tasks(tasks, [Examined("tiny", None, pretrained="model")], folder, folder / "kept", 0, lambda line: None)
"""
TASKS = ("choice.yaml", "both.yaml", "failing.yaml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suite")
    write_chat_model(folder / "model")
    write_task(folder, "choice", CHOICE)
    write_task(folder, "written", WRITTEN)
    write_task(folder, "failing", {**CHOICE, "doc_to_text": "{{question.nothing.at_all()}}"})
    (folder / "words.py").write_text(WAITING, encoding="utf-8")
    text = "include: choice.yaml\ntask: waiting\ndoc_to_text: !function words.text\n"
    (folder / "waiting.yaml").write_text(text, encoding="utf-8")
    both = {"group": "both", "task": ["waiting", "written"], "aggregate_metric_list": [{"metric": "acc"}]}
    (folder / "both.yaml").write_text(yaml.safe_dump(both), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def run(folder: Path, *names: str) -> tuple[dict[str, Any], list[str]]:
    said: list[str] = []
    tasks = [Task.model_validate(name) for name in names]
    found = run_tasks(tasks, [Examined("tiny", None, pretrained="model")], folder, folder / "kept", 0, said.append)
    return found, said


def until(holds: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def kept(folder: Path) -> set[str]:
    """Return the files of finished tasks."""
    return {path.name for path in (folder / "kept").glob("*.json") if "settings" not in path.name}


def examining(folder: Path) -> list[int]:
    """Return the processes that examine the folder's model."""
    name = str(folder / "kept/tiny.settings.json").encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if name in (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_killed_run_leaves_no_process_and_goes_on(folder: Path) -> None:
    (folder / "wait").touch()
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", PARENT, str(folder), *TASKS], env=environ) as parent:
        # The first task is kept, and the second one began.
        until(lambda: kept(folder))
        assert examining(folder)
        parent.send_signal(signal.SIGKILL)
    until(lambda: not examining(folder), 10)
    (folder / "wait").unlink()

    found, said = run(folder, *TASKS)
    assert said[:3] == [
        "tiny: 1 of 3 tasks were done before",
        "tiny: both.yaml (1 of 2)",
        "tiny: failing.yaml (2 of 2)",
    ]
    assert said[3].startswith("tiny: failing.yaml failed: UndefinedError: 'str object' has no attribute 'nothing'; ")
    tasks = found["models"]["tiny"]
    assert tasks["failing.yaml"] == {"failed": "UndefinedError: 'str object' has no attribute 'nothing'"}
    choice = tasks["choice.yaml"]["tasks"]["choice"]
    acc = choice["metrics"]["acc"]
    assert (choice["version"], choice["n"], choice["few_shot"]) == (2.0, len(QUESTIONS), 0)
    assert acc["higher_is_better"] and acc["low"] == pytest.approx(acc["value"] - 1.96 * acc["stderr"], abs=1e-4)
    # A group has its tasks and its mean.
    assert [*tasks["both.yaml"]["tasks"]] == ["waiting", "written"]
    assert tasks["both.yaml"]["groups"]["both"]["metrics"]["acc"]["value"] == acc["value"]
    # All were wrong, and the next one need not be.
    exact = tasks["both.yaml"]["tasks"]["written"]["metrics"]["exact_match"]
    assert (exact["value"], exact["low"], exact["high"]) == (0.0, None, None)
    assert set(found["versions"]) == {"lm_eval", "torch", "transformers", "datasets"}
    assert str(folder) not in json.dumps(found)


def test_what_failed_is_run_again_and_nothing_else(folder: Path) -> None:
    before = kept(folder)
    write_task(folder, "failing", CHOICE)
    found, said = run(folder, *TASKS)
    assert said == ["tiny: 2 of 3 tasks were done before", "tiny: failing.yaml (1 of 1)"]
    assert "tasks" in found["models"]["tiny"]["failing.yaml"]
    assert before < kept(folder)
    again, said = run(folder, *TASKS)
    assert (again, said) == (found, ["tiny: 3 of 3 tasks were done before"])


def test_a_model_that_cannot_be_loaded_fails_in_all_its_tasks(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}", encoding="utf-8")
    names = ("choice.yaml", "failing.yaml")
    for name in names:
        shutil.copy(folder / name, tmp_path)
        shutil.copy((folder / name).with_suffix(".jsonl"), tmp_path)
    found, said = run(tmp_path, *names)
    assert all("the model cannot be loaded: " in one["failed"] for one in found["models"]["tiny"].values())
    assert len(said) == 2


def test_a_model_is_its_files(tmp_path: Path) -> None:
    model = Examined("tiny", None, pretrained="model")
    write_chat_model(tmp_path / "model")
    before = model.identity(tmp_path)
    shutil.copytree(tmp_path / "model", tmp_path / "moved")
    assert Examined("other", None, pretrained=str(tmp_path / "moved")).identity(tmp_path) == before
    write_chat_model(tmp_path / "model", seed=1)
    assert model.identity(tmp_path) != before
