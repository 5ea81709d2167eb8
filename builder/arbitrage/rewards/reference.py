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
    return [
        float(_chrf().sentence_score(completion, expected).score) if expected else None
        for completion, expected in _paired(completions, reference)
    ]


def signature(name: str) -> str:
    """Return what a built-in reward's numbers depend on, as a reproducible string."""
    if name == "exact_match":
        return "exact_match|strip|version:1"
    scorer = _chrf()
    scorer.sentence_score("a", ["a"])  # the signature counts references, so it needs to have seen some
    return f"chrf|{scorer.get_signature()}"


@cache
def _chrf() -> "CHRF":
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


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
