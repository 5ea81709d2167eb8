"""The light learned router: what it learns, what it says of itself, and what it does with little or bad data."""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from arbitrage.records import Answer, Ask, Choice, Piloted, Prompt
from arbitrage.routers.features import WIDTH, hashed
from arbitrage.routers.learned import Learned, what_was_learned
from arbitrage.routers.router import Setting

TEACHERS = ["north", "south", "east"]
POOL = {"de": TEACHERS, "tr": TEACHERS}


def setting(pool: dict[str, list[str]] | None = None, top: int | None = None) -> Setting:
    return Setting("learned", 7, pool or POOL, None, rewarded=True, top=top)


def piloted(n: int, language: str, text: str, rewards: dict[str, float | None], **flags: Any) -> Piloted:
    prompt = Prompt(f"p{n}{language}", language, f"s{n}", "train", [{"role": "user", "content": text}])
    answers = [
        Answer(name, 0, name, "r", "text", reward=reward, checks=flags.get(name, ()))
        for name, reward in rewards.items()
    ]
    return Piloted(prompt, answers)


def world(count: int, seed: int = 1, *, told: float = 0.0, apart: float = 1.0) -> list[Piloted]:
    """Return a pilot in which south leads in German, east in Turkish, and `told` says how much the text moves north."""
    random = Random(seed)
    found = []
    for n in range(count):
        topic = random.choice(["sonne mond sterne himmel", "brot butter salz milch"])
        for language in POOL:
            level = random.gauss(0, 2)
            rewards: dict[str, float | None] = {name: level + random.gauss(0, 1) for name in TEACHERS}
            best = "south" if language == "de" else "east"
            rewards[best] = (rewards[best] or 0) + apart
            rewards["north"] = (rewards["north"] or 0) + told * (3 if "sonne" in topic else -1)
            found.append(piloted(n, language, f"{topic} {random.random():.3f}", rewards))
    return found


def asked(router: Learned, language: str, text: str = "hallo") -> Sequence[str]:
    prompt = Prompt(f"{language} {text}", language, "x", "test", [{"role": "user", "content": text}])
    step = router.decide(prompt, [])
    assert not isinstance(step, Choice)
    return [ask.teacher for ask in step]


def test_it_asks_the_best_of_each_language_where_the_text_tells_nothing() -> None:
    router = Learned(setting())
    told = router.fit(world(150))
    assert (asked(router, "de"), asked(router, "tr")) == (["south"], ["east"])
    assert told["uses"] in ("languages", "text")
    assert told["signal"]["text"] < 0.02
    assert told["sources"] == 150


def test_it_asks_by_the_text_where_that_tells() -> None:
    router = Learned(setting())
    told = router.fit(world(200, told=1.0))
    assert told["uses"] == "text"
    assert told["lead_over_fixed"]["low"] > 0
    assert asked(router, "de", "sonne mond sterne himmel 0.5") == ["north"]
    assert asked(router, "de", "brot butter salz milch 0.5") == ["south"]
    assert 0.8 < told["slope"] < 1.2
    assert "ahead of fixed" in what_was_learned(told)


def test_it_asks_as_many_as_the_arm_says_and_the_best_rewarded_wins() -> None:
    router = Learned(setting(top=2))
    router.fit(world(100))
    first = asked(router, "de")
    assert len(first) == 2 and first[0] == "south"
    prompt = Prompt("x", "de", "x", "test", [{"role": "user", "content": "hallo"}])
    answers = [Answer(first[0], 0, "m", "r", "a", reward=0.1), Answer(first[1], 0, "m", "r", "b", reward=0.2)]
    assert router.decide(prompt, answers) == Choice((first[1], 0), "highest reward")


def test_a_pool_without_differences_is_not_said_to_gain() -> None:
    told = Learned(setting()).fit(world(150, apart=0.0))
    lead = told["lead_over_fixed"]
    assert lead["low"] is None or lead["low"] <= 0
    assert told["signal"]["text"] < 0.02


def test_a_language_with_three_prompts_is_drawn_to_what_is_known_elsewhere() -> None:
    random = Random(3)
    pilot = [piloted(n, "de", f"t{n}", {x: random.gauss(x == "south", 1) for x in TEACHERS}) for n in range(200)]
    few = [piloted(500 + n, "tr", f"t{n}", {"north": 1.0, "south": 0.9, "east": 0.0}) for n in range(3)]
    router = Learned(setting())
    told = router.fit(pilot + few)
    assert abs(told["values"]["tr"]["north"]) < 0.9
    assert asked(router, "tr")[0] in ("north", "south")


def test_a_teacher_that_fails_every_prompt_comes_last() -> None:
    pilot = world(60)
    failing = [Piloted(p.prompt, [_failed(a) if a.teacher == "south" else a for a in p.answers]) for p in pilot]
    router = Learned(setting(top=3))
    router.fit(failing)
    assert asked(router, "de")[-1] == "south"


def test_a_teacher_that_was_down_is_asked_last_and_breaks_nothing() -> None:
    pilot = [Piloted(p.prompt, [a for a in p.answers if a.teacher != "south"]) for p in world(60)]
    router = Learned(setting(top=3))
    told = router.fit(pilot)
    assert asked(router, "de")[-1] == "south"
    assert "south" not in told["values"]["de"]


def _failed(answer: Answer) -> Answer:
    return Answer(answer.teacher, 0, answer.model, answer.revision, None, error="validation")


@pytest.mark.parametrize("rewards", [{x: 1.0 for x in TEACHERS}, {x: None for x in TEACHERS}])
def test_constant_tied_and_missing_rewards_leave_a_hash_to_decide(rewards: dict[str, float | None]) -> None:
    pilot = [piloted(n, language, f"t{n}", rewards) for n in range(40) for language in POOL]
    router = Learned(setting())
    told = router.fit(pilot)
    picks = {name for n in range(60) for name in asked_about(router, f"p{n}")}
    assert picks == set(TEACHERS)
    assert all(math.isfinite(v) for row in told["values"].values() for v in row.values())


def asked_about(router: Learned, name: str) -> Sequence[str]:
    step = router.decide(Prompt(name, "de", name, "test", [{"role": "user", "content": "hallo"}]), [])
    assert not isinstance(step, Choice)
    return [ask.teacher for ask in step]


def test_an_empty_pilot_and_a_pool_of_one() -> None:
    router = Learned(setting({"de": ["north"], "tr": TEACHERS}))
    told = router.fit([])
    assert asked(router, "de") == ["north"]
    assert len(asked(router, "tr")) == 1
    assert told["lead_over_fixed"]["mean"] is None
    assert "no prompt" in what_was_learned(told)


def test_flagged_answers_count_as_the_lowest_of_the_language() -> None:
    pilot = [
        piloted(n, "de", f"t{n}", {"north": 5.0 + n % 3, "south": 1.0 + n % 2, "east": 0.5}, north=("language",))
        for n in range(60)
    ]
    router = Learned(setting())
    router.fit(pilot)
    assert asked(router, "de") == ["south"]


def test_the_same_pilot_teaches_the_same_in_another_process_and_order() -> None:
    code = (
        "import json, sys; sys.path[:0] = json.loads(sys.argv[1])\n"
        "from test_learned import Learned, setting, world, asked\n"
        "r = Learned(setting()); t = r.fit(world(80, told=0.6))\n"
        "print(json.dumps([t, [asked(r, 'de', f'sonne {n}')[0] for n in range(30)]], sort_keys=True))"
    )
    paths = json.dumps([*sys.path, str(Path(__file__).parent)])
    outs = {
        subprocess.run([sys.executable, "-c", code, paths], capture_output=True, text=True, check=True).stdout
        for _ in "ab"
    }
    router = Learned(setting())
    told = router.fit(world(80, told=0.6))
    mine = [told, [asked(router, "de", f"sonne {n}")[0] for n in range(30)]]
    assert {json.dumps(json.loads(out), sort_keys=True) for out in outs} == {json.dumps(mine, sort_keys=True)}


def test_features_are_of_length_one_and_know_every_script() -> None:
    texts = ["", "a", "Günaydın", "早上好", "صباح الخير", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧", "\ud800 alone", "x" * 100_000]
    found = hashed(texts)
    assert found.shape == (len(texts), WIDTH)
    assert np.allclose(np.square(found).sum(1), 1.0, atol=1e-5)
    assert not np.allclose(found[2], found[3])
    assert (hashed(["早上好"]) == found[3]).all()


def test_nobody_is_asked_before_it_has_learned() -> None:
    with pytest.raises(RuntimeError, match="has not learned"):
        Learned(setting()).decide(Prompt("x", "de", "x", "test", [{"role": "user", "content": "a"}]), [])


def test_asks_have_the_propensity_of_what_is_certain() -> None:
    router = Learned(setting())
    router.fit(world(40))
    step = router.decide(Prompt("x", "de", "x", "test", [{"role": "user", "content": "a"}]), [])
    assert step == [Ask("south")]
