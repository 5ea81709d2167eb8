"""What of a text stays as it is: line ends, list marks, code, addresses, placeholders, symbols."""

import re
from collections.abc import Iterator
from typing import NamedTuple

LINE_END = re.compile("(\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])")
FENCE = re.compile(r"\s*(`{3,}|~{3,})")
HEAD = re.compile(r"(?:\s|>|(?:[-*+•·–]|#{1,6}|\(?\d{1,3}[.)]|\(?[A-Za-z][.)])(?=\s))*")
"""How a line begins that is quoted, indented or an item of a list."""
SYMBOL = "[\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
# Every repetition that can start anywhere is bounded, so that no text takes more than linear time.
SPAN = re.compile(
    r"""
      (?<!`)(`{1,3})(?!`)[^`]{1,1000}\1(?!`)                     # inline code
    | \\\(.{1,500}?\\\) | \\\[.{1,500}?\\\] | \$\$.{1,500}?\$\$  # mathematics
    | </?[A-Za-z][^<>]{0,500}>                                   # tags
    | (?:\b(?:https?|ftp)://|\bwww\.)[^\s<>"'`\u3000-\u303f\uff00-\uffef]*[^\s<>"'`\u3000-\u303f\uff00-\uffef.,;:!?)\]}]
    | (?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}
    | \$?\{\{?[^{}\s]{1,60}\}\}?                                 # placeholders
    | %\([A-Za-z_]\w{0,60}\)[sdrif] | (?<![\w%])%[sdrif]\b
    | \[\[\s{0,9}\d{1,9}\s{0,9}\]\]                              # what looks like a mark of ours
    | SYMBOL(?:SYMBOL|[\u200d\ufe0f])*
    """.replace("SYMBOL", SYMBOL),
    re.VERBOSE,
)
NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")


class Run(NamedTuple):
    """A stretch of a text; all of them in a row are the text."""

    text: str
    is_prose: bool
    """Whether it is to be translated: of one line, without blanks around it, with a letter in it."""


def runs(text: str) -> Iterator[Run]:
    """Yield the stretches of a text in order: prose line by line, and what stands between."""
    fence = ""
    for place, line in enumerate(LINE_END.split(text)):
        if place % 2:
            yield Run(line, False)
            continue
        mark = FENCE.match(line)
        if fence:
            yield Run(line, False)
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
        elif mark:
            fence = mark[1]
            yield Run(line, False)
        else:
            yield from _line(line)


def _line(line: str) -> Iterator[Run]:
    head = HEAD.match(line)
    start = head.end() if head else 0
    yield Run(line[:start], False)
    yield from trimmed(line[start:])


def trimmed(text: str) -> Iterator[Run]:
    """Yield a stretch of one line with the blanks around it apart; without a letter it is no prose."""
    core = text.strip()
    if not has_words(core):
        yield Run(text, False)
        return
    start = text.index(core)
    yield Run(text[:start], False)
    yield Run(core, True)
    yield Run(text[start + len(core) :], False)


def has_words(text: str) -> bool:
    """Say whether anything in a text can be translated: a letter outside of what stays as it is."""
    return any(char.isalpha() for char in SPAN.sub("", text))


def prose(text: str) -> str:
    """Return what is translated of a text, a line for each stretch, without what stays as it is."""
    return "\n".join(SPAN.sub(" ", run.text) for run in runs(text) if run.is_prose)


def numbers(text: str) -> list[str]:
    """Return the numbers in a text as they are written, sorted."""
    return sorted(NUMBER.findall(text))
