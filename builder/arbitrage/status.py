"""How far a run is: counts by language, teacher and state, spend, and failures with an example."""

from collections.abc import Mapping
from typing import Any

from arbitrage.derived import is_derived
from arbitrage.pilot import pilot_sentences
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.part import Price
from arbitrage.spend import (
    TRANSLATOR,
    Tokens,
    reward_account,
    spent,
    tokens_of,
    tokens_of_replies,
    tokens_of_scores,
)
from arbitrage.store.store import Store
from arbitrage.teachers.purse import paid

STATES = """
SELECT a.teacher, p.language,
       count(*),
       count(c.id) - count(c.error),
       count(c.error),
       sum(c.id IS NULL AND f.kind IS NOT NULL)
FROM ask a JOIN prompt p ON p.n = a.prompt LEFT JOIN completion c ON c.id = a.completion_id
LEFT JOIN failure f ON f.teacher = a.teacher AND f.prompt_id = p.id AND f.draw = a.draw AND f.build = ?
GROUP BY 1, 2
"""
FAILURES = """
SELECT a.teacher, f.kind, count(*), min(f.message), min(f.prompt_id)
FROM ask a JOIN prompt p ON p.n = a.prompt LEFT JOIN completion c ON c.id = a.completion_id
JOIN failure f ON f.teacher = a.teacher AND f.prompt_id = p.id AND f.draw = a.draw AND f.build = ?
WHERE c.id IS NULL GROUP BY 1, 2
UNION ALL
SELECT a.teacher, c.error, count(*), min(c.message), min(c.prompt_id)
FROM ask a JOIN completion c ON c.id = a.completion_id WHERE c.error IS NOT NULL GROUP BY 1, 2
ORDER BY 1, 2
"""


def status(store: Store, recipe: Recipe) -> dict[str, Any]:
    """Return the state of a run as JSON-able data; it only reads, so it answers while a build runs."""
    build = store.get("build") or 0
    prompts = store.connection.execute(
        "SELECT language, split, count(*) FROM prompt GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    counts: dict[str, dict[str, dict[str, int]]] = {name: {} for name in recipe.teachers}
    for teacher, language, asks, answered, refused, failed in store.connection.execute(STATES, (build,)):
        counts.setdefault(teacher, {})[language] = {
            "asks": asks,
            "answered": answered,
            "final_errors": refused,
            "failed": failed,
            "pending": asks - answered - refused - failed,
        }
    (scores,) = store.connection.execute("SELECT count(*) FROM score").fetchone()
    (translations,) = store.connection.execute("SELECT count(*) FROM translation").fetchone()
    return {
        "name": recipe.name,
        "build": build,
        "prompts": [{"language": language, "split": split, "prompts": n} for language, split, n in prompts],
        "teachers": {name: _teacher(store, recipe, name, languages) for name, languages in counts.items()},
        "failures": [
            {"teacher": teacher, "kind": kind, "count": count, "example": example, "prompt_id": prompt_id}
            for teacher, kind, count, example, prompt_id in store.connection.execute(FAILURES, (build,))
        ],
        "scores": scores,
        "pilot": store.get("pilot"),
        "learned": list(pilot_sentences(recipe, store.get("pilot"))),
        "translations": translations,
        "max_usd": recipe.max_usd,
        "spent_usd": paid(store, recipe),
        **_others(store, recipe),
    }


def _teacher(store: Store, recipe: Recipe, name: str, languages: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    if is_derived(name):
        # Nobody's tokens: what it is made from is counted under its teacher.
        unknown = ("prompt_tokens", "completion_tokens", "answers_without_token_counts", "spend_usd")
        return {"languages": languages, **dict.fromkeys(unknown)}
    price = recipe.teachers[name].price if name in recipe.teachers else None
    return {"languages": languages, **_spend(store, price, name, tokens_of(store, name))}


def _others(store: Store, recipe: Recipe) -> dict[str, Any]:
    """Return what was spent on those who are asked over the wire beside the teachers."""
    translate = recipe.translate
    translator = None
    if translate is not None and translate.endpoint is not None:
        tokens = tokens_of_replies(store, translate.model)
        translator = {"answers": tokens.answers, **_spend(store, translate.price, TRANSLATOR, tokens)}
    rewards = {}
    paid_rewards = {name: reward.paid for name, reward in recipe.rewards.items() if reward.paid is not None}
    models, keys = [model for model, _ in paid_rewards.values()], store.get("score_keys") or {}
    for name, (model, price) in paid_rewards.items():
        if models.count(model) == 1:
            tokens = tokens_of_scores(store, model)
        else:
            # Two rubrics, one judge: each is shown what its own scores cost.
            tokens = tokens_of_scores(store, model, keys.get(name, "never asked"))
        rewards[name] = {"answers": tokens.answers, **_spend(store, price, reward_account(name), tokens)}
    return {"translator": translator, "rewards": rewards}


def _spend(store: Store, price: Price | None, account: str, tokens: Tokens) -> dict[str, Any]:
    counted = tokens.uncounted < tokens.answers or not tokens.answers
    return {
        "prompt_tokens": tokens.prompt if counted else None,
        "completion_tokens": tokens.completion if counted else None,
        "answers_without_token_counts": tokens.uncounted,
        "spend_usd": spent(store, price, account, tokens),
    }
