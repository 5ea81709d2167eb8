"""The quality that is planted in the answers of a dataset, and the verdicts that follow from it."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from judge import key, reading
from run import JUDGES, ROOT, UNPARSABLE

sys.path[:0] = [str(ROOT / name) for name in ("builder", "dataset_cards", "eval", "examples")]

from arbitrage.rewards.wires import asked_text  # noqa: E402
from arbitrage_eval.answers.recorded import table  # noqa: E402
from arbitrage_eval.winrates.verdicts import Item, Verdict  # noqa: E402

Where = tuple[str, str, str, str]
"""Language, source, prompt id and conversation."""
Answered = Mapping[Where, Mapping[str, str]]
"""By prompt, by model: what it answers."""


def answered(dataset: Path, languages: list[str]) -> Answered:
    found: defaultdict[Where, dict[str, str]] = defaultdict(dict)
    for row in table(dataset, "pool", "test", languages):
        where = row["language"], row["source_id"], row["prompt_id"], asked_text(row["prompt"])
        found[where][row["teacher"]] = row["completion"]
    return found


def qualities(found: Answered, quality: Mapping[str, float], baseline: str) -> dict[str, Any]:
    """Return what judges are told. An answer that models share has the quality of one of them, or the baseline's."""
    longer: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for (language, *_), of in found.items():
        for model in of:
            longer[language, model].append(len(of[model]) - len(of[baseline]))
    scales = {name: float(np.std(all_, ddof=1)) for name, all_ in longer.items()}
    told: dict[str, tuple[float, float | None]] = {}
    for (language, *_, conversation), of in found.items():
        for model in sorted(of, key=lambda model: model == baseline):
            scale = None if model == baseline else scales[language, model]
            told[key(conversation, of[model])] = (quality[model], scale)
    return {"judges": JUDGES, "unparsable": UNPARSABLE, "answers": told}


def in_memory(found: Answered, told: Mapping[str, Any], baseline: str) -> Iterator[tuple[Verdict, float]]:
    """Yield the verdicts without HTTP, each with the chance that the first answer was chosen."""
    for (language, source, prompt, conversation), of in found.items():
        for model in sorted(set(of) - {baseline}):
            mine, theirs = of[model], of[baseline]
            for judge in JUDGES:
                for shown_first, shown in (("model", (mine, theirs)), ("baseline", (theirs, mine))):
                    word, chance = ("tie", 0.5) if mine == theirs else reading(told, judge, conversation, *shown)
                    names = (prompt, source, language, model, baseline, judge, shown_first)
                    yield Verdict(*names, word, len(mine), len(theirs)), chance


def agreed(verdicts: Iterable[tuple[Verdict, float]]) -> float:
    """Return Cohen's kappa of two judges as it is planted: by the chances of win, tie and loss of each pair."""
    wins: defaultdict[tuple[str, Item], list[float]] = defaultdict(list)
    for one, chance in verdicts:
        # Both orders are read with one mind, so a pair is a tie as often as the places move its chance.
        first = 1.0 if one.verdict == "tie" else chance
        wins[one.judge, one.item].append(first if one.shown_first == "model" else 1 - first)
    items = sorted({item for _, item in wins})
    shares = np.array(
        [[(min(x), max(x) - min(x), 1 - max(x)) for x in (wins[judge, item] for item in items)] for judge in JUDGES]
    )
    together = float(shares.prod(axis=0).sum(axis=1).mean())
    by_chance = float(shares.mean(axis=1).prod(axis=0).sum())
    return (together - by_chance) / (1 - by_chance)
