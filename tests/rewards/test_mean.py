"""The mean of standardised scores: within a prompt, and only of answers that every member scored."""

import math

import pytest
from arbitrage.rewards.mean import MeanReward, standardised

A, B, C, D = (("a", 0), ("b", 0), ("c", 0), ("d", 0))


def test_it_is_the_mean_of_standardised_scores() -> None:
    mean = MeanReward("m", ["x", "y"])
    found = mean.scores(
        {
            A: {"x": 1.0, "y": -10.0},
            B: {"x": 2.0, "y": 30.0},
            C: {"x": 3.0, "y": 10.0},
            D: {"x": 900.0, "y": None},
        }
    )
    spread = math.sqrt(2 / 3)
    of_y = [(value - 10) / math.sqrt(800 / 3) for value in (-10, 30, 10)]
    expected = [(x + y) / 2 for x, y in zip((-1 / spread, 0, 1 / spread), of_y, strict=True)]
    assert [found[key] for key in (A, B, C)] == pytest.approx(expected)
    assert found[D] is None, "what a member did not score neither has a mean nor moves the others"


def test_scale_and_place_of_a_member_are_no_matter() -> None:
    mean = MeanReward("m", ["x", "y"])
    one = {A: {"x": 1.0, "y": 5.0}, B: {"x": 2.0, "y": 3.0}, C: {"x": 7.0, "y": 4.0}}
    other = {key: {"x": 100 * (found["x"] or 0) - 3, "y": found["y"]} for key, found in one.items()}
    assert mean.scores(one) == pytest.approx(mean.scores(other))


def test_a_lone_answer_has_none_and_equal_ones_are_equal() -> None:
    mean = MeanReward("m", ["x", "y"])
    assert mean.scores({A: {"x": 1.0, "y": 2.0}, B: {"x": 1.0, "y": None}}) == {A: None, B: None}
    assert mean.scores({A: {"x": 0.1, "y": 2.0}, B: {"x": 0.1, "y": 2.0}}) == {A: 0.0, B: 0.0}
    assert mean.scores({}) == {}


def test_equal_values_have_no_spread_of_rounding() -> None:
    assert standardised([0.1] * 3 + [0.1]) == [0.0] * 4
    assert standardised([1e-320, 2e-320]) == [0.0, 0.0] or standardised([1e-320, 2e-320]) == pytest.approx([-1, 1])


def test_what_stands_apart_is_scored_and_moves_no_other() -> None:
    mean = MeanReward("m", ["x", "y"])
    own = {A: {"x": 1.0, "y": 5.0}, B: {"x": 2.0, "y": 3.0}, C: {"x": 7.0, "y": 4.0}}
    found = mean.scores({**own, D: {"x": -900.0, "y": 4.0}}, apart={D})
    alone = mean.scores(own)
    assert {key: found[key] for key in own} == alone
    assert found[D] is not None and found[D] < min(value for value in alone.values() if value is not None)
    # Where the others say nothing to measure by, it is measured with them.
    assert mean.scores({A: own[A], D: own[B]}, apart={D}) == mean.scores({A: own[A], D: own[B]})
