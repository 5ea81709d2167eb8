"""How results look on a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbitrage.terminal import safe
from arbitrage_cards import examined
from rich.console import Console
from rich.markup import escape
from rich.table import Table

SHOWN = ("characters", "mtld", "distinct_2", "line_pass", "repetition", "near_duplicates")
"""Measures of the texts that a terminal has room for; the results have all."""


def print_results(console: Console, found: Mapping[str, Any]) -> None:
    """Print what was found, each part that there is, with intervals."""
    for table in _tables(found):
        console.print(table)
        console.print()
    for line in _lines(found):
        console.print(escape(safe(line)), highlight=False, soft_wrap=True)


def _tables(found: Mapping[str, Any]) -> Iterator[Table]:
    if "win_rates" in found:
        yield _table(
            ("model", "against", "language", "prompts", "win rate", "at equal length"),
            (
                (
                    *(pair["model"], pair["baseline"], language, f"{rate['used']:,} of {rate['prompts']:,}"),
                    *(interval(rate["raw"]), interval(rate["length_controlled"])),
                )
                for pair in found["win_rates"]["pairs"]
                for language, rate in _parts(pair["mean"])
            ),
        )
    if found.get("rewards"):
        yield _table(
            ("reward", "model", "language", "score"),
            (
                (reward, model, language, interval(mean, digits=3))
                for reward, models in found["rewards"].items()
                for model, means in models.items()
                for language, mean in _parts(means)
            ),
        )
    if rows := list(examined(found)):
        yield _table(
            ("model", "task", "figure", "value"),
            ((model, task, figure, interval(value, digits=3)) for model, task, figure, value in rows),
        )
    if "texts" in found:
        yield _table(
            ("model", "language", *SHOWN),
            (
                (model, language, *(_figure(figures.get(name)) for name in SHOWN))
                for language, of_language in found["texts"]["languages"].items()
                for model, figures in of_language["teachers"].items()
            ),
        )


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    if "win_rates" in found:
        yield "Win rates are points of 100, of both orders, ties as half; 50 is no difference."
        for judge, said in found["win_rates"]["judges"].items():
            yield (
                f"{judge}: {said['verdicts']:,} verdicts, {said['unparsable']:,} of them not given or not readable; "
                f"takes the first place {interval(said['first_chosen'])} times in 100, "
                f"the longer answer {interval(said['longer_chosen'])}"
            )
    yield "In brackets: 95 % intervals, clustered by source."
    for model, languages in found.get("counts", {}).items():
        without = sum(one["prompts"] - one["answered"] for one in languages.values())
        if without:
            yield f"{model}: no answer to {without:,} prompts"
        if empty := sum(one["empty"] for one in languages.values()):
            yield f"{model}: said nothing in answer to {empty:,} prompts"
    for short in found.get("shortfalls", []):
        yield f"fell short: {short['message']}"


def print_compared(console: Console, found: Mapping[str, Any]) -> None:
    """Print which figures of evaluations done again lie outside the intervals that were stated."""
    for suite in found["suites"]:
        within = suite["compared"] - len(suite["outside"])
        line = f"suite {suite['suite']}: {within:,} of {suite['compared']:,} figures lie within their stated intervals"
        more = [f"outside: {one}" for one in suite["outside"]] + [f"lacking: {one}" for one in suite["lacking"]]
        for text in (line, *more):
            console.print(escape(safe(text)), highlight=False, soft_wrap=True)


def interval(one: Mapping[str, Any], digits: int = 1) -> str:
    """Return a value with the ends of its interval, or why there is none."""
    if one["value"] is None:
        return str(one.get("lacking") or "-")
    ends = f" ({one['low']:.{digits}f} to {one['high']:.{digits}f})" if one["low"] is not None else ""
    return f"{one['value']:.{digits}f}{ends}"


def _parts(means: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "all, alike", means["macro"]
    yield from means["languages"].items()


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _table(head: tuple[str, ...], rows: Any) -> Table:
    table = Table(*head, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(escape(safe(cell)) for cell in row))
    return table
