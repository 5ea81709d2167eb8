from copy import deepcopy
from typing import Any

import arbitrage_cards
from arbitrage_cards.changes import MOST
from cards.large import large
from dataset.world import HOSTILE


def told(change: Any, size: tuple[int, int, int] = (3, 3, 3)) -> list[str]:
    old = large(*size)
    new = deepcopy(old)
    change(new)
    return arbitrage_cards.changes(old, new)


def test_nothing_is_told_of_the_same() -> None:
    assert told(lambda new: None) == []


def test_a_teacher_more() -> None:
    def change(new: dict[str, Any]) -> None:
        new["pool"]["teachers"]["aya"] = new["pool"]["teachers"]["t0"]
        new["files"]["pool/de/train-00000.parquet"] = {"rows": 1880, "rows_sha256": "1" * 64}
        new["files"]["reward/de/train-00000.parquet"] = {"rows": 940, "rows_sha256": "1" * 64}

    assert told(change) == [
        "New teacher: aya.",
        "Rows of pool: 2,970 before, 3,910 now.",
        "Rows of reward: 2,970 as before, some of them with other content.",
    ]


def test_languages_and_rows_that_go() -> None:
    def change(new: dict[str, Any]) -> None:
        new["languages"].remove("de")
        del new["pool"]["prompts"]["de"]
        for path in [path for path in new["files"] if "/de/" in path]:
            del new["files"][path]

    found = told(change)
    assert found[:2] == ["Removed language: de.", "Prompts: 3,000 before, 2,000 now."]
    assert "Rows of reward: 2,970 before, 1,980 now." in found


def test_arms_come_and_go_and_are_published_or_not() -> None:
    def change(new: dict[str, Any]) -> None:
        new["arms"]["best"] = new["arms"].pop("random")
        del new["configs"]["single_0"]
        new["default_config"] = "best"
        new["recipe"]["arms"] = {"reward": {"router": "other"}}

    def first(old: dict[str, Any]) -> dict[str, Any]:
        return {**old, "recipe": {**old["recipe"], "arms": {"reward": {"router": "reward"}}}}

    old = first(large(3, 3, 3))
    new = deepcopy(old)
    change(new)
    assert arbitrage_cards.changes(old, new) == [
        "New arm: best.",
        "Removed arm: random.",
        "Arm single_0 is no longer published.",
        "The default config: reward before, best now.",
        "The settings of arm reward changed.",
    ]


def test_licence_reward_and_settings() -> None:
    def change(new: dict[str, Any]) -> None:
        new["license"] = "mit"
        recipe = new["recipe"]
        recipe |= {"route_by": "other", "rewards": {"other": {}}, "seed": 8, "sampling": {"temperature": 0.7}}
        recipe["license_override"] = "asked"
        recipe["prompts"][0]["revision"] = "d" * 40
        recipe["teachers"]["t0"]["license"] = "gemma"
        recipe["teachers"]["t0"]["system"] = {"de": "kurz"}
        new["pool"]["teachers"]["t0"]["served"][0]["revision"] = "b" * 40

    assert told(change, (3, 1, 3)) == [
        "The licence: cc-by-nc-4.0 before, mit now.",
        "The stated reason for a licence looser than its sources' changed.",
        "The reward that routes: main before, other now.",
        "New reward: other.",
        "Removed reward: main.",
        "The seed: not stated before, 8 now.",
        "Sampling, temperature: not stated before, 0.7 now.",
        "Prompt sources are read at another revision or with other settings.",
        "Teacher t0 answered with another model or revision.",
        "The licence of teacher t0: cc-by-nc-4.0 before, gemma now.",
        "Teacher t0 was given other system prompts.",
    ]


def test_sentences_are_plain_and_bounded() -> None:
    def change(new: dict[str, Any]) -> None:
        new["license"] = HOSTILE * 50
        for number in range(100):
            new["arms"][f"{HOSTILE}{number}"] = new["arms"]["reward"]
        for name in list(new["pool"]["teachers"]):
            new["pool"]["teachers"][name]["served"] = []

    found = told(change, (3, 90, 3))
    assert len(found) == MOST + 1
    assert found[-1].endswith("more changes.")
    assert all(len(sentence) < 1000 for sentence in found)
    assert not any(char in sentence for sentence in found for char in "\n\x7f\x00\u202e")


def test_a_manifest_of_another_time_is_no_trouble() -> None:
    for old in ({}, {"recipe": None, "arms": None}, {"pool": {"teachers": None}}):
        assert arbitrage_cards.changes(old, large(2, 2, 2))
