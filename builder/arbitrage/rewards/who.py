"""Who the reward models of a recipe are: asked before anything is scored, and remembered for when nobody answers."""

from collections.abc import Callable, Sequence

from arbitrage.errors import HubUnavailable
from arbitrage.rewards.local import LocalReward
from arbitrage.rewards.reward import AnyReward
from arbitrage.rewards.served import ServedReward
from arbitrage.store.store import Store


def identify(rewards: Sequence[AnyReward], store: Store, tell: Callable[[str], None]) -> None:
    """Find out who every reward model is, and say which endpoints do not answer.

    Raises:
        RewardError: a reward is somebody else, lets nobody in, or its folder cannot be read.
        HubError: the Hub does not have it, or cannot be reached and never was.
    """
    recall(rewards, store)
    for reward in rewards:
        if isinstance(reward, LocalReward):
            try:
                reward.identify()
            except HubUnavailable as error:
                if reward.revision is None:
                    raise
                tell(f"reward {reward.name}: {error}; revision {reward.revision} of the last build is used")
        elif isinstance(reward, ServedReward):
            reward.identify()
            for endpoint in reward.endpoints:
                if endpoint.is_parked and endpoint.last_failure:
                    tell(f"reward {reward.name}: {endpoint.shown}: {endpoint.last_failure.message}")
    remember(rewards, store)


def remember(rewards: Sequence[AnyReward], store: Store) -> None:
    """Keep who answered, and under which keys their scores stand."""
    for reward in rewards:
        if isinstance(reward, LocalReward | ServedReward) and reward.revision is not None:
            store.keep(_name(reward), reward.memory())
    served = [reward for reward in rewards if isinstance(reward, ServedReward) and reward.revision is not None]
    store.keep("score_keys", {**(store.get("score_keys") or {}), **{one.name: one.score_key for one in served}})


def recall(rewards: Sequence[AnyReward], store: Store) -> None:
    """Take who answered last, without asking."""
    for reward in rewards:
        if isinstance(reward, LocalReward | ServedReward) and (memory := store.get(_name(reward))):
            reward.recall(memory)


def _name(reward: LocalReward | ServedReward) -> str:
    return f"reward:{reward.name}:{reward.known_as}"
