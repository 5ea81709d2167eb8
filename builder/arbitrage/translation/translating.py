"""Prompts in one language to prompts in the others: what lacks is translated in blocks, checked and added."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from arbitrage.checks.language import LanguageCheck
from arbitrage.identity import content_id, prompt_id
from arbitrage.prompts.contamination import SetCounts
from arbitrage.prompts.ingest import place_of
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.translate import Translate
from arbitrage.records import Message, Prompt
from arbitrage.spend import bill, tokens_of_replies
from arbitrage.store.store import Store
from arbitrage.store.translations import (
    FRESH,
    add_fresh,
    drop_translated,
    fresh_ids,
    imported_translations,
    lacking,
    missing,
    next_block,
    number_again,
    put_translations,
    translations,
    want,
)
from arbitrage.teachers.identity import UNVERIFIED
from arbitrage.teachers.purse import Purse
from arbitrage.translation.checks import outcome
from arbitrage.translation.local import LocalTranslator, weights_revision
from arbitrage.translation.naming import made_by, translation_id
from arbitrage.translation.pieces import first_pieces, translate_texts
from arbitrage.translation.served import ServedTranslator
from arbitrage.translation.sifting import sift
from arbitrage.translation.translator import Translator
from arbitrage.translation.verbatim import has_words

BLOCK = 64
"""Texts translated at once, in id order, and committed whole: what a kill can cost."""
CUT_TEXTS = 50_000
"""Texts whose pieces are kept while `check` counts requests."""

Tell = Callable[[str], None]
Progress = Callable[[str, str, int, int], None]
"""Told what is translated, into which language, how many are, and of how many."""


@dataclass(slots=True)
class Counts:
    """What became of the prompts that a language lacked."""

    train: int = 0
    test: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """Prompts without a translation, by why."""
    imported: int = 0
    """Translated prompts that an import brought."""
    removed: dict[str, int] = field(default_factory=dict)
    """Translated prompts that the recipe does not want: near-duplicates and contaminated ones."""
    held: dict[str, int] = field(default_factory=dict)
    """Translated prompts that hold an item of an evaluation set, by the set's name."""


class Translating:
    """The translation of a recipe's prompts in one run.

    Raises:
        TranslationError: the translator is not who the recipe says, cannot be had, or lets nobody in.
    """

    def __init__(
        self,
        recipe: Recipe,
        config: Translate,
        store: Store,
        folder: Path,
        language_check: LanguageCheck | None,
        purse: Purse,
    ) -> None:
        self.recipe = recipe
        self.folder = folder
        self.config = config
        self.store = store
        self.language_check = language_check
        """Tells a wrong language too, where the recipe has it among its checks; else scripts alone do."""
        self.targets = config.targets(recipe.languages)
        self.translator = self._make(folder, purse)
        self.by = made_by(config, self.translator.revision or UNVERIFIED)
        """What every translated row says in its column `translation`."""
        self.languages: dict[str, Counts] = {}
        """What became of it, once it is done."""
        self.done = False
        """Whether the prompts have all their translations."""

    def _make(self, folder: Path, purse: Purse) -> Translator:
        config = self.config
        if config.endpoint is not None:
            return ServedTranslator(self.recipe, config, self.store, purse)
        address = f"{config.model}@{config.revision or ''}"
        kept = self.store.get("translator") or {}
        local = (folder / config.model).is_dir()
        if local or kept.get("address") != address:
            # A run stays with the commit that it found first, until the recipe says otherwise.
            kept = {"address": address, "revision": weights_revision(config.model, config.revision, folder)}
            self.store.keep("translator", kept)
        return LocalTranslator(config, kept["revision"], folder)

    @property
    def trouble(self) -> str | None:
        """Why nobody answers where the translator is served; None where somebody does."""
        return self.translator.trouble if isinstance(self.translator, ServedTranslator) else None

    @property
    def pin(self) -> str | None:
        """The translator's revision, where anybody knows it."""
        return self.translator.revision or None

    def forget_others(self, limit: int | None) -> bool:
        """Say whether the prompts have all their translations; where not, leave only the originals among them."""
        kept = self.store.get("translated")
        if kept and kept["key"] == self._key(limit):
            self.languages = {name: Counts(**counts) for name, counts in kept["languages"].items()}
            self.done = True
            return True
        with self.store.transaction() as connection:
            drop_translated(connection)
        return False

    def missing(self, last: int) -> dict[str, int]:
        """Return how many texts of the prompts up to `last` have to be translated, by language."""
        want(self.store, self._texts(last))
        return missing(self.store)

    def ahead(self, last: int) -> Counter[str] | None:
        """Return what a served translator would be asked about the prompts up to `last`, by its own words for it."""
        if not isinstance(self.translator, ServedTranslator):
            return None
        translator, source = self.translator, self.config.source
        # A text is cut alike for every language that it is translated into.
        cut = lru_cache(CUT_TEXTS)(lambda text: first_pieces(translator, [text], source))
        want(self.store, self._texts(last))
        whole = Counter[str]()
        for language in self.targets:
            after = ""
            while block := next_block(self.store, language, after, BLOCK):
                after = block[-1].id
                pieces = dict.fromkeys(piece for one in block for piece in cut(one.text))
                whole.update(translator.ahead(list(pieces), source, language))
        return whole

    def stand_ins(self, last: int) -> Iterator[Prompt]:
        """Yield a stand-in for every translated prompt that there may be: its source's text in its language."""
        for target in self.targets:
            for page in lacking(self.store, self.config.source, target, last):
                for prompt in page:
                    yield Prompt(
                        prompt_id(target, prompt.messages), target, prompt.source_id, prompt.split, prompt.messages
                    )

    def run(self, limit: int | None, progress: Progress, log: Tell) -> None:
        """Translate what lacks a translation, and add the prompts that this gives.

        Raises:
            TranslationError: the translator cannot be used; what is translated stays.
            BudgetSpent: the recipe's `max_usd` is spent; what is translated stays.
        """
        if self.forget_others(limit):
            return
        last = self.store.last_of_sources(limit)
        self.missing(last)
        self.fill("texts", progress, log)
        self._add(limit, last, log)
        self.done = True

    def fill(self, what: str, progress: Progress, log: Tell) -> None:
        """Translate what is wanted and has no translation, in blocks; `what` is what it is called.

        Raises:
            TranslationError: the translator cannot be used; what is translated stays.
            BudgetSpent: the recipe's `max_usd` is spent; what is translated stays.
        """
        for language, count in missing(self.store).items():
            log(f"translating {count} {what} into {language}")
            done, after = 0, ""
            while block := next_block(self.store, language, after, BLOCK):
                replies = translate_texts(self.translator, [text for _, text in block], self.config.source, language)
                rows = [(one.id, reply.text, reply.problem) for one, reply in zip(block, replies, strict=True)]
                put_translations(self.store, rows)
                done, after = done + len(rows), block[-1].id
                progress(what, language, done, count)

    def facts(self) -> dict[str, Any]:
        """Return what the manifest says of it."""
        return {
            **self.by,
            "from": self.config.source,
            "languages": {name: _counted(counts) for name, counts in self.languages.items()},
            "identity": self.id_of("", ""),
            **self._paid(),
        }

    def _paid(self) -> dict[str, Any]:
        if not isinstance(self.translator, ServedTranslator):
            return {}
        tokens = tokens_of_replies(self.store, self.config.model, self.by["revision"])
        return {"paid": bill(self.config.price, tokens)}

    def _add(self, limit: int | None, last: int, log: Tell) -> None:
        brought = set[str]()
        with self.store.transaction() as connection:
            connection.execute(FRESH)
            for target in self.targets:
                counts, dropped = self.languages.setdefault(target, Counts()), Counter[str]()
                for page in lacking(self.store, self.config.source, target, last):
                    for prompt, (found, imported) in zip(page, self._translated(page, target), strict=True):
                        if isinstance(found, Prompt) and not add_fresh(connection, found, prompt.id):
                            found = "duplicate"
                        if isinstance(found, str):
                            dropped[found] += 1
                            log(f"not translated into {target}: prompt {prompt.id}: {found}")
                        else:
                            counts.test += found.split == "test"
                            counts.train += found.split == "train"
                            brought |= {found.id} if imported else set()
                counts.dropped = dict(sorted(dropped.items()))
            self._sift(connection, log)
            for target, counts in self.languages.items():
                counts.imported = len(brought & fresh_ids(connection, target))
            number_again(connection, self._place)
            kept = {name: asdict(counts) for name, counts in self.languages.items()}
            connection.execute(
                "INSERT OR REPLACE INTO meta VALUES ('translated', ?)",
                (json.dumps({"key": self._key(limit), "languages": kept}),),
            )

    def _place(self, source_id: str) -> float:
        return place_of(self.recipe.seed, source_id)

    def _sift(self, connection: sqlite3.Connection, log: Tell) -> None:
        """Take out what the recipe does not want, and count it."""
        pins = (self.store.get("prompts") or {}).get("ingested", {}).get("evaluation_pins", {})
        held = {one.name: SetCounts() for one in self.recipe.contamination}
        by_number = {int(n): pin for n, pin in pins.items()}
        for gone in sift(connection, self.recipe, self.folder, by_number, self._place, held, log):
            counts = self.languages[gone.language]
            counts.test -= gone.split == "test"
            counts.train -= gone.split == "train"
            counts.removed[gone.why] = counts.removed.get(gone.why, 0) + 1
        for name, found in held.items():
            for language, prompts in found.prompts.items():
                self.languages[language].held[name] = prompts

    def _translated(self, page: Sequence[Prompt], target: str) -> Iterator[tuple[Prompt | str, bool]]:
        """Yield each prompt's translation, or why there is none, and whether an import brought it."""
        texts = {self.id_of(text, target): text for prompt in page for text in self._of(prompt)}
        ids, stored, brought = list(texts), dict[str, tuple[str | None, str | None]](), set[str]()
        for start in range(0, len(ids), 500):
            stored |= translations(self.store, ids[start : start + 500])
            brought |= imported_translations(self.store, ids[start : start + 500]).keys()
        for prompt in page:
            sources = self._of(prompt)
            replies = [stored[self.id_of(text, target)] for text in sources]
            problem = next((problem for _, problem in replies if problem), None)
            found = problem or self._prompt(prompt, sources, [text or "" for text, _ in replies], target)
            yield found, not brought.isdisjoint(self.id_of(text, target) for text in sources)

    def _prompt(self, prompt: Prompt, sources: Sequence[str], found: Sequence[str], target: str) -> Prompt | str:
        turns = len(prompt.messages)
        why = outcome(sources[:turns], found[:turns], target, self.language_check)
        if why:
            return why
        messages: list[Message] = [
            {"role": turn["role"], "content": text} for turn, text in zip(prompt.messages, found, strict=False)
        ]
        rest = iter(found[turns:])
        columns = dict(prompt.columns)
        for name, value in prompt.columns.items():
            if name in self.config.columns:
                columns[name] = _replaced(value, rest)
            elif name == "reference" and any(map(has_words, _strings(value))):
                # What is right in one language is not in another; a number is.
                columns[name] = None
        return Prompt(prompt_id(target, messages), target, prompt.source_id, prompt.split, messages, columns)

    def _texts(self, last: int) -> Iterator[tuple[str, str, str]]:
        for target in self.targets:
            for page in lacking(self.store, self.config.source, target, last):
                for prompt in page:
                    for text in self._of(prompt):
                        yield target, self.id_of(text, target), text

    def _of(self, prompt: Prompt) -> list[str]:
        return texts_of(prompt, self.config.columns)

    def id_of(self, text: str, target: str) -> str:
        """Return the identity of a text's translation into a language."""
        return translation_id(self.config, self.by, text, target)

    def _key(self, limit: int | None) -> str:
        prompts = self.store.get("prompts")
        sifts = self.recipe.near_duplicates is not None or bool(self.recipe.contamination)
        return content_id(
            "translated",
            **({"sifted": True} if sifts else {}),
            prompts=prompts["key"] if prompts else None,
            sample=self.id_of("", ""),
            targets=self.targets,
            columns=sorted(self.config.columns),
            language_check=self.language_check.key if self.language_check else None,
            limit=limit,
        )


def _counted(counts: Counts) -> dict[str, Any]:
    counted = asdict(counts)
    return {name: value for name, value in counted.items() if value or name in ("train", "test", "dropped")}


def texts_of(prompt: Prompt, columns: Collection[str]) -> list[str]:
    """Return the texts of a prompt that are translated: its turns, then those in the columns that are named."""
    named = [value for name, value in prompt.columns.items() if name in columns]
    return [turn["content"] for turn in prompt.messages] + [text for value in named for text in _strings(value)]


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _replaced(value: Any, texts: Iterator[str]) -> Any:
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, list):
        return [next(texts) if isinstance(item, str) else item for item in value]
    return value
