"""What answers cost, by the prices that the recipe states."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from arbitrage.recipe.model import Recipe
from arbitrage.recipe.part import Price
from arbitrage.store.store import Store

TRANSLATOR = "the translator"
"""The translator's account; as a teacher's name has no space, no teacher has it."""

OF_SCORES = """
SELECT count(*), total(prompt_tokens), total(completion_tokens),
       total(prompt_tokens IS NULL OR completion_tokens IS NULL)
FROM score s WHERE model = ? {today}
"""
OF_TODAY = """
AND reward = ? AND EXISTS (SELECT 1 FROM completion c JOIN prompt p ON p.id = c.prompt_id
JOIN ask a ON a.prompt = p.n AND a.completion_id = c.id WHERE c.id = s.completion_id)
"""
OF_REPLIES = """
SELECT count(*), total(prompt_tokens), total(completion_tokens),
       total(prompt_tokens IS NULL OR completion_tokens IS NULL)
FROM reply WHERE model = ? AND revision = coalesce(?, revision)
"""


class Tokens(NamedTuple):
    """Tokens of stored answers, and of how many answers nobody counted them."""

    prompt: int
    completion: int
    uncounted: int
    answers: int


def reward_account(name: str) -> str:
    """Return the account of a reward of the recipe."""
    return f"reward {name}"


def tokens_of(store: Store, teacher: str) -> Tokens:
    """Return the tokens of all answers of a teacher that today's plan asks for, whenever they were paid."""
    row = store.connection.execute(
        "SELECT total(c.prompt_tokens), total(c.completion_tokens), count(*) - count(c.tokens_from), count(*) "
        "FROM ask a JOIN completion c ON c.id = a.completion_id WHERE a.teacher = ? AND c.error IS NULL",
        (teacher,),
    ).fetchone()
    return Tokens(int(row[0]), int(row[1]), row[2], row[3])


def tokens_of_scores(store: Store, model: str, key: str | None = None) -> Tokens:
    """Return the tokens of all scores that a model was asked for; with `key`, of those that today's plan uses."""
    query = OF_SCORES.format(today=OF_TODAY if key else "")
    return _tokens(store.connection.execute(query, (model, key) if key else (model,)).fetchone())


def tokens_of_replies(store: Store, model: str, revision: str | None = None) -> Tokens:
    """Return the tokens of all that a served translator was ever asked in this run, at one revision or at any."""
    return _tokens(store.connection.execute(OF_REPLIES, (model, revision)).fetchone())


def usd(price: Price | None, prompt_tokens: int, completion_tokens: int) -> float | None:
    """Return the price of tokens in USD; None without a price by tokens."""
    if price is None or price.input is None or price.output is None:
        return None
    return (price.input * prompt_tokens + price.output * completion_tokens) / 1e6


def spent(store: Store, price: Price | None, account: str, tokens: Tokens) -> float | None:
    """Return what somebody has cost so far in USD: the tokens, or the hours that builds have asked.

    None without a price, and where a server did not count its tokens.
    """
    if price is not None and price.hour is not None:
        return float((store.get("active") or {}).get(account, 0.0)) / 3600 * price.hour
    return None if tokens.uncounted else usd(price, tokens.prompt, tokens.completion)


def by_tokens(price: Price | None) -> bool:
    """Say whether somebody is known to be paid for tokens, so that no hours of theirs cost anything."""
    return price is not None and price.hour is None


def add_active(store: Store, seconds: Mapping[str, float]) -> None:
    """Add to how long builds have asked each account while it was not paid by tokens."""
    active = store.get("active") or {}
    store.keep("active", {**active, **{name: active.get(name, 0.0) + more for name, more in seconds.items()}})


def costs(store: Store, recipe: Recipe) -> dict[str, float]:
    """Return what each teacher's answers cost in USD, where its price is by tokens and every token was counted.

    Hours are left out: they are the clock's, and the manifest has nothing of the clock.
    """
    found = {}
    for name, teacher in recipe.teachers.items():
        cost = _cost(teacher.price, tokens_of(store, name))
        if cost is not None:
            found[name] = cost
    return found


def bill(price: Price | None, tokens: Tokens) -> dict[str, Any]:
    """Return for the manifest what somebody beside the teachers was paid; money as in `costs`, else None."""
    counted = tokens.uncounted < tokens.answers
    return {
        "answers": tokens.answers,
        "tokens_counted": tokens.answers - tokens.uncounted,
        "prompt_tokens": tokens.prompt if counted else None,
        "completion_tokens": tokens.completion if counted else None,
        "usd": _cost(price, tokens),
    }


def _cost(price: Price | None, tokens: Tokens) -> float | None:
    cost = usd(price, tokens.prompt, tokens.completion)
    return None if cost is None or tokens.uncounted else round(cost, 6)


def _tokens(row: tuple[Any, ...]) -> Tokens:
    answers, prompt, completion, uncounted = row
    return Tokens(int(prompt), int(completion), int(uncounted), answers)
