"""How close translations are to references: chrF2++ of a corpus (Popović 2017), by sacrebleu."""

from collections.abc import Sequence
from itertools import zip_longest

from arbitrage.errors import ArbitrageError

RESAMPLES = 1_000
WORD_ORDER = 2
"""What makes it chrF++."""


def corpus_chrf(completions: Sequence[str], references: Sequence[str | Sequence[str]]) -> dict[str, float | str | None]:
    """Return the score of all completions together, 0 to 100, with sacrebleu's signature.

    `low` and `high` are the ends of sacrebleu's 95 % interval, from resampled corpora; the signature has their number
    and seed. One completion has none.

    Args:
        completions: one a sentence.
        references: one or several for each of them.

    Raises:
        ArbitrageError: there is nothing to compare, or something without a reference.
    """
    from sacrebleu.metrics.chrf import CHRF

    given = [[one] if isinstance(one, str) else list(one) for one in references]
    if not completions or len(given) != len(completions):
        raise ArbitrageError(f"chrF++ of {len(completions)} completions and {len(given)} references: give as many")
    if lacking := [number for number, texts in enumerate(given, 1) if not texts]:
        raise ArbitrageError(f"chrF++: completion {lacking[0]} has no reference; leave out what has none")
    scorer = CHRF(word_order=WORD_ORDER)
    # sacrebleu wants the first reference of every sentence, then the second: None where there is none.
    streams = [list(stream) for stream in zip_longest(*given)]
    resamples = RESAMPLES if len(completions) > 1 else 1
    found = scorer.corpus_score(list(completions), streams, n_bootstrap=resamples)
    low, high = None, None
    if resamples > 1:
        low, high = float(found._mean - found._ci), float(found._mean + found._ci)
    return {"value": float(found.score), "low": low, "high": high, "signature": f"chrF2++|{scorer.get_signature()}"}
