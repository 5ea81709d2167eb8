"""From stored completions and scores to the answers that routers see."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from arbitrage.checks import flags
from arbitrage.checks.language import LanguageCheck, expected_language
from arbitrage.derived import answerers, author, derived_names, is_derived, reference
from arbitrage.recipe.model import Recipe
from arbitrage.records import Answer
from arbitrage.rewards.mean import MeanReward
from arbitrage.rewards.reward import AnyReward
from arbitrage.routers import routing_reward
from arbitrage.store.derived import originals
from arbitrage.store.store import NumberedPrompt, Store
from arbitrage.store.verdicts import verdicts
from arbitrage.teachers.identity import UNVERIFIED
from arbitrage.teachers.pool import Pool

Answers = Mapping[int, Mapping[tuple[str, int], Answer]]
"""By prompt number, then by (teacher, draw)."""
Scores = dict[str, float | None]
"""Of one answer, by reward."""

QUERY = """
SELECT a.prompt, a.teacher, a.draw, c.id, c.revision, c.text, c.reasoning, c.finish_reason,
       c.prompt_tokens, c.completion_tokens, c.tokens_from, c.error, f.kind
FROM ask a JOIN prompt p ON p.n = a.prompt LEFT JOIN completion c ON c.id = a.completion_id
LEFT JOIN failure f ON f.teacher = a.teacher AND f.prompt_id = p.id AND f.draw = a.draw AND f.build = ?
WHERE a.teacher IN ({teachers}) AND a.prompt IN ({prompts})
"""


class _Stored(NamedTuple):
    prompt: int
    teacher: str
    draw: int
    id: str | None
    revision: str | None
    text: str | None
    reasoning: str | None
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    tokens_from: str | None
    error: str | None
    failure: str | None


class Reader:
    """Reads the answers of a page of prompts in one go."""

    def __init__(
        self,
        store: Store,
        recipe: Recipe,
        rewards: Sequence[AnyReward],
        build: int,
        pool: Pool,
        language_check: LanguageCheck | None = None,
    ) -> None:
        self._store = store
        self._recipe = recipe
        self._rewards = rewards
        self._stored = [reward for reward in rewards if not isinstance(reward, MeanReward)]
        self._means = [reward for reward in rewards if isinstance(reward, MeanReward)]
        self._routing = routing_reward(recipe)
        self._build = build
        self._language_check = language_check
        self._teachers = {teacher.name: teacher for teacher in pool.teachers}
        self._names = answerers(recipe)
        self._source = recipe.translate.source if recipe.translate and derived_names(recipe) else None

    def read(self, page: Sequence[NumberedPrompt]) -> Answers:
        """Return every answer to an ask of today's plan: an outcome, or a failure of this build."""
        query = QUERY.format(teachers=_marks(self._names), prompts=_marks(page))
        parameters = [self._build, *self._names, *(item.n for item in page)]
        rows = [_Stored(*row) for row in self._store.connection.execute(query, parameters)]
        completions = [row.id for row in rows if row.id]
        scores = self._scores(completions)
        wrong = self._in_wrong_language(page, rows, completions)
        keys = {item.n: {reward.name: reward.key(item.prompt) for reward in self._stored} for item in page}
        sources = originals(self._store, page, self._source) if self._source else {}
        found: dict[int, dict[tuple[str, int], Scores]] = {item.n: {} for item in page}
        for row in rows:
            if row.id:
                of_row = {name: scores.get((row.id, key)) for name, key in keys[row.prompt].items()}
                found[row.prompt][row.teacher, row.draw] = of_row
        for of_prompt in found.values():
            self._add_means(of_prompt)
        answers: dict[int, dict[tuple[str, int], Answer]] = {item.n: {} for item in page}
        for row in rows:
            if row.id or row.failure:
                key = (row.teacher, row.draw)
                answer = self._answer(row, found[row.prompt].get(key, {}), row.id in wrong)
                if is_derived(row.teacher):
                    original = sources[row.prompt]
                    parents = () if original is None else (reference(original, author(row.teacher), row.draw),)
                    answer = replace(answer, parents=parents)
                answers[row.prompt][key] = answer
        return answers

    def _add_means(self, scores: dict[tuple[str, int], Scores]) -> None:
        # An arm more that makes answers from others' must not change what another arm chooses.
        apart = {key for key in scores if is_derived(key[0])}
        for mean in self._means:
            for key, value in mean.scores(scores, apart).items():
                scores[key][mean.name] = value

    def _scores(self, completions: Sequence[str]) -> Mapping[tuple[str, str], float | None]:
        if not self._rewards or not completions:
            return {}
        rows = self._store.connection.execute(
            f"SELECT completion_id, reward, value FROM score WHERE completion_id IN ({_marks(completions)})",
            completions,
        )
        return {(completion_id, key): value for completion_id, key, value in rows}

    def _in_wrong_language(
        self, page: Sequence[NumberedPrompt], rows: Sequence[_Stored], completions: Sequence[str]
    ) -> set[str | None]:
        """Return the completions that the language check spoke against; what it has not seen yet is not flagged."""
        if self._language_check is None or not completions:
            return set()
        expected = {item.n: expected_language(item.prompt) for item in page}
        known = verdicts(self._store, self._language_check.key, completions)
        found = ((row.id, known.get((row.id or "", expected[row.prompt]))) for row in rows)
        return {name for name, verdict in found if verdict is not None and verdict.word == "wrong"}

    def _answer(self, row: _Stored, scores: Mapping[str, float | None], wrong: bool) -> Answer:
        teacher = author(row.teacher)
        model = self._recipe.teachers[teacher].model
        revision = row.revision or self._teachers[teacher].revision or UNVERIFIED
        if row.id is None:
            return Answer(row.teacher, row.draw, model, revision, None, error=row.failure)
        rewards = [(reward.name, scores.get(reward.name)) for reward in self._rewards]
        checks: tuple[str, ...] = ()
        if row.text is not None:
            checks = flags(self._recipe.checks, row.text, row.reasoning, row.finish_reason, wrong_language=wrong)
        return Answer(
            teacher=row.teacher,
            draw=row.draw,
            model=model,
            revision=revision,
            completion=row.text,
            reasoning=row.reasoning,
            finish_reason=row.finish_reason,
            prompt_tokens=row.prompt_tokens,
            completion_tokens=row.completion_tokens,
            tokens_from=row.tokens_from,
            checks=checks,
            reward=dict(rewards).get(self._routing or ""),
            rewards=rewards,
            error=row.error,
        )


def _marks(values: Sequence[Any] | Mapping[str, Any]) -> str:
    return ",".join("?" * len(values))
