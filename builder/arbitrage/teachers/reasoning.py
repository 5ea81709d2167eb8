"""Reasoning is kept apart from the completion, wherever the server put it."""

from typing import NamedTuple

OPEN, CLOSE = "<think>", "</think>"


class Parted(NamedTuple):
    """A completion and the reasoning before it; `unfinished` when the reasoning never ended."""

    text: str
    reasoning: str | None
    unfinished: bool


def part(text: str, field: str | None) -> Parted:
    """Split what a server sent into completion and reasoning.

    `field` is the server's own reasoning field; where it has one, the text is not looked into. A block that
    lacks its opening tag is still reasoning: many chat templates put `<think>` into the prompt, so that only
    `</think>` comes back. Only whitespace around the block is dropped.
    """
    if field:
        return Parted(text, field, False)
    if text.lstrip().startswith(OPEN):
        thought, closed, rest = text.lstrip()[len(OPEN) :].partition(CLOSE)
    else:
        thought, closed, rest = text.partition(CLOSE)
        if not closed or OPEN in thought:
            return Parted(text, None, False)
    return Parted(rest.lstrip(), thought.strip() or None, not closed)
