"""Built-in rewards by known numbers, and the user's own as TRL calls them."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from arbitrage.errors import RecipeError, RewardError
from arbitrage.extension import source_hash
from arbitrage.recipe.model import Recipe
from arbitrage.records import Message, Prompt
from arbitrage.rewards.reference import chrf, chrf_pp, exact_match
from arbitrage.rewards.reward import BUILT_IN, Reward, make_rewards
from sacrebleu import sentence_chrf


def _said(*texts: str) -> list[Sequence[Message]]:
    return [[{"role": "assistant", "content": text}] for text in texts]


def test_exact_match() -> None:
    completions = _said(" four\n", "four.", "vier", "x", "", "5")
    references = ["four", "four", ["four", "vier"], None, [], 5]
    assert exact_match([], completions, references) == [1.0, 0.0, 1.0, None, None, 1.0]
    assert exact_match([], _said("a", "b")) == [None, None]


def test_chrf_is_sacrebleus() -> None:
    completions = _said("the cat sat", "görüşürüz", "the same", "x", "")
    references = ["the cat sat on the mat", ["görüşmek üzere", "hoşça kal"], "the same", None, "x"]
    scores = chrf([], completions, references)
    expected = [49.59348409966008, 28.941944138182528, 100.0, None, 0.0]
    for score, number in zip(scores, expected, strict=True):
        assert (score is None) == (number is None)
        assert score is None or number is None or math.isclose(score, number, abs_tol=1e-9)


PAIRS = {
    "ar": ("القط يجلس على السجادة", "القطة جالسة على السجادة"),
    "de": ("Die Katze sitzt auf der Matte.", "Auf der Matte sitzt die Katze."),
    "tr": ("Kedi paspasın üstünde oturuyor", "Kedi, paspasın üzerinde oturuyor."),
    "uk": ("Кіт сидить на килимку", "Кішка сидить на килимі."),
    "zh": ("猫坐在垫子上。", "那只猫正坐在垫子上。"),
}


@pytest.mark.parametrize(("name", "words"), [("chrf", 0), ("chrf_pp", 2)])
def test_chrf_with_and_without_words_is_sacrebleus_in_every_script(name: str, words: int) -> None:
    said, references = zip(*PAIRS.values(), strict=True)
    expected = [sentence_chrf(a, [b], word_order=words).score for a, b in PAIRS.values()]
    assert BUILT_IN[name]([], _said(*said), reference=references) == expected
    assert BUILT_IN[name]([], _said("x"), reference=[None]) == [None] == BUILT_IN[name]([], _said("x"))


def test_chrf_pp_knows_the_order_of_words_that_chrf_hardly_sees() -> None:
    (plain,), (words,) = (
        score([], _said("mattress kitten sleeping"), reference=["sleeping kitten mattress"])
        for score in (chrf, chrf_pp)
    )
    assert plain is not None and words is not None and words < plain


def _recipe(**rewards: Any) -> Recipe:
    columns = {"prompt": "p", "reference": "r", "topic": "t"}
    return Recipe.model_validate(
        {
            "name": "n",
            "license": "mit",
            "languages": ["de"],
            "prompts": [{"path": "x.jsonl", "language": "de", "columns": columns}],
            "teachers": {"t": {"endpoint": "http://h", "api": "tgi", "model": "m"}},
            "arms": {"a": {"router": "random"}},
            "rewards": rewards,
            "route_by": next(iter(rewards)),
        }
    )


PROMPT = Prompt("p", "de", "s", "train", [{"role": "user", "content": "x"}], {"reference": "four", "topic": "sums"})


def _reward(function: Callable[..., Any]) -> Reward:
    return Reward("mine", "mod:fn", "sha", function, ["reference", "topic"])


def test_it_is_called_as_trl_calls() -> None:
    seen: dict[str, Any] = {}

    def function(**given: Any) -> list[float | None]:
        seen.update(given)
        return [1, None]  # type: ignore[list-item]

    assert _reward(function).score([(PROMPT, "a"), (PROMPT, "b")]) == [1.0, None]
    assert seen == {
        "prompts": [PROMPT.messages, PROMPT.messages],
        "completions": _said("a", "b"),
        "language": ["de", "de"],
        "reference": ["four", "four"],
        "topic": ["sums", "sums"],
    }


@pytest.mark.parametrize(
    "scores", [[math.nan], [math.inf], ["good"], [[1.0]], [], [1.0, 2.0], None, 5, {"a": 1, "b": 2}]
)
def test_what_is_no_score(scores: Any) -> None:
    with pytest.raises(RewardError, match=r"rewards\.mine \(mod:fn\)"):
        _reward(lambda **_: scores).score([(PROMPT, "a")])


def test_arrays_are_scores() -> None:
    numpy = pytest.importorskip("numpy")
    assert _reward(lambda **_: numpy.array([0.5, 1.0])).score([(PROMPT, "a"), (PROMPT, "b")]) == [0.5, 1.0]


def test_the_identity_of_a_score() -> None:
    other = Prompt("p", "de", "s", "train", PROMPT.messages, {"reference": "five", "topic": "sums"})
    one = _reward(lambda **_: [1.0])
    assert one.key(PROMPT) != one.key(other)
    assert one.key(PROMPT) == _reward(lambda **_: [2.0]).key(PROMPT), "the revision says what the function is"
    assert one.key(PROMPT) != Reward("mine", "mod:fn", "other", one.function, one.columns).key(PROMPT)
    assert one.key(PROMPT) == Reward("nickname", "mod:fn", "sha", one.function, one.columns).key(PROMPT)


def test_a_built_in_is_given_the_reference_alone() -> None:
    """Another carried column is no reason to score anew."""
    (reward,) = make_rewards(_recipe(chrf={"python": "chrf"}), Path())
    assert reward.columns == ["reference"]


MODULE = """
class Scaled:
    def __init__(self, by=1.0):
        self.by = by
    def __call__(self, prompts, completions, **_):
        return [self.by] * len(completions)

def plain(prompts, completions, **_):
    return [0.5] * len(completions)
"""


def test_classes_are_made_with_their_options(tmp_path: Path) -> None:
    (tmp_path / "rewards_in_a_file.py").write_text(MODULE)
    made = make_rewards(
        _recipe(
            one={"python": "rewards_in_a_file:Scaled"},
            two={"python": "rewards_in_a_file:Scaled", "options": {"by": 2.0}},
            three={"python": "rewards_in_a_file:plain"},
            four={"python": "chrf"},
        ),
        tmp_path,
    )
    assert [reward.name for reward in made] == ["one", "two", "three", "four"]
    assert [reward.score([(PROMPT, "four")]) for reward in made] == [[1.0], [2.0], [0.5], [100.0]]
    assert len({reward.key(PROMPT) for reward in made}) == 4
    assert made[0].revision == made[2].revision, "the hash of the file"


LOADED = """
from arbitrage.errors import RewardError

class Loaded:
    def __init__(self, weights):
        if weights is None:
            raise RewardError("there are no weights: run make first")
        self.revision = weights if weights != "unnamed" else 7
    def __call__(self, prompts, completions, **_):
        return [0.5] * len(completions)
"""


def test_what_an_object_says_of_its_revision_makes_its_scores_its_own(tmp_path: Path) -> None:
    """Another model in the same folder, by the same options, scores anew."""
    source = tmp_path / "rewards_that_load.py"

    def made(weights: str | None) -> Reward:
        source.write_text(LOADED)
        spec = {"python": "rewards_that_load:Loaded", "options": {"weights": weights}}
        (reward,) = make_rewards(_recipe(one=spec), tmp_path)
        assert isinstance(reward, Reward)
        return reward

    one, again, other = made("sha-1"), made("sha-1"), made("sha-2")
    assert one.key(PROMPT) == again.key(PROMPT)
    assert len({one.revision, other.revision}) == 2
    # What is no text says nothing: the file's hash alone counts, as without such an attribute.
    assert made("unnamed").revision == source_hash(type(made("unnamed").function))
    with pytest.raises(RewardError, match=r"^rewards\.one: there are no weights: run make first$"):
        made(None)


def test_options_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "rewards_that_fit_not.py").write_text(MODULE)
    recipe = _recipe(one={"python": "rewards_that_fit_not:Scaled", "options": {"to": 2.0}})
    with pytest.raises(RewardError, match=r"rewards\.one: .*with its options raised TypeError"):
        make_rewards(recipe, tmp_path)


@pytest.mark.parametrize("spec", ["chfr", "nowhere_at_all:x", "json:nothing", ":x", "json:"])
def test_what_is_not_there(spec: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"rewards\.one\.python"):
        make_rewards(_recipe(one={"python": spec}), tmp_path)
