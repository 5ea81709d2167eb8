"""Which dataset licenses are looser than what the dataset is made from."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
import tgi
import yaml
from arbitrage.errors import RecipeError
from arbitrage.licensing import Licensed, licenses_of, looser, refuse_looser
from arbitrage.recipe.model import Recipe
from commands import ROOT
from line.trial import Trial, double, teacher

SHIPPED = [Path(str(files("arbitrage.recipe") / "starter.yaml")), *sorted((ROOT / "builder/recipes").glob("*.yaml"))]


def recipe(license_: str, prompts: str | None = None, *teachers: str | None, **more: str) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "small",
            "license": license_,
            "languages": ["en"],
            "prompts": [{"path": "/home/me/prompts.jsonl", "language": "en", "license": prompts}],
            "teachers": {
                f"t{n}": {"endpoint": "http://x", "api": "tgi", "model": f"org/{n}", "license": each}
                for n, each in enumerate(teachers or (None,))
            },
            "arms": {"random": {"router": "random"}},
            **more,
        }
    )


@pytest.mark.parametrize(
    ("license_", "prompts", "teacher_", "lacks"),
    [
        ("cc-by-nc-4.0", "mit", "cc-by-nc-4.0", {}),
        ("cc-by-nc-4.0", "mit", "llama3", {}),
        ("cc-by-nc-4.0", "mit", "apache-2.0", {}),
        ("cc0-1.0", None, "apache-2.0", {}),
        ("cc0-1.0", None, "mit", {}),
        ("mit", "cc-by-4.0", "llama3.1", {}),
        ("cc-by-4.0", "cc0-1.0", "gemma", {}),
        ("cc-by-4.0", "mit", "cc-by-nc-4.0", {"teacher t0": ["non-commercial"]}),
        ("cc0-1.0", None, "llama3", {"teacher t0": ["attribution"]}),
        ("cc0-1.0", None, "bigscience-openrail-m", {"teacher t0": ["attribution"]}),
        ("cc0-1.0", "mit", None, {"prompts prompts.jsonl": ["attribution"]}),
        ("cc-by-nc-4.0", "cc-by-sa-4.0", None, {"prompts prompts.jsonl": ["share-alike"]}),
        (
            "cc-by-4.0",
            "cc-by-nc-nd-4.0",
            "fair-noncommercial-research-license",
            {"prompts prompts.jsonl": ["non-commercial", "no-derivatives"], "teacher t0": ["non-commercial"]},
        ),
        ("cc-by-4.0", "CC-BY-NC-4.0", None, {"prompts prompts.jsonl": ["non-commercial"]}),
        ("cc-by-nc-sa-4.0", "odbl", "cc-by-nc-4.0", {}),
        ("other", "cc-by-nc-4.0", "llama3", {}),
        ("my-license", "cc-by-nc-4.0", "llama3", {}),
        ("cc0-1.0", "my-license", "other", {}),
    ],
)
def test_a_license_is_looser_where_it_does_not_ask_what_its_sources_ask(
    license_: str, prompts: str | None, teacher_: str | None, lacks: dict[str, list[str]]
) -> None:
    found = recipe(license_, prompts, teacher_)
    assert {part.what: part.lacks for part in looser(found)} == lacks


def test_a_translators_license_counts() -> None:
    translate = {"model": "facebook/nllb-200-3.3B", "license": "cc-by-nc-4.0"}
    found = recipe("cc-by-4.0", "mit", "mit", translate=translate, languages=["en", "de"])
    assert {part.what: part.lacks for part in looser(found)} == {
        "translator facebook/nllb-200-3.3B": ["non-commercial"]
    }


def test_what_cannot_be_compared_is_listed_as_such() -> None:
    parts = licenses_of(recipe("cc-by-4.0", None, "other", "llama3.1", "mit"))
    assert [part.comparable for part in parts] == [False, False, True, True]
    assert parts[0] == Licensed("prompts prompts.jsonl", None, (), (), False, None)
    assert "Built with Llama" in str(parts[2].duty)
    assert parts[3].duty is None
    assert not any(part.comparable for part in licenses_of(recipe("other", "mit", "llama3")))


def test_the_refusal_names_each_source_and_what_to_do() -> None:
    found = recipe("cc0-1.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "mit")
    with pytest.raises(RecipeError) as caught:
        refuse_looser(found)
    assert str(caught.value).splitlines() == [
        "license: cc0-1.0 is looser than what the dataset is made from:",
        "  prompts prompts.jsonl: cc-by-sa-4.0 asks for attribution, share-alike",
        "  teacher t0: cc-by-nc-4.0 asks for attribution, non-commercial",
        "choose a license: that asks for the same, or state why not in license_override: (the card quotes it)",
    ]
    refuse_looser(recipe("cc0-1.0", "cc-by-sa-4.0", "cc-by-nc-4.0", license_override="the authors agreed"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_no_recipe_that_we_ship_is_looser(path: Path) -> None:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    for each in data["teachers"].values():
        if "gguf" not in each:
            each |= {"endpoint": "http://x"}
        each.pop("token", None)
    assert looser(Recipe.model_validate(data)) == []


def test_a_looser_license_is_refused_before_anybody_is_asked_and_an_override_is_published(tmp_path: Path) -> None:
    with tgi.serve(double("a")) as handle:
        trial = Trial(tmp_path, {"a": teacher("a", handle.url, license="cc-by-nc-4.0")})
        trial.write()
        for verb in ("check", "build"):
            ran = trial.run(verb)
            assert ran.code == 2
            assert "teacher a: cc-by-nc-4.0 asks for non-commercial" in ran.err
        assert handle.log == []
        assert not trial.run_folder.exists()
        trial.more["license_override"] = "the model's authors agreed [in writing]"
        trial.write()
        report = trial.run("check", "--json").json["licenses"]
        assert report["override"] == trial.more["license_override"]
        assert [(part["what"], part["lacks"]) for part in report["sources"]] == [
            ("prompts prompts.jsonl", []),
            ("teacher a", ["non-commercial"]),
        ]
        shown = trial.run("check").out
        assert "non-commercial (not the dataset's)" in shown
        assert "the model's authors agreed [in writing]" in shown
        assert trial.build().code == 0
    manifest = json.loads((trial.dataset / "manifest.json").read_bytes())
    assert manifest["recipe"]["license_override"] == trial.more["license_override"]
    assert manifest["license_conflicts"] == [
        {"what": "teacher a", "license": "cc-by-nc-4.0", "asks": ["non-commercial"]}
    ]
