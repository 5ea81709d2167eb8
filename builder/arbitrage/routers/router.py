"""Every router is a way of asking; the best-rewarded usable answer among those asked wins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from arbitrage.records import Answer, Ask, Asked, Choice, Prompt, Route


class Router(Protocol):
    """A way of asking, in rounds; a pure function of what it is given, so that anyone can replay it."""

    def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
        """Return what to ask next, or the choice.

        `answers` holds an answer for every ask so far, in the order asked; it is empty at first. No asks
        at first means that the arm has nobody to ask for this prompt.
        """
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """What a router is made from."""

    arm: str
    seed: int
    pool: Mapping[str, Sequence[str]]
    """The teachers that serve each language, in the recipe's order."""
    teacher: str | None
    """The arm's `teacher:`, where it names one."""
    rewarded: bool
    """Whether the recipe has a reward that routes."""


def settle(
    arm: str, router: Router, prompt: Prompt, answer_to: Callable[[Ask], Answer | None]
) -> Route | Sequence[Ask] | None:
    """Drive a router with the answers there are.

    Returns:
        The route, where the answers suffice; else the asks that are missing; None when nobody is to be asked.
    """
    asked: list[Asked] = []
    answers: list[Answer] = []
    for round_number in range(1000):
        step = router.decide(prompt, answers)
        if isinstance(step, Choice):
            return Route(arm, asked, step.chosen, step.why)
        if not step:
            if not asked:
                return None
            raise RuntimeError(f"arm {arm}: its router stopped asking without a choice")
        found = [answer_to(ask) for ask in step]
        missing = [ask for ask, answer in zip(step, found, strict=True) if answer is None]
        if missing:
            return missing
        answers.extend(answer for answer in found if answer is not None)
        asked.extend(Asked(ask.teacher, ask.draw, round_number, ask.propensity) for ask in step)
    raise RuntimeError(f"arm {arm}: its router still asks after 1000 rounds")
