"""What rewards could not score: for the manifest, and for the person who has to do something."""

from collections.abc import Sequence
from typing import Any

from arbitrage.rewards.mean import MeanReward
from arbitrage.rewards.reward import AnyReward, Reward
from arbitrage.rewards.served import ServedReward
from arbitrage.shortfall import Shortfall
from arbitrage.spend import bill, tokens_of_scores
from arbitrage.store.scores import notes, unscored
from arbitrage.store.store import Store
from arbitrage.teachers.failure import ADVICE, Kind


def scoring_facts(rewards: Sequence[AnyReward], store: Store) -> dict[str, Any]:
    """Return for the manifest what each reward is, and of how many answers it has no score, by why."""
    facts: dict[str, Any] = {}
    for reward in rewards:
        if isinstance(reward, MeanReward):
            facts[reward.name] = {"how": reward.how, "members": list(reward.members)}
        elif isinstance(reward, Reward):
            facts[reward.name] = {"how": "a function", "model": reward.model, "revision": reward.revision}
        else:
            found = notes(store, reward.score_key)
            facts[reward.name] = {
                "how": reward.how,
                "model": reward.model,
                "revision": reward.revision,
                "scored": sum(scored for scored, _ in found.values()),
                "unscored": {note or "unknown": without for note, (_, without) in found.items() if without},
                **_paid(reward, store),
                "cut": {note: scored for note, (scored, _) in found.items() if note and scored},
            }
    return facts


def _paid(reward: AnyReward, store: Store) -> dict[str, Any]:
    if not isinstance(reward, ServedReward):
        return {}
    return {"paid": bill(reward.price, tokens_of_scores(store, reward.model, reward.score_key))}


def score_shortfalls(rewards: Sequence[AnyReward], store: Store, teachers: Sequence[str]) -> list[Shortfall]:
    """Name every served reward that lacks scores, which the next build asks for again."""
    found: list[Shortfall] = []
    for reward in rewards:
        if not isinstance(reward, ServedReward) or not (reward.failed or reward.stopped_by):
            continue
        by_kind: dict[Kind, list[str]] = {}
        for page in unscored(store, reward.key, teachers):
            for completion_id, _, _ in page:
                failure = reward.failed.get(completion_id) or reward.trouble
                by_kind.setdefault(failure.kind, []).append(failure.message)
        for kind, messages in sorted(by_kind.items()):
            found.append(
                Shortfall(
                    f"reward {reward.name}: {len(messages)} answers have no score ({kind}): {min(messages)}; "
                    f"{ADVICE[kind]}",
                    serious=True,
                )
            )
    return found
