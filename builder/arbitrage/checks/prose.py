"""The lines of an answer whose language says something: no code, no formulas, no links, no quotes, no names."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from arbitrage.checks.scripts import CASED, HAN, KANA, UNSPACED, WORD, script_of

LONGEST = 400
"""Characters of a line that are looked at at once; a longer one is looked at in parts."""
MOST = 64
"""Lines of an answer that are looked at, evenly spread: what a long answer costs is bounded."""
MOST_CHARACTERS = 200_000
"""Characters of an answer that are read at all."""
MOST_SAID = 20_000
"""Characters of a prompt in which an answer's lines are looked for."""
FEWEST = 5
"""Words that a line needs before it is looked at, as in the Language Confusion Benchmark (arXiv 2406.20052)."""
PER_WORD = 2
"""Characters that stand for a word in scripts that do not put spaces between words."""
JAPANESE = 0.15
"""Share of kana among kana and ideographs from which on a line is Japanese."""
LOWER = 0.4
"""Share of small initials that a line needs in a script with capitals; below it, it is a list of names."""

_FENCE = re.compile(r"\s*(```|~~~)")
_INLINE = re.compile(
    r"``?[^`\n]{1,500}``?"
    r"|\$\$[^$\n]{1,500}\$\$|\$[^$\n]{1,300}\$|\\\([^\n]{1,300}?\\\)|\\\[[^\n]{1,500}?\\\]|\\[A-Za-z]+"
    r"|\]\([^()\s]{1,500}\)|(?:https?://|www\.)[!-~]+|[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,100}"
    r"|(?:[A-Za-z0-9_.-]{1,60}[/\\]){2,10}[A-Za-z0-9_.-]{0,60}"
    r"|</?[A-Za-z][^<>\n]{0,200}>"
)
_QUOTED = re.compile(
    r'"[^"\n]{1,1000}"|“[^“”\n]{1,1000}”|„[^„“”\n]{1,1000}[“”]|«[^«»\n]{1,1000}»|»[^«»\n]{1,1000}«'
    r"|‹[^‹›\n]{1,300}›|「[^「」\n]{1,1000}」|『[^『』\n]{1,1000}』|《[^《》\n]{1,300}》"
)
_CODE = re.compile(
    r"[;{}]\s*$|^\s*(?:if|elif|else|for|while|with|try|except|class)\b.*:\s*$"
    r"|[=!<>]=|->|=>|::|\w\(\)|\w\([^()]{0,200}[=,][^()]{0,200}\)|\w\.\w+\(|[\w\])] [-+*/]?= "
    r"|^\s*(?:[A-Za-z_]\w*\(|#include|import \w|from \w+ import |def \w+\(|\$ )",
    re.ASCII,
)
_SPACES = re.compile(r"\s+")


class Line(NamedTuple):
    """What a line of prose says in the script that most of its words are in."""

    text: str
    script: str


def prose(text: str, prompt: str) -> list[Line]:
    """Return the lines of an answer to look at; what the prompt says itself is no line of the answer's."""
    said = _SPACES.sub(" ", prompt[:MOST_SAID])
    lines = list(_lines(text[:MOST_CHARACTERS], said, quotes=False))
    if not lines and _is_quoted(text):
        lines = list(_lines(text.strip()[1:-1][:MOST_CHARACTERS], said, quotes=True))
    if len(lines) > MOST:
        lines = [lines[n * len(lines) // MOST] for n in range(MOST)]
    return lines


def _is_quoted(text: str) -> bool:
    """Say whether a whole answer stands within one pair of quotes."""
    ends = text.strip()[:1] + text.strip()[-1:]
    return ends in ('""', "“”", "„“", "„”", "«»", "»«", "「」", "『』") and len(text) > 2


def _lines(text: str, said: str, *, quotes: bool) -> Iterator[Line]:
    fence = ""
    for raw in text.splitlines():
        found = _FENCE.match(raw)
        if found and (not fence or found[1] == fence):
            fence = "" if fence else found[1]
            continue
        if fence or raw.lstrip().startswith(">"):
            continue
        line = _INLINE.sub(" ", raw)
        if not quotes:
            line = _QUOTED.sub(" ", line)
        line = _SPACES.sub(" ", line).strip()
        if not line or _CODE.search(line):
            continue
        found_in = [judged for part in _parts(line) if (judged := _line(part)) is not None]
        if found_in and line not in said:
            yield from found_in


def _parts(line: str) -> Iterator[str]:
    while len(line) > LONGEST:
        end = line.rfind(" ", LONGEST // 2, LONGEST)
        end = end if end > 0 else LONGEST
        yield line[:end]
        line = line[end:].lstrip()
    yield line


def _line(text: str) -> Line | None:
    """Return a line's words in the script that most are in; None where too little can be told from them."""
    words: Counter[str] = Counter()
    small: Counter[str] = Counter()
    by_script: dict[str, list[str]] = {}
    for word in WORD.findall(text):
        script = script_of(word[0])
        if script is None:
            continue
        if script in UNSPACED:
            # A run of them is one match, and may change its script within: Japanese does.
            words.update(script_of(letter) or script for letter in word)
        else:
            words[script] += PER_WORD
            small[script] += PER_WORD * (script not in CASED or word[0].islower())
            by_script.setdefault(script, []).append(word)
    kana = words.pop(KANA, 0)
    if kana:
        is_japanese = kana >= JAPANESE * (kana + words[HAN])
        words[KANA if is_japanese else HAN] = kana + words.pop(HAN, 0)
    if not words:
        return None
    # Names keep their capitals in any text, and say nothing of its script.
    top = max(sorted(words), key=lambda script: small[script] if script in CASED else words[script])
    if words[top] < FEWEST * PER_WORD or (top in CASED and small[top] < LOWER * words[top]):
        return None
    return Line(" ".join(by_script[top]) if top in by_script else text, top)
