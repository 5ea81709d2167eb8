"""The router that asks one teacher for each language: named in the recipe, or the best on the pilot."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from arbitrage.errors import RecipeError
from arbitrage.identity import preference_order
from arbitrage.records import Answer, Ask, Choice, Piloted, Prompt
from arbitrage.routers.router import Router, Setting
from arbitrage.routers.single import take_only
from arbitrage.teachers.failure import FINAL


def fixed(setting: Setting) -> Router:
    """Return the router with the experts that the arm names, or one that finds them on the pilot."""
    if setting.experts:
        return Fixed(setting.pool, setting.experts)
    if not setting.rewarded:
        raise RecipeError(f"arms.{setting.arm}: give experts:, or a reward to find them by (rewards: and route_by:)")
    return BestOnPilot(setting)


class Fixed:
    """Ask the language's expert; nobody, where the language has none."""

    def __init__(self, pool: Mapping[str, Sequence[str]], experts: Mapping[str, str]) -> None:
        self.experts = {language: name for language, name in experts.items() if name in pool.get(language, ())}

    def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
        """Ask the expert, then take what it gave."""
        if answers:
            return take_only(answers)
        expert = self.experts.get(prompt.language)
        return [] if expert is None else [Ask(expert)]


@dataclass(frozen=True, slots=True)
class Expert:
    """What the pilot says of one language."""

    teacher: str | None
    """The best by mean reward; None where no prompt could compare the teachers."""
    runner_up: str | None
    prompts: int
    """Those that could compare the teachers."""
    sources: int
    means: dict[str, float]
    flagged: dict[str, int]
    """How many answers of each compared teacher counted as the lowest reward, for what a check said of them."""
    not_compared: list[str]
    """Teachers that did not answer, or had no score, on more than half of the pilot's prompts."""
    margin: dict[str, float | None] | None
    """Of the teacher over the runner-up: mean, low and high end of its 95 % interval; None without a runner-up."""
    clear: bool
    """Whether the margin is outside the noise: its interval lies above 0, or nobody else was there to compare."""


class BestOnPilot(Fixed):
    """Ask the teacher whose answers to the pilot had the highest mean reward in the language."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting.pool, {})
        self.pool = setting.pool
        self.seed = setting.seed

    def fit(self, pilot: Sequence[Piloted]) -> Mapping[str, Any]:
        """Find each language's expert; a language with one teacher needs no pilot."""
        found = {}
        for language, teachers in self.pool.items():
            if not teachers:
                continue
            of_language = [piloted for piloted in pilot if piloted.prompt.language == language]
            found[language] = compared(self.seed, language, teachers, of_language)
        self.experts = {language: expert.teacher for language, expert in found.items() if expert.teacher is not None}
        return {language: asdict(expert) for language, expert in found.items()}


def compared(seed: int, language: str, teachers: Sequence[str], pilot: Sequence[Piloted]) -> Expert:
    """Compare the teachers of a language on the prompts that all of them answered.

    A reward model may like an answer in the wrong language or one that breaks off, so an answer that a check flags,
    that has no text or that was refused for good counts as the lowest reward that any unflagged answer had in the
    language, whatever its own. A prompt to which nobody has an unflagged answer says nothing of anybody.

    A teacher that is down or seldom scored would leave no prompt to compare the others on: whoever lacks more than
    half of the prompts is not compared and cannot win.
    """
    # The package of datasets imports the routers.
    from arbitrage.dataset.intervals import estimate

    if len(teachers) == 1:
        return Expert(teachers[0], None, 0, 0, {}, {}, [], None, clear=True)
    found = [(piloted.prompt.source_id, worth(piloted.answers)) for piloted in pilot]
    names = [name for name in teachers if 2 * sum(name in worth for _, worth in found) >= max(1, len(found))]
    whole = [(source, [worth[name] for name in names]) for source, worth in found if worth.keys() >= set(names)]
    told = [(source, row) for source, row in whole if any(reward is not None for reward in row)]
    not_compared = [name for name in teachers if name not in names]
    sources = len({source for source, _ in told})
    if not told:
        return Expert(None, None, 0, 0, {}, {}, not_compared, None, clear=False)
    lowest = min(reward for _, row in told for reward in row if reward is not None)
    common = sorted((source, [lowest if reward is None else reward for reward in row]) for source, row in told)
    means = {name: math.fsum(row[n] for _, row in common) / len(common) for n, name in enumerate(names)}
    flagged = {name: sum(row[n] is None for _, row in told) for n, name in enumerate(names)}
    order = preference_order(seed, f"expert:{language}", names)
    best, *others = sorted(names, key=lambda name: (-means[name], flagged[name], order.index(name)))
    if not others:
        return Expert(best, None, len(common), sources, means, flagged, not_compared, None, clear=True)
    first, second = names.index(best), names.index(others[0])
    margin = estimate((source, row[first] - row[second], 1.0) for source, row in common).as_dict()
    clear = margin["low"] is not None and margin["low"] > 0
    return Expert(best, others[0], len(common), sources, means, flagged, not_compared, margin, clear)


def worth(answers: Sequence[Answer]) -> dict[str, float | None]:
    """Return by teacher the rewards of unflagged answers to a prompt, and None for those that should not win.

    Teachers that are absent did not answer for a reason that may pass, or have no score.
    """
    found: dict[str, float | None] = {}
    for answer in answers:
        if answer.error is not None and answer.error not in FINAL:
            continue
        if not answer.usable or not answer.unflagged:
            found[answer.teacher] = None
        elif answer.reward is not None:
            found[answer.teacher] = answer.reward
    return found


def said(language: str, expert: Mapping[str, Any]) -> str:
    """Return what the pilot says of a language, in a sentence without an end."""
    if expert["teacher"] is None:
        why = "no prompt of the pilot was answered and scored by all its teachers, by one of them without a flag"
        return f"{language}: no expert, since {why}"
    if expert["margin"] is None:
        alone = "nobody else could be compared" if expert["not_compared"] else "nobody else serves it"
        return f"{language}: {expert['teacher']}, {alone}"
    mean, low, high = (expert["margin"][key] for key in ("mean", "low", "high"))
    interval = "no interval, for want of a second source" if low is None else f"95 % interval {low:.3g} to {high:.3g}"
    noise = "" if expert["clear"] else ": inside the noise"
    return f"{language}: {expert['teacher']}, {mean:.3g} ahead of {expert['runner_up']} ({interval}){noise}"
