import contextlib
import json
import math
import tracemalloc
from dataclasses import replace
from pathlib import Path

import arbitrage_cards
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from arbitrage.dataset import folder as folders
from arbitrage.dataset import read_manifest, shards
from arbitrage.errors import DatasetError
from arbitrage.recipe.model import TRAINER_COLUMNS
from arbitrage.records import Route, Routed
from dataset.world import (
    COUNTS,
    FACTS,
    PUBLISHED,
    RECIPE_TEXT,
    answer,
    build,
    items,
    prompts,
    recipe,
    route,
)

OWN = {
    "pool": "prompt_id source_id language prompt teacher model revision draw completion reasoning "
    "finish_reason prompt_tokens completion_tokens tokens_from checks reward rewards parents error "
    "reference score facets",
    "routes": "prompt_id language arm asked chosen why",
    "preferences": "prompt chosen rejected chosen_reward rejected_reward chosen_teacher rejected_teacher "
    "language prompt_id source_id",
    "reward": "prompt completion language prompt_id source_id teacher reward checks reference score facets",
}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_the_same_run_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    def backwards(language: str, split: str):
        for routed in items(language, split):
            yield replace(routed, answers=routed.answers[::-1], routes=routed.routes[::-1])

    build(tmp_path / "other", items=backwards)
    assert contents(tmp_path / "other") == contents(folder)


def test_files_are_what_the_manifest_says(folder: Path) -> None:
    manifest = read_manifest(folder)
    pictures = arbitrage_cards.pictures(manifest.as_dict())
    assert set(contents(folder)) == {*manifest.files, *pictures, "README.md", "recipe.yaml", "manifest.json"}
    for path, file in manifest.files.items():
        data = pq.ParquetFile(folder / path)
        assert data.metadata.num_rows == file.rows > 0
        assert shards.file_sha256(folder / path) == file.file_sha256
        found = shards.RowHash()
        found.update(data.read().to_pylist())
        assert (found.all, found.groups) == (file.rows_sha256, file.groups_sha256)
        names = OWN.get(path.split("/")[0], OWN["reward"])
        assert data.schema_arrow.names == names.split()
        assert set(data.schema_arrow.metadata or {}) <= {b"ARROW:schema"}
        assert set(data.metadata.metadata or {}) <= {b"ARROW:schema"}
        if path.split("/")[0] in PUBLISHED["arms"]:
            assert not set(TRAINER_COLUMNS) & set(data.schema_arrow.names)
    assert manifest.recipe == PUBLISHED
    assert json.loads((folder / "manifest.json").read_bytes()) == manifest.as_dict() | FACTS
    assert (folder / "recipe.yaml").read_text() == RECIPE_TEXT


def test_parquet_holds_only_what_old_readers_know(folder: Path) -> None:
    for path in folder.rglob("*.parquet"):
        metadata = pq.ParquetFile(path).metadata
        group = metadata.row_group(0)
        encodings = {code for number in range(group.num_columns) for code in group.column(number).encodings}
        assert encodings <= {"PLAIN", "RLE", "RLE_DICTIONARY"}
        assert {group.column(number).compression for number in range(group.num_columns)} == {"ZSTD"}
        assert metadata.format_version == "2.6"
        assert all(group.column(number).has_offset_index for number in range(group.num_columns))


def test_rows_come_back_as_they_went_in(folder: Path) -> None:
    rows = pq.read_table(folder / "pool/de/train-00000.parquet").to_pylist()
    wanted = [found for routed in items("de", "train") for found in routed.answers]
    assert [row["completion"] for row in rows] == [found.completion for found in wanted]
    assert [repr(row["reward"]) for row in rows] == [repr(found.reward) for found in wanted]
    assert {row["error"] for row in rows} == {None, "timeout", "validation"}
    rewarded = pq.read_table(folder / "reward/de/train-00000.parquet").to_pylist()
    assert all(row["completion"][0]["role"] == "assistant" for row in rewarded)
    routes = pq.read_table(folder / "routes/de/train-00000.parquet").to_pylist()
    assert len(rewarded) == sum(row["chosen"] is not None for row in routes if row["arm"] == "reward")


def test_preferences_hold_one_honest_pair_a_prompt(folder: Path) -> None:
    rows = pq.read_table(folder / "preferences/de/train-00000.parquet").to_pylist()
    assert rows
    for row in rows:
        assert row["chosen_reward"] > row["rejected_reward"]
        assert row["chosen"] != row["rejected"]
    assert len({row["prompt_id"] for row in rows}) == len(rows)


def test_an_arm_without_rows_is_counted_and_has_no_config(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert not (folder / "single_dead").exists()
    assert not [name for name in manifest.configs if name.startswith("single_dead")]
    arm = manifest.arms["single_dead"]
    assert sum(arm.without_row.values()) == sum(COUNTS.values())
    assert arm.rows == {}


def test_common_rewards_are_over_the_prompts_of_every_arm(folder: Path) -> None:
    manifest = read_manifest(folder)
    found: dict[str, list[float]] = {"random": [], "reward": [], "single_north": []}
    sources = set()
    for split in ("train", "test"):
        for routed in items("de", split):
            rewards = {
                route.arm: next(a.reward for a in routed.answers if (a.teacher, a.draw) == route.chosen)
                for route in routed.routes
                if route.chosen
            }
            if len(rewards) == 3 and None not in rewards.values():
                sources.add(routed.prompt.source_id)
                for name, reward in rewards.items():
                    found[name].append(reward or 0.0)
    common = manifest.common["de"]
    assert common.prompts == len(found["random"]) > 0
    assert common.sources == len(sources) > 1
    means = {name: math.fsum(rewards) / common.prompts for name, rewards in found.items()}
    assert {name: estimate.mean for name, estimate in common.reward.items()} == means
    assert set(common.gain) == {"reward", "single_north"}


def test_shards_split_at_a_fixed_row_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "SHARD_ROWS", 2000)

    def many(language: str, split: str):
        for prompt in prompts(language, split, 1200 if (language, split) == ("no", "train") else 0):
            yield route(prompt)

    manifest = build(tmp_path / "dataset", items=many)
    pool = {path: file for path, file in manifest.files.items() if path.startswith("pool")}
    assert list(pool) == [f"pool/no/train-0000{number}.parquet" for number in range(3)]
    assert [file.rows for file in pool.values()] == [2000, 2000, 800]
    assert [len(file.groups_sha256) for file in pool.values()] == [2, 2, 1]
    assert pq.ParquetFile(tmp_path / "dataset/pool/no/train-00000.parquet").metadata.num_row_groups == 2


def test_no_prompts_at_all_still_make_a_folder(tmp_path: Path) -> None:
    manifest = build(tmp_path / "dataset", items=lambda language, split: ())
    assert (manifest.files, manifest.configs, manifest.default_config) == ({}, {}, None)
    assert "load_dataset" not in (tmp_path / "dataset/README.md").read_text()


class Killed(BaseException):
    """Nothing catches it by name."""


def few(language: str, split: str):
    return list(items(language, split))[:3]


@pytest.mark.parametrize("calls", range(0, 40, 8))
@pytest.mark.parametrize("point", ["sync", "rename", "rmtree", "add"])
def test_a_kill_leaves_what_the_next_build_repairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, calls: int
) -> None:
    folder = tmp_path / "dataset"
    build(folder, items=few, facts={"cost_usd": {}})
    old = contents(folder)
    left = [calls // 8 if point in ("rename", "rmtree") else calls]

    def dying(real):
        def call(*args, **kwargs):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        # A kill runs no handler either.
        patch.setattr(
            folders.shutil,
            "rmtree",
            dying(folders.shutil.rmtree) if point == "rmtree" else lambda *a, **k: None,
        )
        if point == "sync":
            patch.setattr(folders, "sync", dying(folders.sync))
            patch.setattr(shards, "sync", dying(shards.sync))
        if point == "rename":
            patch.setattr(Path, "rename", dying(Path.rename))
        if point == "add":
            patch.setattr(shards.Shards, "add", dying(shards.Shards.add))
        with contextlib.suppress(Killed):
            build(folder, items=few)
    folders.repair(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]
    found = contents(folder)
    build(folder, items=few)
    new = contents(folder)
    assert found in (old, new)
    assert old != new
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_what_is_no_dataset_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset/thesis.txt").write_text("mine")
    with pytest.raises(DatasetError, match="in the way"):
        build(tmp_path / "dataset")
    assert (tmp_path / "dataset/thesis.txt").read_text() == "mine"


def _rich(routed: Routed) -> Routed:
    answers = [replace(found, completion="x", error=None, reward=1e200) for found in routed.answers]
    return replace(routed, answers=answers, routes=[Route("reward", [], (answers[0].teacher, 0), "")])


def test_mistakes_of_the_caller_are_named(tmp_path: Path) -> None:
    def once(change):
        def found(language: str, split: str):
            if (language, split) == ("de", "train"):
                yield change(route(prompts("de", "train", 1)[0]))

        return found

    def broken(**changes):
        return once(lambda routed: replace(routed, answers=[replace(routed.answers[1], **changes)], routes=[]))

    for wrong, message in [
        (once(lambda routed: replace(routed, prompt=replace(routed.prompt, language="no"))), "out of order"),
        (
            once(lambda routed: replace(routed, prompt=replace(routed.prompt, columns={"x": 1}))),
            "x have no type",
        ),
        (
            once(lambda routed: replace(routed, routes=[Route("nobody", [], None, "")])),
            "not one for each arm",
        ),
        (once(lambda routed: replace(routed, routes=[Route("reward", [], ("x", 0), "")])), "no completion"),
        (broken(completion="\ud800"), "column completion"),
        (broken(reward=float("nan")), "not finite"),
        (once(_rich), "too large to count with"),
        (broken(prompt_tokens=2**63), "column prompt_tokens"),
    ]:
        with pytest.raises(DatasetError, match=message):
            build(tmp_path / "dataset", items=wrong)
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(DatasetError, match="carried columns cannot be called messages"):
        build(tmp_path / "dataset", column_types={"messages": pa.string()})
    with pytest.raises(DatasetError, match="facts cannot be called files"):
        build(tmp_path / "dataset", facts={"files": 1})
    with pytest.raises(DatasetError, match=r"manifest\.json"):
        build(tmp_path / "dataset", facts={"when": object()})


@pytest.mark.long
def test_memory_does_not_grow_with_the_dataset(tmp_path: Path) -> None:
    found = prompts("de", "train", 1)[0]

    def generated(count: int):
        def generate(language: str, split: str):
            if (language, split) == ("de", "train"):
                for number in range(count):
                    prompt = replace(found, id=f"{number:032x}", source_id=str(number))
                    only = replace(answer(found, "north"), teacher="north", completion=f"hello {number}", error=None)
                    yield Routed(prompt, [only], [Route("single_north", [], ("north", 0), "only answer")])

        return generate

    def peak(count: int) -> int:
        tracemalloc.start()
        build(tmp_path / str(count), items=generated(count), recipe=recipe())
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(10)
    assert peak(6_000) < peak(2_000) * 1.3 + 2**20
