"""What may be spent: `max_usd`, and an account of what was paid and of what is in flight."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from arbitrage.recipe.model import Recipe
from arbitrage.recipe.part import Price
from arbitrage.spend import TRANSLATOR, by_tokens, reward_account, usd
from arbitrage.store.store import Store
from arbitrage.teachers.failure import Failed, Kind

PAID = {
    "tokens": """
SELECT c.model,
       total(coalesce(c.prompt_tokens, length(CAST(p.messages AS BLOB)) + 64)),
       total(coalesce(c.completion_tokens, length(CAST(c.text || coalesce(c.reasoning, '') AS BLOB))))
FROM completion c LEFT JOIN prompt p ON p.id = c.prompt_id
WHERE c.error IS NULL AND c.imported_from IS NULL AND c.derived_from IS NULL GROUP BY 1
""",
    "rewards": """
SELECT model, total(coalesce(prompt_tokens, prompt_most)), total(coalesce(completion_tokens, completion_most))
FROM score WHERE model IS NOT NULL GROUP BY 1
""",
    "translators": """
SELECT model, total(coalesce(prompt_tokens, prompt_most)), total(coalesce(completion_tokens, completion_most))
FROM reply GROUP BY 1
""",
}
"""Tokens by model, of teachers and of the others; those that nobody counted are at most as many as bytes."""


class Payee(Protocol):
    """Who is paid for what it answers: a teacher, a translator, a reward."""

    @property
    def account(self) -> str:
        """What the store and messages call it."""

    @property
    def price(self) -> Price | None:
        """What it costs; None where nobody said."""

    @property
    def deadline(self) -> float:
        """The longest that one request takes, in seconds."""

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer."""

    def active(self, now: float) -> float:
        """Return how many seconds this build has asked it."""


def prices_of(store: Store, recipe: Recipe) -> dict[str, Any]:
    """Return prices by model, of teachers, rewards and translators, and by hour: today's over the last known.

    Of several with one model the dearest counts, since the store knows what they answered by their model.
    """
    known = store.get("prices") or {}
    found: dict[str, dict[str, Any]] = {kind: {} for kind in (*PAID, "hours")}
    for kind, account, model, price in _priced(recipe):
        before = found[kind].get(model, (0.0, 0.0))
        if price is not None and price.hour is not None:
            found["hours"][account] = price.hour
        elif price is not None:
            found[kind][model] = (max(before[0], price.input or 0.0), max(before[1], price.output or 0.0))
    return {kind: {**known.get(kind, {}), **prices} for kind, prices in found.items()}


def _priced(recipe: Recipe) -> Iterator[tuple[str, str, str, Price | None]]:
    for name, teacher in recipe.teachers.items():
        yield "tokens", name, teacher.model, teacher.price
    for name, reward in recipe.rewards.items():
        if reward.paid is not None:
            yield "rewards", reward_account(name), *reward.paid
    if recipe.translate is not None:
        yield "translators", TRANSLATOR, recipe.translate.model, recipe.translate.price


def paid_by_tokens(store: Store, prices: Mapping[str, Mapping[str, Sequence[float]]]) -> float:
    """Return what all answers in the store cost in USD, those apart that were imported or have no price."""
    return math.fsum(
        (prices[kind][model][0] * prompt + prices[kind][model][1] * completion) / 1e6
        for kind, query in PAID.items()
        if prices[kind]
        for model, prompt, completion in store.connection.execute(query)
        if model in prices[kind]
    )


def paid(store: Store, recipe: Recipe) -> float:
    """Return what a run has cost so far in USD, by tokens and by hours."""
    prices, active = prices_of(store, recipe), store.get("active") or {}
    hours = math.fsum(active.get(name, 0.0) / 3600 * price for name, price in prices["hours"].items())
    return paid_by_tokens(store, prices) + hours


class Purse:
    """Lets a request go out while the spend, with all that is in flight at its ceiling, stays within `max_usd`.

    One purse for a whole build, whoever is paid. What it cannot know is not counted: requests that a server charged
    for and did not answer, and what a kill lost.
    """

    def __init__(self, store: Store, recipe: Recipe) -> None:
        self._most = recipe.max_usd
        prices = prices_of(store, recipe)
        store.keep("prices", prices)
        self._spent = 0.0 if self._most is None else paid_by_tokens(store, prices)
        self._hourly: dict[str, float] = prices["hours"]
        self._before: dict[str, float] = store.get("active") or {}
        self._asked: dict[str, Payee] = {}
        """Whom this build has asked: their clocks run on."""
        self._held = 0.0
        self._holding = 0
        """Requests that hold something."""
        self._waiting: list[Callable[[], None]] = []

    def take(self, payee: Payee, most: Callable[[], float], wake: Callable[[], None]) -> float | Failed | None:
        """Hold the ceiling of a request, so that it may go out.

        Returns:
            What is held; None while others in flight may come out cheaper, and `wake` is called when it is worth
            trying again; or why it may never go out.
        """
        if self._most is None:
            return 0.0
        self._asked[payee.account] = payee
        ceiling = most()
        if self._spent + self._hours(payee) + self._held + ceiling <= self._most:
            self._held += ceiling
            self._holding += ceiling > 0
            return ceiling
        if self._holding or any(name in self._hourly and other.in_flight for name, other in self._asked.items()):
            self._waiting.append(wake)
            return None
        return Failed(
            Kind.BUDGET,
            f"max_usd is {self._most:g}: {self._spent + self._hours(None):.4f} is spent, and one ask more of "
            f"{payee.account} could pass it",
        )

    def settle(self, payee: Payee, held: float, counted: tuple[int | None, int | None] | None) -> None:
        """Give back what a request held and count what it cost by its tokens; without an answer, nothing."""
        if self._most is None:
            return
        self._holding -= held > 0
        # Sums of floats leave a rest: a purse that holds nothing would seem to wait for somebody.
        self._held = max(0.0, self._held - held) if self._holding else 0.0
        if counted is not None and held:
            prompt, completion = counted
            cost = None if prompt is None or completion is None else usd(payee.price, prompt, completion)
            self._spent += held if cost is None else cost
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def _hours(self, asking: Payee | None) -> float:
        """Return what those paid by the hour cost until all that is in flight has come back or timed out."""
        total, now = 0.0, time.monotonic()
        for account, price in self._hourly.items():
            seconds, payee = self._before.get(account, 0.0), self._asked.get(account)
            # Who was paid by the hour and is paid by tokens now costs what those hours cost.
            if payee is not None and not by_tokens(payee.price):
                seconds += payee.active(now)
                if payee is asking or (asking is not None and payee.in_flight):
                    seconds += payee.deadline
            total += seconds / 3600 * price
        return total
