"""A chat endpoint, served by llama.cpp itself, examined in what answers suffice for."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from arbitrage_eval.tasks.checking import check_tasks
from arbitrage_eval.tasks.examined import Examined
from arbitrage_eval.tasks.running import run_tasks
from arbitrage_eval.tasks.task import Task
from line.trial import Trial
from servers.llama import Llama
from servers.tiny_gguf import write_model
from tasks.questions import QUESTIONS, WRITTEN, write_task

KEY = "k-secret-of-this-server"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    path = tmp_path_factory.mktemp("models") / "a.gguf"
    write_model(path, 0)
    with Llama(path, ["org/a"], keys=[KEY], context=2048) as server:
        yield server


def test_it_is_asked_once_and_its_key_is_nowhere(
    tmp_path: Path, made: Trial, server: Llama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("OPENAI_API_KEY", "of-somebody-else")
    write_task(tmp_path, "written", WRITTEN)
    tasks = [
        Task(yaml="written.yaml"),
        Task(dataset=str(made.dataset), measure="answers", arm="reward", reference="completion", limit=2),
    ]
    model = Examined("served", None, endpoint=f"{server.url}/v1", model="org/a", token=KEY)
    check_tasks(tasks, [model], tmp_path)
    where, said = tmp_path / "kept", list[str]()
    found = run_tasks(tasks, [model], tmp_path, where, 0, said.append)
    written, answers = found["models"]["served"].values()
    assert written["tasks"]["written"]["n"] == len(QUESTIONS) and answers["n"] == 2, said
    for path in where.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes(), path

    # As if it had been killed before it was finished: what was answered is not asked again, under any name.
    for path in where.glob("*.json"):
        path.unlink()
    generated = server.generated
    renamed = replace(model, name="renamed")
    again = run_tasks(tasks, [renamed], tmp_path, where, 0, said.append)
    assert again["models"]["renamed"] == found["models"]["served"]
    assert server.generated == generated
