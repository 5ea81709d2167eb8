"""The grammar: short tasks with one right answer, the same in seven languages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from random import Random
from typing import Any

from ruamel.yaml import YAML

NOUNS, PLACES = 12, 6
"""How many nouns there are, and how many names and cities."""
FOLDS = 10
"""Facts are dealt into so many folds by hash, to keep apart what is learned from what is asked."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What a task is about, in no language: its kind, its items (numbers, or places in lists of words), a pointer.

    `count`: nouns, and the one to count. `add`: two numbers. `order`, `largest`: numbers. `where`: a name and a city,
    twice, and which of the two is asked. `pick`: nouns, and which ordinal. `translate`: nouns, and how many languages
    further the target is. `reverse`: nouns.
    """

    kind: str
    items: tuple[int, ...]
    pointer: int = 0

    @property
    def id(self) -> str:
        """A name that says all of it."""
        return f"{self.kind}-{'.'.join(map(str, self.items))}-{self.pointer}"

    @property
    def fold(self) -> int:
        """The fold it falls into."""
        return int.from_bytes(sha256(self.id.encode()).digest()[:4], "big") % FOLDS


@dataclass(frozen=True, slots=True)
class Phrasing:
    """Which opening and which wording put the task."""

    opening: int
    wording: int

    @property
    def held_out(self) -> bool:
        """Whether it is for examinations alone: no model is trained on it, though it knows both of its parts."""
        return self.opening == self.wording == 1


PHRASINGS = [Phrasing(opening, wording) for opening in range(2) for wording in range(2)]
TAUGHT = [phrasing for phrasing in PHRASINGS if not phrasing.held_out]
HELD_OUT = [phrasing for phrasing in PHRASINGS if phrasing.held_out]


def _count(random: Random) -> Fact:
    one, other = random.sample(range(NOUNS), 2)
    items = [one] * random.randint(1, 3) + [other] * random.randint(0, 2)
    random.shuffle(items)
    return Fact("count", tuple(items), one)


def _where(random: Random) -> Fact:
    names, cities = random.sample(range(PLACES), 2), random.sample(range(PLACES), 2)
    return Fact("where", (names[0], cities[0], names[1], cities[1]), random.randrange(2))


KINDS: dict[str, Callable[[Random], Fact]] = {
    "add": lambda random: Fact("add", (random.randint(1, 9), random.randint(1, 9))),
    "count": _count,
    "largest": lambda random: Fact("largest", tuple(random.sample(range(10, 100), 3))),
    "order": lambda random: Fact("order", tuple(random.sample(range(1, 10), 3))),
    "pick": lambda random: Fact("pick", tuple(random.sample(range(NOUNS), 3)), random.randrange(3)),
    "reverse": lambda random: Fact("reverse", tuple(random.sample(range(NOUNS), random.randint(2, 3)))),
    "translate": lambda random: Fact("translate", tuple(random.sample(range(NOUNS), 2)), random.randint(1, 6)),
    "where": _where,
}


def facts(kind: str, folds: range, random: Random) -> Iterator[Fact]:
    """Yield facts of a kind from some folds, without end and with repetitions."""
    draw = KINDS[kind]
    while True:
        fact = draw(random)
        if fact.fold in folds:
            yield fact


def prompt(fact: Fact, language: str, phrasing: Phrasing) -> str:
    """Put a task in a language."""
    words, phrases = _words(language), _read("phrases.yaml")[language]
    comma = words["comma"]
    slots = {}
    if fact.kind == "add":
        slots = {"a": words["numbers"][fact.items[0]], "b": words["numbers"][fact.items[1]]}
    elif fact.kind in ("order", "largest"):
        slots = {"list": comma.join(map(str, fact.items))}
    elif fact.kind == "where":
        people = [words["names"][n] for n in fact.items[::2]]
        homes = [words["cities"][n] for n in fact.items[1::2]]
        pairs = comma.join(f"{person} – {home}" for person, home in zip(people, homes, strict=True))
        slots = {"pairs": pairs, "name": people[fact.pointer]}
    else:
        slots = {"list": comma.join(words["nouns"][n] for n in fact.items)}
        if fact.kind == "count":
            slots["word"] = words["nouns"][fact.pointer]
        elif fact.kind == "pick":
            slots["nth"] = words["ordinals"][fact.pointer]
        elif fact.kind == "translate":
            slots["into"] = words["into"][target(fact, language)]
    wording: str = phrases[fact.kind][phrasing.wording]
    opening: str = phrases["openings"][phrasing.opening]
    return opening + wording.format(**slots)


def answer(fact: Fact, language: str) -> str:
    """Return the right answer as the grammar writes it."""
    words, items = _words(language), fact.items
    comma: str = words["comma"]
    if fact.kind == "count":
        return str(items.count(fact.pointer))
    if fact.kind == "add":
        return str(words["numbers"][sum(items)])
    if fact.kind == "order":
        return comma.join(map(str, sorted(items)))
    if fact.kind == "largest":
        return str(max(items))
    if fact.kind == "where":
        return str(words["cities"][items[2 * fact.pointer + 1]])
    if fact.kind == "pick":
        return str(words["nouns"][items[fact.pointer]])
    if fact.kind == "translate":
        other = _words(target(fact, language))
        return str(other["comma"].join(other["nouns"][n] for n in items))
    return comma.join(words["nouns"][n] for n in reversed(items))


def target(fact: Fact, language: str) -> str:
    """Return the language that a translation is to be in."""
    everyone = languages()
    return everyone[(everyone.index(language) + fact.pointer) % len(everyone)]


def languages() -> list[str]:
    """Return the languages of the world, in order."""
    return sorted(_read("words.yaml"))


def _words(language: str) -> dict[str, Any]:
    found: dict[str, Any] = _read("words.yaml")[language]
    return found


@cache
def _read(name: str) -> Any:
    return YAML(typ="safe", pure=True).load(files("arbitrage.miniature").joinpath(name).read_text(encoding="utf-8"))
