"""Prompts in one language to prompts in the others: what lacks is translated in blocks, checked and added."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from arbitrage.checks.language import LanguageCheck
from arbitrage.identity import content_id, prompt_id
from arbitrage.prompts.ingest import place_of
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.published import published_source
from arbitrage.recipe.translate import Translate
from arbitrage.records import Message, Prompt
from arbitrage.store.store import Store
from arbitrage.store.translations import (
    FRESH,
    add_fresh,
    drop_translated,
    lacking,
    missing,
    next_block,
    number_again,
    put_translations,
    translations,
    want,
)
from arbitrage.teachers.identity import UNVERIFIED
from arbitrage.translation.checks import outcome
from arbitrage.translation.local import LocalTranslator, weights_revision
from arbitrage.translation.pieces import METHOD, translate_texts
from arbitrage.translation.served import ServedTranslator
from arbitrage.translation.translator import Translator
from arbitrage.translation.verbatim import has_words

BLOCK = 64
"""Texts translated at once, in id order, and committed whole: what a kill can cost."""

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


class Translating:
    """The translation of a recipe's prompts in one run.

    Raises:
        TranslationError: the translator is not who the recipe says, cannot be had, or lets nobody in.
    """

    def __init__(
        self, recipe: Recipe, config: Translate, store: Store, folder: Path, language_check: LanguageCheck | None
    ) -> None:
        self.recipe = recipe
        self.config = config
        self.store = store
        self.language_check = language_check
        """Tells a wrong language too, where the recipe has it among its checks; else scripts alone do."""
        self.targets = config.targets(recipe.languages)
        self.translator = self._make(folder)
        self.by = {"model": published_source(config.model), "revision": self.translator.revision or UNVERIFIED}
        """What every translated row says in its column `translation`."""
        self.languages: dict[str, Counts] = {}
        """What became of it, once it is done."""
        self.done = False
        """Whether the prompts have all their translations."""

    def _make(self, folder: Path) -> Translator:
        config = self.config
        if config.endpoint is not None:
            return ServedTranslator(self.recipe, config, self.store)
        address = f"{config.model}@{config.revision or ''}"
        kept = self.store.get("translator") or {}
        local = (folder / config.model).is_dir()
        if local or kept.get("address") != address:
            # A run stays with the commit that it found first, until the recipe says otherwise.
            kept = {"address": address, "revision": weights_revision(config.model, config.revision, folder)}
            self.store.keep("translator", kept)
        return LocalTranslator(config.model, kept["revision"], folder, max_length=config.max_length, beams=config.beams)

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
            "languages": {name: asdict(counts) for name, counts in self.languages.items()},
        }

    def _add(self, limit: int | None, last: int, log: Tell) -> None:
        with self.store.transaction() as connection:
            connection.execute(FRESH)
            for target in self.targets:
                counts, dropped = self.languages.setdefault(target, Counts()), Counter[str]()
                for page in lacking(self.store, self.config.source, target, last):
                    for prompt, found in zip(page, self._translated(page, target), strict=True):
                        if isinstance(found, Prompt) and not add_fresh(connection, found, prompt.id):
                            found = "duplicate"
                        if isinstance(found, str):
                            dropped[found] += 1
                            log(f"not translated into {target}: prompt {prompt.id}: {found}")
                        elif found.split == "test":
                            counts.test += 1
                        else:
                            counts.train += 1
                counts.dropped = dict(sorted(dropped.items()))
            number_again(connection, lambda source_id: place_of(self.recipe.seed, source_id))
            kept = {name: asdict(counts) for name, counts in self.languages.items()}
            connection.execute(
                "INSERT OR REPLACE INTO meta VALUES ('translated', ?)",
                (json.dumps({"key": self._key(limit), "languages": kept}),),
            )

    def _translated(self, page: Sequence[Prompt], target: str) -> Iterator[Prompt | str]:
        """Yield each prompt's translation, or why there is none."""
        texts = {self.id_of(text, target): text for prompt in page for text in self._of(prompt)}
        ids, stored = list(texts), dict[str, tuple[str | None, str | None]]()
        for start in range(0, len(ids), 500):
            stored |= translations(self.store, ids[start : start + 500])
        for prompt in page:
            sources = self._of(prompt)
            replies = [stored[self.id_of(text, target)] for text in sources]
            problem = next((problem for _, problem in replies if problem), None)
            yield problem or self._prompt(prompt, sources, [text or "" for text, _ in replies], target)

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
        """Return the texts of a prompt that are translated: its turns, then those in the columns that are named."""
        named = [value for name, value in prompt.columns.items() if name in self.config.columns]
        return [turn["content"] for turn in prompt.messages] + [text for value in named for text in _strings(value)]

    def id_of(self, text: str, target: str) -> str:
        """Return the identity of a text's translation into a language."""
        return content_id(
            "translation",
            text=text,
            source=self.config.source,
            target=target,
            **self.by,
            settings=self.translator.settings,
            method=METHOD,
        )

    def _key(self, limit: int | None) -> str:
        prompts = self.store.get("prompts")
        return content_id(
            "translated",
            prompts=prompts["key"] if prompts else None,
            sample=self.id_of("", ""),
            targets=self.targets,
            columns=sorted(self.config.columns),
            language_check=self.language_check.key if self.language_check else None,
            limit=limit,
        )


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
