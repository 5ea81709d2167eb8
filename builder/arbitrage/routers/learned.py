"""The router that chooses from the prompt alone whom to ask, by what it learned on the pilot."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from arbitrage.errors import RecipeError, RouterError
from arbitrage.identity import preference_order
from arbitrage.records import Answer, Ask, Choice, Piloted, Prompt
from arbitrage.routers.embedding import SentenceEmbedding
from arbitrage.routers.features import text_of
from arbitrage.routers.fixed import worth
from arbitrage.routers.learning import learn_values
from arbitrage.routers.reward import best_rewarded
from arbitrage.routers.router import Router, Setting
from arbitrage.routers.saved import Valuing
from arbitrage.routers.values import Seen

REMEMBERED = 200_000
"""Prompts whose order of teachers is kept, since an arm is asked of the same prompt several times."""


def learned(setting: Setting) -> Router:
    """Return the router that was fitted before, where the arm names one, else one that learns on the pilot."""
    if not setting.rewarded and (setting.fitted is None or (setting.top or 1) > 1):
        raise RecipeError(f"arms.{setting.arm}: router learned needs a reward; add rewards: and route_by:")
    return Learned(setting) if setting.fitted is None else Fitted(setting)


class Fitted:
    """Ask the `top` teachers that are worth most for a prompt; of several answers the best rewarded wins."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.top = setting.top or 1
        self.values: Valuing | None = None
        self._ranked: OrderedDict[str, list[str]] = OrderedDict()
        if setting.fitted is not None:
            self.values = setting.fitted.values
            served = {name for names in setting.pool.values() for name in names}
            if not served & set(self.values.teachers):
                known = ", ".join(self.values.teachers[:9])
                raise RecipeError(f"arms.{setting.arm}.fitted: knows no teacher of the recipe; it knows {known}")

    @property
    def revision(self) -> str | None:
        """Of the model that it goes by, or of the router that was fitted; None where there is neither."""
        if self.setting.fitted is not None:
            return self.setting.fitted.revision
        return self.setting.embedding.revision if isinstance(self.setting.embedding, SentenceEmbedding) else None

    def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
        """Ask whom the values put first, then take the best."""
        if answers:
            return best_rewarded(self.setting.seed, prompt, answers)
        fitted = self.setting.fitted
        if fitted is not None and prompt.split == "test" and fitted.has_seen(prompt):
            raise RouterError(
                f"{fitted.folder} was fitted on the test prompt {prompt.id}, or on a translation of it: "
                "fit it on a pool without this recipe's test sources"
            )
        return [Ask(name) for name in self.ranked(prompt)[: self.top]]

    def ranked(self, prompt: Prompt) -> list[str]:
        """Return the teachers of a prompt's language, the most valuable first; equals in an order that a hash gives."""
        if prompt.id in self._ranked:
            return self._ranked[prompt.id]
        served = self.setting.pool[prompt.language]
        order = preference_order(self.setting.seed, prompt.id, list(served))
        if self.values is None:
            raise RuntimeError(f"arm {self.setting.arm} has not learned yet")
        value: dict[str, float] = {}
        if prompt.language in self.values.table:
            found = self.values.of([text_of(prompt)], prompt.language)[0]
            value = {name: one for name, one in zip(self.values.teachers, found, strict=True) if np.isfinite(one)}
        ranked = sorted(order, key=lambda name: -value.get(name, -np.inf))
        self._ranked[prompt.id] = ranked
        if len(self._ranked) > REMEMBERED:
            self._ranked.popitem(last=False)
        return ranked


class Learned(Fitted):
    """The same by what it learns on the pilot."""

    def fit(self, pilot: Sequence[Piloted]) -> Mapping[str, Any]:
        """Learn what each teacher is worth; see `learning.learn_values`."""
        self._ranked.clear()
        setting = self.setting
        self.values, told = learn_values(setting.seed, setting.pool, seen(pilot), setting.embedding)
        return {"top": self.top, **told}


def seen(pilot: Sequence[Piloted]) -> list[Seen]:
    """Return what values are learned from."""
    return [Seen(text_of(p.prompt), p.prompt.language, p.prompt.source_id, worth(p.answers)) for p in pilot]


def what_was_learned(told: Mapping[str, Any]) -> str:
    """Return what held-out train sources say of what was learned, in a sentence without an end."""
    lead = told["lead_over_fixed"]
    uses = {
        "text": "goes by language and text",
        "languages": "goes by language alone, since the text told nothing on held-out sources",
        "fixed": "goes by the best mean of each language, as fixed does, which it did not beat on held-out sources",
    }[told["uses"]]
    if lead["mean"] is None:
        return f"{uses}; no prompt could compare it with fixed"
    interval = "" if lead["low"] is None else f" (95 % interval {lead['low']:.3g} to {lead['high']:.3g})"
    return f"{uses}; on held-out sources {lead['mean']:.3g} spreads of reward ahead of fixed{interval}"
