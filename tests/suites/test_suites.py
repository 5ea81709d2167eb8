"""The suites that are there to be copied."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from arbitrage.recipe.document import read_document
from arbitrage.recipe.model import PromptSource, Sampling
from arbitrage.recipe.reward import Reward
from arbitrage_eval.languages import languages
from arbitrage_eval.retrieval.entry import Retrieval
from arbitrage_eval.suite import read_suite
from commands import ROOT

FOLDER = ROOT / "eval/suites"
PATHS = sorted(FOLDER.glob("*.yaml"))
FIFTEEN = [path for path in PATHS if path.stem != "miniature"]
KEYS = "name languages seed models prompts sampling rewards baseline judges tasks retrieval".split()
MADE = {"dolly.jsonl", "native.jsonl", "translation.jsonl", "parallel.jsonl"}


def read(path: Path) -> dict[str, Any]:
    data = read_document(path).data
    assert isinstance(data, dict)
    return data


def task_names() -> Iterator[str]:
    for path in FIFTEEN:
        for task in read(path).get("tasks", []):
            yield task if isinstance(task, str) else task["name"]


def test_the_two_of_the_paper_and_of_native_texts_say_everything() -> None:
    for name in ("paper", "native"):
        assert sorted(read(FOLDER / f"{name}.yaml")) == sorted(KEYS)


@pytest.mark.parametrize("path", FIFTEEN, ids=lambda path: path.stem)
def test_every_block_is_what_a_suite_takes(path: Path) -> None:
    suite = read(path)
    assert set(suite) <= set(KEYS) and suite["name"] == path.stem
    assert suite["languages"] == list(languages())
    assert suite["baseline"] in suite["models"]
    for source in suite["prompts"]:
        found = PromptSource.model_validate(source)
        assert found.path.count("/") == 1 and (found.path.removeprefix("sets/") in MADE or "." not in found.path[:5])
        assert found.license and "source_id" in found.columns
    sources = [source["language"] for source in suite["prompts"] if "language" in source]
    assert not sources or sources == suite["languages"]
    Sampling.model_validate(suite["sampling"])
    for reward in suite.get("rewards", {}).values():
        Reward.model_validate({**reward, **({"endpoint": "http://reward:8000"} if "endpoint" in reward else {})})
    for entry in suite.get("retrieval", []):
        assert Retrieval.model_validate(entry).path.removeprefix("sets/") in MADE
    assert len({str(task) for task in suite.get("tasks", [])}) == len(suite.get("tasks", []))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_address_and_no_secret_is_written_down(path: Path) -> None:
    suite = read(path)
    for block in (*suite["models"].values(), *suite.get("judges", {}).values(), *suite.get("rewards", {}).values()):
        for key in ("endpoint", "token"):
            assert re.fullmatch(r"\$\{[A-Z_]+\}", block.get(key, "${X}"))
    assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 120


def test_tasks_are_in_our_languages_by_the_codes_of_their_families() -> None:
    ours = languages()
    named = set(task_names())
    for start, codes in (
        ("belebele_", {one.flores for one in ours.values()}),
        ("global_mmlu_full_", set(ours)),
        ("include_base_44_", {one.include.lower() for one in ours.values() if one.include}),
        ("global_piqa_nonparallel_cloze_", {one.piqa for one in ours.values()}),
    ):
        assert {name.removeprefix(start) for name in named if name.startswith(start)} == codes
    for start in ("xnli_", "xcopa_", "xstorycloze_", "mgsm_native_cot_"):
        found = {name.removeprefix(start) for name in named if name.startswith(start)}
        assert found and found <= set(ours)


@pytest.mark.long
def test_lm_eval_has_every_task_and_no_other_of_these_families_in_our_languages() -> None:
    tasks = pytest.importorskip("lm_eval.tasks")
    known = set(tasks.TaskManager().all_tasks)
    named = set(task_names())
    assert named <= known
    for start in ("xnli_", "xcopa_", "xstorycloze_", "mgsm_native_cot_"):
        assert {start + tag for tag in languages()} & known == {name for name in named if name.startswith(start)}


def test_the_page_beside_them_speaks_of_each() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"({path.name})" in page for path in PATHS)
    for link in re.findall(r"\]\(([^)]+)\)", page):
        assert (FOLDER / link).exists(), link


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_arbitrage_eval_reads_it(path: Path) -> None:
    environ = {name: "http://127.0.0.1:9" for name in re.findall(r"\$\{(\w+)\}", path.read_text(encoding="utf-8"))}
    read_environ = {
        name: "org/model" if name in ("STUDENT", "JUDGE_MODEL") else value for name, value in environ.items()
    }
    suite = read_suite(path, read_environ)
    assert suite.name == path.stem and suite.asks
