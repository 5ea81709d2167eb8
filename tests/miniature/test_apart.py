"""Who judges has nothing of what knows: grammar and checker, and rewards and checker, share no code."""

import ast

import pytest
from commands import ROOT

PACKAGE = ROOT / "builder/arbitrage/miniature"
PREFIX = "arbitrage.miniature."


def imported(module: str) -> set[str]:
    """Return the modules of the miniature that one imports, wherever in it that stands."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            found |= {name.removeprefix(PREFIX).partition(".")[0] for name in names if name.startswith(PREFIX)}
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix(PREFIX) for alias in node.names if alias.name.startswith(PREFIX)}
    return {name for name in found if (PACKAGE / f"{name}.py").is_file()}


def reached(module: str) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        new = imported(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def test_the_checker_stands_alone() -> None:
    assert imported("truth") == set()
    others = {name for name in (path.stem for path in PACKAGE.glob("*.py")) if "truth" in imported(name)}
    assert others == {"accuracy"}, "only what tells the truth at the end knows the checker"


@pytest.mark.parametrize("module", ["implicit", "auditor", "judge", "preferences", "jobs", "make"])
def test_who_judges_and_who_is_taught_reaches_neither_checker_nor_truth(module: str) -> None:
    assert reached(module) & {"truth", "accuracy", "demo"} == set()


def test_the_graph_is_seen() -> None:
    assert {"preferences", "mixture", "tasks", "model"} <= reached("implicit")
    assert {"accuracy", "truth", "make"} <= reached("demo")
