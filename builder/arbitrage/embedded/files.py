"""Which files embedded teachers are: here or on the Hub, named by their content."""

from collections.abc import Callable
from pathlib import Path

from arbitrage.embedded import folders, gguf_files
from arbitrage.embedded.content import ModelFiles
from arbitrage.recipe.model import Recipe, Teacher
from arbitrage.store.store import Store

Tell = Callable[[str], None]


def resolve(recipe: Recipe, folder: Path, store: Store) -> tuple[Recipe, dict[str, ModelFiles]]:
    """Return the recipe with every embedded teacher pinned to its files' content, and these files by teacher.

    Nothing is fetched. What is on the Hub stays at the commit that this run saw first, until its `revision:` is
    changed.

    Raises:
        TeacherError: there are no such files, they are others than the recipe says, or cannot be served so.
        HubError: the Hub does not say.
    """
    files: dict[str, ModelFiles] = {}
    teachers = dict(recipe.teachers)
    for name, teacher in recipe.teachers.items():
        if teacher.is_embedded:
            find = gguf_files.find if teacher.gguf is not None else folders.find
            files[name] = find(name, teacher, folder, store)
            teachers[name] = teacher.model_copy(update=files[name].pins)
    return (recipe.model_copy(update={"teachers": teachers}) if files else recipe), files


def fetch(name: str, teacher: Teacher, found: ModelFiles, store_path: Path, tell: Tell) -> Path:
    """Return where the files lie, after fetching them from the Hub where they do not lie here yet.

    Raises:
        TeacherError: they are others than they were, or cannot be served.
        HubError: the Hub does not give them.
    """
    if found.path is not None:
        return found.path if teacher.gguf is not None else folders.unchanged(name, found, store_path)
    tell(f"{name}: fetching {found.shown} ({found.size / 1e9:.1f} GB), unless it is in the cache")
    if teacher.gguf is not None:
        return gguf_files.fetch(name, teacher, found, store_path)
    return folders.fetch(name, teacher, found)
