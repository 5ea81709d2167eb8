"""A reward of the recipe: its function, called as TRL calls it, and the identity of its scores."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbitrage.columns import carried_columns
from arbitrage.errors import ArbitrageError, RewardError
from arbitrage.extension import load_object, source_hash
from arbitrage.identity import content_id
from arbitrage.recipe import reward as config
from arbitrage.recipe.model import Recipe
from arbitrage.records import Prompt
from arbitrage.rewards.judge import JudgeWire
from arbitrage.rewards.local import LocalReward
from arbitrage.rewards.mean import MeanReward
from arbitrage.rewards.reference import chrf, chrf_pp, exact_match, signature
from arbitrage.rewards.served import ServedReward, root_of
from arbitrage.rewards.wires import TeiWire, VllmWire

BUILT_IN: dict[str, Callable[..., Sequence[float | None]]] = {
    "exact_match": exact_match,
    "chrf": chrf,
    "chrf_pp": chrf_pp,
}


@dataclass(frozen=True, slots=True)
class Reward:
    """A reward function with its name in the recipe; scores compare only within a prompt."""

    name: str
    model: str
    """What the recipe names: a built-in or `module:name`."""
    revision: str
    """A built-in's signature, or the sha256 of the module's file: an edited reward scores anew.

    What an object of a class says of itself in an attribute `revision`, such as of the weights it loaded, counts too.
    """
    function: Callable[..., Sequence[float | None]]
    columns: Sequence[str]
    """The carried columns that the function is given."""

    def key(self, prompt: Prompt) -> str:
        """Return the identity of this reward's scores for a prompt, apart from the completion's."""
        given = {name: prompt.columns.get(name) for name in self.columns}
        return content_id("score", model=self.model, revision=self.revision, columns=given)

    def score(self, batch: Sequence[tuple[Prompt, str]]) -> list[float | None]:
        """Score a batch of (prompt, completion text).

        Raises:
            RewardError: the function raised, or did not return a finite number or None for each.
        """
        keywords: dict[str, list[Any]] = {
            name: [prompt.columns.get(name) for prompt, _ in batch] for name in self.columns
        }
        try:
            scores = list(
                self.function(
                    prompts=[[dict(turn) for turn in prompt.messages] for prompt, _ in batch],
                    completions=[[{"role": "assistant", "content": text}] for _, text in batch],
                    language=[prompt.language for prompt, _ in batch],
                    **keywords,
                )
            )
        except Exception as error:
            raise RewardError(
                f"rewards.{self.name} ({self.model}) raised {type(error).__name__}: {error}; mend it and run the same "
                "command again: completions and earlier scores are stored"
            ) from error
        if len(scores) != len(batch):
            raise RewardError(
                f"rewards.{self.name} ({self.model}) returned {len(scores)} scores for {len(batch)} completions"
            )
        return [self._checked(score, prompt) for score, (prompt, _) in zip(scores, batch, strict=True)]

    def _checked(self, score: object, prompt: Prompt) -> float | None:
        if score is None:
            return None
        try:
            value = float(score)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            value = math.nan
        if not math.isfinite(value):
            raise RewardError(
                f"rewards.{self.name} ({self.model}) returned {score!r} for prompt {prompt.id}: "
                "return a finite number, or None for what cannot be scored"
            )
        return value


AnyReward = Reward | LocalReward | ServedReward | MeanReward


def make_rewards(recipe: Recipe, folder: Path) -> list[AnyReward]:
    """Make the rewards of a recipe, in its order; models are neither loaded nor asked.

    Raises:
        RecipeError: a reward names nothing that can be loaded and called, or a rubric that cannot be read.
        RewardError: making a reward from its options failed.
    """
    return [_make(name, reward, recipe, folder) for name, reward in recipe.rewards.items()]


def _make(name: str, reward: config.Reward, recipe: Recipe, folder: Path) -> AnyReward:
    if reward.python is not None:
        return _make_function(name, reward.python, reward.options, recipe, folder)
    if reward.local:
        return LocalReward(name, reward, folder)
    if reward.mean_of is not None:
        return MeanReward(name, reward.mean_of)
    if reward.judge is not None:
        judge, wire = reward.judge, JudgeWire(name, reward.judge, folder)
        return ServedReward(name, wire, wire.urls, judge.token, judge.price, judge.concurrency, judge.deadline)
    scorer = VllmWire(reward) if reward.api == "vllm" else TeiWire(reward)
    urls = [root_of(url) for url in reward.endpoint or ()]
    return ServedReward(name, scorer, urls, reward.token, reward.price, reward.concurrency, reward.deadline)


def _make_function(name: str, python: str, options: dict[str, Any], recipe: Recipe, folder: Path) -> Reward:
    given = carried_columns(recipe)
    where = f"rewards.{name}.python (built in are {', '.join(BUILT_IN)})"
    if python in BUILT_IN:
        function, revision = BUILT_IN[python], signature(python)
        # Another column beside the reference must not score everything anew.
        given = [column for column in given if column == "reference"]
    else:
        function = load_object(python, folder, where)
        revision = source_hash(function)
    if inspect.isclass(function) or options:
        try:
            function = function(**options)  # type: ignore[assignment]
        except ArbitrageError as error:
            raise RewardError(f"rewards.{name}: {error}") from error
        except Exception as error:
            raise RewardError(f"rewards.{name}: {python} with its options raised {error!r}") from error
        if isinstance(own := getattr(function, "revision", None), str):
            revision = content_id("revision", source=revision, own=own)
    model = content_id("reward", python=python, options=options) if options else python
    return Reward(name, model, revision, function, given)
