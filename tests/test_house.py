"""The house rules that a machine can watch."""

import ast
import re
import statistics
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import arbitrage
import pytest
from arbitrage.cli import app
from commands import ROOT
from typer.main import get_command

PACKAGES = [ROOT / "builder/arbitrage", ROOT / "dataset_cards/arbitrage_cards", ROOT / "eval/arbitrage_eval"]
FOLDERS = [*PACKAGES, *(ROOT / name for name in ("training", "tests", "benchmarks", "examples"))]
NAMES = {
    "sentence-transformers": "sentence_transformers",
    "lm-eval": "lm_eval",
    "pyyaml": "yaml",
    "ruamel.yaml": "ruamel",
    "pillow": "PIL",
    "lingua-language-detector": "lingua",
}
"""How a distribution is imported, where that is not its name."""
COMPANIONS = {"pydantic_core", "safetensors"}
"""Imported by name, installed by a declared dependency that pins it."""


def sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.py")):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(str(node.module).partition(".")[0])
    return found


def test_files_stay_small() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for top in FOLDERS for path in sources(top)}
    assert [str(path) for path, count in lines.items() if count > 400] == []
    ours = [count for path, count in lines.items() if any(path.is_relative_to(package) for package in PACKAGES)]
    assert statistics.median(ours) < 150


def test_no_file_is_called_utils() -> None:
    names = {"utils", "util", "helpers", "misc", "common"}
    assert [str(path) for top in FOLDERS for path in sources(top) if path.stem in names] == []


def test_imports_point_one_way_and_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra, lines in project["optional-dependencies"].items() if extra != "dev" for line in lines]
    declared = {re.split(r"[\[><=~! ]", line)[0].lower() for line in [*project["dependencies"], *extras]}
    foreign = {NAMES.get(name, name) for name in declared} | COMPANIONS | sys.stdlib_module_names
    allowed = {"arbitrage": {"arbitrage", "arbitrage_cards"}, "arbitrage_cards": {"arbitrage_cards"}}
    allowed["arbitrage_eval"] = allowed["arbitrage"] | {"arbitrage_eval"}
    for package in PACKAGES:
        for path in sources(package):
            # The command line alone sees all.
            more = {"arbitrage_eval"} if path.parent.name == "verbs" else set()
            assert imported(path) <= foreign | allowed[package.name] | more, path


def test_every_declared_dependency_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    used = {name for package in PACKAGES for path in sources(package) for name in imported(path)}
    names = {re.split(r"[\[><=~! ]", line)[0].lower() for line in project["dependencies"]}
    assert {NAMES.get(name, name) for name in names} <= used


def test_constraints_name_every_dependency_exactly() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in pinned)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {line.split("==")[0].lower() for line in pinned}
    assert {re.split(r"[\[><=~! ]", line)[0].lower() for line in wanted} <= names


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_packages_print_nothing_by_themselves(package: Path) -> None:
    for path in sources(package):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Name) and node.id == "print"), path


def test_every_verb_and_option_says_what_it_is() -> None:
    for verb, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        assert command.help, verb
        for parameter in command.params:
            assert parameter.help, f"{verb} {parameter.name}"


def test_the_changelog_speaks_of_this_version() -> None:
    assert f"## {arbitrage.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
