"""The answers that are evaluated, by prompt, whoever gave them: a file beside the run, so that they need no memory."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from arbitrage.errors import DatasetError, StoreError
from arbitrage.rewards.wires import asked_text

from arbitrage_eval.judging.pairs import Pair

SCHEMA = """
CREATE TABLE prompt (language TEXT, prompt_id TEXT, source_id TEXT, conversation TEXT,
                     PRIMARY KEY (language, prompt_id)) WITHOUT ROWID;
CREATE TABLE said (language TEXT, prompt_id TEXT, teacher TEXT, draw INTEGER, completion TEXT, error TEXT, scores TEXT,
                   PRIMARY KEY (language, prompt_id, teacher, draw)) WITHOUT ROWID;
CREATE TABLE chosen (arm TEXT, language TEXT, prompt_id TEXT, teacher TEXT, draw INTEGER,
                     PRIMARY KEY (arm, language, prompt_id)) WITHOUT ROWID;
CREATE TABLE answer (language TEXT, prompt_id TEXT, model TEXT, completion TEXT, error TEXT, scores TEXT,
                     PRIMARY KEY (language, prompt_id, model)) WITHOUT ROWID;
"""
OF_TEACHER = """
INSERT INTO answer SELECT language, prompt_id, ?, completion, error, scores FROM said WHERE teacher = ? AND draw = 0
"""
OF_ARM = """
INSERT INTO answer
SELECT language, prompt_id, ?, s.completion, coalesce(s.error, CASE WHEN s.completion IS NULL THEN 'no choice' END),
    coalesce(s.scores, '{}')
FROM chosen c LEFT JOIN said s USING (language, prompt_id, teacher, draw) WHERE c.arm = ?
"""
PAIRS = """
SELECT m.prompt_id, p.source_id, m.language, m.model, b.model, p.conversation, m.completion, b.completion
FROM answer b JOIN answer m USING (language, prompt_id) JOIN prompt p USING (language, prompt_id)
WHERE b.model = ? AND m.model <> b.model AND m.completion IS NOT NULL AND b.completion IS NOT NULL
ORDER BY m.language, m.prompt_id, m.model
"""
COUNTS = """
SELECT model, language, count(*), count(completion), total(trim(completion, char(9, 10, 13, 32)) = '')
FROM answer GROUP BY model, language ORDER BY model, language
"""
ONLY = """
DELETE FROM answer WHERE (language, prompt_id) NOT IN
    (SELECT language, prompt_id FROM answer WHERE model IN (SELECT value FROM json_each(?)))
"""
ERRORS = """
SELECT model, coalesce(error, 'unknown'), count(*) FROM answer WHERE completion IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
TEXTS = """
SELECT language, model, completion FROM answer WHERE completion IS NOT NULL ORDER BY language, prompt_id, model
"""
SCORES = """
SELECT a.model, a.language, a.prompt_id, p.source_id, a.scores
FROM answer a JOIN prompt p USING (language, prompt_id)
WHERE a.scores <> '{}' ORDER BY a.language, a.prompt_id, a.model
"""


class Scored(NamedTuple):
    """What rewards said of an answer; None where one could not score it."""

    model: str
    language: str
    prompt_id: str
    source_id: str
    scores: Mapping[str, float | None]


class Answers:
    """The answers of all models of a suite."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._connection.executescript(SCHEMA)

    def take(self, rows: Iterable[Mapping[str, Any]], scores_as: str = "") -> None:
        """Take rows of a dataset's pool, for `of_teacher` and `of_arm`; names of rewards begin with `scores_as`.

        Raises:
            DatasetError: two rows are of the same answer.
        """
        try:
            for row in rows:
                where = (row["language"], row["prompt_id"])
                conversation = asked_text(row["prompt"])
                self._connection.execute(
                    "INSERT OR IGNORE INTO prompt VALUES (?, ?, ?, ?)", (*where, row["source_id"], conversation)
                )
                scores = json.dumps({scores_as + one["model"]: one["score"] for one in row["rewards"]})
                said = (*where, row["teacher"], row["draw"], row["completion"], row["error"], scores)
                self._connection.execute("INSERT INTO said VALUES (?, ?, ?, ?, ?, ?, ?)", said)
        except sqlite3.IntegrityError as error:
            raise DatasetError(f"the pool has an answer twice: {error}") from error

    def take_routes(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take rows of a dataset's routes."""
        self._connection.executemany(
            "INSERT INTO chosen VALUES (?, ?, ?, ?, ?)",
            (
                (row["arm"], row["language"], row["prompt_id"], chosen.get("teacher"), chosen.get("draw"))
                for row in rows
                for chosen in [row["chosen"] or {}]
            ),
        )

    def of_teacher(self, teacher: str, model: str) -> None:
        """Let the first answers of a teacher be those of a model: what it says when it is asked once."""
        self._connection.execute(OF_TEACHER, (model, teacher))

    def of_arm(self, arm: str, model: str) -> None:
        """Let what an arm chose be the answers of a model."""
        self._connection.execute(OF_ARM, (model, arm))

    def taken(self) -> None:
        """Forget what no model is made of, before another dataset is taken."""
        self._connection.executescript("DELETE FROM said; DELETE FROM chosen;")

    def only_prompts_of(self, models: Iterable[str]) -> None:
        """Keep the answers to prompts that one of these models was asked, which may be a sample."""
        self._connection.execute(ONLY, (json.dumps(list(models)),))

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return by model and language how many prompts it was asked, and answered, and answered with nothing."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for model, language, prompts, answered, empty in self._connection.execute(COUNTS):
            of_model = found.setdefault(model, {})
            of_model[language] = {"prompts": prompts, "answered": answered, "empty": int(empty)}
        return found

    def unanswered(self) -> dict[str, dict[str, int]]:
        """Return by model why prompts have no answer, and how often."""
        found: dict[str, dict[str, int]] = {}
        for model, error, count in self._connection.execute(ERRORS):
            found.setdefault(model, {})[error] = count
        return found

    def pairs(self, baseline: str) -> Iterator[Pair]:
        """Yield the answers of all models beside the baseline's, to each prompt that both answered."""
        return (Pair(*row) for row in self._connection.execute(PAIRS, (baseline,)))

    def texts(self) -> Iterator[tuple[str, str, str]]:
        """Yield language, model and text of every answer."""
        yield from self._connection.execute(TEXTS)

    def scores(self) -> Iterator[Scored]:
        """Yield what rewards said of answers."""
        for model, language, prompt_id, source_id, scores in self._connection.execute(SCORES):
            yield Scored(model, language, prompt_id, source_id, json.loads(scores))


@contextmanager
def open_answers(path: Path) -> Iterator[Answers]:
    """Lend a table of answers, empty, in a file that is gone afterwards.

    Raises:
        StoreError: the file cannot be written.
    """
    path.unlink(missing_ok=True)
    try:
        connection = sqlite3.connect(path)
        try:
            # What is in it is taken from datasets each time, so that nothing is lost with it.
            connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
            yield Answers(connection)
        finally:
            connection.close()
            path.unlink(missing_ok=True)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: the answers cannot be kept: {error}") from error
