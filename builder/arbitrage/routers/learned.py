"""The router that chooses from the prompt alone whom to ask, by what it learned on the pilot."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from arbitrage.errors import RecipeError
from arbitrage.identity import preference_order
from arbitrage.records import Answer, Ask, Choice, Piloted, Prompt
from arbitrage.routers.features import text_of
from arbitrage.routers.fixed import worth
from arbitrage.routers.learning import learn_values
from arbitrage.routers.reward import best_rewarded
from arbitrage.routers.router import Setting
from arbitrage.routers.values import Seen, Values


class Learned:
    """Ask the `top` teachers that are worth most for a prompt; of several answers the best rewarded wins."""

    def __init__(self, setting: Setting) -> None:
        if not setting.rewarded:
            raise RecipeError(f"arms.{setting.arm}: router learned needs a reward; add rewards: and route_by:")
        self.setting = setting
        self.top = setting.top or 1
        self.values: Values | None = None

    def fit(self, pilot: Sequence[Piloted]) -> Mapping[str, Any]:
        """Learn what each teacher is worth; see `learning.learn_values`."""
        seen = [Seen(text_of(p.prompt), p.prompt.language, p.prompt.source_id, worth(p.answers)) for p in pilot]
        self.values, told = learn_values(self.setting.seed, self.setting.pool, seen)
        return {"top": self.top, **told}

    def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
        """Ask whom the values put first, then take the best."""
        if answers:
            return best_rewarded(self.setting.seed, prompt, answers)
        return [Ask(name) for name in self.ranked(prompt)[: self.top]]

    def ranked(self, prompt: Prompt) -> list[str]:
        """Return the teachers of a prompt's language, the most valuable first; equals in an order that a hash gives."""
        served = self.setting.pool[prompt.language]
        order = preference_order(self.setting.seed, prompt.id, list(served))
        if self.values is None:
            raise RuntimeError(f"arm {self.setting.arm} has not learned yet")
        found = self.values.of([text_of(prompt)], prompt.language)[0]
        value = dict(zip(self.values.teachers, found, strict=True))
        return sorted(order, key=lambda name: -value[name] if np.isfinite(value[name]) else np.inf)


def what_was_learned(learned: Mapping[str, Any]) -> str:
    """Return what held-out train sources say of what was learned, in a sentence without an end."""
    lead = learned["lead_over_fixed"]
    uses = {
        "text": "goes by language and text",
        "languages": "goes by language alone, since the text told nothing on held-out sources",
        "fixed": "goes by the best mean of each language, as fixed does, which it did not beat on held-out sources",
    }[learned["uses"]]
    if lead["mean"] is None:
        return f"{uses}; no prompt could compare it with fixed"
    interval = "" if lead["low"] is None else f" (95 % interval {lead['low']:.3g} to {lead['high']:.3g})"
    return f"{uses}; on held-out sources {lead['mean']:.3g} spreads of reward ahead of fixed{interval}"
