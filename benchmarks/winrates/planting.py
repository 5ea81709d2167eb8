"""The quality that is planted in the answers of a dataset, and the verdicts that follow from it."""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from judge import key, reading
from run import JUDGES, ROOT, UNPARSABLE

sys.path[:0] = [str(ROOT / name) for name in ("builder", "dataset_cards", "eval", "examples")]

from arbitrage.rewards.wires import asked_text  # noqa: E402
from arbitrage_eval.answers.recorded import table  # noqa: E402
from arbitrage_eval.winrates.verdicts import Verdict  # noqa: E402

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
