"""The language check over recorded answers: agreement with another judge, speed, and where the two differ.

    .venv/bin/python benchmarks/language/run.py FILE.parquet [--rows N] [--shown N] [--differing FILE.jsonl]

FILE has the columns language, prompt, completion and derived_line_pass: whether fastText's lid.176 found every line
of at least five words to be in that language. Rows are taken at random, the same ones each time.
"""

import argparse
import json
import random
import resource
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet
from arbitrage.checks.language import LanguageCheck, Verdict

COLUMNS = ["language", "prompt", "teacher", "completion", "derived_line_pass"]


def rows_of(path: Path, count: int | None) -> list[dict[str, Any]]:
    table = pyarrow.parquet.read_table(path, columns=COLUMNS)
    chosen = list(range(table.num_rows))
    random.Random(1).shuffle(chosen)
    return table.take(sorted(chosen[:count])).to_pylist()


def outcome(passed: bool | None, verdict: Verdict) -> str:
    if passed is None or verdict.word == "unchecked":
        return "unset" if passed is None else "unchecked"
    return ("both " if passed == (verdict.word == "right") else "only here ") + verdict.word


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--shown", type=int, default=20)
    parser.add_argument("--differing", type=Path)
    options = parser.parse_args()
    rows = rows_of(options.file, options.rows)
    check = LanguageCheck()
    check.judge("This loads the models.", "en")
    started, cpu = time.monotonic(), time.process_time()
    verdicts = [check.judge(row["completion"] or "", row["language"], row["prompt"]) for row in rows]
    wall, cpu = time.monotonic() - started, time.process_time() - cpu

    tables: defaultdict[str, Counter[str]] = defaultdict(Counter)
    lines: defaultdict[str, Counter[str]] = defaultdict(Counter)
    found: Counter[tuple[str, str]] = Counter()
    differing = []
    for row, verdict in zip(rows, verdicts, strict=True):
        what = outcome(row["derived_line_pass"], verdict)
        tables[row["language"]][what] += 1
        lines[row["language"]].update(lines=verdict.lines, wrong=verdict.wrong)
        if verdict.found:
            found[row["language"], verdict.found] += 1
        if what.startswith("only"):
            differing.append({"what": what, "verdict": verdict._asdict(), **row})
    print(
        "| language | answers | both right | both wrong | only here right | only here wrong | agreement | unchecked |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for language, counts in [*sorted(tables.items()), ("all", sum(tables.values(), Counter()))]:
        kinds = [counts[kind] for kind in ("both right", "both wrong", "only here right", "only here wrong")]
        agreed = f"{100 * sum(kinds[:2]) / (sum(kinds) or 1):.1f} %"
        set_ = counts.total() - counts["unset"]
        print(f"| {language} | {set_:,} | {' | '.join(f'{n:,}' for n in kinds)} | {agreed} | {counts['unchecked']:,} |")
    print("\nwrong answers are in: " + ", ".join(f"{a} for {b} {n}" for (b, a), n in found.most_common(12)))
    total = sum(lines.values(), Counter())
    judged = Counter(verdict.word for verdict in verdicts)
    told = judged["right"] + judged["wrong"]
    print(f"line pass rate (answers with every line right): {100 * judged['right'] / (told or 1):.1f} %")
    print(f"lines right: {100 * (1 - total['wrong'] / (total['lines'] or 1)):.1f} % of {total['lines']:,}")
    characters = sum(len(row["completion"] or "") for row in rows)
    print(
        f"{len(rows):,} answers of {characters / len(rows):.0f} characters: {len(rows) / cpu:.0f} a CPU-second, "
        f"{characters / cpu / 1000:.0f} thousand characters a CPU-second, {wall:.0f} s wall; "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB with the file's rows"
    )
    if options.differing:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in differing)
        options.differing.write_text(text, encoding="utf-8")
    random.Random(2).shuffle(differing)
    for row in differing[: options.shown]:
        shown = " ".join(row["completion"][:300].split())
        print(f"\n{row['what']} ({row['language']}, {row['teacher']}), {row['verdict']}\n  {shown}")


if __name__ == "__main__":
    main()
