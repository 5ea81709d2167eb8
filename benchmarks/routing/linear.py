"""The learned router where prompts are numbers: `linear.py [--seeds 5]`.

The shares of the worlds are those of `worlds.py`, but every prompt stands for itself and shows half of its share as a
linear map of 64 numbers, as an embedding that suits the task would. So this is the router without the question of how
well some text can be read.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from worlds import LANGUAGES, TEACHERS, WORLDS, over

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "builder")]

from arbitrage.routers.learning import learn_values  # noqa: E402
from arbitrage.routers.values import Seen  # noqa: E402

WIDTH, TRAIN, TEST = 64, 1400, 4000


class Numbers:
    """An embedding that knows each prompt by its number."""

    width = WIDTH

    def __init__(self, rows: NDArray[np.float64]) -> None:
        self.rows = (rows / np.sqrt(np.square(rows).sum(1, keepdims=True))).astype(np.float32)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.rows[[int(text) for text in texts]]

    def as_dict(self) -> None:
        return None


def shares(world: tuple[float, float, float, float], seed: int) -> dict[str, float]:
    """Return the share of the gain of one answer a prompt, by router, on prompts that nothing was learned from."""
    of_teacher, of_language, of_prompt, noise = (math.sqrt(share) for share in world)
    draw, count, nine = np.random.default_rng(seed), TRAIN + TEST, len(TEACHERS)
    place = np.arange(count) % len(LANGUAGES)
    teacher = of_teacher * draw.normal(size=nine)
    language = of_language * draw.normal(size=(len(LANGUAGES), nine))
    rows = draw.normal(size=(count, WIDTH))
    told = rows @ draw.normal(size=(WIDTH, nine)) / math.sqrt(WIDTH)
    hidden = draw.normal(size=(count, nine))
    scores = teacher + language[place] + of_prompt * math.sqrt(0.5) * (told + hidden)
    scores += noise * draw.normal(size=(count, nine))
    seen = [
        Seen(str(n), LANGUAGES[place[n]], str(n), dict(zip(TEACHERS, scores[n].tolist(), strict=True)))
        for n in range(TRAIN)
    ]
    values, _ = learn_values(seed, dict.fromkeys(LANGUAGES, TEACHERS), seen, Numbers(rows))
    tested, where = scores[TRAIN:], place[TRAIN:]
    learned, fixed = np.zeros(TEST, np.int64), np.zeros(TEST, np.int64)
    for n, name in enumerate(LANGUAGES):
        rows_of = np.flatnonzero(where == n)
        learned[rows_of] = values.of([str(TRAIN + row) for row in rows_of], name).argmax(1)
        fixed[rows_of] = scores[:TRAIN][place[:TRAIN] == n].mean(0).argmax()
    single = np.full(TEST, scores[:TRAIN].mean(0).argmax())
    whole = float((tested.max(1) - tested.mean(1)).sum())
    ways = {"best single": single, "fixed": fixed, "learned": learned}
    return {name: float((tested[np.arange(TEST), way] - tested.mean(1)).sum()) / whole for name, way in ways.items()}


def main() -> None:
    """Read the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    print("| world | best single | fixed | learned | learned above fixed |\n|---|---|---|---|---|")
    for name, world in WORLDS.items():
        found = [shares(world, seed) for seed in range(options.seeds)]
        cells = [over([one[way] for one in found]) for way in ("best single", "fixed", "learned")]
        lead = over([one["learned"] - one["fixed"] for one in found])
        print(f"| {name} | {' | '.join(cells)} | {lead} |", flush=True)


if __name__ == "__main__":
    main()
