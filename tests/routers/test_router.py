"""A router of the user's that misbehaves is named; nothing it did ends in a traceback or in the dataset."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from arbitrage.errors import RouterError
from arbitrage.records import Answer, Ask, Choice, Prompt, Route
from arbitrage.routers import settle

PROMPT = Prompt("p", "de", "s", "train", [{"role": "user", "content": "Ja?"}])
Decide = Callable[[Sequence[Answer]], Any]


class Scripted:
    def __init__(self, decide: Decide) -> None:
        self._decide = decide

    def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Any:
        return self._decide(answers)


def answer(ask: Ask, text: str = "Ja.") -> Answer:
    return Answer(ask.teacher, ask.draw, "org/a", "r", text)


def run(decide: Decide, text: str = "Ja.") -> Any:
    return settle("mine", Scripted(decide), PROMPT, lambda ask: answer(ask, text))


def test_rounds_and_draws_are_recorded() -> None:
    steps = [[Ask("a")], [Ask("a", 1, 0.5), Ask("b")], Choice(("a", 1), "because")]
    route = run(lambda answers: steps[(0, 1, 1, 2)[len(answers)]])
    assert isinstance(route, Route)
    assert [(ask.teacher, ask.draw, ask.round, ask.propensity) for ask in route.asked] == [
        ("a", 0, 0, 1.0),
        ("a", 1, 1, 0.5),
        ("b", 0, 1, 1.0),
    ]


@pytest.mark.parametrize(
    ("decide", "says"),
    [
        (lambda answers: 1 / 0, "ZeroDivisionError"),
        (lambda answers: None, "neither"),
        (lambda answers: ["a"], "neither"),
        (lambda answers: [] if answers else [Ask("a")], "stopped asking"),
        (lambda answers: [Ask("a", len(answers))], "1000 rounds"),
        (lambda answers: Choice(("b", 0), "") if answers else [Ask("a")], "no usable answer"),
    ],
)
def test_what_a_router_must_not_do(decide: Decide, says: str) -> None:
    with pytest.raises(RouterError, match=says) as raised:
        run(decide)
    assert str(raised.value).startswith("arms.mine: its router")


def test_an_answer_without_text_cannot_be_chosen() -> None:
    with pytest.raises(RouterError, match="no usable answer"):
        run(lambda answers: Choice(("a", 0), "") if answers else [Ask("a")], text=" ")
