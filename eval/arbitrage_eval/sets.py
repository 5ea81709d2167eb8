"""Files that the suites read, made of sets on the Hub that have no such rows: `python -m arbitrage_eval.sets --help`.

dolly.jsonl, native.jsonl: prompts of the Aya evaluation suite (CohereLabs/aya_evaluation_suite, Apache-2.0), with our
tags for the languages that it calls `arb` or `zho`. translation.jsonl: prompts that ask for translations of FLORES+
devtest (openlanguagedata/flores_plus, CC-BY-SA-4.0, gated) into and out of English, with the reference. parallel.jsonl:
the same sentences with their English, for retrieval.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from arbitrage.errors import ArbitrageError, PromptError
from arbitrage.prompts.read import read_raw
from arbitrage.recipe.model import PromptSource
from arbitrage.run import write_whole
from arbitrage.terminal import safe

from arbitrage_eval.languages import languages

AYA, FLORES = "CohereLabs/aya_evaluation_suite", "openlanguagedata/flores_plus"
ENGLISH = "en"
NATIVE = frozenset(("ar", "en", "tr", "zh"))
"""Those of our languages in which people wrote prompts of their own; the others of that set are not among ours."""
INSTRUCTION = "Translate the following text from {source} into {target}. Answer with the translation alone.\n\n{text}"

Row = Mapping[str, Any]
Tell = Callable[[str], None]


def dolly(tell: Tell) -> dict[str, list[Row]]:
    """Return Dolly's 200 test prompts in every language, machine-translated by NLLB; the same source has one id."""
    rows = _rows(AYA, "dolly_machine_translated", "test", ("inputs", "language", "script", "source_id"), tell)
    found = [_prompt(row, tag, "dolly", row["source_id"]) for tag, row in _ours(rows)]
    if lacking := _lacking(found, languages(), tell):
        raise PromptError(f"{AYA}: has no rows in {', '.join(lacking)}: languages.yaml says how it called them")
    return {"dolly.jsonl": found}


def native(tell: Tell) -> dict[str, list[Row]]:
    """Return prompts that people wrote in their own language; none is a translation of another."""
    rows = _rows(AYA, "aya_human_annotated", "test", ("inputs", "language", "script", "id"), tell)
    found = [_prompt(row, tag, "aya", f"{tag}-{row['id']}") for tag, row in _ours(rows)]
    if lacking := _lacking(found, NATIVE, tell):
        tell(f"none in {', '.join(lacking)}")
    return {"native.jsonl": found}


def flores(tell: Tell) -> dict[str, list[Row]]:
    """Return sentences with their English, and prompts that ask for either from the other."""
    texts: dict[str, dict[str, str]] = {}
    for tag, language in languages().items():
        rows = _rows(FLORES, language.flores_plus, "devtest", ("id", "text"), tell)
        texts[tag] = {str(row["id"]): row["text"] for row in rows}
    prompts: list[Row] = []
    parallel: list[Row] = []
    for tag in (tag for tag in texts if tag != ENGLISH):
        for number, text in texts[tag].items():
            if number not in texts[ENGLISH]:
                raise PromptError(f"{FLORES}: sentence {number} of {tag} has no English")
            english = texts[ENGLISH][number]
            parallel.append({"sentence": text, "english": english, "language": tag})
            prompts += [
                _translation(ENGLISH, tag, number, english, text),
                _translation(tag, ENGLISH, number, text, english),
            ]
    return {"translation.jsonl": prompts, "parallel.jsonl": parallel}


SETS: dict[str, Callable[[Tell], dict[str, list[Row]]]] = {"dolly": dolly, "native": native, "flores": flores}


def main() -> int:
    """Make the files that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m arbitrage_eval.sets", description="Make the files of the suites.")
    parser.add_argument("sets", nargs="+", choices=SETS, metavar="SET", help=f"some of {', '.join(SETS)}")
    parser.add_argument("--folder", type=Path, default=Path("sets"), help="where they go: sets, beside the suites")
    given = parser.parse_args()
    try:
        given.folder.mkdir(parents=True, exist_ok=True)
        for name in given.sets:
            for file, rows in SETS[name](_say).items():
                lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                write_whole(given.folder / file, "".join(lines))
                _say(f"{given.folder / file}: {len(rows):,} rows")
    except ArbitrageError as error:
        _say(str(error))
        return error.exit_code
    except OSError as error:
        _say(f"{given.folder}: cannot be written: {error.strerror or error}")
        return ArbitrageError.exit_code
    return 0


def _rows(path: str, config: str, split: str, columns: Iterable[str], tell: Tell) -> Iterator[Row]:
    named = {"prompt": next(iter(columns)), **{f"column{n}": name for n, name in enumerate(columns)}}
    source = PromptSource(path=path, config=config, split=split, columns=named, language="und")
    for number, (where, row) in enumerate(read_raw(source, Path())):
        if isinstance(row, str):
            raise PromptError(f"{where}: {row}")
        if number == 0:
            # The commit stands in it.
            tell(f"{where.rpartition(' row ')[0]} {config}")
        yield row


def _ours(rows: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    """Yield the rows in our languages with their tags: two scripts of Chinese have one code."""
    tags = {(language.aya, language.script): tag for tag, language in languages().items()}
    for row in rows:
        if tag := tags.get((row["language"], row["script"])):
            yield tag, row


def _prompt(row: Row, tag: str, name: str, source: object) -> Row:
    return {"prompt": row["inputs"], "language": tag, "source_id": f"{name}-{source}"}


def _translation(source: str, target: str, number: str, text: str, reference: str) -> Row:
    names = {"source": languages()[source].name, "target": languages()[target].name}
    return {
        "prompt": INSTRUCTION.format(**names, text=text),
        "language": target,
        "source_id": f"flores-{number}",
        "reference": reference,
        "direction": f"{source}-{target}",
    }


def _lacking(rows: Iterable[Row], wanted: Iterable[str], tell: Tell) -> list[str]:
    counts = Counter(row["language"] for row in rows)
    tell(", ".join(f"{tag} {count:,}" for tag, count in sorted(counts.items())))
    return sorted(set(wanted) - set(counts))


def _say(line: str) -> None:
    sys.stderr.write(safe(line) + "\n")


if __name__ == "__main__":
    sys.exit(main())
