from pathlib import Path

import pytest
from arbitrage.errors import RecipeError
from arbitrage.recipe.published import published_recipe, recipe_yaml
from arbitrage.recipe.reader import read_published
from recipe.minimal import ENVIRON, TEXT, read


def block(more: str) -> str:
    return TEXT.replace("[de, no]", "[de, en, no]") + f"translate: {{{more}}}\n"


def test_the_contract(tmp_path: Path) -> None:
    recipe = read(tmp_path, block("model: facebook/nllb-200-3.3B, to: all"))
    assert recipe.translate is not None
    assert recipe.translate.targets(recipe.languages) == ["de", "no"]
    assert recipe.translate.source == "en"
    other = read(tmp_path, block("model: org/nmt, to: no, from: de")).translate
    assert other is not None
    assert other.targets(recipe.languages) == ["no"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("to: all", "translate.model: missing"),
        ("model: a, to: [xx]", "translate.to.0: 'xx' is not among the recipe's languages (de, en, no)"),
        ("model: a, to: []", "translate.to: is empty; name languages, or say all"),
        ("model: a, to: german", "translate.to.0: 'german' is not a language tag"),
        ("model: a, to: [en]", "translate: there is no language to translate into from 'en'"),
        ("model: a, from: fr", "translate.from: 'fr' is not among the recipe's languages (de, en, no)"),
        ("model: a, columns: [topic]", "translate.columns.0: no prompt source maps a column 'topic'"),
        ("model: a, api: tgi", "translate: api: is for a model that is served; add endpoint:, or take it out"),
        ("model: a, endpoint: http://x", "translate: an endpoint needs api: tgi or openai"),
        ("model: a, endpoint: x, api: tgi", "translate.endpoint: is not an endpoint such as http://host:8080"),
        ("model: a, endpoint: http://x, api: tgi, beams: 4", "translate: beams: is for a model in this process"),
        ("model: a, endpoint: http://x, api: tgi, token: abc", "translate.token: must be one ${NAME}"),
        ("model: a, beam: 4", "translate.beam: unknown key; did you mean 'beams'?"),
        ("model: a, max_length: 0", "translate.max_length: should be greater than or equal to 8, not 0"),
    ],
)
def test_refusals(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read(tmp_path, block(more))
    assert any(message in line for line in str(caught.value).splitlines()), str(caught.value)


def test_a_carried_column_cannot_be_called_translation(tmp_path: Path) -> None:
    columns = "language: de, columns: {prompt: prompt, translation: x}"
    with pytest.raises(RecipeError, match="a carried column cannot be called 'translation'"):
        read(tmp_path, block("model: a").replace("language: de", columns))
    read(tmp_path, TEXT.replace("language: de", columns))


def test_what_is_published_has_no_address_and_no_token(tmp_path: Path) -> None:
    text = block('model: org/nmt, to: [no], endpoint: "http://one:8080", api: tgi, token: "${OTHER_TOKEN}"')
    published = published_recipe(read(tmp_path, text), {}, "a" * 40)
    assert published["translate"] == {
        "model": "org/nmt",
        "to": ["no"],
        "from": "en",
        "revision": "a" * 40,
        "columns": [],
        "endpoint": "${TRANSLATOR_URL}",
        "api": "tgi",
        "extra": {},
    }
    copy = tmp_path / "published.yaml"
    copy.write_text(recipe_yaml(published), encoding="utf-8")
    assert published_recipe(read_published(copy), {}, "a" * 40) == published
    again = read(
        tmp_path,
        recipe_yaml(published),
        {**ENVIRON, "TEACHER_URL_aya": "http://a", "TEACHER_URL_other": "http://b", "TRANSLATOR_URL": "http://t"},
    )
    assert again.translate is not None
    assert again.translate.endpoint == ["http://t"]
    local = read(tmp_path, block("model: /home/me/models/nmt"))
    assert published_recipe(local, {})["translate"]["model"] == "nmt"
