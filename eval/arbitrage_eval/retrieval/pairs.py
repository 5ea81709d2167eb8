"""Sentences with their English, read and checked."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from arbitrage.errors import PromptError
from arbitrage.identity import canonical_json
from arbitrage.prompts.read import read_raw
from arbitrage.recipe.model import PromptSource

from arbitrage_eval.retrieval.entry import COLUMNS, Retrieval

FEWEST = 2
"""Of one sentence, the nearest is always right."""


class Pair(NamedTuple):
    """A sentence and what it is in English."""

    sentence: str
    english: str


Pairs = Mapping[str, list[Pair]]
"""By language."""


def read_pairs(entry: Retrieval, folder: Path) -> Pairs:
    """Return an entry's pairs by language, sorted; paths start at `folder`.

    Raises:
        PromptError: the file cannot be read, a row is not of this form, or a language has a single pair.
    """
    # As prompts are read, so that a file, a folder and the Hub do, and say the same where they do not.
    source = PromptSource(
        path=entry.path,
        config=entry.config,
        revision=entry.revision,
        split=entry.split,
        columns={"prompt": entry.column("sentence"), **{name: entry.column(name) for name in COLUMNS[1:]}},
    )
    found: dict[str, list[Pair]] = {}
    for where, row in read_raw(source, folder):
        if isinstance(row, str):
            raise PromptError(f"{where}: {row}")
        sentence, english, language = (_text(row, entry.column(name), where) for name in COLUMNS)
        found.setdefault(language, []).append(Pair(sentence, english))
    if not found:
        raise PromptError(f"{entry.path}: has no sentences")
    for language, pairs in found.items():
        if len(pairs) < FEWEST:
            raise PromptError(f"{entry.path}: {language} has {len(pairs)} pair; give {FEWEST} or more, or leave it out")
    return {language: sorted(found[language]) for language in sorted(found)}


def digest(pairs: Pairs) -> str:
    """Return a sha256 of all pairs, whatever their order in the file was."""
    return hashlib.sha256(canonical_json({language: sorted(pairs[language]) for language in sorted(pairs)})).hexdigest()


def _text(row: Mapping[str, Any], column: str, where: str) -> str:
    value = row.get(column)
    if not isinstance(value, str):
        raise PromptError(f"{where}: {column!r} is {type(value).__name__}, not text")
    if not value.strip():
        raise PromptError(f"{where}: {column!r} is empty; leave such rows out")
    return value
