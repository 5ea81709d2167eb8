"""Arms on arithmetic with known answers and scripted teachers of known accuracy: `run.py FILE [--worlds N]`.

FILE is a JSONL with the columns prompt_id (the same in all translations), language, prompt and answers, a list of
numbers. Teachers are doubles of TGI that write a sentence which ends in the right number as often as they are told
to, and in another one else. The reward is whether the last number of a completion is the answer.

One whole build shows what the arms pick and what they are worth; many worlds without servers show how often the
interval of the fixed arm's margin holds the true difference.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "builder"), str(ROOT / "dataset_cards"), str(ROOT / "tests")]

import pyarrow.parquet as pq  # noqa: E402
import tgi  # noqa: E402
from arbitrage.records import Answer, Piloted, Prompt  # noqa: E402
from arbitrage.routers.fixed import compared  # noqa: E402

TEACHERS = ("north", "south", "east", "west")
SPREAD = 0.25, 0.85
"""Accuracies are drawn between these, for each teacher and language."""
REWARD = '''
import re

def number(prompts, completions, reference, **columns):
    """1.0 where the last number of a completion is the answer."""
    scores = []
    for completion, expected in zip(completions, reference):
        found = re.findall(r"-?[0-9][0-9,]*(?:[.][0-9]+)?", completion[-1]["content"])
        scores.append(float(bool(found) and found[-1].replace(",", "") in expected))
    return scores
'''


def accuracies(draws: Random, languages: list[str]) -> dict[str, dict[str, float]]:
    """Draw how often each teacher is right in each language."""
    return {name: {language: draws.uniform(*SPREAD) for language in languages} for name in TEACHERS}


def is_right(seed: int, name: str, row: dict[str, Any], accuracy: float) -> bool:
    """Say whether a teacher knows the answer; a hard problem is hard for all."""
    hard = Random(f"{seed} {row['prompt_id']}").gauss(0, 0.1)
    return Random(f"{seed} {name} {row['language']} {row['prompt_id']}").random() < accuracy + hard


def build(rows: list[dict[str, Any]], languages: list[str], seed: int, folder: Path) -> None:
    """Build with all arms, and print what they picked and how often they are right."""
    truth = accuracies(Random(seed), languages)
    doubles = []
    for name in TEACHERS:
        said = {}
        for row in rows:
            right = is_right(seed, name, row, truth[name][row["language"]])
            answer = row["answers"][0] if right else str(int(float(row["answers"][0])) + 1)
            said[tgi.key_of(row["prompt"])] = f"Step by step, 1 and 2 and so on, it is {answer}"
        doubles.append(tgi.Double(model_id=f"org/{name}", answers=tgi.recorded(said)))
    (folder / "rewards.py").write_text(REWARD)
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with tgi.serve(doubles) as handles:
        recipe = {
            "name": "arithmetic",
            "license": "mit",
            "languages": languages,
            "prompts": [
                {
                    "path": "prompts.jsonl",
                    "columns": {
                        "prompt": "prompt", "language": "language", "source_id": "prompt_id", "reference": "answers",
                    },
                }
            ],
            "test": 0.2,
            "teachers": {
                name: {"endpoint": handle.url, "api": "tgi", "model": f"org/{name}"}
                for name, handle in zip(TEACHERS, handles, strict=True)
            },
            "rewards": {"number": {"python": "rewards:number"}},
            "arms": {
                "random": {"router": "random"},
                "fixed": {"router": "fixed"},
                "reward": {"router": "reward"},
                **{f"single_{name}": {"router": "single", "teacher": name} for name in TEACHERS},
            },
            "seed": seed,
        }  # fmt: skip
        (folder / "recipe.yaml").write_text(json.dumps(recipe))
        environ = {"PYTHONPATH": ":".join(sys.path[:2]), "PATH": "/usr/bin:/bin"}
        command = [sys.executable, "-m", "arbitrage", "build", str(folder / "recipe.yaml")]
        start = time.monotonic()
        subprocess.run(command, env=environ, check=True, capture_output=True)
        print(f"built in {time.monotonic() - start:.0f} s\n")
        command = [sys.executable, "-m", "arbitrage", "reproduce", str(folder / "runs/arithmetic/dataset")]
        done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
        print(f"reproduce: {done.stdout.splitlines()[-1]}\n")
    dataset = folder / "runs/arithmetic/dataset"
    manifest = json.loads((dataset / "manifest.json").read_text())
    share: dict[tuple[str, str], list[float]] = defaultdict(list)
    for arm in manifest["arms"]:
        for path in dataset.glob(f"{arm}/*/test-*.parquet"):
            for row in pq.read_table(path, columns=["language", "reward"]).to_pylist():
                share[arm, row["language"]].append(row["reward"])
    print("Right on test sources, in %, with what is true of the teachers:\n")
    print("| language | best teacher | expert | margin | its interval | random | fixed | reward | best single |")
    print("|---|---|---|---|---|---|---|---|---|")
    for language in languages:
        best = max(TEACHERS, key=lambda name: truth[name][language])
        expert = manifest["pilot"]["learned"]["fixed"][language]
        margin = expert["margin"]
        cells = [100 * sum(share[arm, language]) / len(share[arm, language]) for arm in ("random", "fixed", "reward")]
        single = max(
            100 * sum(share[f"single_{name}", language]) / len(share[f"single_{name}", language]) for name in TEACHERS
        )
        note = "" if expert["clear"] else " (noise)"
        print(
            f"| {language} | {best} {100 * truth[best][language]:.0f} | {expert['teacher']}{note} "
            f"| {margin['mean']:+.2f} | {margin['low']:+.2f} to {margin['high']:+.2f} | "
            + " | ".join(f"{cell:.0f}" for cell in (*cells, single))
            + " |"
        )


def worlds(rows: list[dict[str, Any]], languages: list[str], count: int, pilot: int) -> None:
    """Print how often the margin's interval holds the truth, and how often the best or nearly the best is picked."""
    held = best = near = clear = wrong = total = 0
    by_language = {language: [row for row in rows if row["language"] == language] for language in languages}
    for seed in range(count):
        truth = accuracies(Random(f"world {seed}"), languages)
        for language, own in by_language.items():
            chosen = Random(f"{seed} {language}").sample(own, min(pilot, len(own)))
            piloted = []
            for row in chosen:
                prompt = Prompt(row["prompt_id"], language, row["prompt_id"], "train", [])
                answers = [
                    Answer(name, 0, "m", "r", "x", reward=float(is_right(seed, name, row, truth[name][language])))
                    for name in TEACHERS
                ]
                piloted.append(Piloted(prompt, answers))
            # What is true of these prompts' population: the teachers' share of right answers over all of them.
            real = {
                name: sum(is_right(seed, name, row, truth[name][language]) for row in own) / len(own)
                for name in TEACHERS
            }
            expert = compared(seed, language, TEACHERS, piloted)
            assert expert.teacher and expert.runner_up and expert.margin
            low, high = expert.margin["low"], expert.margin["high"]
            assert low is not None and high is not None
            difference = truth[expert.teacher][language] - truth[expert.runner_up][language]
            held += low <= difference <= high
            best += real[expert.teacher] == max(real.values())
            near += max(real.values()) - real[expert.teacher] <= 0.05
            clear += expert.clear
            wrong += expert.clear and difference < 0
            total += 1
    print(f"\n{total} languages in {count} worlds, pilots of {pilot} sources:")
    print(f"- the margin's interval holds the true difference in {100 * held / total:.1f} %")
    print(
        f"- the expert is the best in {100 * best / total:.1f} %, within 5 points of it in {100 * near / total:.1f} %"
    )
    print(f"- outside the noise {100 * clear / total:.1f} %; of all, called so and the wrong way round {wrong}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--worlds", type=int, default=300)
    parser.add_argument("--pilot", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.file.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if re.fullmatch(r"-?[0-9.]+", row["answers"][0])]
    languages = sorted({row["language"] for row in rows})
    with tempfile.TemporaryDirectory() as name:
        build(rows, languages, options.seed, Path(name))
    worlds(rows, languages, options.worlds, options.pilot)


if __name__ == "__main__":
    main()
