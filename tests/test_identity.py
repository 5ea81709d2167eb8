"""Golden identities: whoever changes one of these makes every user pay again for what they have."""

import pytest
from arbitrage.identity import canonical_json, content_id, preference_order, prompt_id, rng, sampling_seed
from arbitrage.recipe.model import Recipe
from arbitrage.records import Message, Prompt
from arbitrage.rewards.reference import signature
from arbitrage.teachers.served import ServedTeacher

TURNS: list[Message] = [{"role": "user", "content": "Was ist 2+2? é 😀"}]
SYSTEM: Message = {"role": "system", "content": "s"}


def test_prompts() -> None:
    assert prompt_id("de", TURNS) == "2e8deba2b15fa06702e0abd3429a393c"
    assert prompt_id("de", [SYSTEM, *TURNS]) == "112e2b29d354c3c636e9f4c15655aa9c"
    assert prompt_id("en", TURNS) != prompt_id("de", TURNS)


def test_prompts_are_not_normalised() -> None:
    assert prompt_id("de", [{"role": "user", "content": "\u00e9"}]) != prompt_id(
        "de", [{"role": "user", "content": "e\u0301"}]
    )


def test_the_order_of_a_turns_keys_is_none_of_its_content() -> None:
    assert prompt_id("de", [{"content": TURNS[0]["content"], "role": "user"}]) == prompt_id("de", TURNS)


def test_contents() -> None:
    expected = "0fbc3f643c7dcd16483be9f7fc18c713"
    assert content_id("completion", prompt="p", draw=0, system=None, extra={"b": 1, "a": [1.5]}) == expected
    assert content_id("completion", extra={"a": [1.5], "b": 1}, system=None, draw=0, prompt="p") == expected
    assert content_id("score", prompt="p", draw=0, system=None, extra={"b": 1, "a": [1.5]}) != expected


def test_completions() -> None:
    recipe = Recipe.model_validate(
        {
            "name": "n",
            "license": "mit",
            "languages": ["de"],
            "prompts": [{"path": "x.jsonl", "language": "de"}],
            "arms": {"a": {"router": "random"}},
            "teachers": {
                "t": {"endpoint": "http://h", "api": "tgi", "model": "org/m", "revision": "r", "system": {"de": "S"}},
                "u": {
                    "endpoint": "http://h",
                    "api": "openai",
                    "model": "org/m",
                    "revision": "r",
                    "format": "raw",
                    "extra": {"a": 1},
                    "sampling": {"stop": ["x"]},
                },
            },
        }
    )
    prompt = Prompt(prompt_id("de", TURNS), "de", "s", "train", TURNS, {"reference": "4"})
    found = [ServedTeacher(name, recipe, None).completion_id(prompt, 0) for name in "tu"]
    assert found == ["9adfeb4612a7e2b31caeeee2ee7dc89a", "28f4e25675a6be366bc9f0af7750b441"]


def test_randomness() -> None:
    assert (sampling_seed("p", "org/model", 0), sampling_seed("p", "org/model", 1)) == (1736556158, 920101000)
    assert rng(7, "split", "s").random() == 0.3102648697990411
    assert preference_order(7, "p", ["a", "b", "c", "d"]) == ["b", "c", "d", "a"]


def test_seeds_fit_every_server() -> None:
    assert all(0 <= sampling_seed(f"p{n}", "m", n % 3) < 2**31 for n in range(1000))


def test_a_tenth_teacher_moves_one_prompt_in_ten() -> None:
    nine = [f"t{n}" for n in range(9)]
    before = [preference_order(7, f"p{n}", nine)[0] for n in range(5000)]
    after = [preference_order(7, f"p{n}", [*nine, "tenth"])[0] for n in range(5000)]
    moved = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert {other for _, other in moved} == {"tenth"}
    assert 0.08 < len(moved) / 5000 < 0.12


def test_built_in_rewards() -> None:
    assert signature("exact_match") == "exact_match|strip|version:1"
    assert signature("chrf").startswith("chrf|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:")
    assert signature("chrf_pp").startswith("chrf_pp|nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:")


@pytest.mark.parametrize("value", ["\ud800", float("nan"), float("inf")])
def test_what_json_in_utf8_cannot_carry(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_json([value])
