"""Scores in the store."""

from collections.abc import Iterator, Sequence

from arbitrage.records import Prompt
from arbitrage.store.store import PAGE, Store, prompt_of_row


def scorable(store: Store, teachers: Sequence[str]) -> Iterator[list[tuple[str, Prompt, str]]]:
    """Yield pages of (completion id, prompt, text) that today's plan asks for, in completion id order.

    Blank completions are left out: they never win, and most rewards make nonsense of them.
    """
    after = ""
    marks = ",".join("?" * len(teachers))
    while True:
        rows = store.connection.execute(
            "SELECT c.id, c.text, p.n, p.id, p.language, p.split, p.source_id, p.messages, p.columns "
            "FROM completion c JOIN prompt p ON p.id = c.prompt_id "
            "WHERE c.id > ? AND c.text IS NOT NULL AND EXISTS (SELECT 1 FROM ask a "
            f"WHERE a.teacher IN ({marks}) AND a.prompt = p.n AND a.draw = c.draw AND a.completion_id = c.id) "
            "ORDER BY c.id LIMIT ?",
            (after, *teachers, PAGE),
        ).fetchall()
        if not rows:
            return
        after = rows[-1][0]
        yield [(row[0], prompt_of_row(row[2:]).prompt, row[1]) for row in rows if row[1].strip()]


def has_scores(store: Store, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of the (completion id, reward key) pairs that are scored."""
    marks = ",".join("?" * len(keys))
    rows = store.connection.execute(
        f"SELECT completion_id, reward FROM score WHERE completion_id IN ({marks})", [key for key, _ in keys]
    )
    return set(keys) & {(row[0], row[1]) for row in rows}


def put_scores(store: Store, rows: Sequence[tuple[str, str, float | None]]) -> None:
    """Commit a block of (completion id, reward key, score), whole."""
    with store.transaction() as connection:
        connection.executemany("INSERT OR IGNORE INTO score VALUES (?, ?, ?)", rows)
