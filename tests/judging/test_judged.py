"""Judges asked over HTTP about the answers of a dataset: nothing twice, and what is planted is found."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tgi
from arbitrage.errors import RecipeError
from arbitrage.progress import Progress
from arbitrage.run import Run
from arbitrage_eval.judging.judged import ask, pairs
from arbitrage_eval.judging.pairs import read_rubric
from arbitrage_eval.winrates.report import report
from line.trial import Trial, double, rows, teacher
from rich.console import Console

SHOWN = re.compile(r"^(\w{16}) FIRST ANSWER\n(.*?)\n\1 SECOND ANSWER\n(.*?)\n\1 END$", re.MULTILINE | re.DOTALL)


def says(question: tgi.Question) -> str | None:
    """A judge that finds `good` better; it is broken on some prompts and likes the first place on others."""
    found = SHOWN.search(question.prompt)
    assert found
    last = _digit(question.prompt.split(" CONVERSATION\n")[1])
    if last == "3":
        return "Both are fine, I think."
    if last == "7":
        return "VERDICT: FIRST"
    return f"I read both.\n\nVERDICT: {'FIRST' if 'org/good' in found[2] else 'SECOND'}"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with tgi.serve([double("good"), double("poor")]) as handles:
        made = Trial(
            tmp_path_factory.mktemp("answers"),
            {name: teacher(name, handle.url) for name, handle in zip(("good", "poor"), handles, strict=True)},
            rows(40),
            arms={"reward": {"router": "reward"}},
        )
        made.write()
        assert made.build().code == 0
    return made.dataset


@pytest.fixture
def judge() -> Iterator[tgi.Handle]:
    with tgi.serve(double("judge", answers=says)) as handle:
        yield handle


def judged(dataset: Path, folder: Path, judge: tgi.Handle, **more: Any) -> dict[str, Any]:
    found = pairs(dataset, "poor", ["good"], "train")
    judges = {"judge": {**teacher("judge", judge.url), **more}}
    return report(ask(found, read_rubric(None), judges, Run(folder / "judged"), Progress(Console(stderr=True))))


def _digit(conversation: str) -> str:
    return re.findall(r"\d+", conversation)[0][-1]


def test_what_is_planted_is_found_and_nothing_is_asked_twice(dataset: Path, tmp_path: Path, judge: tgi.Handle) -> None:
    every = list(pairs(dataset, "poor", ["good", "nobody"], "train"))
    assert len({pair.prompt_id for pair in every}) == len(every) > 50
    assert {pair.model for pair in every} == {"good"} and {pair.language for pair in every} == {"de", "tr"}
    found = judged(dataset, tmp_path, judge)
    asked = len(judge.log)
    assert asked == 2 * len(every)
    (of_pair,) = found["pairs"]
    assert found["judges"]["judge"]["verdicts"] == 2 * len(every)
    last = {
        language: Counter(_digit(p.conversation) for p in every if p.language == language) for language in ("de", "tr")
    }
    assert found["judges"]["judge"]["unparsable"] == 2 * sum(counted["3"] for counted in last.values()) > 0
    for language, counted in last.items():
        right, halves = counted.total() - counted["3"] - counted["7"], counted["7"]
        rate = of_pair["mean"]["languages"][language]
        assert rate["raw"]["value"] == pytest.approx(100 * (right + halves / 2) / (right + halves))
        assert (rate["win"], rate["tie"], rate["loss"]) == (right, halves, 0)
    assert judged(dataset, tmp_path, judge) == found
    assert len(judge.log) == asked


def test_no_pair_is_one_message(dataset: Path, tmp_path: Path, judge: tgi.Handle) -> None:
    for baseline, models in (("nobody", ["good"]), ("poor", ["nobody"]), ("poor", [])):
        with pytest.raises(RecipeError, match="there is no pair to judge"):
            list(ask(pairs(dataset, baseline, models), read_rubric(None), {}, Run(tmp_path), Progress(Console())))
    with pytest.raises(RecipeError, match=r"judges: teachers\.judge\.endpoin: ") as told:
        judged(dataset, tmp_path, judge, endpoin="x", token="hf_secretsecret")
    assert "hf_secret" not in str(told.value)
