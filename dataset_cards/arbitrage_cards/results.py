"""What students and teachers are worth: results of evaluations, as tables of a card."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arbitrage_cards.escape import escape
from arbitrage_cards.tables import ABSENT, details, number, places, shown, table

ALL = "all, alike"
IN_DATASET = "Of `results/*.json`, which hold every figure, what was asked of whom at which revision, and what it took."
CONTAINERS = frozenset({"tasks", "groups", "metrics", "macro", "mean"})
"""Parts of results whose names say nothing of a figure."""


def results_section(results: Sequence[Mapping[str, Any]], where: str = IN_DATASET) -> str:
    """Return what evaluations found, a part for each suite; nothing where there are none."""
    parts = [part for found in results for part in _suite(found)]
    if not parts:
        return ""
    intro = f"{where} Brackets are 95 % intervals, clustered by source where prompts are translations of one."
    return "\n\n".join(["## Results", intro, *parts])


def _suite(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"### Suite {escape(found['suite']['name'])}"
    if answers := found.get("answers"):
        yield (
            f"Answers are those of {escape(answers['name'])}, split {escape(answers['split'])}, whose `manifest.json` "
            f"has the sha256 `{escape(answers['manifest'], 64)}`."
        )
    yield from _win_rates(found.get("win_rates"), found["suite"].get("judges", {}))
    yield from _rewards(found.get("rewards"))
    yield from _tasks(found)
    yield from _short(found.get("shortfalls"))


def _win_rates(found: Mapping[str, Any] | None, blocks: Mapping[str, Any]) -> Iterator[str]:
    if not found:
        return
    models = {name: blocks[name]["model"] if "model" in blocks.get(name, {}) else "" for name in found["judges"]}
    judges = ", ".join(escape(name) + (f" ({escape(model)})" if model else "") for name, model in models.items())
    yield (
        f"Win rates in points of 100 by the mean of judges ({judges}), each pair read in both orders, ties as half; "
        "50 is no difference. Beside them the rate were answers as long as the baseline's."
    )
    pairs = found["pairs"]
    yield table(
        ("model", "against", "win rate", "at equal length", "prompts"),
        (
            (
                *(escape(pair["model"]), escape(pair["baseline"])),
                *(_value(pair["mean"]["macro"][rate]) for rate in ("raw", "length_controlled")),
                f"{pair['mean']['macro']['used']:,}",
            )
            for pair in pairs
        ),
    )
    yield from _by_language("Win rates by language", "model", {p["model"]: p["mean"] for p in pairs}, "raw")
    classes = {pair["model"]: {"languages": pair["mean"].get("classes", {})} for pair in pairs}
    yield from _by_language("Win rates by the languages' resource class (Joshi et al. 2020)", "model", classes, "raw")
    biases = "; ".join(
        f"{escape(name)} takes the first place {_value(said['first_chosen'])} times in 100 and the longer answer "
        f"{_value(said['longer_chosen'])}"
        for name, said in found["judges"].items()
    )
    yield f"Of the judges: {biases}."


def _rewards(found: Mapping[str, Any] | None) -> Iterator[str]:
    for reward, models in (found or {}).items():
        yield f"Mean score of `{escape(reward)}`:"
        yield table(("model", ALL), ((escape(model), _value(means["macro"])) for model, means in models.items()))
        yield from _by_language(f"{escape(reward)} by language", "model", models, None)


def _tasks(found: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        (escape(model), escape(task), escape(figure), _value(value)) for model, task, figure, value in examined(found)
    ]
    if rows:
        yield "Tasks, and parallel sentences that are found:"
        yield table(("model", "task", "figure", "value"), rows)


def examined(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Yield model, task, what a figure is of, and the figure: of tasks and of retrieval, over languages."""
    parts = [(found.get("tasks") or {}).get("models", {})]
    parts += [
        {model: {path: said} for model, said in one["models"].items()}
        for path, one in (found.get("retrieval") or {}).items()
    ]
    for part in parts:
        for model, tasks in part.items():
            for task, said in tasks.items():
                for path, value in _figures(said):
                    names = [name for name in path if name not in CONTAINERS and name != task]
                    yield model, task, " ".join(names), value


def _figures(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    if not isinstance(found, Mapping):
        return
    if {"value", "low", "high"} <= found.keys():
        yield path, found
        return
    for name, part in found.items():
        if name != "languages":
            yield from _figures(part, (*path, str(name)))


def _short(found: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
    if found:
        yield "\n".join(["Fell short:", "", *(f"- {escape(short['message'], 400)}" for short in found)])


def _by_language(summary: str, what: str, rows: Mapping[str, Mapping[str, Any]], rate: str | None) -> Iterator[str]:
    languages = sorted({language for row in rows.values() for language in row["languages"]})
    if len(languages) < 2:
        return
    body = table(
        (what, *map(escape, languages)),
        (
            (escape(name), *(_value(_of(row["languages"].get(language), rate)) for language in languages))
            for name, row in rows.items()
        ),
    )
    yield details(summary, body)


def _of(found: Mapping[str, Any] | None, rate: str | None) -> Mapping[str, Any] | None:
    return None if found is None else found if rate is None else found[rate]


def _value(found: Mapping[str, Any] | None) -> str:
    """Return a value with its interval."""
    if found is None or number(found.get("value")) is None:
        return ABSENT
    return shown({**found, "mean": found["value"]}, places([found]))
