"""A pilot, experts found on it, and what both cost: scripted teachers of known accuracy behind the double."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest
import tgi
from arbitrage.identity import rng
from line.trial import Trial, contents, double, rows, teacher

ACCURACY = {"a": {"de": 0.9, "tr": 0.2}, "b": {"de": 0.3, "tr": 0.9}, "c": {"de": 0.4, "tr": 0.4}}
PROMPTS = rows(120)
PILOT = 30


def _scripted(name: str) -> tgi.Double:
    """Return a teacher that says the reference as often as its accuracy in the language."""
    said = {}
    for row in PROMPTS:
        right = Random(f"{name} {row['prompt']}").random() < ACCURACY[name][row["language"]]
        said[tgi.key_of(row["prompt"])] = row["answer"] if right else "I do not know"
    made = double(name)
    made.answers = tgi.recorded(said)
    return made


@pytest.fixture
def served() -> Iterator[dict[str, tgi.Handle]]:
    with tgi.serve([_scripted(name) for name in ACCURACY]) as handles:
        yield dict(zip(ACCURACY, handles, strict=True))


@pytest.fixture
def trial(tmp_path: Path, served: dict[str, tgi.Handle]) -> Trial:
    return Trial(
        tmp_path,
        {name: teacher(name, handle.url, price={"input": 1.0, "output": 2.0}) for name, handle in served.items()},
        prompts=[dict(row) for row in PROMPTS],
        arms={"fixed": {"router": "fixed"}},
        more={"rewards": {"exact": {"python": "exact_match"}}, "pilot": PILOT},
    )


def _manifest(trial: Trial) -> Any:
    return json.loads((trial.dataset / "manifest.json").read_text())


def _asked(served: dict[str, tgi.Handle]) -> dict[str, int]:
    return {name: len(handle.log) for name, handle in served.items()}


def test_the_best_teacher_of_each_language_is_found_and_asked_the_rest(
    trial: Trial, served: dict[str, tgi.Handle]
) -> None:
    trial.arms["random"] = {"router": "random"}
    trial.write()
    said = trial.run("check").out
    assert "arms that ask more once they have learned from the pilot: fixed" in said
    ran = trial.build()
    assert ran.code == 0
    pilot = _manifest(trial)["pilot"]
    experts = pilot["learned"]["fixed"]
    assert {language: expert["teacher"] for language, expert in experts.items()} == {"de": "a", "tr": "b"}
    assert [(one["clear"], one["prompts"]) for one in experts.values()] == [(True, PILOT)] * 2
    assert {(row["language"], row["teacher"]) for row in trial.table("fixed")} == {("de", "a"), ("tr", "b")}
    assert len(trial.table("fixed")) == len(PROMPTS)
    # Train sources alone, the first in the order of a hash; every teacher answered each of them.
    everything = trial.table("routes")
    by_prompt: dict[str, set[str]] = {}
    for row in trial.pool():
        by_prompt.setdefault(row["prompt_id"], set()).add(row["teacher"])
    train = {
        row["prompt_id"] for path in trial.dataset.glob("routes/*/train-*") for row in pq.read_table(path).to_pylist()
    }
    for language in ("de", "tr"):
        of_language = [row for row in trial.pool() if row["language"] == language and row["prompt_id"] in train]
        sources = sorted({row["source_id"] for row in of_language}, key=lambda s: rng(7, "pilot", s).random())
        first = {row["prompt_id"] for row in of_language if row["source_id"] in sources[:PILOT]}
        assert all(by_prompt[prompt_id] == set(ACCURACY) for prompt_id in first)
    assert len(everything) == 2 * len(PROMPTS)
    # What it cost is said: here, in the manifest, on the card and by status.
    assert (pilot["answers"], pilot["prompts"]) == (2 * 3 * PILOT, {"de": PILOT, "tr": PILOT})
    assert pilot["tokens_counted"] == pilot["answers"] and sum(pilot["usd"].values()) > 0
    assert f"pilot: {2 * PILOT} prompts, {pilot['answers']} answers" in ran.err
    assert "arm fixed: de: a, " in ran.err
    assert "arm fixed: de: a, " in trial.run("status").out
    assert trial.status()["pilot"] == pilot
    card = (trial.dataset / "README.md").read_text()
    assert "## Experts" in card and f"{pilot['answers']} answers with" in card
    # Once it is stored, everything can be planned, and nothing is asked again.
    before = _asked(served)
    assert "arms that ask more" not in trial.run("check").out
    assert trial.run("show", "--json").json["routes"][0]["arm"] == "fixed"
    assert trial.build().code == 0
    assert _asked(served) == before


def test_reproduce_finds_the_experts_again_and_any_changed_one(trial: Trial) -> None:
    assert trial.build().code == 0
    same = trial.reproduce()
    assert same.code == 0, same
    path = trial.dataset / "manifest.json"
    whole = path.read_text()
    for change in (
        lambda m: m["pilot"]["learned"]["fixed"]["de"].update(teacher="c"),
        lambda m: m["pilot"]["learned"]["fixed"]["tr"]["margin"].update(mean=0.5),
        lambda m: m["pilot"].update(answers=1),
        lambda m: m.update(pilot=None),
    ):
        manifest = json.loads(whole)
        change(manifest)
        path.write_text(json.dumps(manifest))
        ran = trial.reproduce()
        assert ran.code == 1
        assert "manifest.json, column pilot: is not what the pool's pilot says" in ran.out


def test_a_manifest_from_before_flagged_answers_were_counted_is_as_good(trial: Trial) -> None:
    assert trial.build().code == 0
    path = trial.dataset / "manifest.json"
    manifest = json.loads(path.read_text())
    experts = manifest["pilot"]["learned"]["fixed"]
    for expert in experts.values():
        del expert["flagged"]
    path.write_text(json.dumps(manifest))
    assert trial.reproduce().code == 0
    experts["de"]["teacher"] = "c"
    path.write_text(json.dumps(manifest))
    assert "manifest.json, column pilot: is not what the pool's pilot says" in trial.reproduce().out


def test_a_new_teacher_costs_its_pilot_and_what_it_wins(trial: Trial, served: dict[str, tgi.Handle]) -> None:
    b = trial.teachers.pop("b")
    assert trial.build().code == 0
    assert _manifest(trial)["pilot"]["learned"]["fixed"]["tr"]["teacher"] == "c"
    before = _asked(served)
    trial.teachers["b"] = b
    assert trial.build().code == 0
    assert _asked(served) == {**before, "b": 2 * PILOT + len(PROMPTS) // 2 - PILOT}
    assert _manifest(trial)["pilot"]["learned"]["fixed"]["tr"]["teacher"] == "b"


def test_the_order_of_teachers_and_a_restart_change_nothing(trial: Trial, served: dict[str, tgi.Handle]) -> None:
    assert trial.build().code == 0
    first = contents(trial.dataset)
    trial.store.unlink()
    served["a"].double.latency = 0.01
    # Only the pilot's completions are there when the second build starts.
    assert trial.build("--until", "completions").code == 0
    assert trial.build().code == 0
    assert {path: raw for path, raw in contents(trial.dataset).items() if path.endswith("parquet")} == {
        path: raw for path, raw in first.items() if path.endswith("parquet")
    }


def test_a_dead_teacher_is_no_expert_and_a_reward_that_cannot_score_finds_none(
    trial: Trial, served: dict[str, tgi.Handle]
) -> None:
    served["a"].faults.set(down=3600.0)
    for row in trial.prompts:
        if row["language"] == "tr":
            row["answer"] = None
    trial.more["patience"] = "1s"
    ran = trial.build()
    assert ran.code == 1
    experts = _manifest(trial)["pilot"]["learned"]["fixed"]
    assert (experts["de"]["teacher"], experts["de"]["not_compared"]) == ("c", ["a"])
    assert experts["tr"]["teacher"] is None
    assert "arm fixed: tr: no expert, since no prompt of the pilot was answered and scored" in ran.out
    assert {row["language"] for row in trial.table("fixed")} == {"de"}
    assert trial.reproduce().code == 0


def test_experts_in_the_recipe_need_no_pilot(trial: Trial, served: dict[str, tgi.Handle]) -> None:
    trial.arms["fixed"]["experts"] = {"de": "c", "tr": "b"}
    assert trial.build().code == 0
    assert _asked(served) == {"a": 0, "b": len(PROMPTS) // 2, "c": len(PROMPTS) // 2}
    assert _manifest(trial)["pilot"] is None
    assert "the experts that its maker named" in (trial.dataset / "README.md").read_text()
    assert trial.reproduce().code == 0
    # Without an expert, its languages are not asked.
    assert trial.build("--without", "b").code == 0
    assert {row["language"] for row in trial.table("fixed")} == {"de"}


def test_a_router_of_the_users_learns_too(trial: Trial) -> None:
    (trial.folder / "mine.py").write_text(LEARNER)
    trial.arms = {"mine": {"router": "mine:Longest"}}
    assert trial.build().code == 0
    assert _manifest(trial)["pilot"]["learned"]["mine"] == {"teacher": "a", "prompts": 2 * PILOT}
    assert {row["teacher"] for row in trial.table("mine")} == {"a"}
    again = trial.reproduce()
    assert again.code == 0 and "is not built in" in again.out


LEARNER = """
from arbitrage.records import Ask, Choice

class Longest:
    def __init__(self, setting):
        self.pool = setting.pool

    def fit(self, pilot):
        self.teacher = sorted(self.pool["de"])[0]
        assert all(one.prompt.split == "train" for one in pilot)
        return {"teacher": self.teacher, "prompts": len(pilot)}

    def decide(self, prompt, answers):
        if not answers:
            return [Ask(self.teacher)]
        return Choice((answers[0].teacher, 0), "only")
"""


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ({"router": "fixed", "experts": {"de": "x"}}, "arms.fixed.experts.de: no teacher is called 'x'"),
        (
            {"router": "fixed", "experts": {"fr": "a"}},
            "arms.fixed.experts.fr: 'fr' is not among the recipe's languages",
        ),
        ({"router": "reward", "experts": {"de": "a"}}, "arms.fixed.experts: router reward has no experts"),
    ],
)
def test_experts_that_there_are_not(trial: Trial, arm: dict[str, Any], said: str) -> None:
    trial.arms["fixed"] = arm
    ran = trial.build()
    assert (ran.code, said in ran.err) == (2, True), ran.err


def test_a_teacher_in_the_wrong_language_is_no_expert_though_the_reward_likes_it(tmp_path: Path) -> None:
    right, wrong = "Das ist eine Antwort auf die Frage nach dieser Zahl.", "Это ответ на другом языке, чем был вопрос."
    doubles = [double("right", answers=lambda _: right), double("wrong", answers=lambda _: wrong)]
    with tgi.serve(doubles) as (one, other):
        trial = Trial(
            tmp_path,
            {"right": teacher("right", one.url), "wrong": teacher("wrong", other.url)},
            prompts=rows(20, ["de"]),
            arms={"fixed": {"router": "fixed"}},
            more={"rewards": {"loud": {"python": "loud:cyrillic"}}, "languages": ["de"], "pilot": 10},
        )
        (tmp_path / "loud.py").write_text(
            "def cyrillic(prompts, completions, **columns):\n"
            "    return [float('т' in one[0]['content']) for one in completions]\n"
        )
        assert trial.build().code == 0
        assert _manifest(trial)["pilot"]["learned"]["fixed"]["de"]["teacher"] == "wrong", "without the check"
        trial.more["checks"] = ["empty", "truncated", "no_answer", "language"]
        assert trial.build().code == 0
        expert = _manifest(trial)["pilot"]["learned"]["fixed"]["de"]
        assert (expert["teacher"], expert["flagged"]) == ("right", {"right": 0, "wrong": expert["prompts"]})
        assert {row["teacher"] for row in trial.table("fixed")} == {"right"}
        assert trial.reproduce().code == 0
