"""What may be spent: `max_usd`, and an account of what was paid and of what is in flight."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arbitrage.recipe.model import Recipe
from arbitrage.records import Prompt
from arbitrage.spend import usd
from arbitrage.store.store import Store
from arbitrage.teachers.failure import Failed, Kind
from arbitrage.teachers.served import ServedTeacher
from arbitrage.teachers.wire import Reply

PAID = """
SELECT c.model,
       total(coalesce(c.prompt_tokens, length(CAST(p.messages AS BLOB)) + 64)),
       total(coalesce(c.completion_tokens, length(CAST(c.text || coalesce(c.reasoning, '') AS BLOB))))
FROM completion c LEFT JOIN prompt p ON p.id = c.prompt_id
WHERE c.error IS NULL AND c.imported_from IS NULL AND c.derived_from IS NULL GROUP BY 1
"""
"""Tokens that nobody counted are at most as many as bytes."""


def prices_of(store: Store, recipe: Recipe) -> dict[str, Any]:
    """Return the prices by model and the prices by hour: the recipe's, and the last known of what it once had.

    Of several teachers with one model the dearest counts, since the store knows completions by their model.
    """
    known = store.get("prices") or {"tokens": {}, "hours": {}}
    tokens: dict[str, tuple[float, float]] = {}
    hours: dict[str, float] = {}
    for name, teacher in recipe.teachers.items():
        price, before = teacher.price, tokens.get(teacher.model, (0.0, 0.0))
        if price is not None and price.hour is not None:
            hours[name] = price.hour
        elif price is not None:
            tokens[teacher.model] = (max(before[0], price.input or 0.0), max(before[1], price.output or 0.0))
    return {"tokens": {**known["tokens"], **tokens}, "hours": {**known["hours"], **hours}}


def paid_by_tokens(store: Store, prices: Mapping[str, Sequence[float]]) -> float:
    """Return what all completions in the store cost in USD, those apart that were imported or have no price."""
    rows = store.connection.execute(PAID).fetchall() if prices else []
    return math.fsum(
        (prices[model][0] * prompt + prices[model][1] * completion) / 1e6
        for model, prompt, completion in rows
        if model in prices
    )


def paid(store: Store, recipe: Recipe) -> float:
    """Return what a run has cost so far in USD, by tokens and by hours."""
    prices, active = prices_of(store, recipe), store.get("active") or {}
    hours = math.fsum(active.get(name, 0.0) / 3600 * price for name, price in prices["hours"].items())
    return paid_by_tokens(store, prices["tokens"]) + hours


class Purse:
    """Lets an ask go out while the spend, with all that is in flight at its ceiling, stays within `max_usd`.

    What it cannot know is not counted: requests that a server charged for and did not answer, and what a kill lost.
    """

    def __init__(self, store: Store, recipe: Recipe, teachers: Sequence[ServedTeacher]) -> None:
        self._most = recipe.max_usd
        prices = prices_of(store, recipe)
        store.keep("prices", prices)
        self._spent = 0.0 if self._most is None else paid_by_tokens(store, prices["tokens"])
        active = store.get("active") or {}
        # Teachers at work have a running clock; of others, which the recipe has no more, all hours are over.
        own = {teacher.name: teacher for teacher in teachers}
        self._hourly = [(own[name], price) for name, price in prices["hours"].items() if name in own]
        self._before = {
            name: active.get(name, 0.0) - own[name].counts.active if name in own else 0.0 for name in active
        }
        self._spent += sum(
            active.get(name, 0.0) / 3600 * price for name, price in prices["hours"].items() if name not in own
        )
        self._held = 0.0
        self._waiting: list[Callable[[], None]] = []

    def take(self, teacher: ServedTeacher, prompt: Prompt, wake: Callable[[], None]) -> float | Failed | None:
        """Hold the ceiling of an ask, so that it may go out.

        Returns:
            What is held; None while others in flight may come out cheaper, and `wake` is called when it is worth
            trying again; or why it may never go out.
        """
        if self._most is None:
            return 0.0
        ceiling = teacher.most_usd(prompt)
        if self._spent + self._hours(teacher) + self._held + ceiling <= self._most:
            self._held += ceiling
            return ceiling
        if self._held or any(other.in_flight for other, _ in self._hourly):
            self._waiting.append(wake)
            return None
        return Failed(
            Kind.BUDGET,
            f"max_usd is {self._most:g}: {self._spent + self._hours(None):.4f} is spent, and one ask more of "
            f"{teacher.name} could pass it",
        )

    def settle(self, teacher: ServedTeacher, held: float, reply: Reply | None) -> None:
        """Give back what an ask held and count what it cost; without a reply, nothing."""
        if self._most is None:
            return
        self._held = max(0.0, self._held - held)
        if reply is not None and held:
            counted = (reply.prompt_tokens, reply.completion_tokens)
            cost = None if None in counted else usd(teacher.config.price, counted[0] or 0, counted[1] or 0)
            self._spent += held if cost is None else cost
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def _hours(self, asking: ServedTeacher | None) -> float:
        """Return what teachers paid by the hour cost until all that is in flight has come back or timed out."""
        total, now = 0.0, time.monotonic()
        for teacher, price in self._hourly:
            seconds = self._before.get(teacher.name, 0.0) + teacher.active(now)
            if teacher is asking or (asking is not None and teacher.in_flight):
                seconds += teacher.config.deadline
            total += seconds / 3600 * price
        return total
