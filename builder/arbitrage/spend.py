"""What answers cost, by the prices that the recipe states."""

from typing import NamedTuple

from arbitrage.recipe.model import Price, Recipe
from arbitrage.store.store import Store


class Tokens(NamedTuple):
    """Tokens of a teacher's stored answers, and how many answers nobody counted."""

    prompt: int
    completion: int
    uncounted: int


def tokens_of(store: Store, teacher: str) -> Tokens:
    """Return the tokens of all answers of a teacher that today's plan asks for, whenever they were paid."""
    row = store.connection.execute(
        "SELECT total(c.prompt_tokens), total(c.completion_tokens), count(*) - count(c.tokens_from) "
        "FROM ask a JOIN completion c ON c.id = a.completion_id WHERE a.teacher = ? AND c.error IS NULL",
        (teacher,),
    ).fetchone()
    return Tokens(int(row[0]), int(row[1]), row[2])


def usd(price: Price | None, prompt_tokens: int, completion_tokens: int) -> float | None:
    """Return the price of tokens in USD; None without a price by tokens."""
    if price is None or price.input is None or price.output is None:
        return None
    return (price.input * prompt_tokens + price.output * completion_tokens) / 1e6


def spent(store: Store, recipe: Recipe, teacher: str) -> float | None:
    """Return what a teacher has cost so far in USD: its tokens, or the hours that builds have asked it."""
    price = recipe.teachers[teacher].price
    if price is not None and price.hour is not None:
        return float((store.get("active") or {}).get(teacher, 0.0)) / 3600 * price.hour
    tokens = tokens_of(store, teacher)
    return usd(price, tokens.prompt, tokens.completion)


def costs(store: Store, recipe: Recipe) -> dict[str, float]:
    """Return what each teacher's answers cost in USD, where its price is by tokens and every token was counted.

    Hours are left out: they are the clock's, and the manifest has nothing of the clock.
    """
    found = {}
    for name, teacher in recipe.teachers.items():
        tokens = tokens_of(store, name)
        cost = usd(teacher.price, tokens.prompt, tokens.completion)
        if cost is not None and not tokens.uncounted:
            found[name] = round(cost, 6)
    return found
