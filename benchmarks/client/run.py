"""Measure what asking costs, ours beside peers, in interleaved rounds against one stand-in server.

python benchmarks/client/run.py                                    all of it, an hour and a half
python benchmarks/client/run.py --scenarios steady capped --runs 3
python benchmarks/client/run.py --at-most 300 --runs 1             a trial; writes nothing here
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import measure
import report
from runners import RUNNERS
from scenarios import SCENARIOS, Scenario

HERE = Path(__file__).parent


def write_prompts(path: Path, rows: int) -> None:
    """Write prompts that differ in each row, of a length people write."""
    with path.open("w") as out:
        for number in range(rows):
            prompt = f"Explain in three sentences why item {number} of the list matters to a beginner."
            out.write(json.dumps({"prompt": prompt}) + "\n")


def rounds(scenario: Scenario, count: int, wanted: list[str], work: Path) -> tuple[dict, dict]:
    """Run every runner once a round, so that a slow spell of the machine meets them all."""
    names = [name for name in scenario.runners if name in wanted]
    absent = {name: why for name in names if (why := RUNNERS[name].missing())}
    runs: dict[str, list[dict]] = {name: [] for name in names if name not in absent}
    prompts = work / f"{scenario.name}.jsonl"
    write_prompts(prompts, scenario.rows)
    with measure.Server(scenario) as server:
        for number in range(count):
            for name, its in runs.items():
                folder = work / scenario.name / str(number) / name
                result = measure.run(RUNNERS[name], scenario, server, prompts, folder)
                its.append(result)
                ratio = max((r for r in result["span_ratio"] if r), default=float("nan"))
                print(
                    f"{scenario.name} {number + 1}/{count} {name}: span {ratio:.3f} of floor, "
                    f"{result['cpu_s']:.1f} CPU-s, {result['refusals']} refusals, {result['rows']} rows",
                    result["failed"] or "",
                    flush=True,
                )
    return runs, absent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--runners", nargs="+", choices=RUNNERS, default=list(RUNNERS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--at-most", type=int, help="rows, for a trial")
    parser.add_argument("--out", type=Path, help="folder of results.json and RESULTS.md")
    args = parser.parse_args()
    # a trial must not overwrite what was measured in earnest
    out = args.out or (HERE if args.at_most is None else Path(tempfile.mkdtemp(prefix="bench-trial-")))
    out.mkdir(parents=True, exist_ok=True)
    print(f"load before: {os.getloadavg()[0]:.2f}; results go to {out}", flush=True)
    # work on the disk that this checkout is on: /tmp may be memory, where making things durable is free
    runs_on = HERE.parent / ".venvs"
    runs_on.mkdir(exist_ok=True)
    for name in args.scenarios:
        scenario = SCENARIOS[name].at_most(args.at_most)
        with tempfile.TemporaryDirectory(prefix="bench-", dir=runs_on) as work:
            runs, absent = rounds(scenario, args.runs, args.runners, Path(work))
        entry = report.entry(scenario, runs, RUNNERS, absent)
        print("\n" + report.section(entry) + "\n", flush=True)
        report.write(out, {name: entry})


if __name__ == "__main__":
    main()
