"""Scores in the store."""

from collections.abc import Callable, Iterator, Sequence

from arbitrage.records import Paid, Prompt
from arbitrage.rewards.scored import Scored
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


def unscored(
    store: Store, key: Callable[[Prompt], str], teachers: Sequence[str]
) -> Iterator[list[tuple[str, Prompt, str]]]:
    """Yield pages of (completion id, prompt, text) that today's plan asks for and a reward has no score of."""
    for page in scorable(store, teachers):
        keys = [(completion_id, key(prompt)) for completion_id, prompt, _ in page]
        have = has_scores(store, keys)
        yield [row for row, pair in zip(page, keys, strict=True) if pair not in have]


def put_scores(store: Store, rows: Sequence[tuple[str, str, Scored, Paid | None]]) -> None:
    """Commit a block of (completion id, reward key, what scoring it came to, what was paid for it), whole."""
    with store.transaction() as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO score VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (completion_id, key, scored.value, scored.note, *(paid_columns(paid) if paid else [None] * 5))
                for completion_id, key, scored, paid in rows
            ],
        )
        connection.executemany(
            "INSERT OR IGNORE INTO verdict VALUES (?, ?, ?)",
            [(completion, key, scored.verdict) for completion, key, scored, _ in rows if scored.verdict is not None],
        )


def paid_columns(paid: Paid) -> Sequence[str | int | None]:
    """Return the columns of what was paid: model, tokens as they were counted, and the most there can have been."""
    return [*paid[:3], *paid.most]


def notes(store: Store, key: str) -> dict[str | None, tuple[int, int]]:
    """Return by note how many completions of today's plan have a score under a reward's key, and how many None."""
    rows = store.connection.execute(
        "SELECT s.note, count(s.value), count(*) - count(s.value) FROM score s WHERE s.reward = ? AND EXISTS "
        "(SELECT 1 FROM completion c JOIN prompt p ON p.id = c.prompt_id JOIN ask a ON a.prompt = p.n "
        "AND a.completion_id = c.id WHERE c.id = s.completion_id) GROUP BY s.note ORDER BY s.note",
        (key,),
    )
    return {note: (with_value, without) for note, with_value, without in rows}


def verdicts(store: Store, prompt_id: str, keys: Sequence[str]) -> Iterator[tuple[str, int, str, str]]:
    """Yield (teacher, draw, reward key, text) of what judges wrote of the answers to a prompt."""
    marks = ",".join("?" * len(keys))
    yield from store.connection.execute(
        "SELECT a.teacher, a.draw, v.reward, v.text FROM ask a JOIN verdict v ON v.completion_id = a.completion_id "
        f"WHERE a.prompt = (SELECT n FROM prompt WHERE id = ?) AND v.reward IN ({marks}) ORDER BY 1, 2, 3",
        (prompt_id, *keys),
    )
