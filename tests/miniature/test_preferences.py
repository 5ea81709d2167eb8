"""Annotators: how often they are wrong, and what they are shown."""

import pytest
from arbitrage.miniature.preferences import PAIRS, preferences, prompts_of

ASKED = prompts_of(1, "reward", 3000)
RIGHT = {one.prompt: one.answer for one in ASKED}
WRONG: dict[str, list[str | None]] = {f"t{n}": [f"{n}?" for _ in ASKED] for n in range(5)}


@pytest.mark.parametrize("noise", [0.0, 0.15, 0.5])
def test_the_share_that_is_turned_round_is_as_stated(noise: float) -> None:
    found = preferences(1, "reward", noise, ASKED, WRONG)
    assert len(found) == PAIRS * len(ASKED)
    turned = sum(one.rejected == RIGHT[one.prompt] for one in found)
    assert all(RIGHT[one.prompt] in (one.chosen, one.rejected) for one in found)
    # Five standard errors.
    assert abs(turned / len(found) - noise) <= 5 * (noise * (1 - noise) / len(found)) ** 0.5


def test_right_answers_and_teachers_that_were_not_asked_make_no_pair() -> None:
    answered: dict[str, list[str | None]] = {"right": [one.answer for one in ASKED], "silent": [None for _ in ASKED]}
    assert preferences(1, "reward", 0.15, ASKED, answered) == []


def test_annotators_are_independent_and_say_the_same_again() -> None:
    one, again, other = (preferences(1, name, 0.5, ASKED, WRONG) for name in ("reward", "reward", "judge"))
    assert one == again
    agree = sum((x.chosen == RIGHT[x.prompt]) == (y.chosen == RIGHT[y.prompt]) for x, y in zip(one, other, strict=True))
    assert 0.45 < agree / len(one) < 0.55
