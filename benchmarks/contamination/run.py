"""Evaluation items planted among clean prompts: what is found, what is found wrongly, and what a million prompts cost.

    .venv/bin/python benchmarks/contamination/run.py rates --eval FILE.parquet COLUMN... [--clean FILE.jsonl ...]
    .venv/bin/python benchmarks/contamination/run.py memory --eval FILE.parquet COLUMN... [--prompts 1000000]

`rates` plants a sample of items of FILE (with a column language) whole, cut and edited, each in a clean prompt of its
language, where there is one, and looks for all items. `memory` ingests prompts with contamination: and
near_duplicates: on, in another process for each of the two, and prints its peak memory.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
from arbitrage.prompts.contamination import Items, SetCounts
from arbitrage.prompts.ingest import ingest
from arbitrage.prompts.shingles import tokens
from arbitrage.recipe.model import EvaluationSet, Recipe
from arbitrage.store.store import open_store

Dice = random.Random
Edit = Callable[[str, Dice], str]
SAMPLE = 300


def pieces(text: str) -> list[str]:
    """Return words, or characters where there are no spaces."""
    return text.split() if " " in text.strip() else list(text)


def joined(text: str, parts: list[str]) -> str:
    return (" " if " " in text.strip() else "").join(parts)


def cut(share: float) -> Edit:
    def edit(text: str, dice: Dice) -> str:
        parts = pieces(text)
        keep = max(1, round(share * len(parts)))
        start = dice.randrange(len(parts) - keep + 1)
        return joined(text, parts[start : start + keep])

    return edit


def replaced(share: float) -> Edit:
    def edit(text: str, dice: Dice) -> str:
        parts = pieces(text)
        for place in dice.sample(range(len(parts)), max(1, round(share * len(parts)))):
            parts[place] = dice.choice("甲乙丙丁") if " " not in text.strip() else f"zq{dice.randrange(1000)}"
        return joined(text, parts)

    return edit


def shouted(text: str, dice: Dice) -> str:
    """Other case, other punctuation, other spaces."""
    return "  ".join(text.upper().replace(",", ";").replace(".", "!").split())


EDITS: dict[str, Edit] = {
    "whole": lambda text, dice: text,
    "other case and marks": shouted,
    "3/4 of it": cut(0.75),
    "half of it": cut(0.5),
    "1/4 of it": cut(0.25),
    "5 % of words replaced": replaced(0.05),
    "10 % replaced": replaced(0.10),
    "20 % replaced": replaced(0.20),
    "30 % replaced": replaced(0.30),
}
SIZES = ((5, 9), (10, 19), (20, 39), (40, 10**9))


def rates(path: Path, columns: list[str], clean_files: list[Path]) -> None:
    counts = SetCounts()
    items = Items([EvaluationSet(name="set", path=str(path), columns=columns)], Path(), [counts])
    print(f"{counts.items:,} items, {counts.too_short:,} too short to look for")
    clean: dict[str, list[str]] = defaultdict(list)
    for file in clean_files:
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            clean[row["language"]].append(row["prompt"])
    for language, texts in sorted(clean.items()):
        held = [(text, found) for text in texts if (found := items.held_by(text))]
        print(f"clean prompts, {language}: {len(held)} of {len(texts):,} found")
        for text, found in held[:2]:
            print(f"   {found[0].share:.0%} of {found[0].where}: {' '.join(text.split())[:150]}")
    table = pyarrow.parquet.read_table(path, columns=["language", *columns]).to_pylist()
    by_language: dict[str, list[str]] = defaultdict(list)
    for row in table:
        by_language[row["language"]] += [row[column] for column in columns]
    print(
        "\n| planted | " + " | ".join(f"{low} to {high}" if high < 10**9 else f"{low} or more" for low, high in SIZES)
    )
    print("| --- |" + " ---: |" * len(SIZES))
    for name, edit in EDITS.items():
        hits: dict[int, list[bool]] = defaultdict(list)
        for language, texts in sorted(by_language.items()):
            dice = random.Random(f"{name}:{language}")
            for text in dice.sample(texts, min(SAMPLE, len(texts))):
                words, single = tokens(text)
                size = len(words) // 2 if single > 0.5 else len(words)
                place = next((n for n, (low, high) in enumerate(SIZES) if low <= size <= high), None)
                if place is None:
                    continue
                around = dice.choice(clean[language]) if clean[language] else "?"
                hits[place].append(bool(items.held_by(f"{around}\n{edit(text, dice)}\n")))
        cells = [
            f"{100 * sum(hits[n]) / len(hits[n]):.1f} % of {len(hits[n]):,}" if hits[n] else "-"
            for n in range(len(SIZES))
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def ingest_here(folder: Path, more: dict[str, object]) -> None:
    recipe = Recipe.model_validate(
        {
            "name": "memory",
            "license": "cc0-1.0",
            "languages": ["en"],
            "teachers": {"t": {"endpoint": "http://localhost:1", "api": "tgi", "model": "m"}},
            "arms": {"random": {"router": "random"}},
            "prompts": [{"path": "prompts.jsonl", "language": "en"}],
            **more,
        }
    )
    started = time.monotonic()
    with open_store(folder / "store.sqlite") as store, (folder / "log").open("w") as log:
        found = ingest(store, recipe, folder, lambda line: None, lambda line: print(line, file=log))
    counts = found.sources[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{' and '.join(more) or 'neither'}: {counts.read:,} read, {counts.near_duplicates:,} near-duplicates, "
        f"{ {name: sum(one.prompts.values()) for name, one in found.evaluation_sets.items()} } hold an item; "
        f"peak {peak:.0f} MB, {time.monotonic() - started:.0f} s"
    )


def memory(path: Path, columns: list[str], prompts: int) -> None:
    table = pyarrow.parquet.read_table(path, columns=columns)
    with tempfile.TemporaryDirectory() as name:
        folder, dice = Path(name), random.Random(5)
        words = [f"w{n}" for n in range(50_000)]
        with (folder / "prompts.jsonl").open("w") as stream:
            for n in range(prompts):
                text = " ".join(dice.choices(words, k=30))
                if n % 1000 == 0:
                    text += " " + table.column(columns[0])[dice.randrange(table.num_rows)].as_py()
                if n % 1000 == 1:
                    stream.write(json.dumps({"prompt": f"{text} please"}) + "\n")
                stream.write(json.dumps({"prompt": text}) + "\n")
        one = {"name": "set", "path": str(path.resolve()), "columns": columns}
        path_of = os.pathsep.join(sys.path)
        for more in ({}, {"contamination": [one]}, {"near_duplicates": 0.8}):
            command = [sys.executable, __file__, "one", str(folder), json.dumps(more)]
            subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": path_of})
            for file in folder.glob("store.sqlite*"):
                file.unlink()


def main() -> None:
    if sys.argv[1:2] == ["one"]:
        ingest_here(Path(sys.argv[2]), json.loads(sys.argv[3]))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["rates", "memory"])
    parser.add_argument("--eval", nargs="+", required=True)
    parser.add_argument("--clean", nargs="*", type=Path, default=[])
    parser.add_argument("--prompts", type=int, default=1_000_000)
    options = parser.parse_args()
    path, columns = Path(options.eval[0]), options.eval[1:]
    if options.what == "rates":
        rates(path, columns, options.clean)
    else:
        memory(path, columns, options.prompts)


if __name__ == "__main__":
    main()
