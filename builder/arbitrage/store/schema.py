"""The tables of the store and how an older store becomes today's."""

import sqlite3

from arbitrage.errors import StoreError

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- The prompts of today's recipe, numbered in hash order of their sources: translations stay together,
-- and whatever stops early has served every language alike.
CREATE TABLE prompt (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    language TEXT NOT NULL,
    split TEXT NOT NULL,
    source_id TEXT NOT NULL,
    messages TEXT NOT NULL,
    columns TEXT NOT NULL
);
CREATE INDEX prompt_in_dataset_order ON prompt (language, split, id);

-- What today's arms ask; rebuilt by every build.
CREATE TABLE ask (
    teacher TEXT NOT NULL,
    prompt INTEGER NOT NULL,
    draw INTEGER NOT NULL,
    completion_id TEXT,
    PRIMARY KEY (teacher, prompt, draw)
) WITHOUT ROWID;

-- What was paid for, under its identity; never deleted.
CREATE TABLE completion (
    id TEXT NOT NULL UNIQUE,
    prompt_id TEXT NOT NULL,
    model TEXT NOT NULL,
    revision TEXT NOT NULL,
    draw INTEGER NOT NULL,
    text TEXT,
    reasoning TEXT,
    finish_reason TEXT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    tokens_from TEXT,
    error TEXT,
    message TEXT
);

-- Asks without a final outcome, by the number of the build that gave up on them.
CREATE TABLE failure (
    teacher TEXT NOT NULL,
    prompt_id TEXT NOT NULL,
    draw INTEGER NOT NULL,
    build INTEGER NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (teacher, prompt_id, draw)
) WITHOUT ROWID;

-- value NULL: the reward said that it cannot score this.
CREATE TABLE score (
    completion_id TEXT NOT NULL,
    reward TEXT NOT NULL,
    value REAL,
    PRIMARY KEY (completion_id, reward)
) WITHOUT ROWID;

-- Who answered last behind a teacher, for when nobody answers at the next start.
CREATE TABLE identity (api TEXT, model TEXT, revision TEXT NOT NULL, PRIMARY KEY (api, model)) WITHOUT ROWID;
"""

IMPORTS = "ALTER TABLE completion ADD COLUMN imported_from TEXT;"

LANGUAGES = """
-- What the language check said of a completion; language is the one that was expected.
CREATE TABLE language_verdict (
    completion_id TEXT NOT NULL,
    language TEXT NOT NULL,
    check_key TEXT NOT NULL,
    word TEXT NOT NULL,
    found TEXT,
    lines INTEGER NOT NULL,
    wrong INTEGER NOT NULL,
    PRIMARY KEY (completion_id, language, check_key)
) WITHOUT ROWID;
"""

TRANSLATIONS = """
-- A text in another language, under the identity of text, languages, translator and settings; never deleted.
-- text NULL: it cannot be translated, for the reason in problem.
CREATE TABLE translation (id TEXT PRIMARY KEY, text TEXT, problem TEXT) WITHOUT ROWID;

-- Those of today's prompts that are translations, and of which prompt.
CREATE TABLE translated (prompt_id TEXT PRIMARY KEY, original TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX prompt_by_source ON prompt (source_id, language);
"""

SCORING = """
-- Why there is no score, or what was done to the text to get one.
ALTER TABLE score ADD COLUMN note TEXT;

-- What judges wrote, to be looked at; never published.
CREATE TABLE verdict (
    completion_id TEXT NOT NULL,
    reward TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (completion_id, reward)
) WITHOUT ROWID;
"""

PAID = """
-- Whom a score was paid to and for how many tokens: as the server counted them (NULL: it did not), and at most.
ALTER TABLE score ADD COLUMN model TEXT;
ALTER TABLE score ADD COLUMN prompt_tokens INTEGER;
ALTER TABLE score ADD COLUMN completion_tokens INTEGER;
ALTER TABLE score ADD COLUMN prompt_most INTEGER;
ALTER TABLE score ADD COLUMN completion_most INTEGER;

-- The dataset that a translation came from.
ALTER TABLE translation ADD COLUMN imported_from TEXT;

-- What a served translator replied to a piece of a text, under the identity of piece, languages, translator and
-- settings, and what was paid for it; never deleted.
CREATE TABLE reply (
    id TEXT PRIMARY KEY,
    text TEXT,
    problem TEXT,
    revision TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    prompt_most INTEGER NOT NULL,
    completion_most INTEGER NOT NULL
) WITHOUT ROWID;
"""

DERIVED = "ALTER TABLE completion ADD COLUMN derived_from TEXT;"

MIGRATIONS: list[str] = [TABLES, IMPORTS, LANGUAGES, TRANSLATIONS, SCORING, PAID, DERIVED]
"""Applied in order, once each; `PRAGMA user_version` counts them."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a store up to date, in one transaction.

    Raises:
        StoreError: the store was written by a newer version of this program.
    """
    version = _version(connection)
    if version == len(MIGRATIONS):
        return
    statements = "".join(MIGRATIONS[version:])
    connection.executescript(f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {len(MIGRATIONS)}; COMMIT;")


def check_version(connection: sqlite3.Connection) -> None:
    """Make sure that a store can be read as it is.

    Raises:
        StoreError: a build has to bring it up to date first, or it is of a newer version.
    """
    if _version(connection) < len(MIGRATIONS):
        raise StoreError("the store is of an older version, or empty: `arbitrage build` brings it up to date")


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the store has schema {version}, this program knows up to {len(MIGRATIONS)}: "
            "use the newer version of arbitrage that wrote it"
        )
    return version
