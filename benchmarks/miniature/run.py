"""The small world over seeds: are teachers different as designed, what do routers gain in truth, is nothing gained
where there is nothing to gain.

    python benchmarks/miniature/run.py FOLDER [--seeds 10] [--control 3] [--sources 200]

Each seed is another world, with other tasks, teachers, preferences and rewards. FOLDER keeps them; the same command
goes on where it stopped.
"""

import argparse
import math
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "builder"), str(ROOT / "dataset_cards")]

from arbitrage.dataset.intervals import quantile  # noqa: E402
from arbitrage.miniature.accuracy import load, mean  # noqa: E402
from arbitrage.miniature.make import make  # noqa: E402
from arbitrage.miniature.tasks import languages  # noqa: E402
from arbitrage.miniature.world import read_world  # noqa: E402
from arbitrage.recipe.reader import read_published  # noqa: E402
from arbitrage_cards.canvas import FAINT, GROUND, INK, MARGIN, Canvas  # noqa: E402

RECIPE = "builder/recipes/miniature.yaml"
BEST = "best single teacher"
LIGHT, DARK, FRAME = (239, 246, 255), (8, 48, 107), (213, 94, 0)


def one_world(folder: Path, seed: int, control: bool, sources: int) -> dict[str, Any]:
    """Make a world, build its dataset, and return what is true of it."""
    dataset, seconds = folder / "run/dataset", folder / "seconds"
    if not (dataset / "manifest.json").is_file():
        (folder / RECIPE).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / RECIPE, folder / RECIPE)
        world = read_world(None, {"seed": seed, "identical": control, "sources": sources})
        took = make(world, folder / ".miniature", lambda line: print(f"  {line}", flush=True))
        # A teacher that is silent more often than the recipe tolerates is a result, too.
        built = subprocess.run(
            [sys.executable, "-m", "arbitrage", "build", RECIPE, "--run", str((folder / "run").resolve())],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'builder'}:{ROOT / 'dataset_cards'}"},
        )
        if built.returncode not in (0, 1):
            raise SystemExit(built.returncode)
        seconds.write_text(f"{took:.0f}", encoding="utf-8")
    arms = load(dataset, list(read_published(dataset / "recipe.yaml").arms), folder / "cache")
    shutil.rmtree(folder / "cache", ignore_errors=True)
    best = arms.best_single()
    pairs = {"reward - random": ("reward", "random"), "reward - best single": ("reward", best)}
    pairs |= {"reward - fixed": ("reward", "fixed"), "fixed - random": ("fixed", "random")}
    pairs |= {"fixed - best single": ("fixed", best)}
    teachers: dict[str, dict[str, float]] = defaultdict(dict)
    for name, language in sorted({(row.teacher, row.language) for row in arms.pool}):
        right = mean((r.source, 100.0 * r.right) for r in arms.pool if (r.teacher, r.language) == (name, language))
        if right is not None:
            teachers[name][language] = right.value
    return {
        "seed": seed,
        "make_seconds": int(seconds.read_text(encoding="utf-8")) if seconds.is_file() else None,
        "teachers": teachers,
        "arms": {arm: arms.accuracy(arm) for arm in ("random", "fixed", "reward")} | {BEST: arms.accuracy(best)},
        "leads": {name: arms.lead(*pair) for name, pair in pairs.items()},
        "leads_on_test": {name: arms.lead(*pair, split="test") for name, pair in pairs.items()},
        "misled": arms.misled("reward"),
    }


def over_seeds(values: Iterable[float]) -> str:
    """Return a mean over seeds with its 95 % interval."""
    found = list(values)
    middle = math.fsum(found) / len(found)
    if len(found) < 2:
        return f"{middle:.1f}"
    spread = math.sqrt(math.fsum((value - middle) ** 2 for value in found) / (len(found) - 1))
    return f"{middle:.1f} ± {quantile(len(found) - 1) * spread / math.sqrt(len(found)):.1f}"


def report(results: list[Mapping[str, Any]]) -> None:
    """Print the tables."""
    print(f"\n{len(results)} worlds; means over them with 95 % intervals over worlds, in points of 100\n")
    print("| teacher | " + " | ".join(languages()) + " |\n|---|" + "---|" * len(languages()))
    for name in results[0]["teachers"]:
        cells = []
        for language in languages():
            found = [r["teachers"][name][language] for r in results if language in r["teachers"][name]]
            cells.append(over_seeds(found) if found else "-")
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("\n| | all sources | test sources | least | most |\n|---|---|---|---|---|")
    for name in results[0]["leads"]:
        values = [r["leads"][name].value for r in results]
        test = over_seeds(r["leads_on_test"][name].value for r in results)
        print(f"| {name} | {over_seeds(values)} | {test} | {min(values):.1f} | {max(values):.1f} |")
    print("\n| arm | right, all sources |\n|---|---|")
    for arm in results[0]["arms"]:
        print(f"| {arm} | {over_seeds(r['arms'][arm].value for r in results)} |")
    print("\n| task | the reward chose a wrong answer | of prompts with a right one |\n|---|---|---|")
    for task in results[0]["misled"]:
        wrong, of = (sum(r["misled"].get(task, (0, 0))[n] for r in results) for n in (0, 1))
        print(f"| {task} | {wrong} | {of} |")


def draw(results: list[Mapping[str, Any]]) -> bytes:
    """Return a picture of how often each teacher is right in each language, the best of a language framed."""
    names, tongues = list(results[0]["teachers"]), languages()
    canvas = Canvas(2 * MARGIN + 180 + 90 * len(tongues), 2 * MARGIN + 110 + 44 * len(names))
    canvas.text(MARGIN, MARGIN + 14, f"Right answers in 100, mean of {len(results)} worlds", 26)
    canvas.text(MARGIN, MARGIN + 48, "A frame marks the best in a language.", 18, ink=FAINT)
    for column, language in enumerate(tongues):
        x = MARGIN + 180 + 90 * column
        canvas.text(x + 45, MARGIN + 88, language, 20, "mm")
        values = {
            name: math.fsum(r["teachers"][name][language] for r in results) / len(results)
            for name in names
            if language in results[0]["teachers"][name]
        }
        for row, name in enumerate(names):
            y = MARGIN + 106 + 44 * row
            if column == 0:
                canvas.text(MARGIN, y + 22, name, 20)
            if name not in values:
                continue
            shade = min(1.0, max(0.0, (values[name] - 20) / 60))
            fill = tuple(round(light + (dark - light) * shade) for light, dark in zip(LIGHT, DARK, strict=True))
            canvas.box(x + 2, y + 2, x + 88, y + 42, (fill[0], fill[1], fill[2]))
            canvas.text(x + 45, y + 22, f"{values[name]:.0f}", 20, "mm", GROUND if shade > 0.55 else INK)
            if values[name] == max(values.values()):
                canvas.frame(x + 2, y + 2, x + 88, y + 42, FRAME, 3)
    return canvas.png()


def main() -> None:
    """Read the command line, make the worlds and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--control", type=int, default=2, help="worlds with one teacher under nine names")
    parser.add_argument("--sources", type=int, default=200, help="tasks that are asked, each in every language")
    options = parser.parse_args()
    results = []
    for seed in range(1, options.seeds + 1):
        print(f"seed {seed}", flush=True)
        results.append(one_world(options.folder / f"seed-{seed}", seed, False, options.sources))
    report(results)
    (options.folder / "teachers.png").write_bytes(draw(results))
    controls = [
        one_world(options.folder / f"control-{n}", n, True, options.sources) for n in range(1, options.control + 1)
    ]
    if controls:
        print("\nThe control: one teacher under nine names")
        report(controls)


if __name__ == "__main__":
    main()
