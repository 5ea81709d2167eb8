"""A suite as its results carry it: whoever has them can do the same again, and learns of no endpoint and no token."""

from typing import Any

from arbitrage.recipe.model import Teacher
from arbitrage.recipe.part import variable
from arbitrage.recipe.published import UNPUBLISHED, published_reward, published_source
from arbitrage.recipe.reward import Reward

from arbitrage_eval.suite import Suite


def published_suite(suite: Suite) -> dict[str, Any]:
    """Return what a suite says, with variables for endpoints and tokens, and of absolute paths the name only."""
    data = suite.model_dump(mode="json", exclude_unset=True, exclude={"models", "judges", "rewards"})
    data |= {"name": suite.name, "languages": suite.languages, "seed": suite.seed}
    for key in ("answers", "rubric"):
        if key in data:
            data[key] = published_source(data[key])
    for source in (*data.get("prompts", []), *data.get("retrieval", [])):
        source["path"] = published_source(source["path"])
    for task in data.get("tasks", []):
        task |= {key: published_source(task[key]) for key in ("yaml", "dataset") if key in task}
    for key, kind, blocks in (("models", "TEACHER", suite.models), ("judges", "JUDGE", suite.judges)):
        if blocks:
            data[key] = {name: _served(kind, name, block) for name, block in blocks.items()}
    if suite.rewards:
        data["rewards"] = {name: _reward(name, reward) for name, reward in suite.rewards.items()}
    return data


def _served(kind: str, name: str, block: Teacher) -> dict[str, Any]:
    data = block.model_dump(mode="json", exclude_unset=True, exclude=UNPUBLISHED)
    if block.endpoint:
        data["endpoint"] = variable(kind, name)
    if block.token is not None:
        data["token"] = variable(kind, name).replace("_URL_", "_TOKEN_")
    for key in ("gguf", "transformers"):
        if key in data:
            data[key] = published_source(data[key])
    return data


def _reward(name: str, reward: Reward) -> dict[str, Any]:
    data = published_reward(name, reward)
    token = variable("REWARD", name).replace("_URL_", "_TOKEN_")
    if reward.token is not None:
        data["token"] = token
    if reward.judge is not None and reward.judge.token is not None:
        data["judge"]["token"] = token
    return data
