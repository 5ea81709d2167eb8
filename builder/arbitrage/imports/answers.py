"""Translated answers of a published pool, each with the answer that it was made from."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import Any, NamedTuple

from arbitrage.derived import author, is_derived, reference
from arbitrage.imports.offer import is_text
from arbitrage.recipe.translate import Translate
from arbitrage.store.store import PAGE, Store
from arbitrage.store.translations import put_translations
from arbitrage.translation.naming import translation_id


class Pair(NamedTuple):
    """A teacher's answer and what it is in another language."""

    text: str
    language: str
    translated: str


def translated_answers(
    originals: Iterable[Mapping[str, Any]], made: Iterable[Mapping[str, Any]], language: str
) -> Iterator[Pair]:
    """Yield the translated answers among rows of a pool, each with its parent from rows in the language it was in.

    Rows that do not fit together give nothing: what they hold is translated again.
    """
    # The empty name is a private file of SQLite's own, gone when it is closed: memory does not grow with the pool.
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("CREATE TABLE answer (key TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID")
        connection.execute("BEGIN")
        for row in originals:
            if row["language"] == language and not is_derived(row["teacher"]) and is_text(row["completion"]):
                key = reference(row["prompt_id"], row["teacher"], row["draw"])
                connection.execute("INSERT OR IGNORE INTO answer VALUES (?, ?)", (key, row["completion"]))
        for row in made:
            if not is_derived(row["teacher"]) or not is_text(row["completion"]) or len(row["parents"] or ()) != 1:
                continue
            if not row["parents"][0].endswith(f"/{author(row['teacher'])}/{row['draw']}"):
                continue
            found = connection.execute("SELECT text FROM answer WHERE key = ?", (row["parents"][0],)).fetchone()
            if found:
                yield Pair(found[0], row["language"], row["completion"])


def bring_answers(store: Store, pairs: Iterator[Pair], config: Translate, by: Mapping[str, str], source: str) -> int:
    """Store translations of answers by a translator, known as from a source; return how many were new."""
    texts = 0
    while page := list(islice(pairs, PAGE)):
        rows = [(translation_id(config, by, one.text, one.language), one.translated, None) for one in page]
        texts += put_translations(store, rows, source)
    return texts
