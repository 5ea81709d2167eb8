from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from arbitrage.recipe.published import is_pinned_from, published_recipe, recipe_hash, recipe_yaml
from arbitrage.recipe.reader import read_published, read_recipe
from recipe.minimal import ENVIRON, TEXT, read
from ruamel.yaml import YAML

STARTER = files("arbitrage.recipe") / "starter.yaml"
RECIPES = sorted((Path(__file__).parents[2] / "builder" / "recipes").glob("*.yaml"))


class Anything(dict):
    """An environment in which every variable is set."""

    def get(self, name, default=None):
        return "http://host:8080" if name.split("_")[-1] != "TOKEN" else "token"


@pytest.mark.parametrize("path", [Path(str(STARTER)), *RECIPES], ids=lambda path: path.name)
def test_the_recipes_we_ship_are_recipes(path, tmp_path):
    recipe = read_recipe(path, Anything())
    published = published_recipe(recipe, {})
    copy = tmp_path / "recipe.yaml"
    copy.write_text(recipe_yaml(published), encoding="utf-8")
    assert published_recipe(read_published(copy), {}) == published


def test_what_is_published(tmp_path):
    text = TEXT.replace("path: prompts.jsonl, ", "path: org/name, revision: main, ").replace(
        "arms:", "patience: 5m\nrewards: {score: {python: chrf}}\narms:"
    )
    published = published_recipe(read(tmp_path, text), {0: "f" * 40})
    sampling = {"temperature": 0.3, "top_p": 1.0, "max_tokens": 1024, "stop": []}
    common = {"languages": ["de", "no"], "system": {}, "sampling": sampling, "format": "chat", "extra": {}}
    assert published == {
        "name": "small",
        "license": "cc0-1.0",
        "languages": ["de", "no"],
        "prompts": [
            {
                "path": "org/name",
                "revision": "f" * 40,
                "split": "train",
                "columns": {"prompt": "prompt"},
                "language": "de",
            }
        ],
        "test": 0.05,
        "teachers": {
            "aya": {"endpoint": "${TEACHER_URL_aya}", "api": "tgi", "model": "org/aya", **common},
            "other": {"endpoint": "${TEACHER_URL_other}", "api": "openai", "model": "org/other", **common},
        },
        "sampling": sampling,
        "rewards": {"score": {"python": "chrf", "options": {}}},
        "route_by": "score",
        "checks": ["empty", "truncated", "no_answer"],
        "arms": {"random": {"router": "random"}},
        "tolerate": 0.01,
        "seed": 0,
    }


def test_no_secret_and_no_endpoint_is_published(tmp_path):
    text = recipe_yaml(published_recipe(read(tmp_path), {}))
    for hidden in ("hf_abcdefgh", "token:", "two/v1", "one:8080", "OTHER"):
        assert hidden not in text


@pytest.mark.parametrize(
    ("path", "published"),
    [
        ("/home/me/no.jsonl", "no.jsonl"),
        ("/data/prompts/", "prompts"),
        ("prompts/ar.jsonl", "prompts/ar.jsonl"),
    ],
)
def test_absolute_paths_stay_private(tmp_path, path, published):
    recipe = read(tmp_path, TEXT.replace("prompts.jsonl", path))
    assert published_recipe(recipe, {})["prompts"][0]["path"] == published


def test_the_hash_is_that_of_what_is_built(tmp_path):
    def hash_of(text, environ=ENVIRON):
        return recipe_hash(published_recipe(read(tmp_path, text, environ), {}))

    plain = hash_of(TEXT)
    assert len(plain) == 64
    for same in (
        TEXT.replace("http://one:8080", "[http://moved, http://second]"),
        TEXT.replace("api: tgi", "api: tgi\n    concurrency: 2\n    deadline: 5s"),
        TEXT + "patience: 2h\ntest: 0.05\n",
        TEXT.replace("api: tgi", "api: tgi\n    languages: [no, de]\n    sampling: {top_p: 1.0}"),
    ):
        assert hash_of(same) == plain
    assert hash_of(TEXT, {**ENVIRON, "OTHER_TOKEN": "another"}) == plain
    assert hash_of(TEXT + "seed: 1\n") != plain
    assert hash_of(TEXT.replace("api: tgi", "api: tgi\n    sampling: {top_p: 0.9}")) != plain


def test_readers_of_yaml_1_1_and_1_2_agree_and_so_do_we(tmp_path):
    text = TEXT.replace("  aya:", '  "no":').replace("model: org/aya", 'model: "0123"\n    revision: 0123456')
    text = text.replace("api: openai", 'api: openai\n    system: {no: "hei\\n«😀» \\u2028 \\x85 \\x07 # x: y"}')
    published = published_recipe(read(tmp_path, text), {})
    written = recipe_yaml(published)
    assert yaml.safe_load(written) == published
    assert YAML(typ="safe", pure=True).load(written) == published
    assert "😀" in written
    path = tmp_path / "published.yaml"
    path.write_text(written, encoding="utf-8")
    assert published_recipe(read_published(path), {}) == published


def test_a_published_recipe_builds_again(tmp_path):
    published = published_recipe(read(tmp_path), {})
    environ = {"TEACHER_URL_aya": "http://a", "TEACHER_URL_other": "http://b"}
    again = read(tmp_path, recipe_yaml(published), environ)
    assert again.teachers["other"].endpoint == ["http://b"]
    assert published_recipe(again, {}) == published


PIN = "a" * 40


@pytest.mark.parametrize(
    ("found", "same"),
    [
        ({"a": 1, "list": [{"path": "x"}]}, True),
        ({"a": 1, "list": [{"path": "x", "revision": PIN}]}, True),
        ({"a": 1, "list": [{"path": "x", "sha256": PIN + "b" * 24}]}, True),
        ({"a": 2, "list": [{"path": "x"}]}, False),
        ({"a": 1, "list": []}, False),
        ({"a": 1, "list": [{"path": "x", "more": 1}]}, False),
        ({"a": 1}, False),
    ],
)
def test_a_pinned_recipe_is_the_one_that_it_was_pinned_from(found, same):
    assert is_pinned_from(found, {"a": 1, "list": [{"path": "x"}]}) is same


def test_a_branch_may_have_been_pinned_but_a_tag_is_not_another_tag():
    assert is_pinned_from({"revision": PIN}, {"revision": "main"})
    assert not is_pinned_from({"revision": "v2"}, {"revision": "v1"})


def test_a_commit_that_the_recipe_names_is_no_other_commit():
    assert is_pinned_from({"revision": PIN}, {"revision": PIN})
    assert not is_pinned_from({"revision": PIN}, {"revision": "b" * 40})
