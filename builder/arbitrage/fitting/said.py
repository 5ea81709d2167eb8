"""How a fitted router looks on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from arbitrage.routers.learned import what_was_learned
from arbitrage.terminal import safe


def print_fitted(console: Console, found: Mapping[str, Any]) -> None:
    """Print what a fitted router goes by, and where it is."""
    lines = [f"{', '.join(found['teachers'])}: {what_was_learned(found['told'])}"]
    for name, told in found["added"].items():
        slope = "" if told["slope"] is None else f", held-out slope {told['slope']:.2f}"
        lines.append(f"{name} came later: {told['prompts']} prompts of {told['sources']} sources{slope}")
    if found["told"]["slope"] is not None:
        lines.append(
            f"where it expects one spread of reward more, {found['told']['slope']:.2f} came on held-out sources"
        )
    for line in [*lines, f"written: {found['folder']}"]:
        console.print(escape(safe(line)), highlight=False)
