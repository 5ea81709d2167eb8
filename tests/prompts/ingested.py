"""Prompts in a store, from rows that a test writes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arbitrage.prompts.ingest import Ingested, ingest
from arbitrage.recipe.model import Recipe
from arbitrage.store.store import open_store

TEACHERS = {"a": {"endpoint": "http://localhost:1", "api": "tgi", "model": "org/a"}}
BASE: dict[str, Any] = {
    "name": "prompts",
    "license": "cc0-1.0",
    "languages": ["de", "en", "tr", "zh"],
    "teachers": TEACHERS,
    "arms": {"random": {"router": "random"}},
    "prompts": [
        {"path": "prompts.jsonl", "columns": {"prompt": "prompt", "language": "language", "source_id": "id"}},
    ],
}
Row = tuple[str, str, str]
"""Source id, language, text."""


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def ingested(folder: Path, rows: Sequence[Row], **more: Any) -> tuple[Ingested, list[Row], list[str]]:
    """Return what became of the rows, the prompts that are left in hash order, and the log."""
    write_rows(folder / "prompts.jsonl", [dict(zip(("id", "language", "prompt"), row, strict=True)) for row in rows])
    recipe = Recipe.model_validate({**BASE, **more})
    log: list[str] = []
    with open_store(folder / "store.sqlite") as store:
        found = ingest(store, recipe, folder, lambda line: None, log.append)
        left = [
            (item.prompt.source_id, item.prompt.language, item.prompt.messages[-1]["content"])
            for page in store.prompts(store.last_of_sources(None))
            for item in page
        ]
        numbers = [n for (n,) in store.connection.execute("SELECT n FROM prompt ORDER BY n")]
        assert numbers == list(range(1, len(left) + 1))
        assert ingest(store, recipe, folder, lambda line: None, log.append) == found, "it is read once"
        tables = {name for (name,) in store.connection.execute("SELECT name FROM sqlite_temp_master")}
        assert not tables
    return found, left, log
