"""The router that asks one teacher for each language: named in the recipe, or the best on the pilot."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from arbitrage.errors import RecipeError
from arbitrage.identity import preference_order
from arbitrage.records import Answer, Ask, Choice, Piloted, Prompt
from arbitrage.routers.router import Router, Setting
from arbitrage.routers.single import take_only


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
    """Prompts that all compared teachers answered usably, with a reward."""
    sources: int
    means: dict[str, float]
    not_compared: list[str]
    """Teachers with a usable, scored answer to fewer than half of the pilot's prompts."""
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
            of_language = [piloted for piloted in pilot if piloted.prompt.language == language]
            found[language] = compared(self.seed, language, teachers, of_language)
        self.experts = {language: expert.teacher for language, expert in found.items() if expert.teacher is not None}
        return {language: asdict(expert) for language, expert in found.items()}


def compared(seed: int, language: str, teachers: Sequence[str], pilot: Sequence[Piloted]) -> Expert:
    """Compare the teachers of a language on the prompts that all of them answered usably.

    A teacher that is down or seldom scored would leave no prompt to compare the others on: whoever lacks more than
    half of the prompts is not compared and cannot win.
    """
    if len(teachers) == 1:
        return Expert(teachers[0], None, 0, 0, {}, [], None, clear=True)
    scored = [
        (piloted.prompt.source_id, {a.teacher: a.reward for a in piloted.answers if a.usable and a.reward is not None})
        for piloted in pilot
    ]
    names = [name for name in teachers if 2 * sum(name in rewards for _, rewards in scored) >= max(1, len(scored))]
    common = sorted(
        (source, [rewards[name] for name in names])
        for source, rewards in scored
        if names and all(name in rewards for name in names)
    )
    not_compared = [name for name in teachers if name not in names]
    sources = len({source for source, _ in common})
    if not common:
        return Expert(None, None, 0, 0, {}, not_compared, None, clear=False)
    means = {name: math.fsum(row[n] for _, row in common) / len(common) for n, name in enumerate(names)}
    order = preference_order(seed, f"expert:{language}", names)
    best, *others = sorted(names, key=lambda name: (-means[name], order.index(name)))
    if not others:
        return Expert(best, None, len(common), sources, means, not_compared, None, clear=True)
    first, second = names.index(best), names.index(others[0])
    margin = _margin([(source, row[first] - row[second]) for source, row in common])
    clear = margin["low"] is not None and margin["low"] > 0
    return Expert(best, others[0], len(common), sources, means, not_compared, margin, clear)


def _margin(differences: Sequence[tuple[str, float]]) -> dict[str, float | None]:
    """Return the mean of paired differences, in order of their sources, with its interval clustered by source."""
    # The package of datasets imports the routers.
    from arbitrage.dataset.intervals import half_width

    mean = math.fsum(value for _, value in differences) / len(differences)
    pulls = [
        math.fsum((value - mean) / len(differences) for _, value in group)
        for _, group in groupby(differences, key=lambda pair: pair[0])
    ]
    half = half_width(math.fsum(pull * pull for pull in pulls), len(pulls))
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return {"mean": mean, "low": low, "high": high}


def said(language: str, expert: Mapping[str, Any]) -> str:
    """Return what the pilot says of a language, in a sentence without an end."""
    if expert["teacher"] is None:
        return f"{language}: no expert, since no prompt of the pilot was answered and scored by all its teachers"
    if expert["margin"] is None:
        alone = "nobody else could be compared" if expert["not_compared"] else "nobody else serves it"
        return f"{language}: {expert['teacher']}, {alone}"
    mean, low, high = (expert["margin"][key] for key in ("mean", "low", "high"))
    interval = "no interval, for want of a second source" if low is None else f"95 % interval {low:.3g} to {high:.3g}"
    noise = "" if expert["clear"] else ": inside the noise"
    return f"{language}: {expert['teacher']}, {mean:.3g} ahead of {expert['runner_up']} ({interval}){noise}"
