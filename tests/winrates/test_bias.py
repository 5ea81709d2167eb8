"""Biases of a judge, by numbers that are worked out by hand and by biases that were planted."""

import math

import pytest
from arbitrage_eval.winrates.bias import contradicted, first_chosen, longer_chosen
from arbitrage_eval.winrates.report import report
from arbitrage_eval.winrates.verdicts import Outcome, Verdict, outcomes
from winrates.evaluations import World, judged


def prompts(words: str, longer: int | None = 0) -> list[Outcome]:
    """Return outcomes of a prompt for each two letters: which place won with the model first, and with it second."""
    read = {"1": "first", "2": "second", "t": "tie", "-": None}
    lengths = (None, None) if longer is None else (100 + longer, 100)
    return outcomes(
        Verdict(f"p{n}", f"s{n}", "de", "student", "base", "judge", place, read[letter], *lengths)  # type: ignore[arg-type]
        for n, pair in enumerate(words.split())
        for place, letter in zip(("model", "baseline"), pair, strict=True)
    )


def test_the_first_is_chosen_half_of_the_time_by_a_judge_that_keeps_to_an_answer() -> None:
    assert first_chosen(prompts("12 21 12 tt")).value == 50
    assert first_chosen(prompts("11 11 22 11")).value == 75
    assert first_chosen(prompts("1t 12")).value == pytest.approx(100 * 2.5 / 4)


def test_one_readable_order_has_no_part_in_it() -> None:
    assert first_chosen(prompts("12 1- 1- -1")).value == 50
    assert first_chosen(prompts("1-")).as_dict()["lacking"] == "no outcome"


def test_a_pair_is_contradicted_when_the_same_place_wins_twice() -> None:
    assert contradicted(prompts("11 22 12 1t")).value == 50


def test_the_longer_is_counted_among_answers_of_two_lengths() -> None:
    assert longer_chosen(prompts("12 12 21 tt", longer=5)).value == pytest.approx(100 * 2.5 / 4)
    assert longer_chosen(prompts("12 12 21 tt", longer=-5)).value == pytest.approx(100 * 1.5 / 4)
    assert longer_chosen(prompts("12 21", longer=0)).value is None
    assert longer_chosen(prompts("12 21", longer=None)).value is None


def test_planted_biases_are_told_by_judge_and_by_language() -> None:
    place = World({"de": 0.3, "tr": -0.3}, position=0.8, sources=800)
    length = World({"de": 0.3, "tr": -0.3}, length=1.5, sources=800)
    found = report([*judged(place, 1, judge="place"), *judged(length, 1, judge="length")])["judges"]
    for where in (found["place"], *found["place"]["languages"].values()):
        assert where["first_chosen"]["low"] > 60
        assert where["longer_chosen_of_equals"]["low"] < 50 < where["longer_chosen_of_equals"]["high"]
    planted = 100 / (1 + math.exp(-1.5 * math.tanh(1)))
    for where in (found["length"], *found["length"]["languages"].values()):
        assert where["first_chosen"]["value"] == 50
        assert where["longer_chosen_of_equals"]["low"] < planted < where["longer_chosen_of_equals"]["high"]
