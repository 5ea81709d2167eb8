"""Routers: ways of asking. A built-in is a class in `BUILT_IN`; `module:name` names one of the user's."""

from collections.abc import Callable
from pathlib import Path

from arbitrage.errors import ArbitrageError, RecipeError, RouterError
from arbitrage.extension import load_object
from arbitrage.recipe.model import Recipe
from arbitrage.routers.fixed import fixed
from arbitrage.routers.learned import Learned
from arbitrage.routers.reward import Reward
from arbitrage.routers.router import Learner, Router, Setting, settle
from arbitrage.routers.single import Random, Single
from arbitrage.routers.translation import Translation

__all__ = ["BUILT_IN", "Learner", "Router", "Setting", "make_routers", "routing_reward", "settle"]

BUILT_IN: dict[str, Callable[[Setting], Router]] = {
    "single": Single,
    "random": Random,
    "fixed": fixed,
    "reward": Reward,
    "translation": Translation,
    "learned": Learned,
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
        setting = Setting(name, recipe.seed, pool, arm.teacher, rewarded, arm.experts, source=source, top=arm.top)
        if arm.router in BUILT_IN:
            if arm.teacher is not None and arm.router not in ONE_TEACHER:
                raise RecipeError(f"arms.{name}.teacher: router {arm.router} asks no teacher of its own")
            if arm.experts is not None and arm.router != "fixed":
                raise RecipeError(f"arms.{name}.experts: router {arm.router} has no experts")
            if arm.top is not None and arm.router != "learned":
                raise RecipeError(f"arms.{name}.top: is how many teachers router learned asks, not {arm.router}")
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


def routing_reward(recipe: Recipe) -> str | None:
    """Return the name of the reward that routes: `route_by`, or the only one there is."""
    return recipe.route_by or next(iter(recipe.rewards), None)
