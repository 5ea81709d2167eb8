"""How results look on a terminal."""

from collections.abc import Mapping
from typing import Any

from arbitrage.terminal import safe
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_results(console: Console, found: Mapping[str, Any]) -> None:
    """Print win rates by language, raw and at equal length, and what is known of the judges."""
    table = Table("model", "against", "language", "prompts", "win rate", "at equal length", box=None, pad_edge=False)
    for pair in found["pairs"]:
        parts = {"all, alike": pair["mean"]["macro"], **pair["mean"]["languages"]}
        for language, rate in parts.items():
            names = (pair["model"], pair["baseline"], language)
            table.add_row(
                *(escape(safe(name)) for name in names),
                f"{rate['used']:,} of {rate['prompts']:,}",
                interval(rate["raw"]),
                interval(rate["length_controlled"]),
            )
    console.print(table)
    lines = [
        "Points of 100, of both orders, ties as half; 95 % intervals, clustered by source. 50 is no difference.",
    ]
    for judge, said in found["judges"].items():
        lines.append(
            f"{judge}: {said['verdicts']:,} verdicts, {said['unparsable']:,} of them not given or not readable; "
            f"takes the first place {interval(said['first_chosen'])} times in 100, "
            f"the longer answer {interval(said['longer_chosen'])}"
        )
    lines += [f"fell short: {short['message']}" for short in found["shortfalls"]]
    for line in lines:
        console.print(escape(safe(line)), highlight=False, soft_wrap=True)


def interval(one: Mapping[str, Any]) -> str:
    """Return a value with the ends of its interval, or why there is none."""
    if one["value"] is None:
        return str(one["lacking"] or "-")
    ends = f" ({one['low']:.1f} to {one['high']:.1f})" if one["low"] is not None else ""
    return f"{one['value']:.1f}{ends}"
