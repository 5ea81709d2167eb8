"""A world's file: what it may say, and one message for what it may not."""

from pathlib import Path
from typing import Any

import pytest
from arbitrage.errors import RecipeError
from arbitrage.miniature.world import CONTROL, read_world
from miniature.worlds import miniature, write_world


def test_the_packages_own_world_has_nine_teachers_in_three_groups() -> None:
    world = read_world()
    assert [len(mixture.languages) for mixture in world.teachers.values()] == [0, 0, 0, 3, 2, 2, 1, 1, 1]
    assert not world.identical and read_world(changes=CONTROL).identical


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"teachers": {"a": {"languages": ["de", "dee"]}}},
            "teachers.a.languages: there is no language 'dee'; did you",
        ),
        ({"teachers": {"a": {"favours": ["sing"]}}}, "teachers.a.favours: there is no task 'sing'; known here: add, "),
        ({"teachers": {"a": {"speaks": ["de"]}}}, "teachers.a.speaks: unknown key; known here: languages, favours"),
        ({"teachers": {"../a": {}}}, "teachers.../a: String should match pattern"),
        ({"teachers": {}}, "teachers: Dictionary should have at least 1 item"),
        ({"focuss": 3}, "focuss: unknown key; did you mean 'focus'?"),
        ({"base": {"samples": 9, "steps": 3, "early": 4}}, "base.early: comes after the last of 3 steps"),
        ({"base": {"samples": 9, "steps": 3, "early": 3, "late": 4}}, "base.late: unknown key; known here: samples, "),
        ({"preferences": {"prompts": 5, "noise": 0.9}}, "preferences.noise: should be less than or equal to 0.5"),
        ({"seed": -1}, "seed: should be greater than or equal to 0"),
        ({"seed": 2**70}, "seed: should be less than 4294967296"),
        ({"sources": "many"}, "sources: should be a valid integer"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_is_named_with_its_line(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = write_world(tmp_path / "world.yaml", **changes)
    with pytest.raises(RecipeError) as caught:
        read_world(path)
    where, _, what = str(caught.value).partition(": ")
    name, _, line = where.rpartition(":")
    assert (name, what.startswith(said)) == (str(path), True), caught.value
    block = said.partition(":")[0].split(".")
    assert path.read_text().splitlines()[int(line) - 1].lstrip().startswith(tuple(block))


def test_the_command_says_all_that_is_wrong_at_once_and_makes_nothing(tmp_path: Path) -> None:
    write_world(tmp_path / "world.yaml", focuss=3, preferences={"prompts": 5, "noise": 0.9})
    ran = miniature("make", "w", "--world", "world.yaml", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "noise: should be" in ran.stderr and "focuss: unknown key" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["make", "w", "--world", "none.yaml"], "none.yaml: no such file; without --world, the package's own"),
        (["make", "w", "--world", "."], ".: no such file"),
        (["make", "w", "--seed", "-3"], "seed: should be greater than or equal to 0"),
        (["judge", "w"], "there is no folder w/judge here: run `python -m arbitrage.miniature make .miniature`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_one_clear_message(tmp_path: Path, arguments: list[str], said: str) -> None:
    ran = miniature(*arguments, folder=tmp_path)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []
