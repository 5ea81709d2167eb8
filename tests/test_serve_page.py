"""The recipe blocks of docs/serve.md are blocks that a recipe takes."""

import re

import pytest
import yaml
from arbitrage.recipe.model import Recipe
from commands import ROOT

PAGE = (ROOT / "docs/serve.md").read_text(encoding="utf-8")
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: next(iter(block)))
def test_every_block_is_taken(block: dict[str, dict[str, object]]) -> None:
    ((name, body),) = block.items()
    is_teacher = "license" in body
    teacher = {"endpoint": "http://x:1", "api": "tgi", "model": "org/x"}
    assert "token" not in body or re.fullmatch(r"\$\{[A-Z_]+\}", str(body["token"]))
    recipe = Recipe.model_validate(
        {
            "name": "n",
            "license": "mit",
            "languages": ["de"],
            "prompts": [{"path": "x.jsonl", "language": "de"}],
            "teachers": {name: body} if is_teacher else {"x": teacher},
            "rewards": {} if is_teacher else {name: body},
            "arms": {"random": {"router": "random"}},
        }
    )
    assert recipe.teachers_for("de") == [name if is_teacher else "x"]


def test_both_kinds_are_there() -> None:
    assert len(BLOCKS) == 13
    assert sum("license" not in body for block in BLOCKS for body in block.values()) == 2
