import json
import os
import re
from pathlib import Path
from typing import Any

import arbitrage_cards
import pytest
import yaml
from arbitrage_cards.escape import escape
from arbitrage_cards.front_matter import scalar
from dataset.world import HOSTILE, build
from huggingface_hub import DatasetCard

GOLDEN = Path(__file__).with_name("golden.txt")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("card") / "dataset"
    build(folder)
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    assert arbitrage_cards.render(found) == (folder / "README.md").read_text(encoding="utf-8")
    return found


def test_the_whole_card(manifest: dict[str, Any]) -> None:
    card = arbitrage_cards.render(manifest, "org/small-world", "v1.0.0")
    if "UPDATE_GOLDEN" in os.environ:
        GOLDEN.write_text(card, encoding="utf-8")
    assert card == GOLDEN.read_text(encoding="utf-8")


def test_the_head_is_what_the_hub_takes(manifest: dict[str, Any]) -> None:
    card = DatasetCard(arbitrage_cards.render(manifest))
    head = card.data.to_dict()
    assert head["language"] == ["ar", "de", "no", "sr"]
    assert head["license"] == "cc-by-nc-4.0"
    assert head["size_categories"] == ["n<1K"]
    assert [config["config_name"] for config in head["configs"]] == sorted(manifest["configs"])
    assert [config["config_name"] for config in head["configs"] if config.get("default")] == ["reward"]
    for config in head["configs"]:
        splits = {file["split"]: file["path"] for file in config["data_files"]}
        assert splits == manifest["configs"][config["config_name"]]


def test_a_license_of_ones_own_is_other_with_a_name(manifest: dict[str, Any]) -> None:
    head = DatasetCard(arbitrage_cards.render({**manifest, "license": HOSTILE})).data.to_dict()
    assert head["license"] == "other"
    assert head["license_name"] == "".join(char for char in HOSTILE if char.isprintable())


@pytest.mark.parametrize("text", ["no", "y", "1e3", "0x1f", "1:30", "", "~", "a: b", "- x", "é😀", '"', "\\", "---"])
def test_yaml_strings_stay_strings(text: str) -> None:
    assert yaml.safe_load(scalar(text)) == text


def test_foreign_text_is_inert(manifest: dict[str, Any]) -> None:
    def poisoned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: poisoned(item) for key, item in value.items()}
        return HOSTILE if isinstance(value, str) else value

    recipe = {
        **manifest["recipe"],
        "prompts": [{"path": HOSTILE, "license": HOSTILE}],
        "sampling": {HOSTILE: HOSTILE},
    }
    pool = {**manifest["pool"], "teachers": {HOSTILE: next(iter(manifest["pool"]["teachers"].values()))}}
    arms = {name: {**arm, "without_row": {HOSTILE: 1}} for name, arm in manifest["arms"].items()}
    body = arbitrage_cards.render({**manifest, "recipe": recipe, "pool": pool, "arms": arms, "name": HOSTILE})
    body = body.split("\n---\n", 1)[1]
    outside = re.sub(r"```.*?```", "", body, flags=re.DOTALL)
    assert "<script" not in body
    assert "\u202e" not in body
    assert "](http://evil" not in body
    assert "http://evil" not in body
    assert (
        outside.count("`") == arbitrage_cards.render(manifest).split("\n---\n", 1)[1].count("`") - body.count("```") * 3
    )
    for line in outside.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
    widths = {
        len(line.split("|")) for line in outside.split("## Teachers")[1].split("##")[0].splitlines() if "|" in line
    }
    assert widths == {10}


def test_escaping_keeps_what_people_read() -> None:
    assert escape("CohereLabs/aya-23_8B v1.0 – مرحبا 😀 👨‍👩‍👧") == "CohereLabs/aya-23_8B v1.0 – مرحبا 😀 👨‍👩‍👧"
    assert escape("_x_ www.a.b c://d") == "&#95;x&#95; www&#46;a.b c&#58;//d"
    assert len(escape("a" * 500)) == 200


def test_the_card_is_a_leaf() -> None:
    for path in Path(arbitrage_cards.__file__).parent.glob("*.py"):
        assert not re.search(r"^\s*(from|import) arbitrage(\.|\s|$)", path.read_text(), re.MULTILINE)
