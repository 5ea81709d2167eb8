"""Which version a change asks for, on whole dataset folders."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from arbitrage.dataset import read_manifest
from arbitrage.publish.difference import Difference, difference
from arbitrage.recipe.published import recipe_yaml
from arbitrage.records import Answer, Routed
from dataset.world import PUBLISHED, build, items, recipe

Items = Callable[[str, str], Iterable[Routed]]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old") / "dataset"
    build(folder)
    return folder


def against(old: Path, folder: Path, **changes: Any) -> Difference:
    build(folder, **changes)
    return difference(old, read_manifest(old), folder, read_manifest(folder))


def changed(change: Callable[[Routed], Routed | None]) -> Items:
    def changed_items(language: str, split: str) -> Iterable[Routed]:
        return [found for item in items(language, split) if (found := change(item)) is not None]

    return changed_items


def of(*arms: str) -> dict[str, Any]:
    """Return the arguments of a build that publishes these arms alone."""
    published = {**PUBLISHED, "publish": {"arms": list(arms)}}
    return {
        "recipe": recipe(publish={"arms": list(arms)}),
        "published": published,
        "recipe_text": recipe_yaml(published),
    }


def test_the_same_is_a_patch_at_most(old: Path, tmp_path: Path) -> None:
    found = against(old, tmp_path / "new")
    assert found.as_dict() == {}
    assert found.change == "patch"


def test_another_recipe_over_the_same_rows_is_a_patch(old: Path, tmp_path: Path) -> None:
    published = {**PUBLISHED, "license": "mit"}
    assert against(old, tmp_path / "new", recipe=recipe(license="mit"), published=published).change == "patch"


def test_more_prompts_are_a_minor_version(old: Path, tmp_path: Path) -> None:
    fewer = tmp_path / "fewer"
    build(fewer, items=changed(lambda item: None if item.prompt.id < "3" else item))
    found = difference(fewer, read_manifest(fewer), old, read_manifest(old))
    assert found.tables["pool"]["added"] > 0
    assert {name for counts in found.as_dict().values() for name in counts} == {"added"}
    assert found.change == "minor"


def test_fewer_prompts_are_a_major_version(old: Path, tmp_path: Path) -> None:
    found = against(old, tmp_path / "new", items=changed(lambda item: None if item.prompt.id < "3" else item))
    assert {name for counts in found.as_dict().values() for name in counts} == {"removed"}
    assert found.change == "major"


def without(teacher: str) -> Callable[[Routed], Routed]:
    """Return what takes a teacher away, whose answers arms then could not choose."""

    def change(item: Routed) -> Routed:
        answers = [answer for answer in item.answers if answer.teacher != teacher]
        routes = [
            replace(
                route,
                asked=[ask for ask in route.asked if ask.teacher != teacher],
                chosen=None if route.chosen and route.chosen[0] == teacher else route.chosen,
            )
            for route in item.routes
        ]
        return replace(item, answers=answers, routes=[route for route in routes if route.asked])

    return change


def test_one_more_teacher_is_a_minor_version_though_arms_choose_anew(old: Path, tmp_path: Path) -> None:
    fewer = tmp_path / "fewer"
    build(fewer, items=changed(without("south")))
    found = difference(fewer, read_manifest(fewer), old, read_manifest(old))
    assert found.as_dict()["routes"]["changed"] > 0
    assert found.grown == {"de", "no", "ar", "sr-Latn"}
    assert found.change == "minor"
    back = difference(old, read_manifest(old), fewer, read_manifest(fewer))
    assert back.change == "major"


def test_a_failed_ask_that_is_answered_now_is_a_minor_version(old: Path, tmp_path: Path) -> None:
    def fail(answer: Answer) -> Answer:
        if answer.teacher != "south" or answer.error:
            return answer
        return Answer("south", 0, answer.model, answer.revision, None, checks=("empty",), error="timeout")

    def change(item: Routed) -> Routed:
        routes = [replace(route, chosen=None) if route.chosen == ("south", 0) else route for route in item.routes]
        return replace(item, answers=[fail(answer) for answer in item.answers], routes=routes)

    failed = tmp_path / "failed"
    build(failed, items=changed(change))
    found = difference(failed, read_manifest(failed), old, read_manifest(old))
    assert found.as_dict()["pool"].keys() == {"answered"}
    assert found.change == "minor"
    assert difference(old, read_manifest(old), failed, read_manifest(failed)).change == "major"


@pytest.mark.parametrize("column", ["completion", "reward", "checks", "revision"])
def test_a_changed_answer_is_a_major_version(old: Path, tmp_path: Path, column: str) -> None:
    values = {"completion": "other", "reward": 9.0, "checks": ("empty",), "revision": "b" * 40}

    def change(item: Routed) -> Routed:
        answers = [
            replace(answer, **{column: values[column]}) if answer.teacher == "north" and answer.completion else answer
            for answer in item.answers
        ]
        return replace(item, answers=answers)

    found = against(old, tmp_path / "new", items=changed(change))
    assert found.as_dict()["pool"].keys() == {"changed"}
    assert found.change == "major"


def test_an_arm_that_chooses_anew_without_a_new_answer_is_a_major_version(old: Path, tmp_path: Path) -> None:
    def change(item: Routed) -> Routed:
        routes = [
            replace(route, chosen=None, why="on a whim") if route.arm == "random" else route for route in item.routes
        ]
        return replace(item, routes=routes)

    found = against(old, tmp_path / "new", items=changed(change))
    assert "pool" not in found.as_dict()
    assert found.change == "major"


def test_an_arm_more_is_minor_and_one_less_major(old: Path, tmp_path: Path) -> None:
    fewer = tmp_path / "fewer"
    build(fewer, **of("reward", "random"))
    found = difference(fewer, read_manifest(fewer), old, read_manifest(old))
    assert found.as_dict().keys() == {"single_north"}
    assert found.change == "minor"
    back = difference(old, read_manifest(old), fewer, read_manifest(fewer))
    assert back.dropped == ["single_north"]
    assert back.change == "major"


def test_a_prompt_that_moves_to_the_other_split_is_a_major_version(old: Path, tmp_path: Path) -> None:
    def moved(language: str, split: str) -> Iterable[Routed]:
        def to(item: Routed, split: str) -> Routed:
            return replace(item, prompt=replace(item.prompt, split=split))  # type: ignore[arg-type]

        found = [to(item, split) for other in ("train", "test") for item in items(language, other)]
        first = min(item.prompt.id for item in items("de", "train"))
        here = {item.prompt.id for item in items(language, split)}
        kept = [item for item in found if (item.prompt.id in here) != (item.prompt.id == first and language == "de")]
        return sorted(kept, key=lambda item: item.prompt.id)

    found = against(old, tmp_path / "new", items=moved)
    assert found.tables["pool"]["added"] == found.tables["pool"]["removed"] > 0
    assert found.change == "major"


def test_what_arms_choose_anew_where_no_answer_is_new_is_a_major_version(old: Path, tmp_path: Path) -> None:
    fewer = tmp_path / "fewer"

    def change(item: Routed) -> Routed:
        return without("south")(item) if item.prompt.language == "de" else item

    build(fewer, items=changed(change))
    assert difference(fewer, read_manifest(fewer), old, read_manifest(old)).change == "minor"

    def and_another_choice(item: Routed) -> Routed:
        if item.prompt.language != "no":
            return change(item)
        return replace(item, routes=[replace(route, chosen=None) for route in item.routes])

    other = tmp_path / "other"
    build(other, items=changed(and_another_choice))
    assert difference(other, read_manifest(other), old, read_manifest(old)).change == "major"


@pytest.mark.parametrize("setting", [{"seed": 8}, {"arms": {**PUBLISHED["arms"], "reward": {"router": "random"}}}])
def test_new_answers_do_not_excuse_arms_that_are_set_otherwise(
    old: Path, tmp_path: Path, setting: dict[str, Any]
) -> None:
    fewer = tmp_path / "fewer"
    build(fewer, items=changed(without("south")), recipe=recipe(**setting), published={**PUBLISHED, **setting})
    assert difference(fewer, read_manifest(fewer), old, read_manifest(old)).change == "major"
