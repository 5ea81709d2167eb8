"""Verdicts of the language check in the store."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from arbitrage.store.store import Store


class StoredVerdict(NamedTuple):
    """A verdict on a completion, expected in a language, under the key of the check that gave it."""

    completion_id: str
    language: str
    check_key: str
    word: str
    found: str | None
    lines: int
    wrong: int


def verdicts(store: Store, check_key: str, completions: Sequence[str]) -> Mapping[tuple[str, str], StoredVerdict]:
    """Return what a check said of the completions, by completion id and expected language."""
    marks = ",".join("?" * len(completions))
    rows = store.connection.execute(
        "SELECT completion_id, language, check_key, word, found, lines, wrong FROM language_verdict "
        f"WHERE check_key = ? AND completion_id IN ({marks})",
        [check_key, *completions],
    )
    return {(row[0], row[1]): StoredVerdict(*row) for row in rows}


def put_verdicts(store: Store, rows: Sequence[StoredVerdict]) -> None:
    """Commit a block of verdicts, whole."""
    with store.transaction() as connection:
        connection.executemany("INSERT OR IGNORE INTO language_verdict VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
