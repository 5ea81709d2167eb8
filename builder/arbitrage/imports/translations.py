"""Translated prompts of a published pool, so that a lost store does not translate them again."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from arbitrage.dataset.report import shown
from arbitrage.imports.offer import is_revision, is_text
from arbitrage.recipe.translate import Translate
from arbitrage.records import Prompt
from arbitrage.store.store import Store
from arbitrage.store.translations import originals, put_translations
from arbitrage.teachers.identity import UNVERIFIED
from arbitrage.translation.naming import made_by, translation_id
from arbitrage.translation.translating import texts_of

PAGE = 200
"""Prompts whose translations are committed together."""


class Translated:
    """What a dataset's manifest says of its translator, held against the recipe's."""

    def __init__(self, facts: object, config: Translate | None) -> None:
        self.config = config
        self.facts: Mapping[str, Any] = facts if isinstance(facts, Mapping) else {}
        self.by = {name: str(self.facts.get(name)) for name in ("model", "revision")}
        self.why = self._why() if config is not None and self.facts else None
        """Why its translations are not the recipe's; None where they are, or where nothing is translated."""

    @property
    def is_ours(self) -> bool:
        """Whether it has translations that a build of the recipe would make."""
        return self.config is not None and bool(self.facts) and self.why is None

    def _why(self) -> str | None:
        config, revision = self.config, self.by["revision"]
        assert config is not None
        if not is_revision(revision) or "identity" not in self.facts:
            return "the dataset does not say by what settings it was translated"
        if made_by(config, revision) != self.by or config.revision not in (None, revision):
            who = f"{shown(self.by['model'])} at {revision}"
            return f"the dataset was translated by {who}, which is not the recipe's translator"
        if translation_id(config, made_by(config, revision), "", "") != self.facts["identity"]:
            return "the dataset was translated by other settings, or by another version of this program"
        return None

    def bring(self, store: Store, prompts: Iterator[tuple[Prompt, Any]], source: str) -> tuple[int, set[str]]:
        """Store the translations that prompts are, each given with its column `translation`.

        Returns:
            How many texts were new, and the ids of the prompts whose texts the store has now.
        """
        texts, found = 0, set[str]()
        while page := list(islice(prompts, PAGE)):
            rows: list[tuple[str, str | None, str | None]] = []
            for prompt, by in page:
                pairs = self._pairs(store, prompt) if by == self.by else None
                if pairs is not None:
                    found.add(prompt.id)
                    rows += pairs
            texts += put_translations(store, rows, source)
        return texts, found

    def _pairs(self, store: Store, prompt: Prompt) -> list[tuple[str, str | None, str | None]] | None:
        """Return the translations of a prompt's texts by their identities; None where it is not known of what."""
        config = self.config
        assert config is not None
        own = originals(store, prompt.source_id, config.source)
        if len(own) != 1:
            return None  # of several originals, nobody says which it was made from
        texts, made = texts_of(own[0], config.columns), texts_of(prompt, config.columns)
        if len(texts) != len(made) or not all(map(is_text, made)):
            return None
        return [
            (translation_id(config, self.by, text, prompt.language), translated, None)
            for text, translated in zip(texts, made, strict=True)
        ]

    def remember(self, store: Store) -> None:
        """Keep who translated, for where nobody says it any more: neither the store nor an endpoint."""
        config, revision = self.config, self.by["revision"]
        if config is None or not self.is_ours or revision == UNVERIFIED:
            return
        if config.api is not None:
            if store.remembered_revision(config.api, config.model) is None:
                store.remember_revision(config.api, config.model, revision)
        elif store.get("translator") is None:
            store.keep("translator", {"address": f"{config.model}@{config.revision or ''}", "revision": revision})

    def said(self, texts: int, tell: Callable[[str], None]) -> None:
        """Say what came of it, where there is something to say."""
        if self.why is not None:
            tell(f"translations: none is imported: {self.why}")
        elif self.is_ours:
            revision = self.by["revision"]
            unsure = ", which nobody verified" if revision == UNVERIFIED else ""
            tell(
                f"translations: {texts} texts imported; a build uses them while its translator is at revision "
                f"{revision}{unsure}, and asks again for prompts that had no translation"
            )
