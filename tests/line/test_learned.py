"""A learned arm on the whole line: scripted teachers that are good at one kind of prompt each."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import tgi
from line.trial import Trial, double, teacher

TOPICS = {"stars": "Sonne Mond Sterne Himmel", "food": "Brot Butter Salz Milch"}
PROMPTS: list[dict[str, Any]] = [
    {
        "prompt": f"{words} {language} {n}",
        "language": language,
        "id": f"{topic}{n}",
        "answer": f"Ja {n}",
        "topic": topic,
    }
    for n in range(60)
    for topic, words in TOPICS.items()
    for language in ("de", "tr")
]
RIGHT = {"a": {"stars": 0.95, "food": 0.1}, "b": {"stars": 0.1, "food": 0.95}, "c": {"stars": 0.5, "food": 0.5}}


def _scripted(name: str) -> tgi.Double:
    said = {}
    for row in PROMPTS:
        topic = "stars" if "Sonne" in row["prompt"] else "food"
        right = Random(f"{name} {row['prompt']}").random() < RIGHT[name][topic]
        said[tgi.key_of(row["prompt"])] = row["answer"] if right else "Nein"
    made = double(name)
    made.answers = tgi.recorded(said)
    return made


@pytest.fixture
def served() -> Iterator[dict[str, tgi.Handle]]:
    with tgi.serve([_scripted(name) for name in RIGHT]) as handles:
        yield dict(zip(RIGHT, handles, strict=True))


@pytest.fixture
def trial(tmp_path: Path, served: dict[str, tgi.Handle]) -> Trial:
    return Trial(
        tmp_path,
        {name: teacher(name, handle.url) for name, handle in served.items()},
        prompts=[dict(row) for row in PROMPTS],
        arms={"learned": {"router": "learned"}, "learned_2": {"router": "learned", "top": 2}},
        more={"rewards": {"exact": {"python": "exact_match"}}, "pilot": 60},
    )


def _manifest(trial: Trial) -> Any:
    return json.loads((trial.dataset / "manifest.json").read_text())


def test_each_prompt_goes_to_whom_its_text_calls_for(trial: Trial, served: dict[str, tgi.Handle]) -> None:
    trial.write()
    said = trial.run("check").out
    assert "arms that ask more once they have learned from the pilot: learned, learned_2" in said
    ran = trial.build()
    assert ran.code == 0, ran
    assert "arm learned: goes by language and text; on held-out sources" in ran.err
    rows = trial.table("learned")
    assert len(rows) == len(PROMPTS)
    fitting = [row["teacher"] == ("a" if "Sonne" in row["prompt"][-1]["content"] else "b") for row in rows]
    assert sum(fitting) > 0.9 * len(rows)
    asked = {row["prompt_id"]: row["asked"] for row in trial.table("routes") if row["arm"] == "learned_2"}
    assert {len(found) for found in asked.values()} == {2}
    card = (trial.dataset / "README.md").read_text()
    assert "## Learned routers" in card and "by the prompt's language and text" in card
    again = trial.build()
    assert again.code == 0
    assert trial.status()["pilot"] == _manifest(trial)["pilot"]


def test_reproduce_learns_again_within_the_tolerance_and_finds_what_was_changed(trial: Trial) -> None:
    assert trial.build().code == 0
    assert trial.reproduce().code == 0
    path = trial.dataset / "manifest.json"
    whole = path.read_text()

    def changed(by: float) -> int:
        manifest = json.loads(whole)
        manifest["pilot"]["learned"]["learned"]["values"]["de"]["a"] += by
        path.write_text(json.dumps(manifest))
        return trial.reproduce().code

    assert changed(1e-7) == 0
    assert changed(1e-3) == 1


@pytest.mark.parametrize(
    ("arm", "says"),
    [
        ({"router": "learned", "top": 0}, "top"),
        ({"router": "random", "top": 2}, "arms.learned.top: is for router learned, not for random"),
        ({"router": "learned", "teacher": "a"}, "router learned asks no teacher of its own"),
        ({"router": "learned", "experts": {"de": "a"}}, "router learned has no experts"),
    ],
)
def test_what_an_arm_cannot_say(trial: Trial, arm: dict[str, Any], says: str) -> None:
    trial.arms = {"learned": arm}
    trial.write()
    ran = trial.run("check")
    assert ran.code == 2
    assert says in ran.err


def test_without_a_reward_there_is_nothing_to_learn_from(trial: Trial) -> None:
    trial.more["rewards"] = {}
    trial.write()
    ran = trial.run("check")
    assert ran.code == 2
    assert "arms.learned: router learned needs a reward" in ran.err


def test_a_router_that_was_fitted_on_the_pilot_asks_as_one_that_learned_on_it(trial: Trial) -> None:
    assert trial.build().code == 0
    routes = {row["prompt_id"]: row["asked"] for row in trial.table("routes") if row["arm"] == "learned"}
    ran = trial.run("fit", str(trial.folder / "router"))
    assert ran.code == 0, ran
    assert "goes by language and text" in ran.out
    trial.arms = {"fitted": {"router": "learned", "fitted": "router"}, "random": {"router": "random"}}
    ran = trial.build()
    assert ran.code == 0, ran
    assert {row["prompt_id"]: row["asked"] for row in trial.table("routes") if row["arm"] == "fitted"} == routes
    manifest = _manifest(trial)
    assert manifest["pilot"] is None and "pilot" not in manifest["recipe"]
    assert len(manifest["recipe"]["arms"]["fitted"]["revision"]) == 64
    assert "by a router that was fitted before, router at" in (trial.dataset / "README.md").read_text()
    ran = trial.reproduce()
    assert ran.code == 0, ran
    assert "fitted" in ran.out


def test_a_fitted_router_must_be_there_and_know_the_pool(trial: Trial) -> None:
    trial.arms = {"fitted": {"router": "learned", "fitted": "router"}}
    trial.write()
    ran = trial.run("check")
    assert ran.code == 2 and "router" in ran.err
    trial.arms = {"random": {"router": "random"}}
    assert trial.build().code == 0
    ran = trial.run("fit", str(trial.folder / "router"))
    assert ran.code == 2 and "its pilot is not answered" in ran.err


@pytest.mark.parametrize(
    ("arm", "says"),
    [
        ({"router": "random", "fitted": "x"}, "arms.learned.fitted: is for router learned, not for random"),
        ({"router": "learned", "fitted": "x", "embedding": "y"}, "a fitted router has its embedding"),
        ({"router": "learned", "revision": "v1"}, "revision: is of embedding: or fitted:"),
    ],
)
def test_what_an_arm_cannot_say_of_a_model(trial: Trial, arm: dict[str, Any], says: str) -> None:
    trial.arms = {"learned": arm}
    trial.write()
    ran = trial.run("check")
    assert ran.code == 2
    assert says in ran.err
