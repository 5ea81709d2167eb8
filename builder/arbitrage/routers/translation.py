"""The translation baseline: one teacher answers in one language, and its answers are translated into the others."""

from collections.abc import Sequence

from arbitrage.derived import translation_of
from arbitrage.errors import RecipeError
from arbitrage.records import Answer, Ask, Choice, Prompt
from arbitrage.routers.router import Setting
from arbitrage.routers.single import take_only


class Translation:
    """Ask the arm's teacher in the language that is translated from; elsewhere, for a translation of what it said."""

    def __init__(self, setting: Setting) -> None:
        where = f"arms.{setting.arm}: router translation"
        if setting.teacher is None:
            raise RecipeError(f"{where} needs teacher: NAME, whose answers are translated")
        if setting.source is None:
            raise RecipeError(f"{where} needs translate:, which says who translates and from which language")
        if setting.teacher not in setting.pool.get(setting.source, ()):
            raise RecipeError(
                f"{where} asks {setting.teacher!r} in {setting.source!r}, the language of translate: from:, which "
                "it does not serve"
            )
        self.teacher = setting.teacher
        self.source = setting.source

    def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
        """Ask for the one answer, then take it."""
        if answers:
            return take_only(answers)
        return [Ask(self.teacher if prompt.language == self.source else translation_of(self.teacher))]
