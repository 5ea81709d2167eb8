"""Tasks that cannot be run are refused before a model is loaded, all at once."""

import shutil
from pathlib import Path
from typing import Any

import hub
import pytest
from arbitrage.errors import RecipeError
from arbitrage_eval.tasks.checking import check_tasks
from arbitrage_eval.tasks.examined import Examined
from arbitrage_eval.tasks.sources import read_task_file
from arbitrage_eval.tasks.task import Task
from huggingface_hub import HfApi, constants
from tasks.questions import CHOICE, WRITTEN, write_task

LOADED = Examined("base", None, pretrained="model")
SERVED = Examined("served", None, endpoint="http://127.0.0.1:9/v1", model="served")


def problems(folder: Path, *tasks: Any, models: tuple[Examined, ...] = (LOADED,)) -> str:
    with pytest.raises(RecipeError) as caught:
        check_tasks([Task.model_validate(task) for task in tasks], models, folder)
    return str(caught.value)


def test_lm_evals_own_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The files of all of them are read for that, which takes lm-eval ten seconds: so it is one test.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    few = {"name": "belebele_tur_Latn", "few_shot": 3}
    wrong = problems(tmp_path, "xnli_trr", "qqqqqq", "xcopa", "xnli_ar", "mgsm_direct_de", few, models=(LOADED, SERVED))
    lines = wrong.split("\n")
    assert lines[0] == "tasks: xnli_trr: lm-eval knows no task xnli_trr; did you mean 'xnli_tr'?"
    assert "qqqqqq; `lm-eval ls tasks` lists them" in lines[1]
    # A group is looked into.
    assert "11 tasks such as xcopa_et), and chat endpoints give no log-likelihoods (served)" in lines[2]
    assert "xnli_ar: asks how likely given texts are (multiple_choice)" in lines[3]
    assert "belebele_tur_Latn few_shot=3" in lines[4]
    assert len(lines) == 5


def test_task_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("task: [a\nb: }", encoding="utf-8")
    (tmp_path / "list.yaml").write_text("- a\n", encoding="utf-8")
    (tmp_path / "nameless.yaml").write_text("dataset_path: json\n", encoding="utf-8")
    (tmp_path / "round.yaml").write_text("include: round.yaml\n", encoding="utf-8")
    lost = write_task(tmp_path, "lost", CHOICE)
    (tmp_path / "lost.jsonl").unlink()
    names = ("broken.yaml", "list.yaml", "nameless.yaml", "round.yaml", lost, "none.yaml")
    lines = problems(tmp_path, *names, {"yaml": "none.yaml"}).split("\n")
    assert lines.pop(0) == "tasks: none.yaml: stands there twice"
    said = ("is no YAML", "is no task file", "has no task: NAME", "includes itself", "no such file", "no such file")
    for line, name, why in zip(lines, names, said, strict=False):
        assert name in line and why in line
    assert "lost.jsonl: no such file; paths begin at the task file's folder" in lines[4]


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    lost = Examined("lost", None, pretrained="students/none/here")
    write_task(tmp_path, "choice", CHOICE)
    assert "lost: students/none/here: is neither a folder here" in problems(tmp_path, "choice.yaml", models=(lost,))


def test_a_loading_script_is_said(tmp_path: Path) -> None:
    write_task(tmp_path, "scripted", {**CHOICE, "dataset_path": "./sets", "dataset_kwargs": {}})
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets/sets.py").touch()
    assert "loading script, which `datasets` 4 and later refuse to run" in problems(tmp_path, "scripted.yaml")


def test_a_loading_script_on_the_hub_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hub.serving(tmp_path / "hub") as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        api = HfApi(endpoint=server.url, token=server.token)
        for name, file in (("org/old", "old.py"), ("org/new", "data.jsonl")):
            api.create_repo(name, repo_type="dataset")
            api.upload_file(path_or_fileobj=b"{}\n", path_in_repo=file, repo_id=name, repo_type="dataset")
            settings = {**CHOICE, "dataset_path": name, "dataset_kwargs": {}}
            write_task(tmp_path, name.partition("/")[2], settings)
        (wrong,) = problems(tmp_path, "old.yaml", "new.yaml").split("\n")
    assert "old.yaml: its data set org/old is a loading script" in wrong


def test_likelihoods_are_not_asked_of_endpoints(tmp_path: Path) -> None:
    write_task(tmp_path, "choice", CHOICE)
    write_task(tmp_path, "written", WRITTEN)
    (tmp_path / "both.yaml").write_text("group: both\ntask: [choice, written]\n", encoding="utf-8")
    lines = problems(tmp_path, "choice.yaml", "written.yaml", "both.yaml", models=(SERVED,)).split("\n")
    assert [line.split(": ")[1] for line in lines] == ["choice.yaml", "both.yaml"]
    check_tasks([Task(yaml="written.yaml")], [SERVED], tmp_path)


def test_a_folder_that_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert "manifest.json" in problems(tmp_path, {"dataset": "data", "measure": "preferred"})
    wrong = problems(tmp_path, {"dataset": "no/such/data", "measure": "preferred"})
    assert "neither a folder here nor a dataset on the Hub" in wrong


def test_a_task_file_is_all_that_it_is_made_of(tmp_path: Path) -> None:
    here = tmp_path / "here"
    write_task(here, "choice", CHOICE)
    (here / "more.yaml").write_text("include: choice.yaml\ndoc_to_text: !function words.text\n", encoding="utf-8")
    (here / "words.py").write_text("def text(doc): return 'a'\n", encoding="utf-8")
    (here / "all.yaml").write_text("group: all\ntask: [choice]\n", encoding="utf-8")
    before = {name: read_task_file(here / name).digest for name in ("choice.yaml", "more.yaml", "all.yaml")}
    # Where it lies does not matter.
    moved = shutil.copytree(here, tmp_path / "moved")
    assert {name: read_task_file(moved / name).digest for name in before} == before
    (here / "words.py").write_text("def text(doc): return 'b'\n", encoding="utf-8")
    assert [name for name in before if read_task_file(here / name).digest != before[name]] == ["more.yaml"]
    with (here / "choice.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert [name for name in before if read_task_file(here / name).digest != before[name]] == [*before]
