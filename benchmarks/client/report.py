"""Medians of the rounds, as a table on the terminal, results.json and RESULTS.md."""

import json
import os
import platform
from pathlib import Path
from statistics import median

from scenarios import Scenario

HEADER = [
    "runner",
    "span / floor",
    "(least, most)",
    "of bare",
    "CPU-s / 1k rows",
    "of bare",
    "peak MB",
    "wall s",
]
HEADER += ["429s", "paid extra", "rows", "durable"]


def machine() -> dict:
    """Describe the machine, without its name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def summary(runs: list[dict], bare: list[dict]) -> dict:
    """Return medians over the runs that got all their rows; `bare` is the bare loop in the same rounds."""
    good = [r for r in runs if r["failed"] is None]
    result = {"runs": len(runs), "good": len(good), "rows": median(r["rows"] for r in runs)}
    result |= {key: median(r[key] for r in runs) for key in ("refusals", "paid_extra")}
    if len(good) < len(runs):
        result["failed"] = next(r["failed"] for r in runs if r["failed"])
    if not good:
        return result
    worst = [max(r["span_ratio"]) for r in good]
    result |= {key: median(r[key] for r in good) for key in ("cpu_s_per_1k", "rss_mb", "wall_s")}
    result |= {"span_ratio": median(worst), "span_least": min(worst), "span_most": max(worst)}
    result["span_ratios"] = [median(ratios) for ratios in zip(*(r["span_ratio"] for r in good), strict=True)]
    pairs = [(mine, its) for mine, its in zip(runs, bare, strict=False) if not mine["failed"] and not its["failed"]]
    if pairs:
        result["cpu_of_bare"] = median(mine["cpu_s_per_1k"] / its["cpu_s_per_1k"] for mine, its in pairs)
        result["span_of_bare"] = median(max(m["span_ratio"]) / max(b["span_ratio"]) for m, b in pairs)
    return result


def row(name: str, medians: dict, durable: str) -> list[str]:
    def shown(key: str, digits: int) -> str:
        return f"{medians[key]:.{digits}f}" if key in medians else "-"

    spread = f"{medians['span_least']:.3f}, {medians['span_most']:.3f}" if "span_least" in medians else "-"
    cells = [name, shown("span_ratio", 3), spread, shown("span_of_bare", 3)]
    cells += [shown("cpu_s_per_1k", 2), shown("cpu_of_bare", 2), shown("rss_mb", 0), shown("wall_s", 1)]
    return [*cells, *(f"{medians[key]:.0f}" for key in ("refusals", "paid_extra", "rows")), durable]


def table(header: list[str], rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def section(entry: dict) -> str:
    """Render one scenario."""
    floors = entry["floors_s"]
    if len(floors) == 1:
        floor = f"floor {floors[0]:.2f} s, {entry['least'][0]:.3f} with the last wave partly empty"
    else:
        floor = "the worst teacher's span over its own floor"
    runners = entry["runners"]
    rows = [row(name, runners[name]["medians"], runners[name]["durable"]) for name in runners]
    parts = [
        f"## {entry['title']}",
        f"Medians of {entry['runs']} runs; {floor}. {server(entry)}",
        table(HEADER, rows),
    ]
    if len(floors) > 1:
        parts.append(per_teacher(entry))
    for name, runner in runners.items():
        if "failed" in runner["medians"]:
            m = runner["medians"]
            parts.append(f"- {name}: {m['runs'] - m['good']} of {m['runs']} runs fell short: {m['failed']}")
    parts += [f"- {name}: not run, {why}" for name, why in entry["absent"].items()]
    return ("\n\n".join(parts[:3]) + "\n\n" + "\n".join(parts[3:])).rstrip()


def server(entry: dict) -> str:
    """Say what the server took of the shared cores, and how late its timers were."""
    runs = [r for runner in entry["runners"].values() for r in runner["runs"] if r["failed"] is None]
    if not runs:
        return ""
    cpu = median(r["server_cpu_s"] / r["rows"] * 1000 for r in runs)
    late = median(
        held - port["latency"] for r in runs for held, port in zip(r["server_held_s"], entry["ports"], strict=True)
    )
    return f"The server took {cpu:.2f} CPU-s / 1k rows and answered {late * 1000:.1f} ms late."


def per_teacher(entry: dict) -> str:
    ran = {n: r["medians"]["span_ratios"] for n, r in entry["runners"].items() if "span_ratios" in r["medians"]}
    rows = [
        [f"{port['latency']:.1f} s", str(port["cap"]), f"{floor:.2f}", *(f"{ran[n][i]:.3f}" for n in ran)]
        for i, (port, floor) in enumerate(zip(entry["ports"], entry["floors_s"], strict=True))
    ]
    return table(["latency", "capacity", "floor s", *(f"{n}: span / floor" for n in ran)], rows) + "\n"


def growth(entries: dict) -> str | None:
    """Compare steady with large: what a further row costs once start-up is paid."""
    small, large = entries.get("steady"), entries.get("large")
    if not small or not large or small["rows"] == large["rows"]:
        return None
    rows = []
    for name in large["runners"]:
        pair = [e["runners"].get(name, {}).get("medians", {}) for e in (small, large)]
        if all("cpu_s_per_1k" in medians for medians in pair):
            spent = [m["cpu_s_per_1k"] * e["rows"] / 1000 for m, e in zip(pair, (small, large), strict=True)]
            further = (spent[1] - spent[0]) / (large["rows"] - small["rows"]) * 1000
            rows.append([name, f"{further:.2f}", f"{pair[1]['rss_mb'] - pair[0]['rss_mb']:+.0f}"])
    title = f"## From {small['rows']:,} to {large['rows']:,} rows: start-up taken out"
    return f"{title}\n\n{table(['runner', 'CPU-s / 1k further rows', 'peak MB more'], rows)}"


def entry(scenario: Scenario, runs: dict[str, list[dict]], runners: dict, absent: dict[str, str]) -> dict:
    """Gather what results.json keeps of a scenario."""
    rounds = max(map(len, runs.values()), default=0)
    return {
        "title": scenario.title.format(rows=scenario.rows),
        "rows": scenario.rows,
        "runs": rounds,
        "ports": list(scenario.ports),
        "floors_s": scenario.floors,
        "least": scenario.least,
        "absent": absent,
        "runners": {
            name: {
                "settings": runners[name].settings,
                "durable": runners[name].durable,
                "versions": next((r["versions"] for r in its if r["versions"]), {}),
                "medians": summary(its, runs.get("bare", [])),
                "runs": its,
            }
            for name, its in runs.items()
        },
    }


def write(folder: Path, entries: dict) -> None:
    """Write both files; scenarios that were not run now stay as they were."""
    path = folder / "results.json"
    known = json.loads(path.read_text())["scenarios"] if path.exists() else {}
    known |= entries
    here = machine()
    path.write_text(json.dumps({"machine": here, "scenarios": known}, indent=1) + "\n")
    about = {n: r for e in known.values() for n, r in e["runners"].items()}
    versions = [
        f"- {n}: {r['settings']}; " + ", ".join(f"{p} {v}" for p, v in r["versions"].items()) for n, r in about.items()
    ]
    head = "{cpu}, {cores} cores, {memory_gib} GiB, {system}, Python {python}".format(**here)
    parts = [
        "# What asking costs",
        f"{head}. Server and client share the cores. README.md says how to read it.",
    ]
    parts += [section(e) for e in known.values()]
    parts += [part for part in (growth(known),) if part]
    parts += ["## Settings and versions", "\n".join(versions)]
    (folder / "RESULTS.md").write_text("\n\n".join(part.strip() for part in parts) + "\n")
