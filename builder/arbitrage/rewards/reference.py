"""Rewards that compare with a `reference` column: one text, or a list of which the best counts."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from arbitrage.records import Message

if TYPE_CHECKING:
    from sacrebleu.metrics.chrf import CHRF

Conversation = Sequence[Message]


def exact_match(
    prompts: Sequence[Conversation], completions: Sequence[Conversation], reference: Sequence[Any] = (), **_: Any
) -> list[float | None]:
    """Score 1.0 where the completion is a reference, whitespace around both aside; None without a reference."""
    scores: list[float | None] = []
    for completion, expected in _paired(completions, reference):
        scores.append(None if not expected else float(completion.strip() in {text.strip() for text in expected}))
    return scores


def chrf(
    prompts: Sequence[Conversation], completions: Sequence[Conversation], reference: Sequence[Any] = (), **_: Any
) -> list[float | None]:
    """Score with sacrebleu's sentence chrF2, 0 to 100 (Popović 2015); None without a reference."""
    return _sentence_scores(_chrf(0), completions, reference)


def chrf_pp(
    prompts: Sequence[Conversation], completions: Sequence[Conversation], reference: Sequence[Any] = (), **_: Any
) -> list[float | None]:
    """Score with sacrebleu's sentence chrF2++, which counts words too (Popović 2017); None without a reference."""
    return _sentence_scores(_chrf(2), completions, reference)


def signature(name: str) -> str:
    """Return what a built-in reward's numbers depend on, as a reproducible string."""
    if name == "exact_match":
        return "exact_match|strip|version:1"
    scorer = _chrf({"chrf": 0, "chrf_pp": 2}[name])
    scorer.sentence_score("a", ["a"])  # the signature counts references, so it needs to have seen some
    return f"{name}|{scorer.get_signature()}"


def _sentence_scores(
    scorer: "CHRF", completions: Sequence[Conversation], reference: Sequence[Any]
) -> list[float | None]:
    return [
        float(scorer.sentence_score(completion, expected).score) if expected else None
        for completion, expected in _paired(completions, reference)
    ]


@cache
def _chrf(word_order: int) -> "CHRF":
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(word_order=word_order)


def _paired(completions: Sequence[Conversation], reference: Sequence[Any]) -> list[tuple[str, list[str]]]:
    references = reference or [None] * len(completions)
    return [
        (completion[-1]["content"], _texts(expected))
        for completion, expected in zip(completions, references, strict=True)
    ]


def _texts(expected: Any) -> list[str]:
    if isinstance(expected, list):
        return [str(text) for text in expected if text is not None]
    return [] if expected is None else [str(expected)]
