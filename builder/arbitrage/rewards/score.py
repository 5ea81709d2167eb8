"""Score what was completed: in fixed blocks, each committed whole, or by asking; nothing twice."""

from collections.abc import Callable, Iterator, Sequence

from arbitrage.records import Prompt
from arbitrage.rewards.asking import ask_scores
from arbitrage.rewards.local import LocalReward
from arbitrage.rewards.mean import MeanReward
from arbitrage.rewards.reward import AnyReward, Reward
from arbitrage.rewards.scored import Scored
from arbitrage.rewards.served import ServedReward
from arbitrage.store.scores import put_scores, unscored
from arbitrage.store.store import Store
from arbitrage.teachers.purse import Purse

BLOCK = 512
"""Completions scored at once, in id order: the same blocks whatever the order in which answers came."""

Progress = Callable[[str, int], None]


def score_all(
    store: Store,
    rewards: Sequence[AnyReward],
    teachers: Sequence[str],
    purse: Purse,
    progress: Progress,
    patience: float,
    tell: Callable[[str], None],
) -> None:
    """Give every completion that is asked for every reward it lacks.

    Served rewards may leave some without, named in their `failed`: the next build asks again.

    Raises:
        RewardError: a reward function misbehaved, or a model cannot be loaded; earlier blocks stay.
    """
    for reward in rewards:
        if isinstance(reward, ServedReward):
            ask_scores(store, reward, teachers, purse, patience, _of(progress, reward.name), tell)
        elif not isinstance(reward, MeanReward):
            _score_blocks(store, reward, teachers, _of(progress, reward.name))


def _of(progress: Progress, name: str) -> Callable[[int], None]:
    return lambda done: progress(name, done)


def _score_blocks(
    store: Store, reward: Reward | LocalReward, teachers: Sequence[str], progress: Callable[[int], None]
) -> None:
    done = 0
    try:
        for block in _blocks(store, reward, teachers):
            pairs = [(prompt, text) for _, prompt, text in block]
            scores = _scores(reward, pairs, done, progress)
            put_scores(
                store,
                [
                    (completion_id, reward.key(prompt), scored, None)
                    for (completion_id, prompt, _), scored in zip(block, scores, strict=True)
                ],
            )
            done += len(block)
            progress(done)
    finally:
        if isinstance(reward, LocalReward):
            reward.release()


def _scores(
    reward: Reward | LocalReward, pairs: Sequence[tuple[Prompt, str]], before: int, progress: Callable[[int], None]
) -> list[Scored]:
    if isinstance(reward, LocalReward):
        return reward.score(pairs, lambda done: progress(before + done))
    return [Scored(value) for value in reward.score(pairs)]


def _blocks(
    store: Store, reward: Reward | LocalReward, teachers: Sequence[str]
) -> Iterator[list[tuple[str, Prompt, str]]]:
    block: list[tuple[str, Prompt, str]] = []
    for page in unscored(store, reward.key, teachers):
        for row in page:
            block.append(row)
            if len(block) == BLOCK:
                yield block
                block = []
    if block:
        yield block
