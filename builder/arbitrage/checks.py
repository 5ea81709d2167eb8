"""Named reasons why a completion should not win; pure functions of the completion."""

from collections.abc import Callable, Sequence

CUT_OFF = ("length", "unfinished_reasoning")
"""Finish reasons that mean there should have been more."""


def _empty(text: str, reasoning: str | None, finish_reason: str | None) -> bool:
    return not text.strip() and not reasoning


def _truncated(text: str, reasoning: str | None, finish_reason: str | None) -> bool:
    return finish_reason in CUT_OFF


def _no_answer(text: str, reasoning: str | None, finish_reason: str | None) -> bool:
    return not text.strip() and bool(reasoning) and finish_reason not in CUT_OFF


CHECKS: dict[str, Callable[[str, str | None, str | None], bool]] = {
    "empty": _empty,
    "truncated": _truncated,
    "no_answer": _no_answer,
}


def flags(names: Sequence[str], text: str, reasoning: str | None, finish_reason: str | None) -> tuple[str, ...]:
    """Return those of the named checks that speak against a completion, in the order of `CHECKS`."""
    return tuple(name for name, check in CHECKS.items() if name in names and check(text, reasoning, finish_reason))
