"""Asks for answers that are made from other answers, and what is stored of those."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any, NamedTuple

from arbitrage.records import Completion, Failure, Prompt
from arbitrage.store.store import PAGE, NumberedPrompt, Store, prompt_of_row
from arbitrage.store.writer import INSERT_COMPLETION, INSERT_FAILURE

ORIGINAL = """coalesce(
    (SELECT t.original FROM translated t WHERE t.prompt_id = p.id),
    (SELECT min(s.id) FROM prompt s WHERE s.source_id = p.source_id AND s.language = ?)
)"""
"""The prompt that one is a translation of; of one that came with its source, the first there in the language."""
WAITING = f"""
SELECT p.n, p.id, p.language, p.split, p.source_id, p.messages, p.columns,
       o.n, o.id, o.language, o.split, o.source_id, o.messages, o.columns,
       a.draw, f.kind, f.message, c.id, c.text, c.finish_reason, c.error, c.message, c.revision
FROM ask a JOIN prompt p ON p.n = a.prompt
LEFT JOIN prompt o ON o.id = {ORIGINAL}
LEFT JOIN ask b ON b.teacher = ? AND b.prompt = o.n AND b.draw = a.draw
LEFT JOIN completion c ON c.id = b.completion_id
LEFT JOIN failure f ON f.teacher = b.teacher AND f.prompt_id = o.id AND f.draw = b.draw AND f.build = ?
WHERE a.teacher = ? AND a.prompt > ? AND a.completion_id IS NULL ORDER BY a.prompt LIMIT ?
"""


class Parent(NamedTuple):
    """The stored outcome that an answer is to be made from."""

    id: str
    text: str | None
    finish_reason: str | None
    error: str | None
    message: str | None
    revision: str


class Waiting(NamedTuple):
    """An ask for a derived answer that has none yet."""

    item: NumberedPrompt
    draw: int
    original: Prompt | None
    """The prompt whose answer it is to be made from."""
    parent: Parent | None
    failure: tuple[str, str] | None
    """Kind and message, where this build could not get the parent."""


def waiting(store: Store, name: str, teacher: str, source: str, build: int) -> Iterator[list[Waiting]]:
    """Yield pages of the asks under a derived name without an answer, with their parents by a teacher in a language."""
    after = 0
    while rows := store.connection.execute(WAITING, (source, teacher, build, name, after, PAGE)).fetchall():
        after = rows[-1][0]
        yield [_waiting(row) for row in rows]


def originals(store: Store, page: Sequence[NumberedPrompt], source: str) -> dict[int, str | None]:
    """Return by number the prompt in a language whose answers would be translated for each of some prompts."""
    marks = ",".join("?" * len(page))
    rows = store.connection.execute(
        f"SELECT p.n, {ORIGINAL} FROM prompt p WHERE p.n IN ({marks})", (source, *(item.n for item in page))
    )
    return dict(rows)


def put_derived(
    store: Store,
    name: str,
    build: int,
    made: Sequence[tuple[NumberedPrompt, Completion]],
    failures: Sequence[Failure],
) -> None:
    """Commit derived answers as those to the asks under a name, and why others could not be made, whole."""
    with store.transaction() as connection:
        connection.executemany(INSERT_COMPLETION, [astuple(completion) for _, completion in made])
        connection.executemany(
            "UPDATE ask SET completion_id = ? WHERE teacher = ? AND prompt = ? AND draw = ?",
            [(completion.id, name, item.n, completion.draw) for item, completion in made],
        )
        connection.executemany(
            INSERT_FAILURE,
            [(f.teacher, f.prompt_id, f.draw, build, f.kind, f.message, f.attempts) for f in failures],
        )


def _waiting(row: Sequence[Any]) -> Waiting:
    draw, kind, message, *parent = row[14:]
    return Waiting(
        prompt_of_row(row[:7]),
        draw,
        None if row[7] is None else prompt_of_row(row[7:14]).prompt,
        None if parent[0] is None else Parent(*parent),
        None if kind is None else (kind, message),
    )
