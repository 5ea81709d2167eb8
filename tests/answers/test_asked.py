"""Models asked by a suite itself: a sample first, everything once, beside what a dataset has already."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tgi
from arbitrage_eval.answers.table import open_answers
from arbitrage_eval.spending import PILOT_SOURCES
from commands import arbitrage
from line.trial import Trial, double, rows, teacher

SOURCES = PILOT_SOURCES + 10


def prefers(question: tgi.Question) -> str:
    """A judge that finds `good` better, in whatever place."""
    first = question.prompt.split(" FIRST ANSWER\n")[1].split(" SECOND ANSWER\n")[0]
    return f"VERDICT: {'FIRST' if 'org/good' in first else 'SECOND'}"


@pytest.fixture
def served() -> Iterator[dict[str, tgi.Handle]]:
    names = ("good", "poor", "judge")
    doubles = [double("good"), double("poor"), double("judge", answers=prefers)]
    with tgi.serve(doubles) as handles:
        yield dict(zip(names, handles, strict=True))


def suite(folder: Path, served: dict[str, tgi.Handle], **more: Any) -> Path:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows(SOURCES)]
    (folder / "prompts.jsonl").write_text("".join(lines), encoding="utf-8")
    columns = {"prompt": "prompt", "language": "language", "source_id": "id", "reference": "answer"}
    price = {"input": 1.0, "output": 10.0}
    data = {
        "name": "asked",
        "languages": ["de", "tr"],
        "models": {name: teacher(name, served[name].url, price=price) for name in ("good", "poor")},
        "prompts": [{"path": "prompts.jsonl", "columns": columns}],
        "rewards": {"chrf": {"python": "chrf"}},
        "baseline": "poor",
        "judges": {"judge": teacher("judge", served["judge"].url, price=price)},
        "measures": ["length"],
        "patience": "2s",
        **more,
    }
    path = folder / "suite.yaml"
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")
    return path


def test_a_sample_says_what_the_rest_costs_and_nothing_is_asked_twice(
    tmp_path: Path, served: dict[str, tgi.Handle]
) -> None:
    path = suite(tmp_path, served)
    first = arbitrage("eval", path, "--pilot", folder=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "all answers of good: 120 requests, about " in first.stderr and "USD" in first.stderr
    assert len(served["good"].log) == 2 * PILOT_SOURCES and len(served["judge"].log) == 4 * PILOT_SOURCES
    assert "all verdicts of judge: 240 requests, about " in first.stderr
    assert "good against poor: " in first.stderr and "sources show a difference of 5 points" in first.stderr
    assert not (tmp_path / "evals/asked/results.json").exists()
    ran = arbitrage("eval", path, "--json", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "good against poor: " in ran.stderr and "sources show a difference of 5 points" in ran.stderr
    found = json.loads(ran.stdout)
    for part in (found["models"], found["win_rates"]):
        for name, ahead in part["spending"]["predicted"].items():
            took = part["spending"]["spent"][name]
            assert took["requests"] == ahead["requests"] == len({request.key for request in served[name].log})
            for what in ("prompt_tokens", "completion_tokens", "usd"):
                assert ahead[what] == pytest.approx(took[what], rel=0.05)
    assert [handle.log and len(handle.log) for handle in served.values()] == [120, 120, 240]
    (pair,) = found["win_rates"]["pairs"]
    assert pair["mean"]["macro"]["raw"]["value"] == 100
    assert found["models"]["served"]["good"][0] | {"answers": 0} == {
        "model": "org/good",
        "revision": double("good").model_sha,
        "answers": 0,
    }
    assert found["counts"]["poor"] == {name: {"prompts": 60, "answered": 60, "empty": 0} for name in ("de", "tr")}
    scores = found["rewards"]["chrf"]["good"]
    assert scores["languages"]["de"]["answers"] == 60 and scores["macro"]["low"] < scores["macro"]["value"]
    pilot = arbitrage("eval", path, "--pilot", folder=tmp_path)
    assert pilot.returncode == 0 and [len(handle.log) for handle in served.values()] == [120, 120, 240]
    again = arbitrage("eval", path, "--json", folder=tmp_path)
    assert json.loads(again.stdout) == found
    assert [len(handle.log) for handle in served.values()] == [120, 120, 240]


def test_a_model_is_compared_with_what_an_arm_chose_on_the_prompts_of_its_dataset(
    tmp_path: Path, served: dict[str, tgi.Handle]
) -> None:
    blocks = {"poor": teacher("poor", served["poor"].url)}
    made = Trial(tmp_path / "made", blocks, rows(12), arms={"reward": {"router": "reward"}}, more={"test": 0.5})
    made.write()
    assert made.build().code == 0
    models = {"student": teacher("good", served["good"].url)}
    more = {"answers": "made/runs/trial/dataset", "arms": ["reward"], "models": models, "baseline": "arm:reward"}
    path = suite(tmp_path, served, **more)
    data = json.loads(path.read_text(encoding="utf-8"))
    del data["prompts"], data["rewards"], data["languages"]
    path.write_text(json.dumps(data), encoding="utf-8")
    ran = arbitrage("eval", path, "--json", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    (pair,) = found["win_rates"]["pairs"]
    assert (pair["model"], pair["baseline"]) == ("student", "arm:reward")
    asked = {language: counts["prompts"] for language, counts in found["counts"]["student"].items()}
    tested = {language: counts["test"] for language, counts in made_prompts(made).items()}
    assert asked == tested and pair["mean"]["macro"]["prompts"] == sum(tested.values()) == len(served["good"].log)
    assert pair["mean"]["macro"]["win"] == sum(tested.values())
    assert found["answers"]["models"] == {"arm:reward": {"arm": "reward"}}


def made_prompts(made: Trial) -> dict[str, dict[str, int]]:
    manifest = json.loads((made.dataset / "manifest.json").read_text(encoding="utf-8"))
    counts: dict[str, dict[str, int]] = manifest["pool"]["prompts"]
    return counts


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"languages": []}, "prompts.0: has languages in a column: say which by languages:"),
        ({"models": {}}, "there is nobody to evaluate: give answers:, or models:"),
        ({"arms": ["reward"]}, "arms: is of the dataset that answers: names"),
        ({"baseline": "por"}, "no model is called 'por'; did you mean 'poor'?"),
        ({"baseline": None}, "judges: want a baseline"),
        ({"difference": 0}, "difference: "),
    ],
)
def test_a_suite_that_cannot_be_is_one_message(
    changes: dict[str, Any], says: str, tmp_path: Path, served: dict[str, tgi.Handle]
) -> None:
    data = json.loads(suite(tmp_path, served).read_text(encoding="utf-8")) | changes
    data = {key: value for key, value in data.items() if value is not None}
    (tmp_path / "suite.yaml").write_text(json.dumps(data, indent=1), encoding="utf-8")
    ran = arbitrage("eval", "suite.yaml", folder=tmp_path)
    assert ran.returncode == 2 and says in ran.stderr and "Traceback" not in ran.stderr, ran.stderr
    assert not any(handle.log for handle in served.values())


def test_prompts_without_an_answer_are_a_shortfall_and_means_are_of_common_prompts(tmp_path: Path) -> None:
    def half(question: tgi.Question) -> str | None:
        return None if "Soru" in question.prompt else "reference"

    with tgi.serve([double("good"), double("poor", answers=half)]) as (good, poor):
        models = {"good": teacher("good", good.url), "poor": teacher("poor", poor.url)}
        handles = {"good": good, "poor": poor, "judge": good}
        path = suite(tmp_path, handles, models=models, judges={}, baseline=None)
        data = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({key: value for key, value in data.items() if value}), encoding="utf-8")
        ran = arbitrage("eval", path, "--json", folder=tmp_path)
    assert ran.returncode == 1, ran.stderr
    found = json.loads(ran.stdout)
    (short,) = found["shortfalls"]
    assert short["serious"] and re.fullmatch(r"poor: \d+ of 120 prompts have no answer \(\w+: \d+\)", short["message"])
    assert "127.0.0.1" not in json.dumps(found)
    assert set(found["rewards"]["chrf"]["poor"]["languages"]) == {"de"}
    answers = {name: found["rewards"]["chrf"][name]["languages"]["de"]["answers"] for name in ("good", "poor")}
    assert answers["good"] == answers["poor"] > 50


def test_of_a_sample_a_dataset_counts_with_the_same_prompts_alone(tmp_path: Path) -> None:
    def row(teacher: str, n: int) -> dict[str, Any]:
        turns = [{"role": "user", "content": f"question {n}"}]
        who = {"language": "de", "prompt_id": f"p{n}", "source_id": f"s{n}", "prompt": turns, "teacher": teacher}
        return {**who, "draw": 0, "completion": f"{teacher} {n}", "error": None, "rewards": []}

    with open_answers(tmp_path / "answers") as answers:
        answers.take(row(teacher, n) for teacher in ("base", "other") for n in range(10))
        answers.of_teacher("base", "base")
        answers.of_teacher("other", "other")
        answers.taken()
        answers.take(row("student", n) for n in range(3))
        answers.of_teacher("student", "student")
        assert len(list(answers.pairs("base"))) == 13
        answers.only_prompts_of(["student"])
        assert [(pair.model, pair.prompt_id) for pair in answers.pairs("base")] == [
            (model, f"p{n}") for n in range(3) for model in ("other", "student")
        ]
