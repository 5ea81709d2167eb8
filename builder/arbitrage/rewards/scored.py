"""What scoring one completion came to."""

from typing import NamedTuple

PROMPT_CUT = "prompt_cut"
TOO_LONG = "too_long"
UNPARSABLE = "unparsable"


class Scored(NamedTuple):
    """A final outcome of scoring; `value` is None where it cannot be scored, never 0."""

    value: float | None
    note: str | None = None
    """Why there is no score, or what was done to get one: `prompt_cut`, `too_long`, `unparsable`, a kind of failure."""
    verdict: str | None = None
    """What a judge wrote; kept in the store, never published."""
    counted: tuple[int | None, int | None] = (None, None)
    """Tokens of the request and of its answer, where the server counted them."""
