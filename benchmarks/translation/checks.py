"""How many good translations the checks drop: over files of parallel prompts, (prompt_id, language, prompt) a line.

    python benchmarks/translation/checks.py PROMPTS.jsonl...

Translations there are made by people or checked by them, so that whatever is dropped is dropped wrongly.
"""

import json
import sys
import time
from collections import Counter, defaultdict
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "builder"))

from arbitrage.checks.language import LanguageCheck
from arbitrage.translation.checks import outcome


def main(paths: list[str]) -> None:
    check = LanguageCheck(["ar", "de", "en", "fr", "tr", "uk", "zh"]) if find_spec("lingua") else None
    for path in paths:
        rows: dict[str, dict[str, str]] = defaultdict(dict)
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if not row.get("localized"):
                rows[row["prompt_id"]][row["language"]] = row["prompt"]
        for name, tells in (("script", None), ("lingua", check)):
            dropped: Counter[str] = Counter()
            pairs, start = 0, time.perf_counter()
            for texts in rows.values():
                for language, text in texts.items():
                    if language != "en" and "en" in texts:
                        pairs += 1
                        if why := outcome([texts["en"]], [text], language, tells):
                            dropped[f"{language} {why}"] += 1
            seconds = time.perf_counter() - start
            share = sum(dropped.values()) / max(1, pairs)
            print(
                f"{Path(path).stem} {name}: {pairs} pairs, {share:.2%} dropped, {pairs / seconds:.0f}/s {dict(dropped)}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
