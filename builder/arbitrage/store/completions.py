"""Completions in the store that were made elsewhere."""

from collections.abc import Sequence
from dataclasses import astuple

from arbitrage.records import Completion
from arbitrage.store.store import Store
from arbitrage.store.writer import INSERT_COMPLETION


def put_imported(store: Store, completions: Sequence[Completion]) -> int:
    """Commit completions, whole, and return how many were new; what is stored under an identity stays."""
    with store.transaction() as connection:
        before = connection.total_changes
        connection.executemany(INSERT_COMPLETION, [astuple(completion) for completion in completions])
        return connection.total_changes - before


def have_prompts(store: Store, prompt_ids: Sequence[str]) -> set[str]:
    """Return those of the ids that are prompts of today's recipe."""
    marks = ",".join("?" * len(prompt_ids))
    rows = store.connection.execute(f"SELECT id FROM prompt WHERE id IN ({marks})", list(prompt_ids))
    return {row[0] for row in rows}


def imported(store: Store) -> dict[str, dict[str, int]]:
    """Return how many of the answers that today's plan asks for were imported, by teacher and where from."""
    rows = store.connection.execute(
        "SELECT a.teacher, c.imported_from, count(*) FROM ask a JOIN completion c ON c.id = a.completion_id "
        "WHERE c.imported_from IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    )
    found: dict[str, dict[str, int]] = {}
    for teacher, source, count in rows:
        found.setdefault(teacher, {})[source] = count
    return found
