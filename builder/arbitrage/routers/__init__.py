"""Routers: ways of asking. A built-in is a class in `BUILT_IN`; `module:name` names one of the user's."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from arbitrage.errors import ArbitrageError, RecipeError, RouterError
from arbitrage.extension import load_object
from arbitrage.recipe.model import Recipe
from arbitrage.routers.embedding import SentenceEmbedding
from arbitrage.routers.fixed import fixed
from arbitrage.routers.learned import Fitted, learned
from arbitrage.routers.reward import Reward
from arbitrage.routers.router import Learner, Router, Setting, settle
from arbitrage.routers.saved import read_saved
from arbitrage.routers.single import Random, Single
from arbitrage.routers.translation import Translation

__all__ = ["BUILT_IN", "Learner", "Router", "Setting", "make_routers", "pinned", "routing_reward", "settle"]

BUILT_IN: dict[str, Callable[[Setting], Router]] = {
    "single": Single,
    "random": Random,
    "fixed": fixed,
    "reward": Reward,
    "translation": Translation,
    "learned": learned,
}
ONE_TEACHER = ("single", "translation")
"""Routers that ask the arm's `teacher:`."""


def make_routers(recipe: Recipe, folder: Path | None) -> dict[str, Router]:
    """Make the routers of a recipe's arms, in the recipe's order.

    With `folder` None nothing the recipe names is imported and only arms with built-in routers are made.

    Raises:
        RecipeError: an arm names a router that there is not, or lacks what its router needs.
        RouterError: making one of the user's routers raised.
    """
    pool = {language: recipe.teachers_for(language) for language in recipe.languages}
    source = recipe.translate.source if recipe.translate else None
    routers: dict[str, Router] = {}
    for name, arm in recipe.arms.items():
        rewarded = routing_reward(recipe) is not None
        if folder is None and (arm.embedding is not None or arm.fitted is not None):
            continue  # It goes by a model, which is not loaded.
        setting = Setting(name, recipe.seed, pool, arm.teacher, rewarded, arm.experts, source=source, top=arm.top)
        if arm.router in BUILT_IN:
            if arm.teacher is not None and arm.router not in ONE_TEACHER:
                raise RecipeError(f"arms.{name}.teacher: router {arm.router} asks no teacher of its own")
            if arm.experts is not None and arm.router != "fixed":
                raise RecipeError(f"arms.{name}.experts: router {arm.router} has no experts")
            for key in ("top", "embedding", "fitted"):
                if getattr(arm, key) is not None and arm.router != "learned":
                    raise RecipeError(f"arms.{name}.{key}: is for router learned, not for {arm.router}")
            if folder is not None and arm.embedding is not None:
                embedding = SentenceEmbedding(arm.embedding, arm.revision, folder, f"arms.{name}.embedding")
                setting = replace(setting, embedding=embedding)
            if folder is not None and arm.fitted is not None:
                setting = replace(setting, fitted=read_saved(arm.fitted, arm.revision, folder, f"arms.{name}.fitted"))
            routers[name] = BUILT_IN[arm.router](setting)
        elif folder is not None:
            where = f"arms.{name}.router (built in are {', '.join(BUILT_IN)})"
            make = load_object(arm.router, folder, where)
            try:
                routers[name] = make(setting)
            except ArbitrageError:
                raise
            except Exception as error:
                raise RouterError(f"arms.{name}: making {arm.router} raised {type(error).__name__}: {error}") from error
    return routers


def pinned(recipe: Recipe, routers: Mapping[str, Router]) -> Recipe:
    """Return the recipe with the revision of each model or fitted router that an arm goes by.

    Raises:
        HubError: the Hub has no such model or cannot be reached.
    """
    arms = dict(recipe.arms)
    for name, router in routers.items():
        if isinstance(router, Fitted) and (revision := router.revision) is not None:
            arms[name] = arms[name].model_copy(update={"revision": revision})
    return recipe.model_copy(update={"arms": arms})


def routing_reward(recipe: Recipe) -> str | None:
    """Return the name of the reward that routes: `route_by`, or the only one there is."""
    return recipe.route_by or next(iter(recipe.rewards), None)
