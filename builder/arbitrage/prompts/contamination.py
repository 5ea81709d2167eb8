"""Prompts that hold items of evaluation sets: whole, cut or lightly edited.

The sets are held in memory, as they are small, and prompts stream by; so what a prompt contains of an item is
counted exactly, and needs no estimate. The run of 13 words is that of GPT-3's filter (arXiv 2005.14165, appendix C).
"""

import re
import sqlite3
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from arbitrage.prompts.near import said
from arbitrage.prompts.read import read_raw
from arbitrage.prompts.shingles import shingles, tokens
from arbitrage.recipe.model import EvaluationSet

WORDS, CHARACTERS = 2, 4
"""Words of a shingle, and characters where there are no spaces between words."""
RUN, RUN_CHARACTERS = 13, 26
"""So many words of an item in a row, or characters, and the prompt holds the item, however long that is."""
SHARE = 0.5
"""Else it holds the item where it has this share of its shingles,"""
FEWEST = 6
"""and at least so many of them, of a shorter item all,"""
WINDOW = 2
"""within so many times the item's length: a long text has pieces of anything."""
SHORTEST, SHORTEST_CHARACTERS = 5, 10
"""Words of an item, or characters, below which it is not looked for: it would be found everywhere."""
COMMON = 64
"""A shingle of more items than this is a set's wording, and no evidence of any item."""
SPACE = re.compile(r"\s+")

Tell = Callable[[str], None]


@dataclass(slots=True)
class SetCounts:
    """What was looked for of one evaluation set, and found."""

    items: int = 0
    too_short: int = 0
    prompts: dict[str, int] = field(default_factory=dict)
    """Prompts that hold an item of it, by language."""


class Found(NamedTuple):
    """An item that a prompt holds: the set's number, where the item stands, and how much of it the prompt has."""

    number: int
    where: str
    share: float


class Items:
    """The shingles of all items of some evaluation sets."""

    def __init__(self, sets: Sequence[EvaluationSet], folder: Path, counts: Sequence[SetCounts]) -> None:
        """Read the sets and count their items.

        Raises:
            PromptError: a set cannot be read, or lacks a column.
        """
        self._set_of = array("H")
        self._where: list[str] = []
        self._run = array("H")
        keyed: list[int] = []
        for number, (one, count) in enumerate(zip(sets, counts, strict=True)):
            for where, text in _texts(one, folder):
                count.items += 1
                words, single = tokens(text)
                is_unspaced = single > 0.5
                if len(words) < (SHORTEST_CHARACTERS if is_unspaced else SHORTEST):
                    count.too_short += 1
                    continue
                size = CHARACTERS if is_unspaced else WORDS
                item = len(self._where)
                self._where.append(where)
                self._set_of.append(number)
                self._run.append((RUN_CHARACTERS if is_unspaced else RUN) - size + 1)
                keyed += [shingle << 32 | item for shingle in set(shingles(words, size))]
        keyed.sort()
        self._shingles, self._items = array("Q"), array("I")
        self._size = array("I", bytes(4 * len(self._where)))
        for shingle, items in _grouped(keyed):
            if len(items) <= COMMON:
                for item in items:
                    self._shingles.append(shingle)
                    self._items.append(item)
                    self._size[item] += 1

    def held_by(self, text: str) -> list[Found]:
        """Return the items that a text holds, at most one of each set: the one that it holds most of."""
        words, single = tokens(text)
        best: dict[int, Found] = {}
        for size in (CHARACTERS, WORDS) if single else (WORDS,):
            for item, share in self._held(words, size):
                number = self._set_of[item]
                if number not in best or share > best[number].share:
                    best[number] = Found(number, self._where[item], share)
        return [best[number] for number in sorted(best)]

    def _held(self, words: Sequence[str], size: int) -> Iterator[tuple[int, float]]:
        if len(words) < size:
            return
        hits: dict[int, list[tuple[int, int]]] = {}
        for position, shingle in enumerate(shingles(words, size)):
            place = bisect_left(self._shingles, shingle)
            while place < len(self._shingles) and self._shingles[place] == shingle:
                hits.setdefault(self._items[place], []).append((position, shingle))
                place += 1
        for item in sorted(hits):
            found = hits[item]
            whole = self._size[item]
            need = max(min(FEWEST, whole), SHARE * whole)
            close = _most_close(found, WINDOW * whole) if len(found) >= need else 0
            if close >= need or _longest_run(found) >= self._run[item]:
                yield item, len({shingle for _, shingle in found}) / whole


def _most_close(found: Sequence[tuple[int, int]], window: int) -> int:
    """Return the most different shingles among those that stand within a window."""
    inside: Counter[int] = Counter()
    start = most = 0
    for position, shingle in found:
        inside[shingle] += 1
        while found[start][0] <= position - window:
            gone = found[start][1]
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            start += 1
        most = max(most, len(inside))
    return most


def _longest_run(found: Sequence[tuple[int, int]]) -> int:
    run = longest = 0
    before = -2
    for position, _ in found:
        run = run + 1 if position == before + 1 else 1
        longest = max(longest, run)
        before = position
    return longest


def contaminated(
    connection: sqlite3.Connection, items: Items, sets: Sequence[EvaluationSet], counts: Sequence[SetCounts], log: Tell
) -> Iterator[str]:
    """Yield the source id of each of the prompts of `queue` that hold an item; count them, and name them to `log`."""
    rows = connection.execute(
        "SELECT q.id, q.source_id, q.language, s.messages FROM queue q "
        "JOIN staged s ON s.source = q.source AND s.id = q.id ORDER BY q.n"
    )
    for prompt, source, language, messages in rows:
        found = items.held_by(said(messages))
        for held in found:
            name, prompts = sets[held.number].name, counts[held.number].prompts
            prompts[language] = prompts.get(language, 0) + 1
            log(f"contaminated: prompt {prompt} of source {source} has {held.share:.0%} of {name}, {held.where}")
        if found:
            yield source


def _texts(one: EvaluationSet, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each text of a set once, with where it stands; translations and labels repeat many."""
    seen: set[str] = set()
    for where, row in read_raw(one.source, folder):
        if isinstance(row, str):
            continue
        for column in one.columns:
            value: Any = row.get(column)
            text = SPACE.sub(" ", value).strip() if isinstance(value, str) else ""
            if text and text not in seen:
                seen.add(text)
                yield f"{where} {column}", text


def _grouped(keyed: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    items: list[int] = []
    before = -1
    for value in keyed:
        shingle, item = value >> 32, value & 0xFFFFFFFF
        if shingle != before and items:
            yield before, items
            items = []
        before = shingle
        items.append(item)
    if items:
        yield before, items
