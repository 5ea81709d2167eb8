"""What a recipe may say of models that the run serves itself by transformers, and what of it is published."""

from pathlib import Path

import pytest
from arbitrage.recipe.published import is_pinned_from, published_recipe, recipe_yaml
from arbitrage.recipe.reader import read_published
from recipe.minimal import TEXT, read


def with_teacher(block: str) -> str:
    return TEXT.replace("arms:", f"  own: {block}\narms:", 1)


@pytest.mark.parametrize(
    ("value", "model", "published"),
    [
        ("students/here", "here", "here"),
        ("students/gone", "students/gone", "students/gone"),
        ("../far/students/mine", "mine", "mine"),
        ("mine", "mine", "mine"),
        ("/home/me/mine/", "mine", "mine"),
        ("org/name", "org/name", "org/name"),
    ],
)
def test_a_folder_is_known_by_its_last_name_and_a_repository_by_its_own(
    tmp_path: Path, value: str, model: str, published: str
) -> None:
    (tmp_path / "students" / "here").mkdir(parents=True)
    recipe = read(tmp_path, with_teacher(f"{{transformers: {value}}}"))
    assert (recipe.teachers["own"].model, recipe.teachers["own"].kind) == (model, "transformers")
    whole = published_recipe(recipe, {})
    assert (whole["teachers"]["own"]["transformers"], whole["teachers"]["own"]["model"]) == (published, model)
    assert not {"slots", "threads", "context", "endpoint"} & set(whole["teachers"]["own"])
    # What was published reads as what it was, wherever it is read.
    copy = tmp_path / "elsewhere" / "recipe.yaml"
    copy.parent.mkdir()
    copy.write_text(recipe_yaml(whole), encoding="utf-8")
    assert published_recipe(read_published(copy), {}) == whole


def test_a_branch_is_no_revision_and_a_commit_is(tmp_path: Path) -> None:
    branch = read(tmp_path, with_teacher("{transformers: org/name, revision: main}"))
    commit = read(tmp_path, with_teacher(f"{{transformers: org/name, revision: {'a' * 40}}}"))
    assert (branch.teachers["own"].pinned, commit.teachers["own"].pinned) == (None, "a" * 40)
    assert is_pinned_from(published_recipe(commit, {}), published_recipe(branch, {}))
