"""What a reward that did not route says of what the routing one routed."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

from arbitrage.dataset.manifest import Agreement, Auditor, Common, Estimate, Overall, Transfer
from arbitrage.dataset.scores import LARGEST, Scores
from arbitrage.errors import DatasetError
from arbitrage.records import Answer, Routed

MOST = 200
"""Answers to one prompt that are compared with each other: the first by teacher and draw."""
AGREEMENT = "agreement"
SMALLEST = 1e-100
"""A spread below this is none: nothing can be counted in such units."""


class Spread:
    """The standard deviation of scores within a prompt, by language."""

    def __init__(self) -> None:
        self._squares: dict[str, float] = {}
        self._freedom: dict[str, int] = {}

    def add(self, language: str, scores: Sequence[float]) -> None:
        """Add the scores of one prompt's answers."""
        mean = math.fsum(scores) / len(scores)
        square = math.fsum((score - mean) * (score - mean) for score in scores)
        self._squares[language] = self._squares.get(language, 0.0) + square
        self._freedom[language] = self._freedom.get(language, 0) + len(scores) - 1

    def result(self) -> dict[str, float]:
        """Return it for the languages in which there is any."""
        found = {name: math.sqrt(self._squares[name] / freedom) for name, freedom in self._freedom.items() if freedom}
        return {name: spread for name, spread in found.items() if spread > SMALLEST}


class Audit:
    """Gathers, prompt by prompt, how one auditor and the routing reward see the same answers."""

    def __init__(self, auditor: str) -> None:
        self.auditor = auditor
        self._agreement = Scores()
        self._routing, self._auditing = Scores(), Scores()
        self._spreads = Spread(), Spread()

    def add(self, routed: Routed, chosen: Mapping[str, Answer]) -> None:
        """Add a prompt with the answer that each arm chose.

        Raises:
            DatasetError: a score is too large to count with.
        """
        language, source = routed.prompt.language, routed.prompt.source_id
        pairs = [pair for answer in routed.answers if answer.usable and answer.unflagged for pair in self._both(answer)]
        if any(abs(score) > LARGEST for pair in pairs for score in pair):
            raise DatasetError(
                f"reward {self.auditor}: a score of prompt {routed.prompt.id} is too large to count with"
            )
        if len(pairs) > 1:
            for spread, scores in zip(self._spreads, zip(*pairs, strict=True), strict=True):
                spread.add(language, scores)
        agreed = agreement(pairs[:MOST])
        if agreed is not None:
            self._agreement.add(language, source, {AGREEMENT: agreed})
        scored = {arm: pair for arm, answer in chosen.items() for pair in self._both(answer)}
        if scored:
            self._routing.add(language, source, {arm: pair[0] for arm, pair in scored.items()})
            self._auditing.add(language, source, {arm: pair[1] for arm, pair in scored.items()})

    def _both(self, answer: Answer) -> list[tuple[float, float]]:
        other = dict(answer.rewards).get(self.auditor)
        return [] if answer.reward is None or other is None else [(answer.reward, other)]

    def result(self) -> Auditor:
        """Return what was found."""
        by_language, overall = self._agreement.result()
        spreads = [spread.result() for spread in self._spreads]
        both = {name for name in spreads[0] if name in spreads[1]}
        routing, of_routing = self._routing.result({name: spreads[0][name] for name in both})
        auditing, of_auditing = self._auditing.result({name: spreads[1][name] for name in both})
        return Auditor(
            agreement={name: _agreement(found) for name, found in by_language.items()},
            agreement_overall=None if overall is None else _agreement(overall),
            transfer={name: _transfer(routing[name], auditing[name]) for name in routing if routing[name].gain},
            transfer_overall=_whole(of_routing, of_auditing),
        )

    def close(self) -> None:
        """Forget everything."""
        for scores in (self._agreement, self._routing, self._auditing):
            scores.close()


def agreement(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return how often the auditor prefers what the routing reward prefers, of (routing score, auditor's score).

    That is the share of the pairs of answers between which the routing reward sees a difference; where the auditor
    sees none it counts half, so that chance is one half. None where there is no such pair.
    """
    points, compared = 0.0, 0
    for (one, by_one), (two, by_two) in combinations(pairs, 2):
        if one != two:
            compared += 1
            points += 0.5 if by_one == by_two else float((one > two) == (by_one > by_two))
    return points / compared if compared else None


def _agreement(found: Common) -> Agreement:
    share = found.reward[AGREEMENT]
    if share.low is not None and share.high is not None:
        # Few sources make intervals that a share cannot fill.
        share = Estimate(mean=share.mean, low=max(0.0, share.low), high=min(1.0, share.high))
    return Agreement(prompts=found.prompts, sources=found.sources, share=share)


def _transfer(routing: Common, auditing: Common) -> Transfer:
    return Transfer(prompts=routing.prompts, sources=routing.sources, routing=routing.gain, auditor=auditing.gain)


def _whole(routing: Overall | None, auditing: Overall | None) -> Transfer | None:
    if routing is None or auditing is None or not routing.gain:
        return None
    return _transfer(routing, auditing)
