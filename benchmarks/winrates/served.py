"""A whole evaluation over recorded answers, through the command line, with judges of known bias behind HTTP.

    served.py FILE.parquet --languages ar en fr zh [--prompts 200] [--folder KEEP]

FILE has the columns that examples/recorded_pool.py wants. Its answers become a dataset by `arbitrage import`; a suite
has them judged by judge.py: a pilot, the whole, killed in the middle, and the whole again. Every number is printed as
the tables of README.md have it.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from planting import agreed, answered, in_memory, qualities
from run import JUDGES, ROOT, in_both_orders, planted, recovered

sys.path[:0] = [str(ROOT / name) for name in ("builder", "dataset_cards", "eval", "examples")]

from arbitrage_eval.said import interval  # noqa: E402
from arbitrage_eval.winrates.needed import Spread, needed  # noqa: E402
from arbitrage_eval.winrates.report import report  # noqa: E402
from arbitrage_eval.winrates.verdicts import Verdict  # noqa: E402
from recordings import Recordings, name_of, read  # noqa: E402

PRICES = {"partial": {"input": 2.5, "output": 10.0}, "milder": {"input": 0.15, "output": 0.6}}
"""USD for a million tokens."""
DIFFERENCE = 5.0
NEEDS = re.compile(r"^(\S+) against \S+: ([\d,]+) sources show", re.MULTILINE)


def make(recordings: Recordings, folder: Path) -> Path:
    """Make a dataset of recordings, half of its sources held out; return its folder."""
    with (folder / "prompts.jsonl").open("w", encoding="utf-8") as file:
        for (source, language), text in recordings.prompts.items():
            file.write(json.dumps({"source_id": source, "language": language, "prompt": text}) + "\n")
    with (folder / "offline.jsonl").open("w", encoding="utf-8") as file:
        for (teacher, language, text), completion in recordings.completions.items():
            row = {"prompt": text, "language": language, "teacher": name_of(teacher), "completion": completion}
            file.write(json.dumps(row) + "\n")
    # Nobody is there to be asked, and nobody needs to be.
    served = {"endpoint": "http://127.0.0.1:9", "api": "openai", "revision": "recorded", "license": "as recorded"}
    recipe = {
        "name": "recorded",
        "license": "other",
        "languages": list(recordings.languages),
        "prompts": [{"path": "prompts.jsonl", "columns": {x: x for x in ("prompt", "language", "source_id")}}],
        "test": 0.5,
        "teachers": {name_of(x): {**served, "model": f"recorded/{name_of(x)}"} for x in recordings.teachers},
        "arms": {f"single{n}": {"router": "single", "teacher": name_of(x)} for n, x in enumerate(recordings.teachers)},
        "patience": "1s",
        "tolerate": 1,
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe, indent=1), encoding="utf-8")
    for command in (["import", "recipe.yaml", "offline.jsonl"], ["build", "recipe.yaml"]):
        subprocess.run([sys.executable, "-m", "arbitrage", *command], cwd=folder, env=environment(), check=True)
    return folder / "runs/recorded/dataset"


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / x) for x in ("builder", "dataset_cards", "eval"))}


@contextmanager
def judging(told: Path) -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).with_name("judge.py")), str(told)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def asked(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/asked") as answer:
        counts: dict[str, int] = json.load(answer)
    return counts


def evaluate(folder: Path, *options: str, kill: tuple[str, int] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `arbitrage eval`; with `kill`, an address and a number, until so many requests came there."""
    command = [sys.executable, "-m", "arbitrage", "eval", "suite.yaml", *options]
    with (folder / "said.txt").open("w+") as said, (folder / "results.txt").open("w+") as out:
        with subprocess.Popen(command, cwd=folder, env=environment(), stdout=out, stderr=said) as process:
            while kill and process.poll() is None and asked(kill[0])["requests"] < kill[1]:
                time.sleep(0.05)
            if kill:
                process.kill()
            code = process.wait()
        said.seek(0), out.seek(0)
        done = subprocess.CompletedProcess(command, code, out.read(), said.read())
    print(f"$ arbitrage eval suite.yaml {' '.join(options)} -> {code}", file=sys.stderr)
    if code not in (0, -9):
        raise SystemExit(done.stderr)
    return done


def run(options: argparse.Namespace, folder: Path) -> None:
    recordings = read(options.file, options.languages, 2 * options.prompts)
    dataset = make(recordings, folder)
    found = answered(dataset, options.languages)
    every = sorted(name_of(x) for x in recordings.teachers)
    lengths = {m: float(np.mean([len(of[m]) for of in found.values()])) for m in every}
    baseline = sorted(every, key=lambda name: (lengths[name], name))[len(every) // 2]
    models = [name for name in every if name != baseline]
    quality = planted(models, lengths, None) | {baseline: 0.0}
    told = qualities(found, quality, baseline)
    (folder / "planted.json").write_text(json.dumps(told), encoding="utf-8")
    sources = len({source for _, source, *_ in found})
    print(f"{len(every)} models, baseline {baseline}, {sources} sources, {len(found):,} prompts\n")
    with judging(folder / "planted.json") as url:
        suite = {
            "name": "judged",
            "answers": "runs/recorded/dataset",
            "baseline": baseline,
            "difference": DIFFERENCE,
            "judges": {
                judge: {"endpoint": url, "api": "openai", "model": f"scripted/{judge}", "price": price}
                for judge, price in PRICES.items()
            },
            "measures": ["length"],
            "patience": "5s",
        }
        (folder / "suite.yaml").write_text(json.dumps(suite, indent=1), encoding="utf-8")
        started = time.monotonic()
        pilot = evaluate(folder, "--pilot")
        counts, seconds = [asked(url)], [time.monotonic() - started]
        half = (counts[0]["requests"] + 4 * len(found) * len(models)) // 2
        for kill in ((url, half), None):
            started = time.monotonic()
            done = evaluate(folder, "--json", kill=kill)
            counts.append(asked(url))
            seconds.append(time.monotonic() - started)
    results = json.loads(done.stdout)["win_rates"]
    say_asked(counts, seconds)
    say_spent(results["spending"])
    say_found(results, quality, lengths, {m: int(n.replace(",", "")) for m, n in NEEDS.findall(pilot.stderr)})
    say_biases(results, list(in_memory(found, told, baseline)))


def say_asked(counts: list[dict[str, int]], seconds: list[float]) -> None:
    print(
        "| run | requests | asked again | seconds | requests a second |",
        "| --- | ---: | ---: | ---: | ---: |",
        sep="\n",
    )
    before = {"requests": 0, "again": 0}
    for name, after, wall in zip(("pilot", "whole, killed", "whole, again"), counts, seconds, strict=True):
        requests, again = (after[x] - before[x] for x in ("requests", "again"))
        print(f"| {name} | {requests:,} | {again} | {wall:.1f} | {requests / wall:,.0f} |")
        before = after


def say_spent(spending: Mapping[str, Any]) -> None:
    print("\n| judge | of | predicted | spent | ratio |", "| --- | --- | ---: | ---: | ---: |", sep="\n")
    for judge, ahead in spending["predicted"].items():
        for what, predicted in ahead.items():
            took = spending["spent"][judge][what]
            digits = 2 if what == "usd" else 0
            print(f"| {judge} | {what} | {predicted:,.{digits}f} | {took:,.{digits}f} | {predicted / took:.4f} |")


def say_found(results: Mapping[str, Any], quality: Mapping[str, float], lengths: Any, said: Mapping[str, int]) -> None:
    of = {pair["model"]: pair for pair in results["pairs"]}
    known = [m for m in of if all(x["macro"]["length_controlled"]["high"] for x in of[m]["judges"].values())]
    print("\n| judge | raw: tau | pairs wrong | controlled: tau | pairs wrong | truth held | worst error |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    truths = {judge: {m: 100 * in_both_orders(quality[m], place) for m in of} for judge, (place, _) in JUDGES.items()}
    for judge, truth in truths.items():
        figures = recovered({m: truth[m] for m in known}, {m: of[m]["judges"][judge]["macro"] for m in known})
        raw, raw_wrong, level, level_wrong, held, worst = figures
        wrong = f"{raw:.2f} | {raw_wrong:.0f} | {level:.2f} | {level_wrong:.0f}"
        print(f"| {judge} | {wrong} | {round(held * len(known))} of {len(known)} | {worst:.1f} |")
    print("\n| model | characters | planted | raw | length-controlled | sources needed, by the pilot | by all |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for model in sorted(of, key=lambda m: -quality[m]):
        rates = of[model]["mean"]
        mean = math.fsum(truth[model] for truth in truths.values()) / len(truths)
        ends = [interval(rates["macro"][rate]) for rate in ("raw", "length_controlled")]
        by_all = needed(difference=DIFFERENCE, spread=Spread(**rates["spread"]), languages=len(rates["languages"]))
        print(f"| {model} | {lengths[model]:.0f} | {mean:.1f} | {' | '.join(ends)} | {said[model]:,} | {by_all:,} |")


def say_biases(results: Mapping[str, Any], verdicts: list[tuple[Verdict, float]]) -> None:
    print("\n| judge | bias | planted | found |", "| --- | --- | ---: | ---: |", sep="\n")
    for judge, (place, length) in JUDGES.items():
        first = float(np.mean([chance for verdict, chance in verdicts if verdict.judge == judge]))
        liking = in_both_orders(length * math.tanh(1), place)
        for bias, truth in (("first_chosen", first), ("longer_chosen_of_equals", liking)):
            one = results["judges"][judge][bias]
            print(f"| {judge} | {bias} | {100 * truth:.1f} | {interval(one)} |")
    kappa, unread = results["agreement"]["cohen"][0], [results["judges"][j]["unparsable"] for j in JUDGES]
    said = f"Cohen's kappa {kappa['kappa']:.3f} on {kappa['outcomes']:,} outcomes, planted {agreed(verdicts):.3f}"
    print(f"\n{said}; not readable: {unread}.")
    alone = json.loads(json.dumps(report([verdict for verdict, _ in verdicts])))
    print(f"The same figures as without HTTP: {all(results[part] == alone[part] for part in alone)}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--languages", nargs="+", required=True)
    parser.add_argument("--prompts", type=int, default=200, help="about so many sources are judged")
    parser.add_argument("--folder", type=Path, help="keep everything here, an empty folder")
    options = parser.parse_args()
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        run(options, options.folder.resolve())
    else:
        with tempfile.TemporaryDirectory() as folder:
            run(options, Path(folder))


if __name__ == "__main__":
    main()
