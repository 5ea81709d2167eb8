"""Students of every arm in the small world: which answers teach most, at one budget, over worlds.

    python benchmarks/miniature/run.py FOLDER --seeds 6 --control 1 --sources 1500
    python benchmarks/training/students.py FOLDER [--worlds 2 3 4 5 6] [--examples 20000] [--arms ...]

Each world has its own tasks, teachers, reward and student to be. A translator is trained for it, arm `translation` is
added, with the teacher that arm `fixed` chose for English, and `training/compare.py` trains a student on each arm and
examines it on the dataset's test sources. FOLDER keeps all; the same command goes on where it stopped.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "builder"), str(ROOT / "dataset_cards"), str(ROOT / "benchmarks/training")]

from arbitrage.dataset.intervals import quantile  # noqa: E402
from ruamel.yaml import YAML  # noqa: E402
from translator import make_translator  # noqa: E402

RECIPE = "builder/recipes/miniature.yaml"
TRANSLATED = "builder/recipes/translated.yaml"
ENVIRON = {
    **os.environ,
    "PYTHONPATH": f"{ROOT / 'builder'}:{ROOT / 'dataset_cards'}",
    "OMP_NUM_THREADS": "1",
    # Half of the time would go into giving memory back to the system.
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "4000000000",
}


def with_translation(world: Path, seed: int) -> Path:
    """Add arm `translation` to a world's dataset, and return the folder that has it."""
    dataset = world / "translated/dataset"
    if (dataset / "manifest.json").is_file():
        return dataset
    if not (world / "translator/config.json").is_file():
        words = YAML(typ="safe", pure=True).load((files("arbitrage.miniature") / "words.yaml").read_text("utf-8"))
        make_translator(world / "translator", words, seed)
    manifest = json.loads((world / "run/dataset/manifest.json").read_text(encoding="utf-8"))
    (teacher,) = manifest["arms"]["fixed"]["chosen"]["en"]
    yaml = YAML()
    recipe = yaml.load((world / RECIPE).read_text(encoding="utf-8"))
    recipe["translate"] = {"model": "../../translator", "license": "apache-2.0", "to": "all"}
    recipe["arms"]["translation"] = {"router": "translation", "teacher": teacher}
    with (world / TRANSLATED).open("w", encoding="utf-8") as file:
        yaml.dump(recipe, file)
    (world / "translated").mkdir(exist_ok=True)
    # What the teachers said is there already.
    shutil.copy(world / "run/store.sqlite", world / "translated/store.sqlite")
    command = [sys.executable, "-m", "arbitrage", "build", TRANSLATED, "--run", str((world / "translated").resolve())]
    built = subprocess.run(command, cwd=world, env=ENVIRON, stdout=subprocess.DEVNULL)
    if built.returncode not in (0, 1):
        raise SystemExit(built.returncode)
    return dataset


def compared(world: Path, seed: int, examples: int, arms: list[str] | None) -> dict[str, Any]:
    """Train and examine the students of a world, of all arms where none is named."""
    dataset = with_translation(world, seed)
    manifest = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))
    tested = set()
    import pyarrow.parquet as pq

    for file in dataset.glob("reward/*/test-*.parquet"):
        tested |= set(pq.read_table(file, columns=["source_id"])["source_id"].to_pylist())
    lines = (world / ".miniature/prompts.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (world / "exam.jsonl").write_text("".join(line for line in lines if json.loads(line)["id"] in tested), "utf-8")
    arms = arms or sorted(manifest["arms"], key=lambda name: (name != "reward", name.startswith("single"), name))
    out = world / f"students-{examples}"
    command = [
        sys.executable,
        str(ROOT / "training/compare.py"),
        "--config",
        str(ROOT / "training/recipes/miniature.yaml"),
    ]
    command += ["--dataset_name", str(dataset), "--model_name_or_path", str(world / ".miniature/student")]
    command += ["--exam", str(world / "exam.jsonl"), "--output_dir", str(out), "--examples", str(examples)]
    command += ["--arms", *arms, "--seeds", str(seed)]
    command += ["--eval_strategy", "no", "--eval_on_start", "false", "--save_strategy", "no", "--disable_tqdm", "true"]
    subprocess.run(command, check=True, env=ENVIRON)
    found: dict[str, Any] = json.loads((out / "compare.json").read_text(encoding="utf-8"))
    return found


def over_worlds(values: list[float]) -> str:
    """Return a mean with its 95 % interval over worlds."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return f"{mean:.1f}"
    deviation = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
    return f"{mean:.1f} ± {quantile(len(values) - 1) * deviation / len(values) ** 0.5:.1f}"


def report(found: list[dict[str, Any]]) -> None:
    """Print how much the students of each arm get right."""
    first = found[0]
    print(f"\nRight answers in 100, on {' + '.join(str(one['questions']) for one in found)} questions of test sources;")
    print(f"means over {len(found)} worlds with 95 % intervals over worlds.\n")
    print(
        "| arm | examples | tokens | right | reward's lead | worlds in which reward leads |\n|---|---|---|---|---|---|"
    )
    for arm in first["arms"]:
        rows = [one["arms"][arm] for one in found]
        right = over_worlds([row["right"][0] for row in rows])
        shown = [
            ", ".join(f"{n:,}" for n in sorted({*(n for row in rows for n in row[key])})[:: max(1, len(rows) - 1)])
            for key in ("examples", "tokens")
        ]
        if arm == "reward":
            print(f"| {arm} | {shown[0]} | {shown[1]} | {right} | - | - |")
            continue
        leads = [-row["above_first"][0] for row in rows]
        clear = sum(-row["above_first"][0] > (row["above_first"][1] or 0) for row in rows)
        told = f"{sum(lead > 0 for lead in leads)}, beyond its interval in {clear}"
        print(f"| {arm} | {shown[0] or '-'} | {shown[1] or '-'} | {right} | {over_worlds(leads)} | {told} |")


def main() -> None:
    """Read the command line, train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--worlds", type=int, nargs="+", default=[2, 3, 4, 5, 6])
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--arms", nargs="+", help="the first is what the others are compared with")
    options = parser.parse_args()
    found = [
        compared((options.folder / f"seed-{n}").resolve(), n, options.examples, options.arms) for n in options.worlds
    ]
    report(found)


if __name__ == "__main__":
    main()
