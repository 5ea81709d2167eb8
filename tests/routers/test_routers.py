"""Built-in routers as pure functions, and how a router is driven."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest
from arbitrage.errors import RecipeError, RouterError
from arbitrage.records import Answer, Ask, Choice, Prompt, Route
from arbitrage.routers import settle
from arbitrage.routers.reward import Reward, best_rewarded
from arbitrage.routers.router import Setting
from arbitrage.routers.single import Random as RandomRouter
from arbitrage.routers.single import Single
from arbitrage.routers.translation import Translation

POOL = {"de": ["a", "b", "c"], "tr": ["b"]}


def _prompt(name: str = "p", language: str = "de") -> Prompt:
    return Prompt(name, language, name, "train", [{"role": "user", "content": "x"}])


def _setting(teacher: str | None = None, *, rewarded: bool = True) -> Setting:
    return Setting("arm", 7, POOL, teacher, rewarded)


def _answer(teacher: str, reward: float | None = None, text: str | None = "x", **more: Any) -> Answer:
    return Answer(teacher, more.pop("draw", 0), "m", "r", text, reward=reward, **more)


@pytest.mark.parametrize(
    ("answers", "chosen", "why"),
    [
        ([_answer("a", 1.0), _answer("b", 2.0)], ("b", 0), "highest reward"),
        ([_answer("a", -1.0), _answer("b", -2.0)], ("a", 0), "highest reward"),
        ([_answer("a", 0.0), _answer("b", None)], ("a", 0), "highest reward"),
        ([_answer("a", None), _answer("b", None)], None, "several answers, none scored"),
        ([_answer("a", None), _answer("b", None, None, error="timeout")], ("a", 0), "only usable answer"),
        ([_answer("a", 9.0, checks=("truncated",)), _answer("b", 1.0)], ("b", 0), "highest reward"),
        ([_answer("a", 9.0, checks=("truncated",)), _answer("b", None)], ("b", 0), "only usable answer"),
        ([_answer("a", 9.0, checks=("truncated",))], ("a", 0), "highest reward, all flagged"),
        ([_answer("a", 9.0, " "), _answer("b", 1.0)], ("b", 0), "highest reward"),
        ([_answer("a", None, None, error="timeout"), _answer("b", 9.0, "")], None, "no usable answer"),
        ([_answer("a", 1.0, draw=1), _answer("a", 1.0)], ("a", 0), "highest reward, tie"),
    ],
)
def test_best_rewarded(answers: Sequence[Answer], chosen: tuple[str, int] | None, why: str) -> None:
    expected = Choice(chosen, why)
    assert best_rewarded(7, _prompt(), answers) == expected
    for seed in range(5):
        shuffled = Random(seed).sample(answers, len(answers))
        assert best_rewarded(7, _prompt(), shuffled) == expected


def test_ties_favour_nobody() -> None:
    wins = {"a": 0, "b": 0, "c": 0}
    for n in range(3000):
        choice = best_rewarded(7, _prompt(f"p{n}"), [_answer(name, 1.0) for name in wins])
        assert choice.chosen is not None
        wins[choice.chosen[0]] += 1
    assert all(900 < count < 1100 for count in wins.values())


def test_reward_asks_all_who_serve_the_language() -> None:
    assert Reward(_setting()).decide(_prompt(), []) == [Ask("a"), Ask("b"), Ask("c")]
    assert Reward(_setting()).decide(_prompt(language="tr"), []) == [Ask("b")]
    with pytest.raises(RecipeError, match="needs a reward"):
        Reward(_setting(rewarded=False))


def test_single_asks_its_teacher() -> None:
    router = Single(_setting("a"))
    assert router.decide(_prompt(), []) == [Ask("a")]
    assert router.decide(_prompt(language="tr"), []) == []
    assert router.decide(_prompt(), [_answer("a", checks=("truncated",))]) == Choice(("a", 0), "only answer")
    assert router.decide(_prompt(), [_answer("a", text=" ")]) == Choice(None, "no answer: empty")
    failed = _answer("a", text=None, error="timeout")
    assert router.decide(_prompt(), [failed]) == Choice(None, "no answer: timeout")
    with pytest.raises(RecipeError, match="needs teacher"):
        Single(_setting())


def test_random_is_uniform_and_says_its_propensity() -> None:
    router, asked = RandomRouter(_setting()), {"a": 0, "b": 0, "c": 0}
    for n in range(3000):
        (ask,) = router.decide(_prompt(f"p{n}"), [])  # type: ignore[misc]
        assert ask.propensity == 1 / 3
        asked[ask.teacher] += 1
    assert all(900 < count < 1100 for count in asked.values())
    assert router.decide(_prompt(language="tr"), []) == [Ask("b", propensity=1.0)]


class Rounds:
    """Asks for another draw until one is rewarded above 1."""

    def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
        if answers and (answers[-1].reward or 0) > 1:
            return Choice((answers[-1].teacher, answers[-1].draw), "good enough")
        return [Ask("a", draw=len(answers), propensity=0.5)]


def _settle(router: Any, known: Mapping[tuple[str, int], Answer]) -> Any:
    return settle("arm", router, _prompt(), lambda ask: known.get((ask.teacher, ask.draw)))


def test_rounds() -> None:
    known: dict[tuple[str, int], Answer] = {}
    for draw, reward in enumerate((0.0, 1.0, 2.0)):
        assert _settle(Rounds(), known) == [Ask("a", draw, 0.5)]
        known["a", draw] = _answer("a", reward, draw=draw)
    route = _settle(Rounds(), known)
    assert isinstance(route, Route)
    assert route.chosen == ("a", 2)
    assert [(ask.draw, ask.round, ask.propensity) for ask in route.asked] == [(0, 0, 0.5), (1, 1, 0.5), (2, 2, 0.5)]


def test_routers_that_never_settle_are_stopped() -> None:
    class Endless:
        def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
            return [Ask("a")]

    class Silent:
        def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
            return [] if answers else [Ask("a")]

    known = {("a", 0): _answer("a", 1.0)}
    with pytest.raises(RouterError, match="still asks"):
        _settle(Endless(), known)
    with pytest.raises(RouterError, match="without a choice"):
        _settle(Silent(), known)


def test_translation_asks_in_the_source_and_for_translations_elsewhere() -> None:
    router = Translation(Setting("arm", 7, POOL, "a", False, source="de"))
    assert router.decide(_prompt(language="de"), []) == [Ask("a")]
    assert router.decide(_prompt(language="tr"), []) == [Ask("a+translation")], "whether it serves Turkish or not"
    taken = router.decide(_prompt(language="tr"), [_answer("a+translation", checks=("truncated",))])
    assert taken == Choice(("a+translation", 0), "only answer")
    lost = router.decide(_prompt(language="tr"), [_answer("a+translation", None, None, error="translation_length")])
    assert lost == Choice(None, "no answer: translation_length")
    for teacher, source in ((None, "de"), ("a", None), ("a", "tr"), ("a", "fr")):
        with pytest.raises(RecipeError, match=r"arms\.arm: router translation"):
            Translation(Setting("arm", 7, POOL, teacher, False, source=source))
