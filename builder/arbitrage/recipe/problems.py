"""Problems of a recipe: where each is, what it is, and which name was probably meant."""

import difflib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Loc = tuple[str | int, ...]
"""Where something is in a recipe: keys and list positions from the root."""


class Problem(NamedTuple):
    """One thing that is wrong."""

    loc: Loc
    what: str


class Problems(ValueError):
    """Everything that is wrong in a block, raised by validators that look at more than one key."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{dotted(problem.loc)}: {problem.what}" for problem in problems))
        self.problems = problems


def dotted(loc: Loc) -> str:
    """Return a location as it is shown: `teachers.aya.model`."""
    return ".".join(str(step) for step in loc) or "recipe"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return what to say after an unknown name: the known one that is nearest, else all of them."""
    known = list(known)
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}"
