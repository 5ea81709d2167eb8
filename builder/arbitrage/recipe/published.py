"""The recipe as it is published and kept beside a run: resolved, pinned, without endpoints and secrets."""

import hashlib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from arbitrage.identity import sorted_json
from arbitrage.recipe.kinds import CONTENT, KEYS
from arbitrage.recipe.model import REPO_ID, EvaluationSet, PromptSource, Recipe, placeholder
from arbitrage.recipe.part import variable
from arbitrage.recipe.reward import Reward
from arbitrage.recipe.translate import Translate
from arbitrage.recipe.yaml_text import yaml_text

HEAD = "# Resolved and pinned. To build from it, set the environment variables that the endpoints name.\n"
TRANSLATOR = "${TRANSLATOR_URL}"
"""What stands for the translator's endpoints in a published recipe."""

UNPUBLISHED = {"endpoint", "token", "concurrency", "deadline", "slots", "threads"}
PINS = frozenset({"revision", "sha256"})
"""Keys that a build fills in, or replaces by what they named then."""
NEVER_LEARN = frozenset({"single", "random", "reward", "translation"})
"""Built-in routers that no pilot teaches anything."""


def published_recipe(
    recipe: Recipe,
    pins: Mapping[int, str],
    translator: str | None = None,
    evaluation_pins: Mapping[int, str] | None = None,
) -> dict[str, Any]:
    """Return the resolved recipe as plain data; `pins` holds the revision of each prompt source that has one.

    `translator` is the revision of the model that translates, where it is known, and `evaluation_pins` those of
    the evaluation sets.

    What does not change the dataset (concurrency, deadlines, patience, `max_usd`) is left out, and so are tokens.
    """
    apart = {"max_usd", "patience", "publish", "translate"}
    if all(arm.experts or arm.fitted or arm.router in NEVER_LEARN for arm in recipe.arms.values()):
        apart.add("pilot")
    whole = recipe.model_dump(mode="json", exclude_none=True, exclude=apart)
    whole["prompts"] = [_source(source, pins.get(n)) for n, source in enumerate(recipe.prompts)]
    whole["teachers"] = {name: _teacher(recipe, name) for name in recipe.teachers}
    if recipe.contamination:
        evaluation_pins = evaluation_pins or {}
        whole["contamination"] = [_source(one, evaluation_pins.get(n)) for n, one in enumerate(recipe.contamination)]
    else:
        del whole["contamination"], whole["contamination_action"]
    if recipe.translate is not None:
        whole["translate"] = _translate(recipe.translate, recipe.languages, translator)
    for arm in whole["arms"].values():
        arm |= {key: published_source(arm[key]) for key in ("embedding", "fitted") if key in arm}
    whole["rewards"] = {name: published_reward(name, reward) for name, reward in recipe.rewards.items()}
    if recipe.publish is not None:
        # Where it went is said by the Hub; which arms it holds is part of what it is.
        whole["publish"] = {"arms": recipe.published_arms}
    if recipe.rewards:
        whole["route_by"] = recipe.route_by or next(iter(recipe.rewards))
    return whole


def is_pinned_from(found: Any, unpinned: Any) -> bool:
    """Say whether a published recipe is this one, but for revisions that a build has pinned to some content."""
    if isinstance(unpinned, Mapping) and isinstance(found, Mapping):
        return found.keys() - unpinned.keys() <= PINS and all(
            key in found and (_is_pin(key, found[key], value) or is_pinned_from(found[key], value))
            for key, value in unpinned.items()
        )
    if isinstance(unpinned, list) and isinstance(found, list):
        return len(found) == len(unpinned) and all(map(is_pinned_from, found, unpinned))
    return bool(found == unpinned)


def _is_pin(key: str, found: object, unpinned: object) -> bool:
    # What the recipe itself names by its content, nothing else stands for.
    return key in PINS and _is_content(found) and not _is_content(unpinned)


def _is_content(revision: object) -> bool:
    return isinstance(revision, str) and CONTENT.fullmatch(revision) is not None


def recipe_yaml(published: Mapping[str, Any]) -> str:
    """Return a published recipe as YAML whose strings are the same to readers of YAML 1.1 and 1.2."""
    return HEAD + yaml_text(published)


def recipe_hash(published: Mapping[str, Any]) -> str:
    """Return the sha256 that names a published recipe, in hex."""
    return hashlib.sha256(sorted_json(published)).hexdigest()


def published_source(path: str) -> str:
    """Return a source's path as it may be published: of an absolute one the name only."""
    return PurePath(path).name if PurePath(path).is_absolute() else path


def _source(source: PromptSource | EvaluationSet, pin: str | None) -> dict[str, Any]:
    data = source.model_dump(mode="json", exclude_none=True)
    data["path"] = published_source(source.path)
    if pin is not None:
        data["revision"] = pin
    return data


def _translate(translate: Translate, languages: list[str], revision: str | None) -> dict[str, Any]:
    data = translate.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"token"})
    data["model"] = published_source(translate.model)
    data["to"] = translate.targets(languages)
    if revision is not None:
        data["revision"] = revision
    if translate.endpoint is not None:
        data["endpoint"] = TRANSLATOR
    return data


def _teacher(recipe: Recipe, name: str) -> dict[str, Any]:
    teacher = recipe.teachers[name]
    data = teacher.model_dump(mode="json", exclude_none=True, exclude=UNPUBLISHED)
    data = {key: value for key, value in data.items() if key not in KEYS or teacher.kind in KEYS[key]}
    if teacher.kind == "endpoint":
        data["endpoint"] = placeholder(name)
    elif teacher.gguf is not None:
        data["gguf"] = published_source(teacher.gguf)
    elif not REPO_ID.fullmatch(data["transformers"]):
        # Of a folder that is not told apart from a repository any more, the last name is none.
        data["transformers"] = PurePath(data["transformers"]).name
    data["languages"] = [language for language in recipe.languages if teacher.serves(language)]
    data["sampling"] = recipe.sampling_of(name).model_dump(mode="json")
    return data


def published_reward(name: str, reward: Reward) -> dict[str, Any]:
    """Return a reward as it may be published: without endpoints and tokens."""
    hidden = {"token", "concurrency", "deadline", "endpoint"}
    data = reward.model_dump(mode="json", exclude_none=True, exclude=hidden | {"judge"})
    if reward.python is None:
        del data["options"]
    if reward.local:
        data["model"] = published_source(data["model"])
    if reward.judge is not None:
        judge = reward.judge.model_dump(mode="json", exclude_none=True, exclude=hidden)
        if "rubric" in judge:
            judge["rubric"] = published_source(judge["rubric"])
        data["judge"] = {**judge, "endpoint": variable("REWARD", name)}
    elif reward.endpoint is not None:
        data["endpoint"] = variable("REWARD", name)
    return data
