"""Measures of recorded completions by language and teacher, and how far line pass agrees with what was recorded.

    .venv/bin/python benchmarks/measures/run.py FILE.parquet [--rows N] [--english WORDS] [--json OUT.json]

FILE has the columns language, prompt, teacher and completion. Where it has derived_line_pass, whether another judge
found every line to be in the language, agreement is printed. WORDS is a file of English words, one a line, for the word
pass rate as the Language Confusion Benchmark takes it: it used those of a Unix dictionary.
"""

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
from arbitrage_eval.measures import table
from arbitrage_eval.measures.confusion import Confusion
from arbitrage_eval.measures.words import read

NONE: frozenset[str] = frozenset()
SHOWN = {
    "texts": "{:,}",
    "characters": "{:.0f}",
    "words": "{:.0f}",
    "mtld": "{:.0f}",
    "distinct_1": "{:.3f}",
    "distinct_2": "{:.3f}",
    "lix": "{:.0f}",
    "rix": "{:.1f}",
    "fog": "{:.1f}",
    "line_pass": "{:.1%}",
    "word_pass": "{:.1%}",
    "lcpr": "{:.1%}",
    "repetition": "{:.1%}",
    "near_duplicates": "{:.1%}",
}


def rows_of(path: Path, chosen: set[int] | None) -> Iterator[dict[str, Any]]:
    n = 0
    for batch in pyarrow.parquet.ParquetFile(path).iter_batches(2048):
        for row in batch.to_pylist():
            if chosen is None or n in chosen:
                yield row
            n += 1


def sample(path: Path, count: int | None) -> set[int] | None:
    if count is None:
        return None
    rows = list(range(pyarrow.parquet.ParquetFile(path).metadata.num_rows))
    random.Random(1).shuffle(rows)
    return set(rows[:count])


def show(languages: dict[str, Any]) -> None:
    print("| language | teacher | " + " | ".join(SHOWN) + " |")
    print("| --- | --- |" + " ---: |" * len(SHOWN))
    for language, found in languages.items():
        for teacher, figures in [("all", found["all"]), *found["teachers"].items()]:
            cells = [
                "" if key not in figures else "–" if figures[key] is None else form.format(figures[key])
                for key, form in SHOWN.items()
            ]
            print(f"| {language} | {teacher} | " + " | ".join(cells) + " |")


def agreement(path: Path, chosen: set[int] | None, english: frozenset[str] | None) -> None:
    """Print how often line pass here and there say the same, and each teacher's rates by both."""
    ours: dict[str, Confusion] = {}
    by_list: dict[str, Confusion] = {}
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    lines: defaultdict[str, Counter[str]] = defaultdict(Counter)
    words: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows_of(path, chosen):
        language, teacher, there = row["language"], row["teacher"], row.get("derived_line_pass")
        if language not in ours:
            ours[language] = Confusion(language)
            # Asked only of texts whose lines have passed.
            by_list[language] = Confusion(language, ("passed", lambda line, language: True), ("given", english or NONE))
        text = read(row["completion"] or "", language)
        here, no_english = ours[language].look(text)
        if here and "word_pass" in ours[language].values():
            words[teacher].update(texts=1, rule=no_english, given=by_list[language].look(text)[1])
        if here is None or there is None:
            kinds[language]["untold here" if there is not None else "unset there"] += 1
            continue
        kinds[language]["both" if here == there else "only here" if here else "only there"] += 1
        lines[teacher].update(texts=1, here=here, there=there)
    print("\n| language | judged by both | same | only here right | only there right | untold here | unset there |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for language, counts in [*sorted(kinds.items()), ("all", sum(kinds.values(), Counter()))]:
        judged = sum(counts[kind] for kind in ("both", "only here", "only there"))
        cells = [f"{counts[kind]:,}" for kind in ("only here", "only there", "untold here", "unset there")]
        print(f"| {language} | {judged:,} | {counts['both'] / (judged or 1):.1%} | " + " | ".join(cells) + " |")
    print(
        "\n| teacher | texts | line pass here | line pass there | passed, in other scripts | word pass | by the list |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for teacher, counts in sorted(lines.items()):
        here, there = (f"{counts[key] / counts['texts']:.1%}" for key in ("here", "there"))
        seen = words[teacher]
        rule, given = (f"{seen[key] / (seen['texts'] or 1):.1%}" for key in ("rule", "given"))
        cells = [f"{counts['texts']:,}", here, there, f"{seen['texts']:,}", rule, given if english else ""]
        print(f"| {teacher} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--english", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measures", nargs="*", default=table.MEASURES)
    options = parser.parse_args()
    chosen = sample(options.file, options.rows)
    if options.measures:
        started = time.process_time()
        rows = ((row["language"], row["teacher"], row["completion"] or "") for row in rows_of(options.file, chosen))
        found = table.measure_table(rows, options.measures)
        spent = time.process_time() - started
        show(found["languages"])
        texts = sum(of["all"].get("texts") or 0 for of in found["languages"].values())
        print(f"\n{texts:,.0f} texts in {spent:.0f} CPU-seconds")
        if options.json:
            options.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    words = None
    if options.english:
        lines = map(str.strip, options.english.read_text(encoding="utf-8").splitlines())
        words = frozenset(line for line in lines if line.islower() and len(line) > 3)
    if "derived_line_pass" in pyarrow.parquet.ParquetFile(options.file).schema_arrow.names:
        agreement(options.file, chosen, words)


if __name__ == "__main__":
    main()
