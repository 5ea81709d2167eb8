"""Answers that are made from other answers: what they are called, and how they say what they are made from.

Such an answer stands in the plan and in the pool under a name that no teacher can have, with the answers that it is
made from in the column `parents`.
"""

from arbitrage.recipe.model import Recipe

MARK = "+"
"""Stands in no teacher's name."""
TRANSLATION = "translation"
"""What makes answers of one language to answers of another, and the router that asks for that."""


def translation_of(teacher: str) -> str:
    """Return under which name the translations of a teacher's answers stand."""
    return f"{teacher}{MARK}{TRANSLATION}"


def is_derived(name: str) -> bool:
    """Say whether answers under this name are made from other answers."""
    return MARK in name


def author(name: str) -> str:
    """Return the teacher that wrote what answers under this name are, or are made from."""
    return name.partition(MARK)[0]


def derived_names(recipe: Recipe) -> list[str]:
    """Return the names of the derived answers that a recipe's arms ask for, in the recipe's order."""
    teachers = [arm.teacher for arm in recipe.arms.values() if arm.router == TRANSLATION and arm.teacher]
    return [translation_of(teacher) for teacher in dict.fromkeys(teachers)]


def answerers(recipe: Recipe) -> list[str]:
    """Return every name under which a recipe has answers: its teachers, then derived ones."""
    return [*recipe.teachers, *derived_names(recipe)]


def reference(prompt_id: str, teacher: str, draw: int) -> str:
    """Return how an answer is named among another's parents: by its key in the pool."""
    return f"{prompt_id}/{teacher}/{draw}"
