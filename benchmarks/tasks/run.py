"""lm-eval's tasks over local files, of a model that knows nothing: accuracy must be chance, and intervals must hold it.

    run.py FOLDER --xnli xnli.parquet --xcopa xcopa.parquet [--limit N] [--json FILE]

The task files include lm-eval's own, so that prompts are its own, and change where the data lies. xnli.parquet has the
columns language, premise, hypothesis and label; xcopa.parquet has language, premise, choice1, choice2, question and
label; both may have split. Everything is kept in FOLDER, and the same command goes on there.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("builder", "dataset_cards", "eval", "tests")]

from arbitrage_eval.tasks.checking import check_tasks  # noqa: E402
from arbitrage_eval.tasks.examined import Examined  # noqa: E402
from arbitrage_eval.tasks.running import run_tasks  # noqa: E402
from arbitrage_eval.tasks.task import Task  # noqa: E402
from rewards.tiny_model import write_chat_model  # noqa: E402

CHANCE = {"xnli": 1 / 3, "xcopa": 1 / 2}
LABELS = ("entailment", "neutral", "contradiction")
"""In the order of the choices of lm-eval's xnli."""


def write_tasks(folder: Path, family: str, data: Path) -> Iterator[str]:
    """Write a task file for each language that lm-eval has a task for, and yield the files' names."""
    spec = find_spec("lm_eval")
    assert spec is not None and spec.submodule_search_locations
    theirs = Path(spec.submodule_search_locations[0]) / "tasks" / family
    table = pq.read_table(data)
    if family == "xnli" and pa.types.is_string(table.schema.field("label").type):
        labels = pa.array([LABELS.index(label) for label in table["label"].to_pylist()])
        table = table.set_column(table.schema.get_field_index("label"), "label", labels)
    for language in sorted(set(table["language"].to_pylist())):
        # xcopa's first language is in the file that the others include.
        found = [theirs / f"{name}_{language}.yaml" for name in (family, "default")]
        original = next((path for path in found if path.is_file()), None)
        if original is None:
            continue
        name = f"{family}_{language}"
        rows = table.filter(pc.equal(table["language"], language))
        if family == "xcopa" and "split" in table.column_names:
            rows = rows.filter(pc.equal(rows["split"], "test"))
        pq.write_table(rows, folder / f"{name}.parquet")
        settings = {
            "include": str(original),
            "dataset_path": "parquet",
            "dataset_name": None,
            "dataset_kwargs": {"data_files": {"test": f"{name}.parquet"}},
            "training_split": None,
            "validation_split": None,
            "test_split": "test",
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        yield f"{name}.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--xnli", type=Path, required=True)
    parser.add_argument("--xcopa", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    if not (told.folder / "model").exists():
        config = write_chat_model(told.folder / "model") / "config.json"
        # The longest of these texts are longer than the model that tests ask; its positions are no weights.
        config.write_text(json.dumps(json.loads(config.read_text()) | {"max_position_embeddings": 4096}))
    files = [*write_tasks(told.folder, "xnli", told.xnli), *write_tasks(told.folder, "xcopa", told.xcopa)]
    tasks = [Task(yaml=file, limit=told.limit) for file in files]
    models = [Examined("random", None, pretrained="model")]
    check_tasks(tasks, models, told.folder)
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - begun:6.0f} s  {line}", file=sys.stderr)

    found = run_tasks(tasks, models, told.folder, told.folder / "kept", 0, say)
    if told.json:
        told.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("| task | documents | accuracy | 95 % interval | chance | inside |")
    print("| --- | ---: | ---: | ---: | ---: | :---: |")
    for task in found["models"]["random"].values():
        if "failed" in task:
            print(f"failed: {task['failed']}", file=sys.stderr)
            continue
        for name, one in task["tasks"].items():
            acc, chance = one["metrics"]["acc"], CHANCE[name.partition("_")[0]]
            inside = "yes" if acc["low"] is not None and acc["low"] <= chance <= acc["high"] else "no"
            ends = "–" if acc["low"] is None else f"{acc['low']:.3f} to {acc['high']:.3f}"
            print(f"| {name} | {one['n']:,} | {acc['value']:.3f} | {ends} | {chance:.3f} | {inside} |")


if __name__ == "__main__":
    main()
