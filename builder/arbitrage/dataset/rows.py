"""What a routed prompt becomes: its rows in the pool, the routes, the arms and the preferences."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from arbitrage.dataset.schema import POOL, PREFERENCES, ROUTES
from arbitrage.errors import DatasetError
from arbitrage.identity import preference_order
from arbitrage.records import Answer, Asked, Message, Prompt, Route, Routed, Split

Row = dict[str, Any]


def rows_of(routed: Routed, seed: int, arms: Container[str]) -> Iterator[tuple[str, Row]]:
    """Yield the rows of one prompt, each with the name of its table; of the arms, those named.

    Raises:
        DatasetError: a route chose an answer that there is not.
    """
    prompt, answers = routed.prompt, routed.answers
    for answer in sorted(answers, key=lambda answer: (answer.teacher, answer.draw)):
        yield POOL, pool_row(prompt, answer)
    for route in sorted(routed.routes, key=lambda route: route.arm):
        yield ROUTES, route_row(prompt, route)
        if route.chosen is not None and route.arm in arms:
            yield route.arm, arm_row(prompt, chosen_answer(prompt, answers, route))
    pair = preference_of(seed, prompt, answers)
    if pair is not None:
        yield PREFERENCES, preference_row(prompt, *pair)


def pool_row(prompt: Prompt, answer: Answer) -> Row:
    """Return an answer as the pool publishes it."""
    return {
        "prompt_id": prompt.id,
        "source_id": prompt.source_id,
        "language": prompt.language,
        "prompt": _turns(prompt),
        "teacher": answer.teacher,
        "model": answer.model,
        "revision": answer.revision,
        "draw": answer.draw,
        "completion": answer.completion,
        "reasoning": answer.reasoning,
        "finish_reason": answer.finish_reason,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "tokens_from": answer.tokens_from,
        "checks": list(answer.checks),
        "reward": answer.reward,
        "rewards": [{"model": model, "score": score} for model, score in answer.rewards],
        "parents": None if answer.parents is None else list(answer.parents),
        "error": answer.error,
        **prompt.columns,
    }


def route_row(prompt: Prompt, route: Route) -> Row:
    """Return an arm's choice for a prompt."""
    return {
        "prompt_id": prompt.id,
        "language": prompt.language,
        "arm": route.arm,
        "asked": [
            {"teacher": ask.teacher, "draw": ask.draw, "round": ask.round, "propensity": ask.propensity}
            for ask in route.asked
        ],
        "chosen": None if route.chosen is None else {"teacher": route.chosen[0], "draw": route.chosen[1]},
        "why": route.why,
    }


def arm_row(prompt: Prompt, answer: Answer) -> Row:
    """Return the training row of an arm that chose this answer."""
    return {
        "prompt": _turns(prompt),
        "completion": _assistant(answer),
        "language": prompt.language,
        "prompt_id": prompt.id,
        "source_id": prompt.source_id,
        "teacher": answer.teacher,
        "reward": answer.reward,
        "checks": list(answer.checks),
        **prompt.columns,
    }


def preference_of(seed: int, prompt: Prompt, answers: Sequence[Answer]) -> tuple[Answer, Answer] | None:
    """Return the best and the worst rewarded of the unflagged answers, unless they tie or say the same.

    Among equals the teacher that a hash puts first stands for them, as in routing. Answers that were made from others
    are left out: a baseline's translations say nothing of what teachers write well.
    """
    scored = [
        (answer.reward, answer)
        for answer in answers
        if answer.usable and answer.unflagged and answer.reward is not None and answer.parents is None
    ]
    if not scored:
        return None
    rewards = [reward for reward, _ in scored]
    if max(rewards) == min(rewards):
        return None
    order = preference_order(seed, prompt.id, sorted({answer.teacher for _, answer in scored}))
    best, worst = (
        min(
            (answer for reward, answer in scored if reward == wanted),
            key=lambda answer: (order.index(answer.teacher), answer.draw),
        )
        for wanted in (max(rewards), min(rewards))
    )
    return None if best.completion == worst.completion else (best, worst)


def preference_row(prompt: Prompt, chosen: Answer, rejected: Answer) -> Row:
    """Return the pair that a prompt gives."""
    return {
        "prompt": _turns(prompt),
        "chosen": _assistant(chosen),
        "rejected": _assistant(rejected),
        "chosen_reward": chosen.reward,
        "rejected_reward": rejected.reward,
        "chosen_teacher": chosen.teacher,
        "rejected_teacher": rejected.teacher,
        "language": prompt.language,
        "prompt_id": prompt.id,
        "source_id": prompt.source_id,
    }


def chosen_answer(prompt: Prompt, answers: Sequence[Answer], route: Route) -> Answer:
    """Return the answer that a route chose.

    Raises:
        DatasetError: there is none, or there is no text in it.
    """
    for answer in answers:
        if (answer.teacher, answer.draw) == route.chosen and answer.completion is not None:
            return answer
    raise DatasetError(f"prompt {prompt.id}: arm {route.arm} chose {route.chosen}, which has no completion")


def prompt_of(row: Mapping[str, Any], split: Split, carried: Sequence[str]) -> Prompt:
    """Return the prompt of a pool row."""
    return Prompt(
        row["prompt_id"],
        row["language"],
        row["source_id"],
        split,
        row["prompt"],
        {name: row[name] for name in carried},
    )


def answer_of(row: Mapping[str, Any]) -> Answer:
    """Return the answer of a pool row; the inverse of `pool_row`."""
    return Answer(
        row["teacher"],
        row["draw"],
        row["model"],
        row["revision"],
        row["completion"],
        row["reasoning"],
        row["finish_reason"],
        row["prompt_tokens"],
        row["completion_tokens"],
        row["tokens_from"],
        tuple(row["checks"]),
        row["reward"],
        tuple((reward["model"], reward["score"]) for reward in row["rewards"]),
        row["error"],
        None if row["parents"] is None else tuple(row["parents"]),
    )


def route_of(row: Mapping[str, Any]) -> Route:
    """Return the route of a routes row; the inverse of `route_row`."""
    chosen = row["chosen"]
    return Route(
        row["arm"],
        [Asked(ask["teacher"], ask["draw"], ask["round"], ask["propensity"]) for ask in row["asked"]],
        None if chosen is None else (chosen["teacher"], chosen["draw"]),
        row["why"],
    )


def _turns(prompt: Prompt) -> list[Message]:
    return [{"role": turn["role"], "content": turn["content"]} for turn in prompt.messages]


def _assistant(answer: Answer) -> list[Message]:
    return [{"role": "assistant", "content": answer.completion or ""}]
