"""Routers on simulated worlds, and on any matrix of scores: `worlds.py [--seeds 5] [MATRIX ...]`.

A world has nine teachers in seven languages. What sets answers to one prompt apart is, in shares that the world
states: the teacher, language and teacher, the prompt (of which the text shows half, by its topic), and noise. `flat`
has noise alone: there, nobody may claim a gain. A matrix is a Parquet file or a dataset folder, as `arbitrage simulate`
takes it.
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "builder"), str(ROOT / "dataset_cards")]

from arbitrage.dataset.intervals import quantile  # noqa: E402
from arbitrage.simulate.simulate import simulate  # noqa: E402

LANGUAGES = ("ar", "de", "en", "fr", "tr", "uk", "zh")
TEACHERS = tuple(f"teacher{n}" for n in range(1, 10))
WORLDS = {
    "S1 weak": (0.05, 0.10, 0.10, 0.75),
    "S2 medium": (0.15, 0.15, 0.20, 0.50),
    "S3 like WildBench": (0.20, 0.11, 0.41, 0.28),
    "S4 strong language": (0.25, 0.40, 0.20, 0.15),
    "flat": (0.0, 0.0, 0.0, 1.0),
}
TOPICS = 24
TRAIN, TEST = 200, 400
"""Sources, each in every language."""
ARMS = ("fixed", "learned", "learned,top=2", "learned,top=3", "reward")


def write_world(shares: tuple[float, float, float, float], seed: int, path: Path) -> None:
    """Write the scores of one world; a second score has the same merits and noise of its own."""
    of_teacher, of_language, of_prompt, noise = (math.sqrt(share) for share in shares)
    draw, random = np.random.default_rng(seed), Random(seed)
    teacher = of_teacher * draw.normal(size=9)
    language = of_language * draw.normal(size=(len(LANGUAGES), 9))
    topic = of_prompt * math.sqrt(0.5) * draw.normal(size=(TOPICS, 9))

    def words(count: int) -> list[str]:
        return ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(3, 8))) for _ in range(count)]

    special, common = [words(30) for _ in range(TOPICS)], words(200)
    rows: list[dict[str, Any]] = []
    for n in range(TRAIN + TEST):
        about = random.randrange(TOPICS)
        hidden = of_prompt * math.sqrt(0.5) * draw.normal(size=9)
        for place, name in enumerate(LANGUAGES):
            text = " ".join(random.choice(special[about] if random.random() < 0.4 else common) for _ in range(20))
            merit = teacher + language[place] + topic[about] + hidden + 1.5 * draw.normal()
            scores, second = merit + noise * draw.normal(size=9), merit + noise * draw.normal(size=9)
            split = "train" if n < TRAIN else "test"
            rows += [
                {"prompt_id": f"p{n}", "source_id": f"p{n}", "language": name, "split": split, "text": text}
                | {"teacher": who, "score": float(score), "held_out": float(other)}
                for who, score, other in zip(TEACHERS, scores, second, strict=True)
            ]
    pq.write_table(pa.Table.from_pylist(rows), path)


def over(found: list[float | None]) -> str:
    """Return the mean over seeds, with its interval over seeds."""
    values = [value for value in found if value is not None]
    if not values:
        return "-"
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return f"{mean:.3f} ± {quantile(len(values) - 1) * spread / math.sqrt(len(values)):.3f}"


def table(name: str, found: list[Mapping[str, Any]]) -> None:
    """Print what arms gained in one world."""
    told = [one["arms"]["learned"]["learned"] for one in found]
    signal = {key: over([one["signal"][key] for one in told]) for key in ("table", "text")}
    print(
        f"\n### {name}\n\nSignal: language and teacher {signal['table']}, text as held out {signal['text']}; learned "
        f"went by {', '.join(sorted({one['uses'] for one in told}))}\n",
        flush=True,
    )
    print("| arm | answers a prompt | share of the gain | gain on the second score, of reward's |\n|---|---|---|---|")
    for arm in found[0]["arms"]:
        name = "best single" if arm.startswith("single") else arm
        same = [
            next((a for n, a in one["arms"].items() if n == arm or (name == "best single" and n.startswith("single"))))
            for one in found
        ]
        transfer = [
            _part(a["held_out"]["gain"]["mean"], one["arms"]["reward"]["held_out"]["gain"]["mean"])
            if a["held_out"]
            else None
            for a, one in zip(same, found, strict=True)
        ]
        asked = over([a["generations"] for a in same]).split(" ")[0]
        print(f"| {name} | {asked} | {over([a['own']['share']['mean'] for a in same])} | {over(transfer)} |")


def _part(value: float | None, of: float | None) -> float | None:
    return value / of if value is not None and of is not None and of > 0.05 else None


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("matrix", nargs="*", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--together", metavar="NAME", help="several matrices are worlds of one kind: one table")
    options = parser.parse_args()
    settings: dict[str, Any] = {"pilot": None, "held_out": None, "folder": Path()}
    if options.together:
        table(options.together, [simulate(path, ARMS, seed=0, **settings) for path in options.matrix])
        return
    for path in options.matrix:
        table(path.stem, [simulate(path, ARMS, seed=seed, **settings) for seed in range(options.seeds)])
    if options.matrix:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, shares in WORLDS.items():
            found = []
            for seed in range(options.seeds):
                path = Path(folder) / "scores.parquet"
                write_world(shares, seed, path)
                found.append(simulate(path, ARMS, seed=seed, **settings))
            table(name, found)


if __name__ == "__main__":
    main()
