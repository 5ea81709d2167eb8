import re
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from arbitrage.dataset import read_manifest


def load(folder: Path, cache: Path, *config: str) -> Any:
    return datasets.load_dataset(str(folder), *config, cache_dir=str(cache))


def test_every_declared_config_loads_with_all_its_rows(folder: Path, tmp_path: Path) -> None:
    manifest = read_manifest(folder)
    assert datasets.get_dataset_config_names(str(folder)) == sorted(manifest.configs)
    for config, splits in manifest.configs.items():
        table, _, language = config.partition("-")
        loaded = load(folder, tmp_path, config)
        assert set(loaded) == set(splits)
        for split in splits:
            paths = sorted(folder.glob(f"{table}/{language or '*'}/{split}-*.parquet"))
            wanted = [row["prompt_id"] for path in paths for row in pq.read_table(path).to_pylist()]
            assert loaded[split]["prompt_id"][:] == wanted


def test_reward_is_what_loads_when_no_config_is_named(folder: Path, tmp_path: Path) -> None:
    assert load(folder, tmp_path)["train"].num_rows == load(folder, tmp_path, "reward")["train"].num_rows


def test_the_code_on_the_card_runs(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block.replace("path/to/this/folder", str(folder)), names)
    row = names["rows"][0]
    assert [turn["role"] for turn in row["messages"]][-2:] == ["user", "assistant"]
    assert not {"prompt", "completion"} & set(row)
