"""Texts to pieces that a translator takes, and its replies to texts again.

What has to stay goes in as a mark such as [[0]]. Where marks or numbers do not come back as they went, the piece goes
again with its numbers marked too, and where that does not help, around what has to stay.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain

from arbitrage.translation.cuts import halves, sentences
from arbitrage.translation.translator import Reply, Translator
from arbitrage.translation.verbatim import LINE_END, NUMBER, SPAN, numbers, runs, trimmed

METHOD = 1
"""Part of what names a translation: raised whenever texts are cut or put together otherwise."""
MARK = re.compile(r"\[\[\s*(\d{1,9})\s*\]\]")
SHORTER = ("truncated", "refused")
"""Problems that a shorter piece may not have."""
MOST_HALVINGS = 4
"""How often a piece is halved whose translation was cut off; a model that never ends would go on for ever."""


class Way(IntEnum):
    """How a piece is put to the translator, in the order in which it is tried."""

    MARKED = 0
    NUMBERS_MARKED = 1


@dataclass(slots=True)
class Piece:
    """A stretch of prose under way to its translation."""

    text: str
    halved: int = 0
    way: Way = Way.MARKED
    spared: str | None = None
    """A translation that lacks nothing but numbers, for when nothing better comes."""
    parts: "list[Piece | str] | None" = None
    """What it was cut into."""
    done: str | None = None
    problem: str | None = None

    def _marked(self) -> list[tuple[int, int]]:
        """Return where what goes as marks begins and ends, in order."""
        spans = [match.span() for match in SPAN.finditer(self.text)]
        if self.way is Way.NUMBERS_MARKED:
            found = [match.span() for match in NUMBER.finditer(self.text)]
            spans += [(a, b) for a, b in found if not any(start < b and a < end for start, end in spans)]
        return sorted(spans)

    def request(self) -> str:
        """Return what the translator is given."""
        request, place = list[str](), 0
        for number, (start, end) in enumerate(self._marked()):
            request += [self.text[place:start], f"[[{number}]]"]
            place = end
        return "".join([*request, self.text[place:]])

    def cut(self, stretches: Sequence[str]) -> "list[Piece]":
        """Become the stretches that it is made of; return those that are to be translated."""
        cut: list[Piece | str] = []
        for run in chain.from_iterable(map(trimmed, stretches)):
            cut.append(Piece(run.text, self.halved) if run.is_prose else run.text)
        self.parts = cut
        return [part for part in cut if isinstance(part, Piece)]

    def take(self, reply: Reply) -> "list[Piece]":
        """Take the translator's reply; return the pieces that have to be put to it next."""
        if reply.problem in SHORTER and self.halved < MOST_HALVINGS and (cut := halves(self.text)):
            self.halved += 1
            return self.cut(cut)
        if reply.text is None:
            return self._without(reply.problem or "empty")
        text, kept = reply.text.strip(), [self.text[start:end] for start, end in self._marked()]
        if not text or LINE_END.search(text):
            return self._without("line_breaks" if text else "empty")
        marks = sorted(int(mark) for mark in MARK.findall(text))
        if marks == list(range(len(kept))):
            whole = MARK.sub(lambda mark: kept[int(mark[1])], text)
            if numbers(whole) == numbers(self.text):
                self.done = whole
                return []
            self.spared = self.spared or whole
        if self.way is Way.MARKED and NUMBER.search(SPAN.sub("", self.text)):
            self.way = Way.NUMBERS_MARKED
            return [self]
        return self._without(None)

    def _without(self, problem: str | None) -> "list[Piece]":
        """Go on without a translation that has all it should."""
        if self.spared is not None:
            self.done = self.spared
            return []
        spans = list(SPAN.finditer(self.text)) if problem is None else []
        if not spans:
            # Marks that nobody put there are the model's own.
            self.problem = problem or "marks"
            return []
        place, stretches = 0, list[str]()
        for span in spans:
            stretches += [self.text[place : span.start()], span[0]]
            place = span.end()
        return self.cut([*stretches, self.text[place:]])

    def result(self) -> Reply:
        """Return the translation, or the first problem in it."""
        if self.parts is None:
            return Reply(self.done, self.problem)
        texts = []
        for part in self.parts:
            reply = Reply(part) if isinstance(part, str) else part.result()
            if reply.text is None:
                return reply
            texts.append(reply.text)
        return Reply("".join(texts))


def translate_texts(translator: Translator, texts: Sequence[str], source: str, target: str) -> list[Reply]:
    """Translate whole texts, of any length; what cannot be is a reply with its problem.

    Raises:
        TranslationError: the translator cannot be used.
    """
    whole = [_whole(text, translator.by_sentence) for text in texts]
    pending = [piece for text in whole for piece in _pieces(text)]
    while pending:
        pending = _fitting(translator, pending, source)
        asked = {piece.request(): Reply(None) for piece in pending}
        asked.update(zip(asked, translator.translate(list(asked), source, target), strict=True))
        pending = [found for piece in pending for found in piece.take(asked[piece.request()])]
    return [text.result() for text in whole]


def first_pieces(translator: Translator, texts: Sequence[str], source: str) -> list[str]:
    """Return what a translator is given first for some texts; replies that lack something call for more."""
    pieces = [piece for text in texts for piece in _pieces(_whole(text, translator.by_sentence))]
    return list(dict.fromkeys(piece.request() for piece in _fitting(translator, pieces, source)))


def _whole(text: str, by_sentence: bool) -> Piece:
    whole = Piece(text)
    whole.parts = []
    for run in runs(text):
        if not run.is_prose:
            whole.parts.append(run.text)
            continue
        line = Piece(run.text)
        if by_sentence:
            line.cut(sentences(run.text))
        whole.parts.append(line)
    return whole


def _pieces(piece: Piece) -> Iterator[Piece]:
    if piece.parts is None:
        yield piece
    for part in piece.parts or ():
        if isinstance(part, Piece):
            yield from _pieces(part)


def _fitting(translator: Translator, pieces: Sequence[Piece], source: str) -> list[Piece]:
    """Cut pieces until each fits; one that is a single word and does not is a problem."""
    fitting = list[Piece]()
    while pieces:
        cut = list[Piece]()
        fits = translator.fits([piece.request() for piece in pieces], source)
        for piece, does in zip(pieces, fits, strict=True):
            if does:
                fitting.append(piece)
            elif found := halves(piece.text):
                cut += piece.cut(found)
            else:
                piece.problem = "too_long"
        pieces = cut
    return fitting
