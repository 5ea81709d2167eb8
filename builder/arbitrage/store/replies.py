"""Replies of a served translator in the store: what was paid for once is not asked again."""

from collections.abc import Mapping, Sequence

from arbitrage.records import Paid
from arbitrage.store.scores import paid_columns
from arbitrage.store.store import PAGE, Store
from arbitrage.translation.translator import Reply


def replies(store: Store, ids: Sequence[str]) -> dict[str, Reply]:
    """Return the stored reply of each id that has one."""
    found: dict[str, Reply] = {}
    for start in range(0, len(ids), PAGE):
        page = list(ids[start : start + PAGE])
        marks = ",".join("?" * len(page))
        rows = store.connection.execute(f"SELECT id, text, problem FROM reply WHERE id IN ({marks})", page)
        found |= {row[0]: Reply(row[1], row[2]) for row in rows}
    return found


def put_replies(store: Store, revision: str, rows: Mapping[str, tuple[Reply, Paid]]) -> None:
    """Commit replies by their ids, each with what was paid for it, whole."""
    with store.transaction() as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO reply VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(name, reply.text, reply.problem, revision, *paid_columns(paid)) for name, (reply, paid) in rows.items()],
        )
