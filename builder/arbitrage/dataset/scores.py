"""Rewards of arms on the prompts that they have in common, kept on disk until their intervals are known."""

import hashlib
import math
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter

from arbitrage.dataset.intervals import half_width
from arbitrage.dataset.manifest import Common, Estimate, Overall
from arbitrage.errors import DatasetError

BASE = "random"
"""The arm over which gains are counted, where there is one."""
LARGEST = 1e150
"""Rewards beyond this have squares that no number holds."""
CHUNK = 1000


class _Language:
    """What is known of one language; a column is an arm's reward or its gain."""

    def __init__(self) -> None:
        self.arms: tuple[str, ...] = ()
        self.prompts = 0
        self.sources = 0
        self.means: list[float] = []
        self.squares: list[float] = []
        self.scale = 1.0

    @property
    def gains(self) -> tuple[str, ...]:
        """Arms that have a gain."""
        return tuple(arm for arm in self.arms if arm != BASE) if BASE in self.arms else ()

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """Arms with whether the column is their gain."""
        return [*((arm, False) for arm in self.arms), *((arm, True) for arm in self.gains)]

    def values(self, blob: bytes) -> list[float]:
        """Return the columns of one prompt, in units of the scale."""
        rewards = [reward / self.scale for reward in struct.unpack(f"<{len(self.arms)}d", blob)]
        if BASE not in self.arms:
            return rewards
        base = self.arms.index(BASE)
        return [*rewards, *(reward - rewards[base] for place, reward in enumerate(rewards) if place != base)]


class Scores:
    """A memory of rewards that does not grow with the dataset."""

    def __init__(self) -> None:
        # The empty name is a private file of SQLite's own, gone when it is closed.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("CREATE TABLE scored (language TEXT, source BLOB, rewards BLOB)")
        self._connection.execute("BEGIN")
        self._languages: dict[str, _Language] = {}

    def add(self, language: str, source_id: str, rewards: Mapping[str, float]) -> None:
        """Remember the rewards that arms have on one prompt.

        Raises:
            DatasetError: a reward is too large to count with.
        """
        large = next((arm for arm, reward in rewards.items() if abs(reward) > LARGEST), None)
        if large is not None:
            raise DatasetError(f"arm {large}: a reward of {rewards[large]:.3g} is too large to count with")
        found = self._languages.setdefault(language, _Language())
        if not rewards.keys() <= set(found.arms):
            # Prompts that lack one of the arms are not common to all.
            found.arms = tuple(sorted({*found.arms, *rewards}))
            self._connection.execute("DELETE FROM scored WHERE language = ?", (language,))
        if len(rewards) == len(found.arms):
            source = hashlib.sha256(source_id.encode("utf-8", "surrogatepass")).digest()[:16]
            blob = struct.pack(f"<{len(found.arms)}d", *(rewards[arm] for arm in found.arms))
            self._connection.execute("INSERT INTO scored VALUES (?, ?, ?)", (language, source, blob))

    def result(self, scales: Mapping[str, float] | None = None) -> tuple[dict[str, Common], Overall | None]:
        """Return what is common by language, and over all languages that have any of it.

        With `scales`, rewards are in these units, and languages that have none are left out.

        Over all languages a reward is the mean of the languages' means, so that each counts alike. A source is
        one cluster, with its translations in all of them. Sums run in order of source and prompt, so the same rows
        give the same digits.
        """
        self._rescale(scales)
        self._sum()
        languages = {name: found for name, found in self._languages.items() if found.prompts}
        shared = _shared(list(languages.values()))
        squares, sources = self._spread(languages, shared)
        common = {name: _common(found) for name, found in languages.items()}
        if not shared:
            return common, None
        means = [
            math.fsum(found.means[found.columns.index(column)] for found in languages.values()) / len(languages)
            for column in shared
        ]
        # A language with one source would pass for one without any spread.
        known = all(found.sources > 1 for found in languages.values())
        reward, gain = _estimates(shared, means, squares, sources if known else 1)
        prompts = sum(found.prompts for found in languages.values())
        return common, Overall(languages=list(languages), prompts=prompts, sources=sources, reward=reward, gain=gain)

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()

    def _rescale(self, scales: Mapping[str, float] | None) -> None:
        if scales is None:
            return
        for language in [name for name in self._languages if name not in scales]:
            del self._languages[language]
            self._connection.execute("DELETE FROM scored WHERE language = ?", (language,))
        for name, found in self._languages.items():
            found.scale = scales[name]

    def _sum(self) -> None:
        for found in self._languages.values():
            found.prompts, found.means = 0, []
        rows = self._connection.execute("SELECT language, rewards FROM scored ORDER BY rowid")
        for language, of_language in groupby(rows, itemgetter(0)):
            found = self._languages[language]
            totals = [mean * found.prompts for mean in found.means] or [0.0] * len(found.columns)
            while chunk := [found.values(blob) for _, blob in islice(of_language, CHUNK)]:
                found.prompts += len(chunk)
                totals = [
                    math.fsum((total, *column)) for total, column in zip(totals, zip(*chunk, strict=True), strict=True)
                ]
            found.means = [total / found.prompts for total in totals]

    def _spread(
        self, languages: Mapping[str, _Language], shared: Sequence[tuple[str, bool]]
    ) -> tuple[list[float], int]:
        places = {name: [found.columns.index(column) for column in shared] for name, found in languages.items()}
        for found in languages.values():
            found.sources, found.squares = 0, [0.0] * len(found.columns)
        squares, sources = [0.0] * len(shared), 0
        rows = self._connection.execute("SELECT source, language, rewards FROM scored ORDER BY source, language, rowid")
        for _, of_source in groupby(rows, itemgetter(0)):
            sources += 1
            together = [0.0] * len(shared)
            for language, of_language in groupby(of_source, itemgetter(1)):
                found = languages[language]
                apart = _apart(found, (blob for _, _, blob in of_language))
                found.sources += 1
                found.squares = [square + u * u for square, u in zip(found.squares, apart, strict=True)]
                for column, place in enumerate(places[language]):
                    together[column] += apart[place] / len(languages)
            squares = [square + u * u for square, u in zip(squares, together, strict=True)]
        return squares, sources


def _apart(found: _Language, blobs: Iterator[bytes]) -> list[float]:
    """Return how far one source pulls each mean of a language away."""
    sums = [0.0] * len(found.means)
    for blob in blobs:
        sums = [
            total + (value - mean) for total, value, mean in zip(sums, found.values(blob), found.means, strict=True)
        ]
    return [total / found.prompts for total in sums]


def _shared(languages: Sequence[_Language]) -> list[tuple[str, bool]]:
    """Return the columns that every language has."""
    if not languages:
        return []
    return [column for column in languages[0].columns if all(column in found.columns for found in languages)]


def _common(found: _Language) -> Common:
    reward, gain = _estimates(found.columns, found.means, found.squares, found.sources)
    return Common(prompts=found.prompts, sources=found.sources, reward=reward, gain=gain)


def _estimates(
    columns: Sequence[tuple[str, bool]], means: Sequence[float], squares: Sequence[float], clusters: int
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    found: tuple[dict[str, Estimate], dict[str, Estimate]] = ({}, {})
    for (arm, is_gain), mean, square in zip(columns, means, squares, strict=True):
        half = half_width(square, clusters)
        low, high = (None, None) if half is None else (mean - half, mean + half)
        found[is_gain][arm] = Estimate(mean=mean, low=low, high=high)
    return found
