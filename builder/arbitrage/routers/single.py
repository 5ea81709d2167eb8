"""Routers that ask one teacher for one answer."""

from collections.abc import Sequence

from arbitrage.errors import RecipeError
from arbitrage.identity import preference_order
from arbitrage.records import Answer, Ask, Choice, Prompt
from arbitrage.routers.router import Setting


def take_only(answers: Sequence[Answer]) -> Choice:
    """Choose the one answer there is, flagged or not, unless there is no text in it."""
    answer = answers[0]
    if answer.usable:
        return Choice((answer.teacher, answer.draw), "only answer")
    return Choice(None, f"no answer: {answer.error or 'empty'}")


class Single:
    """Ask the arm's one teacher."""

    def __init__(self, setting: Setting) -> None:
        if setting.teacher is None:
            raise RecipeError(f"arms.{setting.arm}: router single needs teacher: NAME")
        self.teacher = setting.teacher
        self.pool = setting.pool

    def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
        """Ask the teacher where it serves the language, then take what it gave."""
        if answers:
            return take_only(answers)
        return [Ask(self.teacher)] if self.teacher in self.pool[prompt.language] else []


class Random:
    """Ask one teacher, uniformly at random among those that serve the language.

    The pick is the teacher with the highest sha256(seed, prompt id, teacher): it depends on nothing else,
    so a tenth teacher moves one pick in ten.
    """

    def __init__(self, setting: Setting) -> None:
        self.seed = setting.seed
        self.pool = setting.pool

    def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
        """Ask the picked teacher, then take what it gave."""
        if answers:
            return take_only(answers)
        teachers = self.pool[prompt.language]
        best = preference_order(self.seed, prompt.id, teachers)[:1]
        return [Ask(teacher, propensity=1 / len(teachers)) for teacher in best]
