"""Whether answers that were made from others are made from answers that the pool has, as the recipe says."""

import sqlite3

from arbitrage.dataset.reading import Located
from arbitrage.dataset.report import Report, shown
from arbitrage.derived import author, derived_names, is_derived
from arbitrage.recipe.model import Recipe
from arbitrage.records import Answer, Prompt
from arbitrage.translation.answers import NO_ORIGINAL

TABLES = """
CREATE TABLE answered (
    key TEXT PRIMARY KEY, source TEXT, who TEXT, finish_reason TEXT, has_text INTEGER
) WITHOUT ROWID;
CREATE INDEX answered_by_source ON answered (source);
CREATE TABLE made (
    path TEXT, row INTEGER, prompt TEXT, parent TEXT, source TEXT, who TEXT, finish_reason TEXT, has_text INTEGER
);
"""


class Parents:
    """A memory of answers and of what is made from them that does not grow with the dataset."""

    def __init__(self, recipe: Recipe | None) -> None:
        names = derived_names(recipe) if recipe is not None else []
        self._known = recipe is not None
        self._teachers = {name: author(name) for name in names}
        self._source = recipe.translate.source if recipe is not None and recipe.translate is not None else None
        # The empty name is a private file of SQLite's own, gone when it is closed.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(TABLES)
        self._connection.execute("BEGIN")

    def add(self, prompt: Prompt, answer: Answer, found: Located, report: Report) -> None:
        """Remember an answer, and report one that says nothing that can be of what it is made from."""
        who = f"{answer.model}@{answer.revision}"
        about = (prompt.source_id, who, answer.finish_reason, answer.completion is not None)
        if not is_derived(answer.teacher):
            if answer.parents is not None:
                report.add(found.path, "are those of no teacher's own answer", found.row, prompt.id, "parents")
            elif prompt.language == self._source and answer.teacher in self._teachers.values():
                key = f"{prompt.id}/{answer.teacher}/{answer.draw}"
                self._connection.execute("INSERT OR IGNORE INTO answered VALUES (?, ?, ?, ?, ?)", (key, *about))
            return
        if not self._known:
            return
        if answer.teacher not in self._teachers or prompt.language == self._source:
            report.add(found.path, "is nobody whom an arm of the recipe asks", found.row, prompt.id, "teacher")
            return
        parents = answer.parents
        end = f"/{self._teachers[answer.teacher]}/{answer.draw}"
        lacks_one = answer.error == NO_ORIGINAL and answer.completion is None
        if parents is None or len(parents) != (not lacks_one) or not all(key.endswith(end) for key in parents):
            report.add(found.path, "are not what it can be made from", found.row, prompt.id, "parents")
            return
        row = (found.path, found.row, prompt.id, next(iter(parents), None), *about)
        self._connection.execute("INSERT INTO made VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def check(self, report: Report) -> None:
        """Report every answer that is not made from an answer that fits it, once all are added."""
        rows = self._connection.execute(
            "SELECT m.path, m.row, m.prompt, m.parent, m.source, m.who, m.finish_reason, m.has_text, "
            "a.source, a.who, a.finish_reason, a.has_text, "
            "EXISTS (SELECT 1 FROM answered o WHERE o.source = m.source) "
            "FROM made m LEFT JOIN answered a ON a.key = m.parent ORDER BY m.rowid"
        )
        for path, row, prompt, parent, *rest in rows:
            own, other, has_source = rest[:4], rest[4:8], rest[8]
            if parent is None:
                if has_source:
                    message = f"could be made from an answer that the pool has in {self._source}"
                    report.add(path, message, row, prompt, "parents")
            elif other[0] is None:
                report.add(
                    path, f"names {shown(parent)}, which the pool lacks in {self._source}", row, prompt, "parents"
                )
            elif own[0] != other[0]:
                report.add(path, "names an answer to a prompt of another source", row, prompt, "parents")
            elif own[1] != other[1]:
                report.add(path, "is not who wrote what it is made from", row, prompt, "revision")
            elif own[3] and not other[3]:
                report.add(path, "is made from an answer without a text", row, prompt, "completion")
            elif own[3] and own[2] != other[2]:
                report.add(path, "is not that of what it is made from", row, prompt, "finish_reason")

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
