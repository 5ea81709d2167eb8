"""The router that asks the whole pool and keeps the best-rewarded answer."""

from collections.abc import Sequence

from arbitrage.errors import RecipeError
from arbitrage.identity import preference_order
from arbitrage.records import Answer, Ask, Choice, Prompt
from arbitrage.routers.router import Setting


def best_rewarded(seed: int, prompt: Prompt, answers: Sequence[Answer]) -> Choice:
    """Choose the highest reward among unflagged usable answers, else among flagged ones.

    A tie goes to the teacher that a hash puts first, so that no teacher gains by its name or place. An
    answer that could not be scored never beats a scored one; several unscored ones cannot be compared.
    """
    usable = [answer for answer in answers if answer.usable]
    if not usable:
        return Choice(None, "no usable answer")
    unflagged = [answer for answer in usable if answer.unflagged]
    candidates = unflagged or usable
    suffix = "" if unflagged else ", all flagged"
    scored = [(answer.reward, answer) for answer in candidates if answer.reward is not None]
    if not scored:
        if len(candidates) > 1:
            return Choice(None, "several answers, none scored" + suffix)
        only = candidates[0]
        return Choice((only.teacher, only.draw), "only usable answer" + suffix)
    top = max(reward for reward, _ in scored)
    best = {(answer.teacher, answer.draw) for reward, answer in scored if reward == top}
    if len(best) == 1:
        return Choice(next(iter(best)), "highest reward" + suffix)
    order = preference_order(seed, prompt.id, sorted({teacher for teacher, _ in best}))
    draw = min(draw for teacher, draw in best if teacher == order[0])
    return Choice((order[0], draw), "highest reward, tie" + suffix)


class Reward:
    """Ask every teacher that serves the language; the highest reward wins."""

    def __init__(self, setting: Setting) -> None:
        if not setting.rewarded:
            raise RecipeError(f"arms.{setting.arm}: router reward needs a reward; add rewards: and route_by:")
        self.seed = setting.seed
        self.pool = setting.pool

    def decide(self, prompt: Prompt, answers: Sequence[Answer]) -> Sequence[Ask] | Choice:
        """Ask the pool, then take the best."""
        if answers:
            return best_rewarded(self.seed, prompt, answers)
        return [Ask(teacher) for teacher in self.pool[prompt.language]]
