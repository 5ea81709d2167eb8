"""What a translator has to be."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class Reply(NamedTuple):
    """A translation of one piece, or why there is none."""

    text: str | None
    problem: str | None = None
    """`truncated`, where a shorter piece may do; any other is final."""


class Translator(Protocol):
    """A model that translates pieces of text, each of one line."""

    revision: str
    """Empty where nobody says it."""
    settings: Mapping[str, Any]
    """What decides a translation beside the model, its revision, the text and the languages."""
    by_sentence: bool
    """Whether it is given one sentence at a time; else whole lines, where they fit."""

    def fits(self, texts: Sequence[str], source: str) -> list[bool]:
        """Say of each piece whether it is short enough to be translated at once."""
        ...

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Reply]:
        """Translate pieces that fit, each by itself; the same pieces give the same replies.

        Raises:
            TranslationError: the translator cannot be used.
        """
        ...
