"""Intervals hold the truth as often as they say, over simulated evaluations."""

from collections import Counter
from random import Random

import numpy as np
from arbitrage_eval.winrates.bias import first_chosen
from arbitrage_eval.winrates.measured import macro
from arbitrage_eval.winrates.report import rates, win_rate
from arbitrage_eval.winrates.verdicts import Outcome
from scipy.stats import binom
from winrates.evaluations import World, came_to

EVALUATIONS = 1000
LOW, HIGH = binom.interval(0.99, EVALUATIONS, 0.95)


def held(found: dict, truth: float) -> bool:
    assert found["low"] is not None, found
    return found["low"] <= truth <= found["high"]


def raw_macro(outcomes: list[Outcome]) -> dict:
    languages = sorted({one.item.language for one in outcomes})
    return macro({x: win_rate([one for one in outcomes if one.item.language == x]) for x in languages}).as_dict()


def test_intervals_hold_the_truth_in_19_of_20_evaluations() -> None:
    world = World(length=0.8, position=0.3, longer=0.7, correlation=0.6, unparsable=0.02)
    raw = {language: world.rate(language) for language in world.quality}
    level = {language: world.at_equal_length(language) for language in world.quality}
    hits: Counter[str] = Counter()
    for seed in range(EVALUATIONS):
        outcomes = came_to(world, seed)
        found = rates(outcomes)
        for language in world.quality:
            of_language = found["languages"][language]
            hits[f"raw {language}"] += held(of_language["raw"], raw[language])
            hits[f"controlled {language}"] += held(of_language["length_controlled"], level[language])
        hits["raw macro"] += held(found["macro"]["raw"], np.mean(list(raw.values())))
        hits["controlled macro"] += held(found["macro"]["length_controlled"], np.mean(list(level.values())))
    assert {name: count for name, count in hits.items() if not LOW <= count <= HIGH} == {}
    assert len(hits) == 8


def test_languages_with_few_sources_of_their_own_do_not_narrow_the_macro() -> None:
    world = World(correlation=0.6, ties=0.1)
    truth = np.mean([0.9 * world.rate(language) + 5 for language in world.quality])
    hits = 0
    for seed in range(EVALUATIONS):
        few = {f"s{n}" for n in Random(seed).sample(range(world.sources), 12)}
        outcomes = [one for one in came_to(world, seed) if one.item.language != "zh" or one.source_id in few]
        hits += held(raw_macro(outcomes), truth)
    # The quantile of the smallest language is on the safe side.
    assert LOW <= hits <= 985


def test_translations_counted_as_independent_would_hold_the_truth_too_seldom() -> None:
    world = World({"de": 0.0, "tr": 0.0, "zh": 0.0}, correlation=0.9)
    clustered = independent = 0
    for seed in range(300):
        outcomes = came_to(world, seed)
        clustered += held(raw_macro(outcomes), 50)
        alone = [one._replace(source_id=f"{one.item.language} {one.source_id}") for one in outcomes]
        independent += held(raw_macro(alone), 50)
    low, high = binom.interval(0.99, 300, 0.95)
    assert low <= clustered <= high
    assert independent < 0.85 * 300


def test_the_bias_for_a_place_is_found_within_its_interval() -> None:
    world = World({"de": 0.0, "tr": 0.0}, position=0.5)
    # Of equals, the first is chosen with the chance expit(0.5).
    hits = sum(held(first_chosen(came_to(world, seed)).as_dict(), 62.2459331) for seed in range(EVALUATIONS))
    assert LOW <= hits <= HIGH
