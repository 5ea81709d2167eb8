"""How a simulation looks on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arbitrage.routers.learned import what_was_learned
from arbitrage.terminal import safe


def print_simulated(console: Console, found: Mapping[str, Any]) -> None:
    """Print what each arm gained, beside what it asked, and whether routing pays."""
    second = found["held_out"]
    table = Table("arm", "answers a prompt", "USD", "share of the gain", box=None, pad_edge=False)
    for name in ("gain, in spreads", *([f"gain on {second}"] if second else []), "worst language"):
        table.add_column(escape(safe(name)))
    for name, arm in found["arms"].items():
        worst = arm["worst_language"]
        table.add_row(
            escape(safe(name)),
            _plain(arm["generations"]),
            _plain(arm["usd"]),
            interval(arm["own"]["share"]),
            interval(arm["own"]["gain"]),
            *([interval(arm["held_out"]["gain"])] if second else []),
            "-" if worst is None else f"{escape(safe(worst))} {interval(arm['languages'][worst]['share'])}",
        )
    console.print(table)
    lines = [
        f"{found['prompts']} prompts of {found['sources']} test sources that every arm decided; 95 % intervals are "
        "clustered by source. Of the gain, 0 is a blind choice, 1 the best answer of the whole pool by the same score."
    ]
    for name, arm in found["arms"].items():
        if arm["lacking"]:
            lines.append(f"{name}: {arm['lacking']} prompts lack an answer that it would have asked for")
        if arm["learned"] and "lead_over_fixed" in arm["learned"]:
            lines.append(f"{name}: {what_was_learned(arm['learned'])}")
    lines += verdict(found)
    for line in lines:
        console.print(escape(safe(line)), highlight=False, soft_wrap=True)


def verdict(found: Mapping[str, Any]) -> list[str]:
    """Say what routing is worth beside the best single teacher, by a score that did not route where there is one."""
    best = found["best_single"]
    if best is None or "reward" not in found["arms"]:
        return []
    kind = "held_out" if found["held_out"] else "own"
    single, routed = (found["arms"][name][kind]["gain"]["mean"] for name in (f"single,teacher={best}", "reward"))
    if single is None or routed is None:
        return []
    by = f"by {found['held_out']}" if found["held_out"] else "by the score that routes, which flatters it"
    if routed > single:
        return [f"reward gains {routed - single:.3g} spreads more than {best} alone, {by}"]
    return [f"routing does not pay here: {best} alone gains {single - routed:.3g} spreads more than reward, {by}"]


def interval(found: Mapping[str, float | None]) -> str:
    """Return a mean with its interval."""
    mean, low, high = found["mean"], found["low"], found["high"]
    if mean is None:
        return "-"
    return f"{mean:.3f}" if low is None or high is None else f"{mean:.3f} ({low:.3f} to {high:.3f})"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
