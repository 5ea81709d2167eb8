"""Texts that are hard to cut, and translators that are scripted."""

import re
from collections.abc import Callable, Sequence

from arbitrage.translation.translator import Reply
from servers.tiny_seq2seq import spelled

CODE = """Fix this:
```python
def f(x):
    return x + 1  # add one
```
and call `f(2)` twice."""
LISTS = "# Title\n\n- first point\n  - second point\n1. one\n2) two\n> quoted words\n\ta tab\r\nlast line\u2028end"
KEPT = (
    "Write to me@example.org or see https://example.org/a_(b)?q=1&x=2, {name}, %s and <b>this</b> by 3:45 "
    "for $1,234.50."
)
HOSTILE = {
    "empty lines": "\n\n\none\n\n   \n\ttwo\n\n",
    "right to left": "مرحبا، كيف حالك؟ \u202e\u200f هل تعرف الرقم 4؟",
    "astral": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧‍👦 𐍈 words",
    "only code": "```\nwhile True: pass\n```",
    "only an address": "https://example.org/path",
    "open fence": "Look:\n~~~\nnever closed",
    "marks of ours": "What is [[0]] and [[ 17 ]] here?",
    "controls": "nul \u0000 and \u001b[31mred\u001b[0m\x0b\x0c\x85 end",
    "markup": "[bold]markup[/bold] {{ braces }} %(name)s ${HOME} $$x^2$$ \\(a+b\\)",
    "dots": "...... ?!?! -- Dr. No met Mr. X. e.g. here. U.S. law. End",
    "code": CODE,
    "lists": LISTS,
    "kept": KEPT,
}
LONG = {
    "words": "some more words " * 6250,
    "sentences": "One sentence here. Another one there! " * 2700,
    "one word": "x" * 100_000,
    "ticks": "`" * 100_000,
    "single ticks": "` " * 50_000,
    "open tags": "<a" * 50_000,
    "open braces": "{a" * 50_000,
    "ats": "a@" * 50_000,
    "letters and dots": "a." * 50_000,
    "brackets": "[[" * 50_000,
    "dollars": "$$" * 50_000,
    "marks of lists": "- " * 50_000,
    "lines": "a\n" * 50_000,
}


class Scripted:
    """Spells letters otherwise, up to a length; what it is asked is kept, and some of it may be answered otherwise."""

    revision = "1"
    settings: dict[str, str] = {}  # noqa: RUF012

    def __init__(
        self, most: int = 10_000, *, by_sentence: bool = True, spoil: Callable[[str], Reply | None] = lambda text: None
    ) -> None:
        self.most = most
        self.by_sentence = by_sentence
        self.spoil = spoil
        self.asked: list[str] = []

    def fits(self, texts: Sequence[str], source: str) -> list[bool]:
        return [len(text) <= self.most for text in texts]

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Reply]:
        assert all(self.fits(texts, source))
        assert len(set(texts)) == len(texts)
        self.asked += texts
        return [self.spoil(text) or Reply(spelled(text)) for text in texts]


def without_marks(text: str) -> Reply:
    """Answer as a model does that loses every mark."""
    return Reply(spelled(re.sub(r"\[\[\d+\]\]", "", text)))
