"""Judges asked over HTTP about the answers of a dataset: nothing twice, and what is planted is found."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tgi
from arbitrage.errors import RecipeError
from arbitrage.progress import Progress
from arbitrage.recipe.model import Teacher
from arbitrage.run import Run
from arbitrage_eval.answers.recorded import table
from arbitrage_eval.answers.table import Answers, open_answers
from arbitrage_eval.judging.judged import ask
from arbitrage_eval.judging.pairs import Pair, read_rubric
from arbitrage_eval.spending import PILOT_SOURCES
from arbitrage_eval.winrates.report import report
from arbitrage_eval.winrates.verdicts import Verdict
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


@contextmanager
def answered(dataset: Path, folder: Path, *models: str) -> Iterator[Answers]:
    with open_answers(folder / "answers") as answers:
        answers.take(table(dataset, "pool", "train", ["de", "tr"]))
        for model in models:
            answers.of_teacher(model, model)
        yield answers


def judged(dataset: Path, folder: Path, judge: tgi.Handle) -> dict[str, Any]:
    with answered(dataset, folder, "good", "poor") as answers:
        return asked_of(lambda: answers.pairs("poor"), folder, judge)


def asked_of(compared: Callable[[], Iterator[Pair]], folder: Path, judge: tgi.Handle) -> dict[str, Any]:
    judges = {"judge": Teacher.model_validate(teacher("judge", judge.url))}
    run, progress = Run(folder / "judged"), Progress(Console(stderr=True))
    found = ask(compared, read_rubric(None), judges, folder, run, progress, patience=60.0)
    assert found is not None and found.spending["predicted"] is None
    return report(found.verdicts)


def _digit(conversation: str) -> str:
    return re.findall(r"\d+", conversation)[0][-1]


def test_what_is_planted_is_found_and_nothing_is_asked_twice(dataset: Path, tmp_path: Path, judge: tgi.Handle) -> None:
    with answered(dataset, tmp_path, "good", "poor") as answers:
        every = list(answers.pairs("poor"))
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


def test_equal_answers_are_a_tie_and_what_pairs_share_is_asked_once(tmp_path: Path, judge: tgi.Handle) -> None:
    def compared() -> Iterator[Pair]:
        for n in range(10):
            for model in ("one", "other"):
                answer = "org/good knows" if n < 4 else "the same"
                yield Pair(f"p{n}", f"s{n}", "de", model, "base", f"What of {n + 10}?", answer, "the same")

    found = asked_of(compared, tmp_path, judge)
    # Prompts end on 0 to 3, and the last of them is one that the judge says nothing readable of.
    for pair in found["pairs"]:
        rate = pair["mean"]["languages"]["de"]
        assert (rate["win"], rate["tie"], rate["loss"], rate["used"], rate["prompts"]) == (3, 6, 0, 9, 10)
    assert [pair["model"] for pair in found["pairs"]] == ["one", "other"]
    assert len(judge.log) == 4 * 2, "two models that say the same, and one that says what the baseline says"


def test_where_all_answers_are_equal_nobody_is_asked(tmp_path: Path, judge: tgi.Handle) -> None:
    found = asked_of(lambda: iter([Pair("p", "s", "de", "one", "base", "what?", "x", "x")]), tmp_path, judge)
    assert found["pairs"][0]["mean"]["macro"]["tie"] == 1 and not judge.log


def test_no_pair_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no pair to judge"):
        run, progress = Run(tmp_path / "run"), Progress(Console())
        ask(lambda: iter(()), read_rubric(None), {}, tmp_path, run, progress, patience=60.0)


def test_a_pilot_tells_of_as_many_equal_answers_as_there_are(tmp_path: Path, judge: tgi.Handle) -> None:
    def compared() -> Iterator[Pair]:
        for n in range(200):
            answer = "the same" if n % 2 else "org/good knows"
            yield Pair(f"p{n}", f"s{n}", "de", "one", "base", f"What of {10 * n + 1}?", answer, "the same")

    told: list[tuple[dict[str, Any], list[Verdict]]] = []

    def stop(ahead: dict[str, Any], verdicts: Iterator[Verdict]) -> bool:
        told.append((ahead, list(verdicts)))
        return False

    judges = {"judge": Teacher.model_validate(teacher("judge", judge.url))}
    run, progress = Run(tmp_path / "judged"), Progress(Console(stderr=True))
    assert ask(compared, read_rubric(None), judges, tmp_path, run, progress, patience=60.0, told=stop) is None
    ((ahead, verdicts),) = told
    assert ahead["judge"]["requests"] == 200 and len(judge.log) == 2 * PILOT_SOURCES
    ties = sum(verdict.verdict == "tie" for verdict in verdicts)
    assert ties == 2 * PILOT_SOURCES == len(verdicts) / 2
