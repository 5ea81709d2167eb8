"""Named reasons why a completion should not win."""

from collections.abc import Callable, Sequence

CUT_OFF = ("length", "unfinished_reasoning")
"""Finish reasons that mean there should have been more."""
LANGUAGE = "language"


def _empty(text: str, reasoning: str | None, finish_reason: str | None) -> bool:
    return not text.strip() and not reasoning


def _truncated(text: str, reasoning: str | None, finish_reason: str | None) -> bool:
    return finish_reason in CUT_OFF


def _no_answer(text: str, reasoning: str | None, finish_reason: str | None) -> bool:
    return not text.strip() and bool(reasoning) and finish_reason not in CUT_OFF


AT_ONCE: dict[str, Callable[[str, str | None, str | None], bool]] = {
    "empty": _empty,
    "truncated": _truncated,
    "no_answer": _no_answer,
}
"""Checks that are functions of a completion alone, and cost nothing."""
CHECKS = (*AT_ONCE, LANGUAGE)
"""All of them; what `language` says takes longer, so `checks.judging` has it stored."""


def flags(
    names: Sequence[str], text: str, reasoning: str | None, finish_reason: str | None, *, wrong_language: bool = False
) -> tuple[str, ...]:
    """Return those of the named checks that speak against a completion, in the order of `CHECKS`."""
    found = [name for name, check in AT_ONCE.items() if check(text, reasoning, finish_reason)]
    if wrong_language:
        found.append(LANGUAGE)
    return tuple(name for name in found if name in names)
