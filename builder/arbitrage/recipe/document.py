"""One YAML 1.2 document as plain data, with the line of every key.

Built from the parser's events rather than by a YAML loader, because a recipe wants less than YAML offers:
`no` is Norwegian, `0123456` is a revision, a key given twice is a mistake, and there are no tags, no merge
keys and no dates.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from arbitrage.errors import RecipeError
from arbitrage.recipe.problems import Loc, dotted

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_VALUES = 100_000
MAX_KEY = 128

INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
FLOAT = re.compile(r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True)
class Document:
    """What a YAML file says; `lines` and `texts` hold the line and the spelling of what stands at a place."""

    path: Path
    data: dict[str, Any]
    lines: dict[Loc, int] = field(repr=False)
    texts: dict[Loc, str] = field(repr=False)

    def line(self, loc: Loc) -> int:
        """Return the line of the key at a location, or of the nearest block around it that was written."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)


def read_document(path: Path) -> Document:
    """Read a YAML 1.2 file that holds one mapping.

    Raises:
        RecipeError: there is no such file, or it is not one mapping in plain YAML.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file; `arbitrage init {path}` writes one to start from") from None
    except IsADirectoryError:
        raise RecipeError(f"{path}: is a folder; give the recipe's file") from None
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise RecipeError(f"{path}: is larger than 1 MB; prompts belong in files that the recipe names")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RecipeError(f"{path}:{line}: is not UTF-8; save the file as UTF-8") from None
    return _Builder(path).document(text)


class _Builder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Loc, int] = {}
        self.texts: dict[Loc, str] = {}
        self.anchors: dict[str, tuple[object, int]] = {}
        self.values = 0

    def document(self, text: str) -> Document:
        events = self._events(text)
        next(events)
        event = next(events)
        if isinstance(event, StreamEndEvent):
            raise self._error(event, (), "is empty; `arbitrage init` writes a recipe to start from")
        event = next(events)
        data = self._value(event, events, ())
        if not isinstance(data, dict):
            what = "is empty" if data is None else "is not a block of keys (name: value)"
            raise self._error(event, (), f"{what}; `arbitrage init` writes a recipe to start from")
        for event in events:
            if isinstance(event, DocumentStartEvent):
                raise self._error(event, (), "starts a second document; a file holds one recipe")
            if not isinstance(event, DocumentEndEvent | StreamEndEvent):
                raise self._error(event, (), "goes on after its end")
        return Document(self.path, data, self.lines, self.texts)

    def _events(self, text: str) -> Iterator[Event]:
        try:
            yield from YAML(typ="safe", pure=True).parse(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f":{mark.line + 1}" if mark is not None else ""
            what = ", ".join(part for part in (error.context, error.problem) if part)
            raise RecipeError(f"{self.path}{line}: is not YAML: {what}") from None
        except YAMLError as error:
            position = getattr(error, "position", 0)
            line = f":{text.count(chr(10), 0, position) + 1}"
            raise RecipeError(f"{self.path}{line}: is not YAML: holds a control character; take it out") from None

    def _value(self, event: Any, events: Iterator[Event], loc: Loc) -> object:
        self.lines.setdefault(loc, event.start_mark.line + 1)
        if len(loc) > MAX_DEPTH:
            raise self._error(event, loc, f"is nested more than {MAX_DEPTH} deep")
        if isinstance(event, AliasEvent):
            return self._alias(event, loc)
        if event.tag is not None:
            raise self._error(event, loc, "has a YAML tag (!...): leave it out; quotes make anything text")
        before = self.values
        self._count(1, event, loc)
        value: object
        if isinstance(event, SequenceStartEvent):
            value = self._sequence(events, loc)
        elif isinstance(event, MappingStartEvent):
            value = self._mapping(events, loc)
        else:
            value = self._scalar(event, loc)
        if event.anchor is not None:
            self.anchors[event.anchor] = value, self.values - before
        return value

    def _alias(self, event: AliasEvent, loc: Loc) -> object:
        if event.anchor not in self.anchors:
            raise self._error(event, loc, f"*{event.anchor} repeats a value, but there is no &{event.anchor} before")
        value, size = self.anchors[event.anchor]
        self._count(size, event, loc)
        return value

    def _count(self, values: int, event: Event, loc: Loc) -> None:
        # An alias counts as all it repeats: nine lines of aliases to aliases would otherwise fill the memory.
        self.values += values
        if self.values > MAX_VALUES:
            raise self._error(event, loc, f"holds more than {MAX_VALUES} values, repeated ones counted")

    def _sequence(self, events: Iterator[Event], loc: Loc) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            items.append(self._value(event, events, (*loc, len(items))))
        return items

    def _mapping(self, events: Iterator[Event], loc: Loc) -> dict[str, object]:
        block: dict[str, object] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            key = self._key(event, loc)
            here = (*loc, key)
            if key in block:
                raise self._error(event, here, f"is given twice, first in line {self.lines[here]}; keep one")
            self.lines[here] = event.start_mark.line + 1
            block[key] = self._value(next(events), events, here)
        return block

    def _key(self, event: Event, loc: Loc) -> str:
        if not isinstance(event, ScalarEvent) or event.tag is not None:
            raise self._error(event, loc, "has a key that is not plain text")
        key: str = event.value
        if key == "<<" and not event.style:
            raise self._error(event, loc, "merges a block (<<): write the keys out instead")
        if len(key) > MAX_KEY:
            raise self._error(event, loc, f"has a key longer than {MAX_KEY} characters")
        self._check_text(key, event, loc)
        return key

    def _scalar(self, event: ScalarEvent, loc: Loc) -> object:
        text: str = event.value
        self._check_text(text, event, loc)
        self.texts[loc] = text
        if event.style:
            return text
        if text in WORDS:
            return WORDS[text]
        if INTEGER.fullmatch(text) and len(text) <= 40:
            return int(text)
        if FLOAT.fullmatch(text):
            if math.isfinite(number := float(text)):
                return number
            raise self._error(event, loc, "is too large for a number; put it in quotes if it is text")
        return text

    def _check_text(self, text: str, event: Event, loc: Loc) -> None:
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self._error(event, loc, "holds half a surrogate pair; write the whole character")

    def _error(self, event: Event, loc: Loc, what: str) -> RecipeError:
        return RecipeError(f"{self.path}:{event.start_mark.line + 1}: {dotted(loc)}: {what}")
