"""How a figure was computed, in one line, in the manner of sacrebleu (Post 2018)."""

import unicodedata

from arbitrage_eval.measures.words import segmentation


def signature(name: str, version: int, language: str, **facts: object) -> str:
    """Return a measure's signature: two figures may be compared where their signatures are the same.

    Args:
        name: the measure.
        version: of its rules; raised when the same texts may give another figure.
        language: of the texts, which decides what a word is.
        facts: its parameters.
    """
    said = {
        "version": version,
        **facts,
        "words": segmentation(language),
        "unicode": unicodedata.unidata_version,
    }
    return "|".join([name, *(f"{key}:{value}" for key, value in said.items())])
