"""One row of a prompt source: what it has to be, and why it is refused where it is not."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from arbitrage.identity import canonical_json
from arbitrage.recipe.model import PromptSource
from arbitrage.records import Message

ROLES = ("system", "user", "assistant")
DEEPEST = 100
"""Lists and objects within one another in a carried column; Pythons differ in what they bear beyond."""


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt as its source gives it; `where` says which row of which file it was."""

    language: str
    source_id: str | None
    messages: list[Message]
    columns: dict[str, Any]
    """What the recipe carries along, `reference` among it where it is mapped."""
    where: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is no prompt, and why."""

    where: str
    why: str


class _Refusal(ValueError):
    """Why a row is no prompt."""


def to_row(raw: Mapping[str, Any], source: PromptSource, where: str) -> Row | BadRow:
    """Return a source's row as a prompt, or why it is none; nothing is normalised or stripped."""
    try:
        return _row(raw, source, where)
    except _Refusal as refusal:
        return BadRow(where, str(refusal))


def _row(raw: Mapping[str, Any], source: PromptSource, where: str) -> Row:
    mapped = source.columns
    key = "prompt" if "prompt" in mapped else "messages"
    messages = _messages(_needed(raw, mapped[key]), mapped[key])
    language = source.language
    if language is None:
        language = _needed(raw, mapped["language"])
        if not isinstance(language, str):
            raise _Refusal(f"language ({mapped['language']!r}) is {_sort(language)}, not text")
        if not language or _broken(language):
            raise _Refusal(f"language ({mapped['language']!r}) is empty or not valid text")
    source_id = _source_id(raw.get(mapped["source_id"]), mapped["source_id"]) if "source_id" in mapped else None
    columns = {
        name: _carried(raw.get(column), column)
        for name, column in mapped.items()
        if name not in ("prompt", "messages", "language", "source_id")
    }
    return Row(language, source_id, messages, columns, where)


def _needed(raw: Mapping[str, Any], column: str) -> Any:
    if raw.get(column) is None:
        state = "is null" if column in raw else "is missing"
        raise _Refusal(f"{column!r} {state}")
    return raw[column]


def _messages(value: object, column: str) -> list[Message]:
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    if not isinstance(value, list):
        raise _Refusal(f"{column!r} is {_sort(value)}, neither text nor a list of messages")
    if not value:
        raise _Refusal(f"{column!r} is an empty list")
    messages = [_message(turn, position, column) for position, turn in enumerate(value)]
    if messages[-1]["role"] != "user":
        raise _Refusal(f"{column!r} ends with a turn of {messages[-1]['role']!r}; the last has to be the user's")
    if not messages[-1]["content"].strip():
        raise _Refusal(f"{column!r}: the last turn is blank")
    return messages


def _message(turn: object, position: int, column: str) -> Message:
    where = f"{column!r}, turn {position + 1}"
    if not isinstance(turn, Mapping):
        raise _Refusal(f"{where} is {_sort(turn)}, not {{role, content}}")
    role, content = turn.get("role"), turn.get("content")
    if role not in ROLES:
        raise _Refusal(f"{where}: role {role!r} is none of {', '.join(ROLES)}")
    if role == "system" and position > 0:
        raise _Refusal(f"{where}: a system turn can only come first")
    if not isinstance(content, str):
        raise _Refusal(f"{where}: content is {_sort(content)}, not text")
    if _broken(content):
        raise _Refusal(f"{where}: content holds half a surrogate pair, which UTF-8 cannot carry")
    return {"role": role, "content": content}


def _source_id(value: object, column: str) -> str | None:
    if isinstance(value, float):
        # A column of numbers with gaps comes as floats, its gaps as NaN.
        value = None if math.isnan(value) else int(value) if value.is_integer() else value
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _Refusal(f"source_id ({column!r}) is {_sort(value)}, neither text nor a whole number")
    text = str(value)
    if _broken(text):
        raise _Refusal(f"source_id ({column!r}) holds half a surrogate pair, which UTF-8 cannot carry")
    return text


def _carried(value: object, column: str) -> Any:
    try:
        plain = _plain(value, column)
        canonical_json(plain)
    except UnicodeEncodeError:
        raise _Refusal(f"{column!r} holds half a surrogate pair, which UTF-8 cannot carry") from None
    return plain


def _plain(value: object, column: str, depth: int = 0) -> Any:
    if depth > DEEPEST:
        raise _Refusal(f"{column!r} is nested too deeply (more than {DEEPEST} levels)")
    if isinstance(value, float):
        # JSON has no NaN and no infinities; tables use them for what is missing.
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        # Said now rather than when the dataset is written, which is when every answer has been paid for.
        raise _Refusal(f"{column!r} holds a whole number of more than 64 bits; give it as text")
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise _Refusal(f"{column!r} has keys that are not text")
        return {key: _plain(item, column, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, column, depth + 1) for item in value]
    raise _Refusal(f"{column!r} holds {_sort(value)}, which JSON cannot carry")


def _broken(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _sort(value: object) -> str:
    names = {bool: "a yes/no value", int: "a number", float: "a number", str: "text", bytes: "bytes"}
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return names.get(type(value), type(value).__name__)
