"""The Arrow schemas of every table in a dataset folder, and how their rows are hashed."""

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from arbitrage.identity import sorted_json
from arbitrage.recipe.model import OWN_COLUMNS, TRAINER_COLUMNS

POOL, ROUTES, PREFERENCES = "pool", "routes", "preferences"
GROUP_ROWS = 1000
"""Rows of a Parquet row group, and of a block that is hashed on its own so that a change can be located."""

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_STRINGS = pa.list_(pa.string())
_ARM = {
    "prompt": _MESSAGES,
    "completion": _MESSAGES,
    "language": pa.string(),
    "prompt_id": pa.string(),
    "source_id": pa.string(),
    "teacher": pa.string(),
    "reward": pa.float64(),
    "checks": _STRINGS,
}
_POOL = {
    "prompt_id": pa.string(),
    "source_id": pa.string(),
    "language": pa.string(),
    "prompt": _MESSAGES,
    "teacher": pa.string(),
    "model": pa.string(),
    "revision": pa.string(),
    "draw": pa.int64(),
    "completion": pa.string(),
    "reasoning": pa.string(),
    "finish_reason": pa.string(),
    "prompt_tokens": pa.int64(),
    "completion_tokens": pa.int64(),
    "tokens_from": pa.string(),
    "checks": _STRINGS,
    "reward": pa.float64(),
    "rewards": pa.list_(pa.struct([("model", pa.string()), ("score", pa.float64())])),
    "parents": _STRINGS,
    "error": pa.string(),
}
_ROUTES = {
    "prompt_id": pa.string(),
    "language": pa.string(),
    "arm": pa.string(),
    "asked": pa.list_(
        pa.struct(
            [
                ("teacher", pa.string()),
                ("draw", pa.int64()),
                ("round", pa.int64()),
                ("propensity", pa.float64()),
            ]
        )
    ),
    "chosen": pa.struct([("teacher", pa.string()), ("draw", pa.int64())]),
    "why": pa.string(),
}
_PREFERENCES = {
    "prompt": _MESSAGES,
    "chosen": _MESSAGES,
    "rejected": _MESSAGES,
    "chosen_reward": pa.float64(),
    "rejected_reward": pa.float64(),
    "chosen_teacher": pa.string(),
    "rejected_teacher": pa.string(),
    "language": pa.string(),
    "prompt_id": pa.string(),
    "source_id": pa.string(),
}
TAKEN = frozenset({*_ARM, *_POOL, *OWN_COLUMNS, *TRAINER_COLUMNS})
"""Names that no carried column may have."""


def schema_of(table: str, carried: Mapping[str, pa.DataType]) -> pa.Schema:
    """Return the schema of `pool`, `routes`, `preferences` or an arm, which carries columns along."""
    if table == ROUTES:
        return pa.schema(list(_ROUTES.items()))
    if table == PREFERENCES:
        return pa.schema(list(_PREFERENCES.items()))
    own = _POOL if table == POOL else _ARM
    return pa.schema([*own.items(), *carried.items()])


def carried_of(pool: pa.Schema) -> dict[str, pa.DataType]:
    """Return the carried columns of a pool's schema: those after its own."""
    return {field.name: field.type for field in pool if field.name not in TAKEN}


def row_line(row: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON line of a row as `to_pylist` gives it: sorted keys, compact, UTF-8."""
    try:
        return sorted_json(row) + b"\n"
    except (TypeError, ValueError):
        return sorted_json(_plain(row)) + b"\n"


def _plain(value: Any) -> Any:
    # Carried columns may hold what JSON cannot: each such value becomes an object that names its type.
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return {type(value).__name__: str(value)}


class RowHash:
    """Hash rows in order: all together, and each block of `GROUP_ROWS`."""

    def __init__(self) -> None:
        self.rows = 0
        self._all = hashlib.sha256()
        self._group = hashlib.sha256()
        self._groups: list[str] = []

    def update(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows, in order."""
        for row in rows:
            line = row_line(row)
            self._all.update(line)
            self._group.update(line)
            self.rows += 1
            if self.rows % GROUP_ROWS == 0:
                self._groups.append(self._group.hexdigest())
                self._group = hashlib.sha256()

    @property
    def all(self) -> str:
        """The sha256 over the lines of all rows."""
        return self._all.hexdigest()

    @property
    def groups(self) -> list[str]:
        """The sha256 of each block, the last one as far as it goes."""
        return [*self._groups, self._group.hexdigest()] if self.rows % GROUP_ROWS else list(self._groups)
