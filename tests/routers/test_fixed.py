"""The fixed router: experts that are given, experts that a pilot finds, and how sure it may be of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from arbitrage.errors import RecipeError
from arbitrage.records import Answer, Ask, Choice, Piloted, Prompt
from arbitrage.routers.fixed import BestOnPilot, Fixed, compared, fixed, said
from arbitrage.routers.router import Learner, Setting

POOL = {"de": ["a", "b", "c"], "tr": ["b"]}


def _setting(**more: Any) -> Setting:
    return Setting("arm", 7, POOL, None, more.pop("rewarded", True), **more)


def _prompt(name: str, language: str = "de", source: str | None = None) -> Prompt:
    return Prompt(name, language, source or name, "train", [{"role": "user", "content": "x"}])


def _piloted(name: str, rewards: Mapping[str, float | None], source: str | None = None) -> Piloted:
    answers = [Answer(teacher, 0, "m", "r", "x", reward=reward) for teacher, reward in rewards.items()]
    return Piloted(_prompt(name, source=source), answers)


def test_given_experts_are_asked_and_nobody_else() -> None:
    router = fixed(_setting(experts={"de": "c"}, rewarded=False))
    assert isinstance(router, Fixed) and not isinstance(router, Learner)
    assert router.decide(_prompt("p"), []) == [Ask("c")]
    assert router.decide(_prompt("p", "tr"), []) == []
    answer = Answer("c", 0, "m", "r", "x")
    assert router.decide(_prompt("p"), [answer]) == Choice(("c", 0), "only answer")


def test_without_experts_it_needs_a_reward_to_find_them_by() -> None:
    with pytest.raises(RecipeError, match="give experts:, or a reward"):
        fixed(_setting(rewarded=False))


def test_the_best_mean_wins_and_a_lone_teacher_needs_no_pilot() -> None:
    router = fixed(_setting())
    assert isinstance(router, BestOnPilot) and isinstance(router, Learner)
    pilot = [_piloted(f"p{n}", {"a": 0.1, "b": 0.5 + n % 2, "c": 0.4}) for n in range(20)]
    learned = router.fit(pilot)
    assert (learned["de"]["teacher"], learned["de"]["runner_up"]) == ("b", "c")
    assert learned["de"]["margin"]["mean"] == pytest.approx(0.6)
    assert learned["de"]["clear"] and learned["de"]["prompts"] == 20
    assert learned["tr"] == {**learned["tr"], "teacher": "b", "margin": None, "clear": True}
    assert router.decide(_prompt("q"), []) == [Ask("b")]


def test_only_prompts_that_all_answered_usably_are_compared() -> None:
    pilot = [_piloted(f"p{n}", {"a": 0.0, "b": 1.0, "c": 0.5}) for n in range(8)]
    # Where b is not scored, or does not answer, nobody's reward counts.
    pilot += [_piloted(f"q{n}", {"a": 100.0, "b": None, "c": 0.5}) for n in range(3)]
    down = _piloted("r", {"a": 100.0, "c": 0.5})
    down = down._replace(answers=[*down.answers, Answer("b", 0, "m", "r", None, error="timeout")])
    expert = compared(7, "de", POOL["de"], [*pilot, down])
    assert (expert.teacher, expert.prompts, expert.means["a"]) == ("b", 8, 0.0)


def _with(piloted: Piloted, teacher: str, **changes: Any) -> Piloted:
    return piloted._replace(answers=[replace(a, **changes) if a.teacher == teacher else a for a in piloted.answers])


@pytest.mark.parametrize("flagged", [20, 18])
def test_who_answers_in_the_wrong_language_is_no_expert_whatever_the_reward_says(flagged: int) -> None:
    pilot = [_piloted(f"p{n}", {"a": 0.4 + n % 2 / 10, "b": 0.9}) for n in range(20)]
    pilot = [_with(one, "b", checks=("language",)) for one in pilot[:flagged]] + pilot[flagged:]
    for seed in range(10):
        expert = compared(seed, "de", ["a", "b"], pilot)
        assert (expert.teacher, expert.flagged) == ("a", {"a": 0, "b": flagged})
    assert expert.means["b"] == pytest.approx((flagged * 0.4 + (20 - flagged) * 0.9) / 20)


@pytest.mark.parametrize(
    "changes",
    [
        {"checks": ("truncated",)},
        {"completion": " ", "reward": None},
        {"completion": None, "reward": None, "error": "too_large"},
    ],
)
def test_what_should_not_win_counts_as_the_lowest_reward_of_the_language(changes: dict[str, Any]) -> None:
    pilot = [_piloted(f"p{n}", {"a": 1.0, "b": 5.0, "c": 2.0 + n}) for n in range(4)]
    expert = compared(7, "de", POOL["de"], [*pilot[:3], _with(pilot[3], "b", **changes)])
    assert expert.means == {"a": 1.0, "b": 4.0, "c": 3.5}


def test_a_prompt_where_everybody_is_flagged_says_nothing() -> None:
    pilot = [_piloted(f"p{n}", {"a": 1.0, "b": 5.0, "c": 2.0}) for n in range(4)]
    bad = pilot[3]
    for name in "abc":
        bad = _with(bad, name, checks=("truncated",), reward=-9.0)
    assert compared(7, "de", POOL["de"], [*pilot[:3], bad]) == compared(7, "de", POOL["de"], pilot[:3])
    assert compared(7, "de", POOL["de"], [bad]).teacher is None


def test_of_equals_the_one_with_fewer_flags_wins() -> None:
    pilot = [_with(_piloted(f"p{n}", {"a": 0.0, "b": 1.0}), "b", checks=("language",)) for n in range(4)]
    assert {compared(seed, "de", ["a", "b"], pilot).teacher for seed in range(10)} == {"a"}


def test_a_teacher_that_is_down_takes_nothing_from_the_others() -> None:
    pilot = [_piloted(f"p{n}", {"a": 0.0, "b": 1.0, "c": 9.0 if n < 4 else None}) for n in range(10)]
    expert = compared(7, "de", POOL["de"], pilot)
    assert (expert.teacher, expert.runner_up, expert.prompts) == ("b", "a", 10)
    assert expert.not_compared == ["c"]
    nobody = compared(7, "de", POOL["de"], [_piloted("p", {"a": None, "b": None, "c": None})])
    assert nobody.teacher is None and not nobody.clear
    assert compared(7, "de", POOL["de"], []).teacher is None
    assert "no expert" in said("de", {"teacher": None})


def test_a_tie_goes_by_hash_and_is_inside_the_noise() -> None:
    winners = set()
    for seed in range(20):
        expert = compared(seed, "de", POOL["de"], [_piloted(f"p{n}", dict.fromkeys("abc", 1.0)) for n in range(5)])
        winners.add(expert.teacher)
        assert expert.margin == {"mean": 0.0, "low": 0.0, "high": 0.0} and not expert.clear
    assert winners == {"a", "b", "c"}


def test_one_source_gives_no_interval_and_is_never_clear() -> None:
    pilot = [_piloted(f"p{n}", {"a": 0.0, "b": 1.0, "c": 0.5}, "s") for n in range(9)]
    expert = compared(7, "de", POOL["de"], pilot)
    assert expert.teacher == "b" and expert.sources == 1 and not expert.clear
    assert expert.margin == {"mean": 0.5, "low": None, "high": None}


def test_what_is_learned_does_not_depend_on_the_order() -> None:
    draws = Random(1)
    pilot = [_piloted(f"p{n}", {name: draws.random() for name in "abc"}, f"s{n % 9}") for n in range(40)]
    first = compared(7, "de", POOL["de"], pilot)
    for seed in range(5):
        assert compared(7, "de", POOL["de"], Random(seed).sample(pilot, len(pilot))) == first


def _world(draws: Random, accuracy: Sequence[float], sources: int, each: int) -> list[Piloted]:
    """Return right-or-wrong rewards of teachers that share what is hard about a source."""
    pilot = []
    for source in range(sources):
        hard = draws.gauss(0, 0.15)
        for n in range(each):
            chances = [min(1.0, max(0.0, chance + hard)) for chance in accuracy]
            rewards = {name: float(draws.random() < chance) for name, chance in zip("abc", chances, strict=True)}
            pilot.append(_piloted(f"{source}-{n}", rewards, f"s{source}"))
    return pilot


@pytest.mark.parametrize(("accuracy", "each"), [((0.5, 0.7, 0.6), 1), ((0.55, 0.6, 0.3), 1), ((0.5, 0.6, 0.55), 3)])
def test_the_margins_interval_holds_the_truth_in_about_95_of_100_worlds(accuracy: Sequence[float], each: int) -> None:
    draws, worlds, held = Random(11), 400, 0
    for _ in range(worlds):
        expert = compared(7, "de", POOL["de"], _world(draws, accuracy, 100, each))
        assert expert.teacher and expert.runner_up and expert.margin
        truth = accuracy["abc".index(expert.teacher)] - accuracy["abc".index(expert.runner_up)]
        low, high = expert.margin["low"], expert.margin["high"]
        assert low is not None and high is not None
        held += low <= truth <= high
    # Two standard errors of a share of 400 are 2.2 points.
    assert 0.93 <= held / worlds <= 0.975


def test_two_equal_teachers_are_called_clear_in_at_most_five_of_100_worlds() -> None:
    draws, clear = Random(5), 0
    for _ in range(400):
        clear += compared(7, "de", ["a", "b"], _world(draws, (0.6, 0.6, 0.0), 100, 1)).clear
    assert clear / 400 <= 0.07
