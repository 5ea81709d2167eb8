"""How many sources a question needs, against another computation and against what simulations show."""

import math

import numpy as np
import pytest
from arbitrage_eval.winrates.measured import macro
from arbitrage_eval.winrates.needed import UNKNOWN, Spread, needed, spread
from arbitrage_eval.winrates.report import win_rate
from arbitrage_eval.winrates.verdicts import outcomes
from scipy.stats import t
from winrates.evaluations import World, came_to, of_labels


@pytest.mark.parametrize(
    ("difference", "deviation", "power", "sources"),
    # statsmodels.stats.power.TTestPower of statsmodels 0.15.0, two-sided at 0.05, not rounded up.
    [
        (3, 50, 0.8, 2182.1605),
        (5, 50, 0.8, 786.8089),
        (3, 35, 0.9, 1432.0986),
        (10, 40, 0.8, 127.5158),
        (20, 40, 0.95, 53.9406),
    ],
)
def test_the_sources_for_a_power_are_those_of_statsmodels(
    difference: float, deviation: float, power: float, sources: float
) -> None:
    found = needed(difference=difference, power=power, spread=Spread(deviation**2, None))
    # The normal quantile stands for the power's noncentral t, which one source at most tells apart.
    assert abs(found - math.ceil(sources)) <= 1


def test_the_sources_for_a_half_width_are_the_fewest_that_give_it() -> None:
    for half in (1.0, 3.0, 10.0, 40.0):
        sources = needed(half=half)
        width = [t.ppf(0.975, n - 1) * 50 / math.sqrt(n) for n in (sources, sources - 1)]
        assert width[0] <= half < width[1]


def test_languages_help_as_far_as_they_tell_something_new() -> None:
    alike, apart = (needed(half=3, spread=Spread(2500, r), languages=7) for r in (1.0, 0.0))
    assert alike == needed(half=3) == needed(half=3, languages=7)
    assert apart == pytest.approx(alike / 7, abs=3)
    assert apart < needed(half=3, spread=Spread(2500, 0.5), languages=7) < alike
    assert needed(half=3, spread=Spread(2500, -0.1), languages=7) == apart


def test_a_pilot_shows_the_spread_that_was_planted() -> None:
    found = spread(came_to(World({"de": 0.0, "tr": 0.0}, sources=4000, correlation=0.5), 1))
    assert found.variance == pytest.approx(2500, rel=0.01)
    # Wins that come of two normal values correlated by 1/2 are correlated by 2 / pi * asin(1/2) = 1/3.
    assert found.correlation == pytest.approx(1 / 3, abs=0.05)


def test_so_many_sources_give_the_width_that_was_asked_for() -> None:
    pilot = World({"de": 0.0, "tr": 0.0, "zh": 0.0}, sources=1000, correlation=0.5)
    sources = needed(half=4, spread=spread(came_to(pilot, 2)), languages=3)
    halves = []
    for seed in range(20):
        found = came_to(World(pilot.quality, sources=sources, correlation=0.5), seed)
        rate = macro({x: win_rate([y for y in found if y.item.language == x]) for x in pilot.quality}).as_dict()
        halves.append((rate["high"] - rate["low"]) / 2)
    assert np.mean(halves) == pytest.approx(4, rel=0.05)


def test_a_pilot_that_tells_nothing_means_the_worst_case() -> None:
    assert spread([]) == spread(outcomes(of_labels("tttt", "judge"))) == UNKNOWN
    assert spread(outcomes(of_labels("w", "judge"))) == UNKNOWN
    assert spread(outcomes(of_labels("wlwl", "judge"))).correlation is None
    assert needed(half=3, spread=UNKNOWN, languages=5) == needed(half=3)


@pytest.mark.parametrize(
    "wrong", [{}, {"half": 3, "difference": 3}, {"half": 0}, {"difference": 3, "power": 1}, {"half": 3, "languages": 0}]
)
def test_questions_that_cannot_be_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="takes"):
        needed(**wrong)
