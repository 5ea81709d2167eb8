"""Answers in one language to answers in the others: the translations that arms ask for, made in the fixed blocks."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from arbitrage.checks.language import expected_language
from arbitrage.derived import author, derived_names
from arbitrage.errors import BudgetSpent, TranslatorDown
from arbitrage.identity import content_id
from arbitrage.recipe.model import Recipe
from arbitrage.records import Completion, Failure
from arbitrage.store.derived import Parent, Waiting, put_derived, waiting
from arbitrage.store.store import Store
from arbitrage.store.translations import imported_translations, missing, translations, want
from arbitrage.teachers.failure import Failed, Kind
from arbitrage.translation.checks import outcome
from arbitrage.translation.translating import Progress, Tell, Translating

NO_ORIGINAL = "no_original"
"""There is no prompt of the source in the language that is translated from."""
OTHER_LANGUAGE = "answer_language"
"""The prompt, or the one that its answer would be made from, wants to be answered in another language than its own."""
FAILED = "translation_"
"""Begins what is said of an answer that could not be translated, or whose translation is none."""


class AnswerTranslating:
    """The translation of the answers that a recipe's arms want translated, in one run."""

    def __init__(self, recipe: Recipe, translating: Translating, store: Store) -> None:
        self.recipe = recipe
        self.translating = translating
        self.store = store
        self.source = translating.config.source
        self.stopped_by: Failed | None = None
        """Why this build translates no more answers: the next one does."""

    def run(self, build: int, progress: Progress, log: Tell) -> None:
        """Translate every answer that is there and has no translation, and give each ask its outcome.

        A translator that is down, or that may not be paid any more, leaves its asks to the next build: arms that need
        no translated answers lose nothing by it.

        Raises:
            TranslationError: the translator lets nobody in or is somebody else; what is translated stays.
        """
        self.missing(build)
        if self.stopped_by is None:
            try:
                self.translating.fill("answers", progress, log)
            except BudgetSpent as error:
                self.stopped_by = Failed(Kind.BUDGET, str(error))
            except TranslatorDown as error:
                self.stopped_by = Failed(Kind.SERVER, str(error))
        self.settle(build)

    def missing(self, build: int) -> dict[str, int]:
        """Return how many of the answers that are there have to be translated, by language."""
        want(self.store, self._texts(build))
        return missing(self.store)

    def settle(self, build: int) -> None:
        """Give every ask the outcome that follows from what is stored; what waits for a translation still waits."""
        for name in derived_names(self.recipe):
            for page in waiting(self.store, name, author(name), self.source, build):
                wanted = [found for one in page if (found := self._wanted(one)) is not None]
                ids = [self.translating.id_of(*pair) for pair in wanted]
                known, brought = translations(self.store, ids), imported_translations(self.store, ids)
                outcomes = [(one, self._outcome(name, one, known, brought)) for one in page]
                put_derived(
                    self.store,
                    name,
                    build,
                    [(one.item, made) for one, made in outcomes if isinstance(made, Completion)],
                    [made for _, made in outcomes if isinstance(made, Failure)],
                )

    def _texts(self, build: int) -> Iterator[tuple[str, str, str]]:
        for name in derived_names(self.recipe):
            for page in waiting(self.store, name, author(name), self.source, build):
                for one in page:
                    if (found := self._wanted(one)) is not None:
                        text, language = found
                        yield language, self.translating.id_of(text, language), text

    def _wanted(self, one: Waiting) -> tuple[str, str] | None:
        """Return the text that has to be translated for an ask, and the language; None where there is none."""
        text = one.parent.text if one.parent is not None else None
        if text is None or not text.strip() or self._lacks(one) is not None:
            return None
        return text, one.item.prompt.language

    def _lacks(self, one: Waiting) -> str | None:
        """Return why an ask cannot have an answer, whatever the parent says."""
        prompt, original = one.item.prompt, one.original
        if original is None:
            return NO_ORIGINAL
        own = expected_language(prompt) == prompt.language and expected_language(original) == original.language
        return None if own else OTHER_LANGUAGE

    def _outcome(
        self,
        name: str,
        one: Waiting,
        known: Mapping[str, tuple[str | None, str | None]],
        brought: Mapping[str, str],
    ) -> Completion | Failure | None:
        """Return what an ask comes to; None where that is not known yet."""
        why, parent = self._lacks(one), one.parent
        if why is not None:
            return self._made(name, one, None, None, why)
        if parent is None:
            if one.failure is None:
                return None
            return Failure(name, one.item.prompt.id, one.draw, *one.failure, attempts=0)
        if parent.text is None or not parent.text.strip():
            # What a teacher could not say, nobody can translate: its own error, or its own silence.
            return self._made(name, one, parent, parent.text, parent.error, parent.message)
        text, language = parent.text, one.item.prompt.language
        translation = self.translating.id_of(text, language)
        found = known.get(translation)
        if found is None:
            if self.stopped_by is None:
                return None
            stop = self.stopped_by
            return Failure(name, one.item.prompt.id, one.draw, stop.kind, stop.message, attempts=0)
        translated, problem = found
        if translated is not None:
            problem = outcome([text], [translated], language, is_answer=True)
        if problem is not None:
            return self._made(name, one, parent, None, f"{FAILED}{problem}")
        made = self._made(name, one, parent, translated, None)
        return replace(made, imported_from=brought.get(translation))

    def _made(
        self,
        name: str,
        one: Waiting,
        parent: Parent | None,
        text: str | None,
        error: str | None,
        message: str | None = None,
    ) -> Completion:
        prompt, model = one.item.prompt, self.recipe.teachers[author(name)].model
        made_from = {"parent": parent.id} if parent else {"model": model, "draw": one.draw, "why": error}
        by = self.translating.id_of("", prompt.language)
        return Completion(
            id=content_id("translated answer", prompt=prompt.id, translator=by, **made_from),
            prompt_id=prompt.id,
            model=model,
            revision=parent.revision if parent else "",
            draw=one.draw,
            text=text,
            # An answer that was cut off is cut off in every language.
            finish_reason=parent.finish_reason if parent and text is not None else None,
            error=error,
            message=message,
            derived_from=parent.id if parent else "",
        )
