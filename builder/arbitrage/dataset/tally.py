"""What the manifest counts, gathered while prompts stream by."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from arbitrage.dataset.audit import Audit
from arbitrage.dataset.manifest import Answers, Arm, Pool, Served, TeacherAnswers
from arbitrage.dataset.rows import chosen_answer
from arbitrage.dataset.scores import Scores
from arbitrage.recipe import model as recipe
from arbitrage.records import Answer, Routed

Nested = defaultdict[str, Counter[str]]


class _ArmCounts:
    def __init__(self) -> None:
        self.asked: Nested = defaultdict(Counter)
        self.rows: Nested = defaultdict(Counter)
        self.chosen: Nested = defaultdict(Counter)
        self.without_row: Counter[str] = Counter()


class _AnswerCounts:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.checks: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()


class Tally:
    """Counts over routed prompts, in the order in which they are added."""

    def __init__(self, arms: Mapping[str, recipe.Arm], published: Sequence[str], auditors: Sequence[str] = ()) -> None:
        self._of_recipe = arms
        self._published = published
        self._arms = {name: _ArmCounts() for name in arms}
        self._prompts: Nested = defaultdict(Counter)
        self._served: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self._answers: defaultdict[tuple[str, str], _AnswerCounts] = defaultdict(_AnswerCounts)
        self._scores = Scores()
        self._audits = [Audit(name) for name in auditors]

    def add(self, routed: Routed) -> None:
        """Count one prompt.

        Raises:
            DatasetError: a route chose an answer that there is not, or a reward is too large to count with.
        """
        language, split = routed.prompt.language, routed.prompt.split
        if routed.answers:
            self._prompts[language][split] += 1
        for answer in routed.answers:
            self._served[answer.teacher][answer.model, answer.revision] += 1
            self._count(self._answers[answer.teacher, language], answer)
        scored: dict[str, float] = {}
        chosen: dict[str, Answer] = {}
        for route in routed.routes:
            arm = self._arms[route.arm]
            arm.asked[language][split] += 1
            if route.chosen is None:
                arm.without_row[route.why] += 1
                continue
            answer = chosen_answer(routed.prompt, routed.answers, route)
            arm.rows[language][split] += 1
            arm.chosen[language][answer.teacher] += 1
            chosen[route.arm] = answer
            if answer.reward is not None:
                scored[route.arm] = answer.reward
        if scored:
            self._scores.add(language, routed.prompt.source_id, scored)
        for audit in self._audits:
            audit.add(routed, chosen)

    @staticmethod
    def _count(counts: _AnswerCounts, answer: Answer) -> None:
        counts.counts["answers"] += 1
        counts.counts["usable"] += answer.usable
        counts.checks.update(answer.checks)
        if answer.error is not None:
            counts.errors[answer.error] += 1
        if answer.tokens_from is not None:
            counts.counts["tokens_counted"] += 1
            counts.counts["prompt_tokens"] += answer.prompt_tokens or 0
            counts.counts["completion_tokens"] += answer.completion_tokens or 0

    def result(self) -> dict[str, Any]:
        """Return the manifest's `arms`, `common`, `overall`, `auditors` and `pool`."""
        common, overall = self._scores.result()
        return {
            "arms": self._arms_result(),
            "common": common,
            "overall": overall,
            "auditors": {audit.auditor: audit.result() for audit in self._audits},
            "pool": self._pool(),
        }

    def close(self) -> None:
        """Forget everything."""
        self._scores.close()
        for audit in self._audits:
            audit.close()

    def _arms_result(self) -> dict[str, Arm]:
        return {
            name: Arm(
                router=self._of_recipe[name].router,
                teacher=self._of_recipe[name].teacher,
                published=name in self._published,
                asked=_plain(arm.asked),
                rows=_plain(arm.rows),
                without_row=dict(arm.without_row),
                chosen=_plain(arm.chosen),
            )
            for name, arm in self._arms.items()
        }

    def _pool(self) -> Pool:
        teachers: dict[str, TeacherAnswers] = {}
        for teacher, served in self._served.items():
            teachers[teacher] = TeacherAnswers(
                served=[
                    Served(model=model, revision=revision, answers=count)
                    for (model, revision), count in sorted(served.items())
                ],
                languages={
                    language: Answers(
                        checks=dict(found.checks),
                        errors=dict(found.errors),
                        **{
                            name: found.counts[name]
                            for name in (
                                "answers",
                                "usable",
                                "tokens_counted",
                                "prompt_tokens",
                                "completion_tokens",
                            )
                        },
                    )
                    for (name, language), found in self._answers.items()
                    if name == teacher
                },
            )
        return Pool(prompts=_plain(self._prompts), teachers=teachers)


def _plain(nested: Nested) -> dict[str, dict[str, int]]:
    return {key: dict(counts) for key, counts in nested.items()}
