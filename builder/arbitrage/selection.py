"""A part of a recipe for one build: some arms alone, or all that is left without a teacher."""

from collections.abc import Sequence

from arbitrage.errors import RecipeError
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.problems import did_you_mean


def only_arms(recipe: Recipe, arms: Sequence[str]) -> Recipe:
    """Return the recipe with only the named arms.

    Raises:
        RecipeError: there is no such arm.
    """
    unknown = [arm for arm in arms if arm not in recipe.arms]
    if unknown:
        raise RecipeError(f"--arm {unknown[0]}: the recipe's arms are {', '.join(recipe.arms)}")
    if not arms:
        return recipe
    publish = recipe.publish
    if publish is not None:
        # Asked for by name, an arm is wanted in the dataset too.
        publish = publish.model_copy(update={"arms": list(arms)})
    chosen = {name: arm for name, arm in recipe.arms.items() if name in arms}
    return recipe.model_copy(update={"arms": chosen, "publish": publish})


def without(recipe: Recipe, teachers: Sequence[str]) -> Recipe:
    """Return the recipe as if it did not have these teachers, nor the arms that ask one of them alone.

    Nothing is asked of them and none of their stored answers is used, so that every arm treats all its prompts
    alike and what is built can be rebuilt from what is published. The store keeps those answers.

    Raises:
        RecipeError: there is no such teacher, or nobody is left to ask.
    """
    for name in teachers:
        if name not in recipe.teachers:
            raise RecipeError(f"--without {name}: no teacher is called that" + did_you_mean(name, recipe.teachers))
    if not teachers:
        return recipe
    shown = ", ".join(dict.fromkeys(teachers))
    left = {name: teacher for name, teacher in recipe.teachers.items() if name not in teachers}
    for language in recipe.languages:
        if not any(teacher.serves(language) for teacher in left.values()):
            raise RecipeError(f"--without {shown}: nobody else serves {language!r}; take it out of languages: too")
    arms = {name: arm for name, arm in recipe.arms.items() if arm.teacher not in teachers}
    if not arms:
        raise RecipeError(f"--without {shown}: every arm asks nobody else")
    for name, arm in arms.items():
        if arm.experts is not None and not set(arm.experts.values()).isdisjoint(teachers):
            experts = {language: expert for language, expert in arm.experts.items() if expert not in teachers}
            if not experts:
                raise RecipeError(f"--without {shown}: arms.{name} has no other expert")
            arms[name] = arm.model_copy(update={"experts": experts})
    publish = recipe.publish
    if publish is not None and publish.arms is not None:
        publish = publish.model_copy(update={"arms": [name for name in publish.arms if name in arms]})
        if not publish.arms:
            raise RecipeError(f"--without {shown}: every arm of publish: asks nobody else")
    return recipe.model_copy(update={"teachers": left, "arms": arms, "publish": publish})
