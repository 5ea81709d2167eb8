"""Judges are asked as teachers are: what they say is kept and resumed, and is a dataset in the end."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from arbitrage.build import build
from arbitrage.errors import RecipeError
from arbitrage.progress import Progress
from arbitrage.recipe.model import Teacher
from arbitrage.run import Run

from arbitrage_eval.answers.asked import recipe
from arbitrage_eval.judging.pairs import ORDERS, Choice, Pair, verdict_of
from arbitrage_eval.spending import PILOT_SOURCES, Requests, pool, predicted, spent, used
from arbitrage_eval.winrates.verdicts import Verdict

Told = Callable[[dict[str, Any], Iterator[Verdict]], bool]
"""Is told what all of it will take, and the verdicts of the pilot; says whether to go on."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What judges said, and what that took."""

    verdicts: Iterator[Verdict]
    spending: dict[str, Any]
    dataset: Path | None
    """Where it is kept; None where nobody was asked, since all answers are equal."""


class Questions(NamedTuple):
    """What judges are asked."""

    whole: Mapping[str, Requests]
    """By language."""
    asked: set[str]
    """Sources with a pair that judges are asked about."""
    equal: set[str]
    """Sources whose answers are all equal."""


def ask(
    compared: Callable[[], Iterator[Pair]],
    rubric: str,
    judges: Mapping[str, Teacher],
    folder: Path,
    run: Run,
    progress: Progress,
    *,
    patience: float,
    max_usd: float | None = None,
    part: Mapping[str, float] = MappingProxyType({}),
    told: Told = lambda ahead, verdicts: True,
) -> Judged | None:
    """Ask every judge about every pair in both orders. The same call resumes; None where `told` stopped it.

    Equal answers are a tie, of which nobody is asked; what several pairs have in common is asked once. Where there are
    more sources than a pilot has, they are judged first, and `told` is told what the rest takes.

    Args:
        compared: yields the pairs, each time it is called.
        rubric: what judges are asked, with places for what is judged.
        judges: whom to ask.
        folder: where paths of the recipe start.
        run: where questions and verdicts are kept.
        progress: told of everything that takes long.
        patience: seconds that judges which are down are waited for.
        max_usd: the most that judges may cost.
        part: by language the share of all pairs that these are, where they are a sample.
        told: see above.

    Raises:
        ArbitrageError: the user must change something, or stopped it; what is stored stays.
    """
    path = run.folder / "questions.jsonl"
    questions = _write(path, compared(), rubric)
    if not questions.whole:
        return Judged(_verdicts(compared(), rubric, judges, {}), {"predicted": None, "spent": spent([], judges)}, None)
    columns = {"prompt": "question", "language": "language", "source_id": "source_id"}
    asking = recipe(
        "judges",
        sorted(questions.whole),
        [{"path": os.path.relpath(path, folder), "columns": columns, "license": "other"}],
        judges,
        sampling={"temperature": 0, "max_tokens": 1024},
        patience=patience,
        max_usd=max_usd,
    )
    ahead = None
    if len(questions.asked) > PILOT_SOURCES or part:
        build(asking, folder, run, progress, limit=PILOT_SOURCES)
        whole = {language: asked.times(1 / part.get(language, 1.0)) for language, asked in questions.whole.items()}
        ahead = predicted(used(run.preview), whole, judges)
        some = _piloted(run.preview, questions)
        pairs = (pair for pair in compared() if pair.source_id in some)
        if not told(ahead, _verdicts(pairs, rubric, judges, _said(run.preview))):
            return None
    build(asking, folder, run, progress)
    spending = {"predicted": ahead, "spent": spent(used(run.dataset), judges)}
    return Judged(_verdicts(compared(), rubric, judges, _said(run.dataset)), spending, run.dataset)


def _write(path: Path, compared: Iterator[Pair], rubric: str) -> Questions:
    """Write what judges are asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole: defaultdict[str, Requests] = defaultdict(lambda: Requests(0, 0))
    asked, sources, every = set[str](), set[str](), set[str]()
    with path.with_suffix(".part").open("w", encoding="utf-8") as file:
        for pair in compared:
            every.add(pair.source_id)
            for _, text in pair.both(rubric):
                sources.add(pair.source_id)
                row = {"question": text, "language": pair.language, "source_id": pair.source_id}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                if (key := _key(pair.language, text)) not in asked:
                    asked.add(key)
                    before = whole[pair.language]
                    whole[pair.language] = Requests(before.number + 1, before.characters + len(text))
    path.with_suffix(".part").replace(path)
    if not every:
        raise RecipeError("there is no pair to judge: no prompt was answered by a model and by the baseline")
    return Questions(dict(whole), sources, every - sources)


def _piloted(preview: Path, questions: Questions) -> set[str]:
    """Return the sources of a pilot: those that were judged, and as large a share of those with equal answers alone."""
    judged = {row["source_id"] for row in pool(preview)}
    share = len(judged) / len(questions.asked)
    return judged | set(sorted(questions.equal)[: round(share * len(questions.equal))])


def _said(dataset: Path) -> dict[tuple[str, str], Choice | None]:
    """Return the verdicts by judge and question."""
    return {
        (row["teacher"], _key(row["language"], row["prompt"][0]["content"])): verdict_of(row["completion"])
        for row in pool(dataset)
        # What was cut off may have lacked its last line.
        if row["finish_reason"] == "stop"
    }


def _verdicts(
    compared: Iterator[Pair], rubric: str, judges: Mapping[str, Teacher], said: Mapping[tuple[str, str], Choice | None]
) -> Iterator[Verdict]:
    """Yield what each judge says of each pair in each order; None where it said nothing that could be read."""
    for pair in compared:
        asked = dict(pair.both(rubric))
        for judge, block in judges.items():
            if not block.serves(pair.language):
                continue
            for shown_first in ORDERS:
                key = (judge, _key(pair.language, asked[shown_first])) if asked else None
                yield Verdict(
                    prompt_id=pair.prompt_id,
                    source_id=pair.source_id,
                    language=pair.language,
                    model=pair.model,
                    baseline=pair.baseline,
                    judge=judge,
                    shown_first=shown_first,
                    verdict="tie" if key is None else said.get(key),
                    model_length=len(pair.model_answer),
                    baseline_length=len(pair.baseline_answer),
                )


def _key(language: str, question: str) -> str:
    return hashlib.sha256(f"{language}\n{question}".encode()).hexdigest()
