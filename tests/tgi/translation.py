"""A double's answers for a translator: each word spelled otherwise, by rules that tests can name."""

import re
from collections.abc import Callable

from tgi.answers import Answers, Question

ASKED = re.compile(r"Translate the text below from (.+?) to (.+?)\. .*?\n\n(.*)", re.DOTALL)
LATIN = "abcdefghijklmnopqrstuvwxyz"
ALPHABETS = {
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهو",
    "Ukrainian": "абвгдеєжзиіїйклмнопрстуфхц",
    "Turkish": "çğıöşüabcdefghijklmnopqrst",
    "German": "zyxwvutsrqponmlkjihgfedcba",
    "French": "éabcdefghijklmnopqrstuvwxy",
}
Spoil = Callable[[str, str], str | None]
"""Gets the text and what would be answered; returns what is answered in its place, None to leave it."""


def asked(prompt: str) -> tuple[str, str, str] | None:
    """Return (source, target, text) of a request for a translation, None for any other prompt."""
    match = ASKED.fullmatch(prompt)
    return (match[1], match[2], match[3]) if match else None


def translated(text: str, target: str) -> str:
    """Return a text with every letter of the Latin alphabet exchanged for one of the target's, and nothing else."""
    alphabet = ALPHABETS[target]
    return text.lower().translate({ord(letter): alphabet[place] for place, letter in enumerate(LATIN)})


def translator(spoil: Spoil = lambda text, answer: None) -> Answers:
    """Return the answers of a translator, some of them spoiled."""

    def answers(question: Question) -> str | None:
        found = asked(question.prompt)
        if found is None:
            return None
        _, target, text = found
        answer = translated(text, target)
        spoiled = spoil(text, answer)
        return answer if spoiled is None else spoiled

    return answers
