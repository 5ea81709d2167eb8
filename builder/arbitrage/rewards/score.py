"""Score what was completed: in fixed blocks, each committed whole, nothing twice."""

from collections.abc import Callable, Iterator, Sequence

from arbitrage.records import Prompt
from arbitrage.rewards.reward import Reward
from arbitrage.store.scores import has_scores, put_scores, scorable
from arbitrage.store.store import Store

BLOCK = 512
"""Completions scored at once, in id order: the same blocks whatever the order in which answers came."""

Progress = Callable[[str, int], None]


def score_all(store: Store, rewards: Sequence[Reward], teachers: Sequence[str], progress: Progress) -> None:
    """Give every completion that is asked for every reward it lacks.

    Raises:
        RewardError: a reward function misbehaved; earlier blocks stay.
    """
    for reward in rewards:
        done = 0
        for block in _blocks(store, reward, teachers):
            scores = reward.score([(prompt, text) for _, prompt, text in block])
            rows = [
                (completion_id, reward.key(prompt), score)
                for (completion_id, prompt, _), score in zip(block, scores, strict=True)
            ]
            put_scores(store, rows)
            done += len(rows)
            progress(reward.name, done)


def _blocks(store: Store, reward: Reward, teachers: Sequence[str]) -> Iterator[list[tuple[str, Prompt, str]]]:
    block: list[tuple[str, Prompt, str]] = []
    for page in scorable(store, teachers):
        keys = [(completion_id, reward.key(prompt)) for completion_id, prompt, _ in page]
        have = has_scores(store, keys)
        for row, key in zip(page, keys, strict=True):
            if key not in have:
                block.append(row)
            if len(block) == BLOCK:
                yield block
                block = []
    if block:
        yield block
