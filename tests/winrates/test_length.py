"""Length control takes a liking for length out of a win rate and leaves quality in it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from arbitrage_eval.winrates import logistic
from arbitrage_eval.winrates.bias import longer_chosen, longer_of_equals
from arbitrage_eval.winrates.length import controlled, standardised
from arbitrage_eval.winrates.report import win_rate
from arbitrage_eval.winrates.verdicts import outcomes
from scipy.optimize import minimize
from winrates.evaluations import World, came_to, judged, of_labels


def test_a_planted_liking_for_length_is_taken_out() -> None:
    world = World({"de": 0.0}, length=1.5, longer=1.0, sources=4000)
    found = came_to(world, 1)
    assert win_rate(found).value == pytest.approx(world.rate("de"), abs=2.5)
    assert win_rate(found).value > 68
    level = controlled(found).as_dict()
    assert level["low"] < 50 < level["high"]
    assert level["high"] - level["low"] < 6


def test_a_planted_quality_stays() -> None:
    for longer in (-1.0, 0.0, 1.0):
        world = World({"de": 0.8}, length=1.5, longer=longer, sources=4000)
        level = controlled(came_to(world, 2)).as_dict()
        assert level["low"] < world.at_equal_length("de") < level["high"], longer
        assert level["low"] > 60


def test_without_a_liking_for_length_nothing_is_taken_out() -> None:
    found = came_to(World({"de": 0.8}, longer=0.5, sources=4000), 3)
    level, raw = controlled(found), win_rate(found)
    assert level.value == pytest.approx(raw.value, abs=2)


def test_the_liking_for_length_is_found_whatever_the_models_are_worth() -> None:
    verdicts = []
    for model, quality in (("weak", -1.5), ("even", 0.0), ("strong", 1.5)):
        world = World({"de": quality, "tr": quality / 2}, length=1.2, longer=quality, sources=1500)
        verdicts += judged(world, round(quality) + 5, model=model)
    found = longer_of_equals(outcomes(verdicts)).as_dict()
    planted = 100 / (1 + math.exp(-1.2 * math.tanh(1)))
    assert found["low"] < planted < found["high"]
    assert found["high"] - found["low"] < 5
    # The plain share mixes it with the models: here the better model is the longer one.
    assert longer_chosen(outcomes(verdicts)).as_dict()["low"] > planted


def test_the_fit_is_that_of_another_optimiser() -> None:
    draw = np.random.default_rng(4)
    columns = np.column_stack([np.ones(80), draw.normal(size=80)])
    values = draw.choice([0.0, 0.25, 0.5, 0.75, 1.0], size=80)

    def loss(beta: np.ndarray) -> float:
        levels = columns @ beta
        return float(np.sum(np.logaddexp(0, levels) - values * levels) + logistic.RIDGE / 2 * beta[1] ** 2)

    found = logistic.fit(columns, values)
    assert found is not None
    other = minimize(loss, np.zeros(2), method="BFGS", options={"gtol": 1e-6})
    assert found.coefficients == pytest.approx(other.x, abs=1e-4)
    # What a row pulls is how far the coefficients move without it, up to the root of its leverage.
    without = logistic.fit(columns[1:], values[1:])
    assert without is not None
    assert found.coefficients - without.coefficients == pytest.approx(
        found.pulls[0], abs=0.05 * np.abs(found.pulls[0]).max()
    )


def test_lengths_are_in_standard_deviations_and_zero_stays_zero() -> None:
    x = standardised([-10, 0, 10, 30])
    assert x is not None
    assert x.tolist() == pytest.approx(np.tanh(np.array([-10, 0, 10, 30]) / np.std([-10, 0, 10, 30], ddof=1)).tolist())


@pytest.mark.parametrize(
    ("labels", "lengths", "why"),
    [
        ("wl" * 9, (5, 15), "fewer than 20 sources with lengths"),
        ("wl" * 20, (None, None), "fewer than 20 sources with lengths"),
        ("wl" * 20, (11, 11), "answers differ in length by the same everywhere"),
        ("wl" * 20, (12, 15), "one of the two is longer everywhere: equal length is out of reach"),
        ("w" * 40, (5, 15), "all outcomes are alike"),
        ("wl" * 20, (15, 5), "length separates wins from losses"),
    ],
)
def test_what_cannot_be_fitted_is_named(labels: str, lengths: tuple, why: str) -> None:
    verdicts = [
        replace(one, model_length=lengths[int(one.prompt_id[1:]) % 2], baseline_length=11)
        for one in of_labels(labels, "judge")
    ]
    found = controlled(outcomes(verdicts))
    assert found.as_dict() == {"value": None, "low": None, "high": None, "lacking": why}
    assert longer_of_equals(outcomes(verdicts)).value is None


def test_the_rate_at_equal_length_has_no_end_beyond_0_and_100() -> None:
    level = controlled(came_to(World({"de": 3.2}, length=0.5, sources=40), 8)).as_dict()
    assert 0 < level["low"] < level["value"] < level["high"] < 100
