"""What a row of completions made elsewhere comes to: a completion to store, or why there is none."""

import re
from typing import Literal, NamedTuple

from arbitrage.records import Completion

MAX_DRAW = 2**31


class Offer(NamedTuple):
    """A completion under the identity that a build gives it, and the teacher of the recipe whose it is."""

    teacher: str
    language: str
    completion: Completion


class Passed(NamedTuple):
    """A row that gives no completion."""

    what: Literal["other", "not_text", "unreadable"]
    """`other`: of a model, settings or revision that the recipe does not have."""
    where: str
    why: str


def is_revision(value: object) -> bool:
    """Say whether a value can name a model's revision: it becomes part of identities, and is shown."""
    return isinstance(value, str) and re.fullmatch(r"[\x21-\x7e]{1,100}", value) is not None


def is_count(value: object, end: int = 2**63) -> bool:
    """Say whether a value is a whole number that the store can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < end


def is_text(value: object, longest: int | None = None) -> bool:
    """Say whether a value is text that UTF-8 can carry."""
    if not isinstance(value, str) or (longest is not None and len(value) > longest):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
