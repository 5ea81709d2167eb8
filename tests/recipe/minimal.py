"""A small recipe for tests to build on."""

from pathlib import Path

from arbitrage.recipe.model import Recipe
from arbitrage.recipe.reader import read_recipe

TEXT = """\
name: small
license: cc0-1.0
languages: [de, no]
prompts:
  - {path: prompts.jsonl, language: de}
teachers:
  aya:
    endpoint: http://one:8080
    api: tgi
    model: org/aya
  other:
    endpoint: ${OTHER_URL}
    token: ${OTHER_TOKEN}
    api: openai
    model: org/other
arms:
  random: {router: random}
"""
ENVIRON = {"OTHER_URL": "https://two/v1/", "OTHER_TOKEN": "hf_abcdefgh"}


def write(folder: Path, text: str = TEXT) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str = TEXT, environ: dict[str, str] = ENVIRON) -> Recipe:
    return read_recipe(write(folder, text), environ)
