"""Every router is a way of asking; the best-rewarded usable answer among those asked wins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from arbitrage.errors import RouterError
from arbitrage.records import Answer, Ask, Asked, Choice, Piloted, Prompt, Route
from arbitrage.routers.features import Embedding
from arbitrage.routers.saved import Saved


class Router(Protocol):
    """A way of asking, in rounds; a pure function of what it is given, so that anyone can replay it."""

    def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
        """Return what to ask next, or the choice.

        `answers` holds an answer for every ask so far, in the order asked; it is empty at first. No asks
        at first means that the arm has nobody to ask for this prompt.
        """
        ...


@runtime_checkable
class Learner(Router, Protocol):
    """A router that learns from the pilot before it decides anything."""

    def fit(self, pilot: Sequence[Piloted]) -> Mapping[str, Any]:
        """Learn, and return what was learned as JSON-able data for the manifest and the card.

        The pilot is in order of language and prompt id and has train prompts alone. What is learned depends on the
        setting and the pilot and on nothing else, so that anyone can learn it again from the published pool.
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
    experts: Mapping[str, str] | None = None
    """The arm's `experts:`, teachers by language, where it names any."""
    embedding: Embedding | None = None
    """The arm's `embedding:`, where it names one."""
    fitted: Saved | None = None
    """The arm's `fitted:`, where it names one."""
    top: int | None = None
    """The arm's `top:`, how many teachers it asks, where it says so."""
    source: str | None = None
    """The language that the recipe's `translate:` translates from, where there is such a block."""


def settle(
    arm: str, router: Router, prompt: Prompt, answer_to: Callable[[Ask], Answer | None]
) -> Route | Sequence[Ask] | None:
    """Drive a router with the answers there are.

    Returns:
        The route, where the answers suffice; else the asks that are missing; None when nobody is to be asked.

    Raises:
        RouterError: the router raised, asked without end, or chose what it had not asked for or what has no text.
    """
    asked: list[Asked] = []
    answers: list[Answer] = []
    for round_number in range(1000):
        step = _decide(arm, router, prompt, answers)
        if isinstance(step, Choice):
            usable = {(answer.teacher, answer.draw) for answer in answers if answer.usable}
            if step.chosen is not None and step.chosen not in usable:
                raise RouterError(
                    f"{_of(arm)} chose {step.chosen!r}, which is no usable answer among those it asked for"
                )
            return Route(arm, asked, step.chosen, step.why)
        if not step:
            if not asked:
                return None
            raise RouterError(f"{_of(arm)} stopped asking without a choice")
        found = [answer_to(ask) for ask in step]
        missing = [ask for ask, answer in zip(step, found, strict=True) if answer is None]
        if missing:
            return missing
        answers.extend(answer for answer in found if answer is not None)
        asked.extend(Asked(ask.teacher, ask.draw, round_number, ask.propensity) for ask in step)
    raise RouterError(f"{_of(arm)} still asks after 1000 rounds")


def _decide(arm: str, router: Router, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
    try:
        step = router.decide(prompt, answers)
    except Exception as error:
        raise RouterError(
            f"{_of(arm)} raised {type(error).__name__} for prompt {prompt.id}: {error}; mend it and run the same "
            "command again: completions are stored"
        ) from error
    if isinstance(step, Choice):
        return step
    if not isinstance(step, Sequence) or not all(isinstance(ask, Ask) for ask in step):
        raise RouterError(f"{_of(arm)} returned {step!r:.80}, neither a list of Ask nor a Choice")
    return step


def _of(arm: str) -> str:
    return f"arms.{arm}: its router"
