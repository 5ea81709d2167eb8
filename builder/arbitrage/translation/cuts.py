"""Where a line may be cut: between sentences, else between clauses, else between words."""

import re
from itertools import pairwise

from arbitrage.translation.verbatim import SPAN

_CLOSING = "[\"'”’»)\\]]*"
SENTENCE = re.compile(rf"(?:[.!?…؟۔]+{_CLOSING}(?=\s)|[。！？｡।॥]+[」』”’）]*)\s*")
CLAUSE = re.compile(r"[,;:،؛](?=\s)\s*|[、，；：]\s*|\s[–—]\s")
WORD = re.compile(r"\s+")
ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[^\W\d_]|(?:[^\W\d_]\.)+[^\W\d_]|[Dd]r|[Mm]rs?|[Mm]s|[Pp]rof|[Ss]t|[Nn]o|[Vv]s|[Ee]tc|[Cc]f|[Ff]ig"
    r"|[Ee]q|[Aa]pprox|[Jj]r|[Ss]r)\.$"
)
"""What ends in a full stop and ends no sentence."""


def sentences(line: str) -> list[str]:
    """Return the sentences of a line; joined they are the line."""
    ends = [0, *(end for end in _ends(line, SENTENCE) if _ends_sentence(line, end)), len(line)]
    return [line[start:end] for start, end in pairwise(ends) if end > start]


def halves(line: str) -> tuple[str, str] | None:
    """Cut a line in two as near to its middle as sense allows, or return None where it is one word.

    A sentence's end in the middle three fifths is preferred to a clause's, and that to a word's anywhere.
    """
    least, most = len(line) * 0.2, len(line) * 0.8
    for kind in (SENTENCE, CLAUSE, WORD):
        found = [end for end in _ends(line, kind) if line[:end].strip() and line[end:].strip()]
        if kind is not WORD:
            found = [end for end in found if least <= end <= most]
        if found:
            end = min(found, key=lambda end: (abs(2 * end - len(line)), end))
            return line[:end], line[end:]
    return None


def _ends(line: str, kind: re.Pattern[str]) -> list[int]:
    """Return where such stretches end, but for those inside of what stays as it is."""
    spans = [match.span() for match in SPAN.finditer(line)]
    found, place = [], 0
    for match in kind.finditer(line):
        while place < len(spans) and spans[place][1] < match.end():
            place += 1
        if place == len(spans) or not spans[place][0] < match.end() < spans[place][1]:
            found.append(match.end())
    return found


def _ends_sentence(line: str, end: int) -> bool:
    before = line[:end].rstrip()
    after = line[end : end + 1]
    # A small letter after a full stop goes on with the sentence, whatever the abbreviation was.
    return not after.islower() and not ABBREVIATION.search(before[-12:])
