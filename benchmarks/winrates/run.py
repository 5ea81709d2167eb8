"""Win rates whose truth is known: how often intervals hold it, and a scripted judge over recorded completions.

    run.py coverage [--evaluations 1000]
    run.py judge FILE.parquet --languages ar de tr zh [--evaluations 10]

FILE has the columns prompt_id, language, teacher and completion, and perhaps source_id. Every number is printed as the
tables of README.md have it.
"""

import argparse
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy.special import expit
from scipy.stats import kendalltau

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("builder", "dataset_cards", "eval", "tests")]

from arbitrage_eval.winrates.length import standardised  # noqa: E402
from arbitrage_eval.winrates.report import rates, report  # noqa: E402
from arbitrage_eval.winrates.verdicts import Verdict  # noqa: E402
from winrates.evaluations import World, came_to  # noqa: E402

EVEN = {"de": 0.0, "tr": 0.5, "zh": -0.8}
SEVEN = {language: n / 5 - 0.6 for n, language in enumerate(("ar", "de", "en", "fr", "tr", "uk", "zh"))}
WORLDS = {
    "3 languages, 60 sources": World(EVEN, length=0.8, position=0.3, longer=0.7, correlation=0.6, unparsable=0.02),
    "20 sources": World(EVEN, length=0.8, position=0.3, longer=0.7, correlation=0.6, sources=20),
    "30 sources": World(EVEN, length=0.8, position=0.3, longer=0.7, correlation=0.6, sources=30),
    "200 sources": World(EVEN, length=0.8, position=0.3, longer=0.7, correlation=0.6, sources=200),
    "7 languages, 100 sources": World(SEVEN, length=0.8, position=0.3, longer=0.7, correlation=0.6, sources=100),
    "rates of 88, 92 and 95": World({"de": 2.0, "tr": 2.5, "zh": 3.0}, correlation=0.6, sources=100),
    "translations nearly the same": World(EVEN, length=0.8, position=0.3, longer=0.7, correlation=0.95),
}
JUDGES = {"partial": (0.6, 1.0), "milder": (-0.2, 0.4)}
"""The liking of a judge for the first place, and for length, in log odds."""
UNPARSABLE = 0.03


def coverage(evaluations: int) -> None:
    print("| world | raw, by language | macro | length-controlled, by language | macro | raw, not clustered | none |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, world in WORLDS.items():
        held: defaultdict[str, list[bool]] = defaultdict(list)
        lacking: Counter[str] = Counter()
        for seed in range(evaluations):
            outcomes = came_to(world, seed)
            found = rates(outcomes)
            new = rates([one._replace(source_id=f"{one.item.language} {one.source_id}") for one in outcomes])
            for rate, truth in (("raw", world.rate), ("length_controlled", world.at_equal_length)):
                truths = {language: truth(language) for language in world.quality}
                parts = [("language", found["languages"][x][rate], truths[x]) for x in truths]
                parts.append(("macro", found["macro"][rate], float(np.mean(list(truths.values())))))
                if rate == "raw":
                    parts.append(("new", new["macro"][rate], parts[-1][2]))
                for part, said, value in parts:
                    if said["low"] is None:
                        lacking[f"{rate} {part}"] += 1
                    else:
                        held[f"{rate} {part}"].append(said["low"] <= value <= said["high"])
        names = ("raw language", "raw macro", "length_controlled language", "length_controlled macro", "raw new")
        shares = [f"{100 * float(np.mean(held[x])):.1f} %" for x in names]
        none = sum(lacking.values())
        print(f"| {name} | {' | '.join(shares)} | {none or ''} |", flush=True)


Answers = Mapping[tuple[str, str], Mapping[str, tuple[str, int]]]
"""By language and prompt, by model: its source and how long the answer is."""


def answers(path: Path, languages: Sequence[str]) -> Answers:
    table = pq.read_table(path)
    found: defaultdict[tuple[str, str], dict[str, tuple[str, int]]] = defaultdict(dict)
    for row in table.to_pylist():
        if row["language"] in languages:
            source = row.get("source_id") or row["prompt_id"]
            found[row["language"], row["prompt_id"]][row["teacher"]] = (source, len(row["completion"] or ""))
    return found


def planted(models: Sequence[str], lengths: Mapping[str, float], seed: int | None) -> dict[str, float]:
    """Return a quality for each model, in log odds: by chance, or for no seed the better the shorter it answers."""
    steps = np.linspace(-0.9, 0.9, len(models))
    if seed is None:
        order = sorted(models, key=lambda name: (-lengths[name], name))
    else:
        order = [models[n] for n in np.random.default_rng(seed).permutation(len(models))]
    return dict(zip(order, steps.tolist(), strict=True))


def judged(
    found: Answers, model: str, baseline: str, quality: Mapping[str, float], seed: Sequence[int]
) -> Iterator[tuple[Verdict, float]]:
    """Yield verdicts of both judges on one pair of models, each with the chance that the first answer was chosen."""
    draw = np.random.default_rng(seed)
    for language in sorted({language for language, _ in found}):
        own = sorted((prompt, of) for (spoken, prompt), of in found.items() if spoken == language)
        both = [(prompt, of) for prompt, of in own if model in of and baseline in of]
        x = standardised([of[model][1] - of[baseline][1] for _, of in both])
        assert x is not None
        for (place, length), judge in zip(JUDGES.values(), JUDGES, strict=True):
            for (prompt, of), longer in zip(both, x.tolist(), strict=True):
                # One draw for both orders: a judge that reads the same two answers again has mostly the same mind.
                mind = draw.random()
                for shown_first in ("model", "baseline"):
                    level = quality[model] - quality[baseline] + length * longer
                    wins = float(expit(level + (place if shown_first == "model" else -place)))
                    word = "first" if (mind < wins) == (shown_first == "model") else "second"
                    read = None if draw.random() < UNPARSABLE else word
                    names = (prompt, of[model][0], language, model, baseline, judge, shown_first)
                    yield (
                        Verdict(*names, read, of[model][1], of[baseline][1]),
                        wins if shown_first == "model" else 1 - wins,
                    )


def scripted(path: Path, languages: Sequence[str], evaluations: int) -> None:
    found = answers(path, languages)
    spoken = [{name for (own, _), of in found.items() if own == language for name in of} for language in languages]
    every = sorted(set.intersection(*spoken))
    lengths = {m: float(np.mean([of[m][1] for of in found.values() if m in of])) for m in every}
    baseline = sorted(every, key=lambda name: (lengths[name], name))[len(every) // 2]
    models = [name for name in every if name != baseline]
    print(f"{len(every)} models, baseline {baseline}, {len(found):,} prompts in {', '.join(languages)}\n")
    print("| planted | judge | raw: tau | pairs wrong | controlled: tau | pairs wrong | truth held | worst error |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    biases: defaultdict[tuple[str, str], list[tuple[dict[str, Any], float]]] = defaultdict(list)
    shown: list[str] = []
    for title, seeds in (("shorter is better", [None]), ("by chance", list(range(evaluations)))):
        rows: defaultdict[str, list[tuple[float, ...]]] = defaultdict(list)
        for seed in seeds:
            quality = planted(models, lengths, seed) | {baseline: 0.0}
            pairs = [judged(found, model, baseline, quality, [seed or 0, n]) for n, model in enumerate(models)]
            told = [one for pair in pairs for one in pair]
            started = time.process_time()
            said = report([verdict for verdict, _ in told])
            spent = time.process_time() - started
            for judge, (place, length) in JUDGES.items():
                truth = {m: 100 * in_both_orders(quality[m], place) for m in models}
                of = {pair["model"]: pair["judges"][judge]["macro"] for pair in said["pairs"]}
                rows[judge].append(recovered(truth, of))
                first = float(np.mean([chance for verdict, chance in told if verdict.judge == judge]))
                liking = in_both_orders(length * math.tanh(1), place)
                for bias, value in (("first_chosen", first), ("longer_chosen_of_equals", liking)):
                    biases[judge, bias].append((said["judges"][judge][bias], 100 * value))
                if seed is None and judge == "partial":
                    shown = [line(m, lengths[m], truth[m], of[m]) for m in sorted(models, key=lambda m: -truth[m])]
        for judge, figures in rows.items():
            raw, raw_wrong, level, level_wrong, held, worst = np.mean(figures, axis=0)
            wrong = f"{raw:.2f} | {raw_wrong:.1f} | {level:.2f} | {level_wrong:.1f}"
            print(f"| {title} | {judge} | {wrong} | {100 * held:.0f} % | {worst:.1f} |", flush=True)
    print("\nShorter is better, judge `partial`:\n\n| model | characters | planted | raw | length-controlled |")
    print("| --- | ---: | ---: | ---: | ---: |", *shown, sep="\n")
    print("\n| judge | bias | planted | found, mean | half width | truth held |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for (judge, bias), all_ in biases.items():
        values, halves = [one["value"] for one, _ in all_], [(one["high"] - one["low"]) / 2 for one, _ in all_]
        held = sum(one["low"] <= truth <= one["high"] for one, truth in all_)
        means = " | ".join(f"{np.mean(x):.1f}" for x in ([truth for _, truth in all_], values, halves))
        print(f"| {judge} | {bias} | {means} | {held} of {len(all_)} |")
    print(f"\n{len(told):,} verdicts reported on in {spent:.1f} s of CPU")


def in_both_orders(level: float, place: float) -> float:
    return float(expit(level + place) + expit(level - place)) / 2


def line(model: str, length: float, truth: float, of: Mapping[str, Any]) -> str:
    level = of["length_controlled"]
    ends = f"{level['value']:.1f} ({level['low']:.1f} to {level['high']:.1f})"
    return f"| {model} | {length:.0f} | {truth:.1f} | {of['raw']['value']:.1f} | {ends} |"


def recovered(truth: Mapping[str, float], found: Mapping[str, Any]) -> tuple[float, ...]:
    """Return Kendall's tau and wrong pairs, raw and controlled; the share of intervals that hold; the worst error."""
    models = sorted(truth)
    figures: list[float] = []
    for rate in ("raw", "length_controlled"):
        tau = float(kendalltau([truth[m] for m in models], [found[m][rate]["value"] for m in models]).statistic)
        figures += [tau, (1 - tau) / 2 * len(models) * (len(models) - 1) / 2]
    level = {m: found[m]["length_controlled"] for m in models}
    figures.append(float(np.mean([level[m]["low"] <= truth[m] <= level[m]["high"] for m in models])))
    return (*figures, max(abs(level[m]["value"] - truth[m]) for m in models))


def main() -> None:
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("coverage")
    one.add_argument("--evaluations", type=int, default=1000)
    other = verbs.add_parser("judge")
    other.add_argument("file", type=Path)
    other.add_argument("--languages", nargs="+", required=True)
    other.add_argument("--evaluations", type=int, default=10)
    options = parser.parse_args()
    if options.verb == "coverage":
        coverage(options.evaluations)
    else:
        scripted(options.file, options.languages, options.evaluations)


if __name__ == "__main__":
    main()
