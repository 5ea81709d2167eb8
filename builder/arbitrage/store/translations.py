"""Translations in the store, and the prompts that they make."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from arbitrage.records import Prompt
from arbitrage.store.store import PAGE, Store, prompt_of_row

WANTED = """
CREATE TEMP TABLE IF NOT EXISTS wanted (
    language TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (language, id)
) WITHOUT ROWID
"""
LACKING = """
SELECT p.n, p.id, p.language, p.split, p.source_id, p.messages, p.columns FROM prompt p
WHERE p.language = ? AND p.n > ? AND p.n <= ? AND NOT EXISTS
(SELECT 1 FROM prompt o WHERE o.source_id = p.source_id AND o.language = ?) ORDER BY p.n LIMIT ?
"""
FRESH = """
CREATE TEMP TABLE fresh (
    id TEXT PRIMARY KEY, language TEXT NOT NULL, split TEXT NOT NULL, source_id TEXT NOT NULL, messages TEXT NOT NULL,
    columns TEXT NOT NULL, original TEXT NOT NULL
) WITHOUT ROWID
"""


class Wanted(NamedTuple):
    """A text that has to be translated, under the identity of its translation."""

    id: str
    text: str


def lacking(store: Store, source: str, target: str, last: int) -> Iterator[list[Prompt]]:
    """Yield pages of the prompts up to `last` in a source language whose sources have none in the target language."""
    after = 0
    while rows := store.connection.execute(LACKING, (source, after, last, target, PAGE)).fetchall():
        after = rows[-1][0]
        yield [prompt_of_row(row).prompt for row in rows]


def want(store: Store, texts: Iterator[tuple[str, str, str]]) -> None:
    """Note what has to be translated, as (language, id, text), in place of what was noted before."""
    store.connection.execute(WANTED)
    store.connection.execute("DELETE FROM wanted")
    store.connection.executemany("INSERT OR IGNORE INTO wanted VALUES (?, ?, ?)", texts)


def missing(store: Store) -> dict[str, int]:
    """Return how many of the wanted translations are not stored, by language."""
    return dict(
        store.connection.execute(
            "SELECT w.language, count(*) FROM wanted w LEFT JOIN translation t ON t.id = w.id WHERE t.id IS NULL "
            "GROUP BY 1"
        )
    )


def next_block(store: Store, language: str, after: str, size: int) -> list[Wanted]:
    """Return the first wanted texts of a language behind an id, in id order, that have no translation."""
    rows = store.connection.execute(
        "SELECT w.id, w.text FROM wanted w LEFT JOIN translation t ON t.id = w.id "
        "WHERE w.language = ? AND w.id > ? AND t.id IS NULL ORDER BY w.id LIMIT ?",
        (language, after, size),
    )
    return [Wanted(*row) for row in rows]


def put_translations(
    store: Store, rows: Sequence[tuple[str, str | None, str | None]], imported_from: str | None = None
) -> int:
    """Commit a block of (id, text, problem), whole; return how many were new, as what is stored stays."""
    with store.transaction() as connection:
        before = connection.total_changes
        connection.executemany(
            "INSERT OR IGNORE INTO translation VALUES (?, ?, ?, ?)", [(*row, imported_from) for row in rows]
        )
        return connection.total_changes - before


def translations(store: Store, ids: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
    """Return the stored (text, problem) of each id that has one."""
    marks = ",".join("?" * len(ids))
    rows = store.connection.execute(f"SELECT id, text, problem FROM translation WHERE id IN ({marks})", list(ids))
    return {row[0]: (row[1], row[2]) for row in rows}


def imported_translations(store: Store, ids: Sequence[str]) -> dict[str, str]:
    """Return those of the ids whose translations an import brought, with where from."""
    marks = ",".join("?" * len(ids))
    rows = store.connection.execute(
        f"SELECT id, imported_from FROM translation WHERE imported_from IS NOT NULL AND id IN ({marks})", list(ids)
    )
    return dict(rows)


def originals(store: Store, source_id: str, language: str) -> list[Prompt]:
    """Return the prompts of a source in a language, two at most."""
    rows = store.connection.execute(
        "SELECT n, id, language, split, source_id, messages, columns FROM prompt "
        "WHERE source_id = ? AND language = ? ORDER BY id LIMIT 2",
        (source_id, language),
    )
    return [prompt_of_row(row).prompt for row in rows]


def original_of(store: Store, prompt_id: str) -> str | None:
    """Return the id of the prompt that a prompt is a translation of; None for an original."""
    row = store.connection.execute("SELECT original FROM translated WHERE prompt_id = ?", (prompt_id,)).fetchone()
    return row[0] if row else None


def drop_translated(connection: sqlite3.Connection) -> None:
    """Leave only the originals among the prompts."""
    connection.execute("DELETE FROM ask")
    connection.execute("DELETE FROM prompt WHERE id IN (SELECT prompt_id FROM translated)")
    connection.execute("DELETE FROM translated")
    connection.execute("DELETE FROM meta WHERE key = 'translated'")


def add_fresh(connection: sqlite3.Connection, prompt: Prompt, original: str) -> bool:
    """Put a translated prompt beside the others until `number_again`; say whether there was none like it."""
    row = (
        prompt.id,
        prompt.language,
        prompt.split,
        prompt.source_id,
        _json(prompt.messages),
        _json(prompt.columns),
        original,
    )
    return (
        connection.execute(
            "INSERT OR IGNORE INTO fresh SELECT ?, ?, ?, ?, ?, ?, ? "
            "WHERE NOT EXISTS (SELECT 1 FROM prompt WHERE id = ?)",
            (*row, prompt.id),
        ).rowcount
        > 0
    )


def fresh_ids(connection: sqlite3.Connection, language: str) -> set[str]:
    """Return the ids of a language's translated prompts that wait for `number_again`."""
    return {row[0] for row in connection.execute("SELECT id FROM fresh WHERE language = ?", (language,))}


def number_again(connection: sqlite3.Connection, place: Callable[[str], float]) -> None:
    """Number originals and translations together in hash order of their sources."""
    connection.create_function("place_of", 1, place, deterministic=True)
    connection.execute("INSERT INTO translated SELECT id, original FROM fresh")
    connection.execute(
        "CREATE TEMP TABLE together AS SELECT id, language, split, source_id, messages, columns FROM prompt "
        "UNION ALL SELECT id, language, split, source_id, messages, columns FROM fresh"
    )
    connection.execute("DELETE FROM ask")
    connection.execute("DELETE FROM prompt")
    connection.execute(
        "INSERT INTO prompt SELECT NULL, id, language, split, source_id, messages, columns FROM together "
        "ORDER BY place_of(source_id), source_id, language, id"
    )
    connection.execute("DROP TABLE together")
    connection.execute("DROP TABLE fresh")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
