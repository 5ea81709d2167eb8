import os
import re
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import arbitrage_cards
import datasets
import pyarrow.parquet as pq
import pytest
import yaml
from arbitrage_cards.escape import escape
from arbitrage_cards.front_matter import scalar
from arbitrage_cards.licenses import LICENSES
from cards.conftest import without_config
from cards.large import large
from dataset.world import HOSTILE
from hub import card_lists
from hub.card import check_commit, validate
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt
from markdown_it.token import Token

KNOWN = LICENSES & set(card_lists.LICENSES)
GOLDEN = Path(__file__).with_name("golden.txt")


def body_of(card: str) -> str:
    return card.split("\n---\n", 1)[1]


def test_the_whole_card(manifest: dict[str, Any]) -> None:
    new = without_config(manifest, "single_north")
    new["recipe"] = {**manifest["recipe"], "license_override": f"The mayor said so. {HOSTILE}"}
    new["license_conflicts"] = [{"what": "teacher north", "license": "llama3.1", "asks": ["attribution"]}]
    old = deepcopy(manifest)
    old["license"] = "cc-by-4.0"
    del old["arms"]["reward"]
    card = arbitrage_cards.render(new, "org/small-world", "v1.1.0", ("v1.0.0", old))
    if "UPDATE_GOLDEN" in os.environ:
        GOLDEN.write_text(card, encoding="utf-8")
    assert card == GOLDEN.read_text(encoding="utf-8")


def test_a_folder_holds_its_card_and_its_pictures(built: Path, manifest: dict[str, Any]) -> None:
    assert arbitrage_cards.render(manifest) == (built / "README.md").read_text(encoding="utf-8")
    pictures = arbitrage_cards.pictures(manifest)
    assert {path: (built / path).read_bytes() for path in pictures} == pictures
    assert sorted(pictures) == sorted(re.findall(r"!\[.*?\]\((.*?)\)", arbitrage_cards.render(manifest)))


def test_folders_of_one_name_do_not_pass_for_each_other_where_they_are_loaded(
    built: Path, manifest: dict[str, Any], tmp_path: Path
) -> None:
    """`datasets` looks for what it has under a folder's name and its card's configs, not under its path or files."""
    other = deepcopy(manifest)
    file = next(path for path in manifest["files"] if path.startswith("reward/") and "/train-" in path)
    first, second = tmp_path / "first/dataset", tmp_path / "second/dataset"
    for folder in (first, second):
        shutil.copytree(built, folder)
    pq.write_table(pq.read_table(second / file)[:1], second / file)
    other["files"][file]["rows_sha256"] = "0" * 64
    (second / "README.md").write_text(arbitrage_cards.render(other), encoding="utf-8")
    loaded = [
        len(datasets.load_dataset(str(folder), "reward", split="train", cache_dir=str(tmp_path / "cache")))
        for folder in (first, second, first)
    ]
    assert loaded[0] == loaded[2] > loaded[1]


def test_the_head_is_what_the_hub_takes(manifest: dict[str, Any]) -> None:
    card = DatasetCard(arbitrage_cards.render(manifest))
    head = card.data.to_dict()
    assert head["language"] == ["ar", "de", "no", "sr"]
    assert head["license"] == "cc-by-nc-4.0"
    assert head["license_link"] == "https://creativecommons.org/licenses/by-nc/4.0/"
    assert head["multilinguality"] == ["multilingual"]
    assert head["size_categories"] == ["n<1K"]
    assert head["source_datasets"] == ["org/prompts"]
    assert [config["config_name"] for config in head["configs"]] == sorted(manifest["configs"])
    assert [config["config_name"] for config in head["configs"] if config.get("default")] == ["reward"]
    for config in head["configs"]:
        splits = {file["split"]: file["path"] for file in config["data_files"]}
        assert splits == manifest["configs"][config["config_name"]]


@pytest.mark.parametrize("license_id", sorted([*KNOWN, "my-own_License 1.0", HOSTILE, "عربي", "---"]))
def test_the_hub_takes_any_license(manifest: dict[str, Any], license_id: str) -> None:
    card = arbitrage_cards.render({**manifest, "license": license_id})
    assert validate(card, "dataset") == ([], [])
    check_commit(card, "dataset", list(manifest["files"]), new=True)
    head = DatasetCard(card).data.to_dict()
    assert head["license"] == (license_id if license_id in LICENSES else "other")
    assert ("license_name" in head) == (license_id not in LICENSES)


@pytest.mark.parametrize(
    "source",
    [
        {"path": "org/prompts"},
        {"path": "prompts.jsonl", "revision": "c" * 40},
        {"path": "../org/prompts", "revision": "c" * 40},
        {"path": "org/prompts", "revision": "main"},
        {"path": HOSTILE, "revision": "c" * 40},
        {},
    ],
)
def test_only_what_is_pinned_on_the_hub_is_a_source_dataset(manifest: dict[str, Any], source: dict[str, Any]) -> None:
    found = {**manifest, "recipe": {**manifest["recipe"], "prompts": [source]}}
    card = arbitrage_cards.render(found)
    assert "source_datasets" not in DatasetCard(card).data.to_dict()
    assert "huggingface.co/datasets" not in card


@pytest.mark.parametrize("text", ["no", "y", "1e3", "0x1f", "1:30", "", "~", "a: b", "- x", "é😀", '"', "\\", "---"])
def test_yaml_strings_stay_strings(text: str) -> None:
    assert yaml.safe_load(scalar(text)) == text


def test_only_what_has_a_config_is_offered(manifest: dict[str, Any]) -> None:
    card = body_of(arbitrage_cards.render(without_config(manifest, "single_north"), "org/name", "v1.0.0"))
    offered = set(re.findall(r"^\| `(\w+)` \|", card, re.MULTILINE))
    assert offered == {"reward", "random", "pool", "routes", "preferences"}
    assert "Compared below but not published (their rows are in `pool` and `routes`): single_north." in card
    assert "Without any row: single_dead." in card
    assert "| single_north |" in card.split("## Rewards")[1]


def test_the_number_of_rows_is_that_of_the_files(manifest: dict[str, Any]) -> None:
    card = arbitrage_cards.render(manifest)
    for config in ("reward", "pool", "preferences"):
        splits = [
            sum(file["rows"] for path, file in manifest["files"].items() if re.match(f"{config}/.*/{split}-", path))
            for split in ("train", "test")
        ]
        assert re.search(rf"\| `{config}` \|.*\| {splits[0]:,} \| {splits[1]:,} \|", card)


def test_versions_are_spoken_of_where_they_are_known(manifest: dict[str, Any]) -> None:
    assert "## Changes" not in arbitrage_cards.render(manifest)
    first = arbitrage_cards.render(manifest, "org/name", "v1.0.0")
    assert "v1.0.0 is the first version." in first
    assert 'load_dataset("org/name", "reward", split="train", revision="v1.0.0")' in first
    same = arbitrage_cards.render(manifest, "org/name", "v1.0.1", ("v1.0.0", manifest))
    assert "## Changes since v1.0.0\n\n- Rows, recipe and counts are the same; the card alone is new." in same


def tokens(card: str) -> list[Token]:
    found = MarkdownIt("commonmark", {"html": True}).enable("table").parse(body_of(card))
    return [inner for token in found for inner in (token, *(token.children or []))]


def is_inert(card: str) -> None:
    """Make sure that nothing on a card is a link, a picture or a tag that we did not set."""
    allowed = "https://(huggingface.co|arxiv.org|creativecommons.org|spdx.org|github.com/meta-llama)/"
    for token in tokens(card):
        if token.type in ("html_block", "html_inline"):
            left = re.sub(r"</?(details|summary)>|<summary>[^<>]*</summary>", "", token.content)
            assert "<" not in left, token.content
        if token.type == "link_open":
            assert re.match(allowed, str(token.attrGet("href"))), token
        if token.type == "image":
            assert str(token.attrGet("src")) in ("assets/wins.png", "assets/rewards.png")
    assert "\u202e" not in card
    assert "\x7f" not in card


def poisoned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: poisoned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def test_foreign_text_is_inert(manifest: dict[str, Any]) -> None:
    recipe = poisoned(manifest["recipe"])
    recipe |= {"sampling": {HOSTILE: HOSTILE}, "license_override": HOSTILE, "route_by": HOSTILE}
    answers = deepcopy(manifest["pool"]["teachers"]["north"])
    answers["served"] = poisoned(answers["served"])
    for found in answers["languages"].values():
        found |= {"checks": {HOSTILE: 1}, "errors": {HOSTILE: 2}}
    recipe["teachers"][HOSTILE] = recipe["teachers"]["north"]
    pool = {**manifest["pool"], "teachers": {**manifest["pool"]["teachers"], HOSTILE: answers}}
    arms = {
        name: {**arm, "router": HOSTILE, "without_row": {HOSTILE: 1}, "chosen": {"de": {HOSTILE: 3}}}
        for name, arm in manifest["arms"].items()
    }
    facts = {
        "imported": {HOSTILE: {HOSTILE: 1}},
        "cost_usd": {HOSTILE: HOSTILE},
        "license_conflicts": [{"what": HOSTILE, "license": HOSTILE, "asks": [HOSTILE]}],
        "prompt_sources": [{"read": HOSTILE}],
        "translation": {
            "model": HOSTILE,
            "revision": HOSTILE,
            "from": HOSTILE,
            "languages": {HOSTILE: {"train": HOSTILE, "test": 1, "dropped": {HOSTILE: 1}}},
        },
        "contamination": {"action": HOSTILE, "sets": {HOSTILE: {"items": HOSTILE, "prompts": {HOSTILE: 3}}}},
        "language_check": {
            "detector": HOSTILE,
            "language_check": HOSTILE,
            "languages": {HOSTILE: {"right": HOSTILE, "wrong": 1, "found": {HOSTILE: 1}}},
        },
    }
    found = {**manifest, "recipe": recipe, "pool": pool, "arms": arms, "name": HOSTILE, "license": HOSTILE, **facts}
    card = arbitrage_cards.render(found, "org/name", "v1.0.0", (HOSTILE, manifest))
    is_inert(card)
    is_inert(arbitrage_cards.render(manifest))
    is_inert(arbitrage_cards.render(manifest, previous=(HOSTILE, found)))
    headings = [token.content for token in tokens(card) if token.type == "inline" and token.content == "head"]
    assert headings == []
    assert "http://evil" not in body_of(card)
    assert "&#60;script&#62;" in card


@pytest.mark.parametrize(
    "wrong", [None, [], "x", 7, {"north": None}, {"north": "x"}, [None], [{}], {"north": {"a": "b"}}]
)
def test_facts_that_are_no_facts_are_left_out(manifest: dict[str, Any], wrong: Any) -> None:
    names = "cost_usd imported prompt_sources license_conflicts translation contamination language_check".split()
    facts = dict.fromkeys(names, wrong)
    is_inert(arbitrage_cards.render({**manifest, **facts}))
    arbitrage_cards.changes({**manifest, **facts}, manifest)


@pytest.mark.parametrize("size", [(7, 9, 15), (60, 30, 30), (1, 1, 1)])
def test_tables_are_whole_at_any_size(size: tuple[int, int, int]) -> None:
    manifest = large(*size)
    card = arbitrage_cards.render(manifest, "org/large", "v1.0.0")
    assert validate(card, "dataset") == ([], [])
    is_inert(card)
    widths: set[int] = set()
    for line in body_of(card).splitlines():
        widths = widths | {line.count(" | ")} if line.startswith("|") else set()
        assert len(widths) <= 1, line
    assert card.count("<details>") == card.count("</details>")
    # Long tables are folded: what is open stays a few screens at any number of languages.
    opened = re.sub(r"<details>.*?</details>", "", body_of(card), flags=re.DOTALL)
    assert len(opened.splitlines()) < 160 + 8 * max(size)
    if size == (7, 9, 15):
        assert len(card.encode()) < 120_000


def test_what_was_not_looked_for_is_said(manifest: dict[str, Any]) -> None:
    whole = arbitrage_cards.render(manifest)
    assert "| de | 90 | 3 | 1 | 96.8 % | 200 | 97.5 % | en 2, nl 1 |" in whole
    assert "| no | 0 | 0 | 50 | – | 0 | – | – |" in whole
    assert "| xnli | 2,490 | 12 | 4 | de 3, ar 1 |" in whole
    assert "Near-duplicate prompts were not looked for." in whole
    recipe = {**manifest["recipe"], "near_duplicates": 0.8}
    less = {key: value for key, value in manifest.items() if key not in ("contamination", "language_check")}
    card = arbitrage_cards.render({**less, "recipe": recipe})
    assert "No evaluation set was checked" in card
    assert "80 % the same" in card
    assert "Language of the answers" not in card


def test_one_language_is_told_without_sums(manifest: dict[str, Any]) -> None:
    card = arbitrage_cards.render(large(1, 2, 2))
    assert "in one language (ar)" in card
    assert "<details>" not in card
    assert "Over all languages" not in card
    assert "monolingual" in card


def test_one_teacher_is_no_pool(manifest: dict[str, Any]) -> None:
    manifest["pool"]["teachers"] = {"north": manifest["pool"]["teachers"]["north"]}
    card = arbitrage_cards.render(manifest)
    assert "written by one teacher model" in card
    assert "pool of" not in card


def test_escaping_keeps_what_people_read() -> None:
    assert escape("CohereLabs/aya-23_8B v1.0 – مرحبا 😀 👨‍👩‍👧") == "CohereLabs/aya-23_8B v1.0 – مرحبا 😀 👨‍👩‍👧"
    assert escape("_x_ www.a.b c://d") == "&#95;x&#95; www&#46;a.b c&#58;//d"
    assert len(escape("a" * 500)) == 200


def test_the_card_is_a_leaf() -> None:
    for path in Path(arbitrage_cards.__file__).parent.glob("*.py"):
        assert not re.search(r"^\s*(from|import) arbitrage(\.|\s|$)", path.read_text(), re.MULTILINE)
