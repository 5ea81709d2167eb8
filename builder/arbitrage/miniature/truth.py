"""The checker: what is right, worked out again from a task's name, with no code of the grammar or of a reward."""

import re
import unicodedata
from importlib.resources import files

from ruamel.yaml import YAML

SEPARATORS = re.compile(r"[,،、]\s*")
ENDS = " \t\n.。؟?!"


class Truth:
    """Knows the words of the world, and the right answer to every task."""

    def __init__(self) -> None:
        text = (files("arbitrage.miniature") / "words.yaml").read_text(encoding="utf-8")
        self._words = YAML(typ="safe", pure=True).load(text)
        self._tongues = sorted(self._words)

    def is_right(self, source_id: str, language: str, answer: str) -> bool:
        """Say whether an answer is right: the right items in the right order, however they are set apart."""
        return _items(answer) == [_plain(item) for item in self._right(source_id, language)]

    def _right(self, source_id: str, language: str) -> list[str]:
        kind, numbers, last, _ = source_id.split("-")
        given, pointer = [int(number) for number in numbers.split(".")], int(last)
        words = self._words[language]
        match kind:
            case "add":
                return [words["numbers"][given[0] + given[1]]]
            case "count":
                return [str(sum(1 for item in given if item == pointer))]
            case "order":
                return [str(number) for number in range(100) if number in given]
            case "largest":
                return [str(given[0] if given[0] > max(given[1:]) else max(given[1:]))]
            case "where":
                return [words["cities"][given[1 if pointer == 0 else 3]]]
            case "pick":
                return [words["nouns"][given[pointer]]]
            case "translate":
                place = self._tongues.index(language) + pointer
                return [self._words[self._tongues[place % len(self._tongues)]]["nouns"][item] for item in given]
            case "reverse":
                return [words["nouns"][item] for item in given[::-1]]
        raise ValueError(f"{source_id!r} is no task of the small world")


def _items(answer: str) -> list[str]:
    return [_plain(item) for item in SEPARATORS.split(answer.strip(ENDS))]


def _plain(item: str) -> str:
    return unicodedata.normalize("NFC", " ".join(item.split())).casefold()
