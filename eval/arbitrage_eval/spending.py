"""What the rest will take: tokens and money, from what a sample took."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from arbitrage.dataset.manifest import read_manifest
from arbitrage.dataset.reading import rows
from arbitrage.recipe.model import Teacher
from arbitrage.spend import usd

PILOT_SOURCES = 50
"""Sources that are asked about before it is said what the rest takes."""


class Requests(NamedTuple):
    """How much somebody is asked in a language."""

    number: int
    characters: int

    def times(self, factor: float) -> "Requests":
        """Return as many times more."""
        return Requests(round(self.number * factor), round(self.characters * factor))


class Used(NamedTuple):
    """One request that was answered."""

    who: str
    language: str
    characters: int
    prompt_tokens: int | None
    completion_tokens: int | None


def used(dataset: Path) -> Iterator[Used]:
    """Yield what each answer of a dataset took."""
    for row in pool(dataset):
        if row["completion"] is not None:
            characters = sum(len(turn["content"]) for turn in row["prompt"])
            yield Used(row["teacher"], row["language"], characters, row["prompt_tokens"], row["completion_tokens"])


def pool(dataset: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a dataset's pool."""
    files = sorted(path for path in read_manifest(dataset).files if path.startswith("pool/"))
    return (located.value for located in rows(dataset, files))


def predicted(
    sample: Iterable[Used], whole: Mapping[str, Requests], who: Mapping[str, Teacher]
) -> dict[str, dict[str, Any]]:
    """Return for each of those who are asked the requests, tokens and USD that all of it takes, the sample included.

    Prompt tokens follow from the characters of all prompts at the sample's tokens a character, completion tokens from
    its mean, both by language; a language that the sample lacks is taken as the mean of those it has.

    Args:
        sample: what was answered, with the tokens that the server counted.
        whole: by language all that is asked.
        who: those who are asked, with their prices.
    """
    seen: defaultdict[str, defaultdict[str, list[Used]]] = defaultdict(lambda: defaultdict(list))
    for one in sample:
        if one.prompt_tokens is not None and one.completion_tokens is not None:
            seen[one.who][one.language].append(one)
    found = {}
    for name, teacher in who.items():
        of_all = [one for rows in seen[name].values() for one in rows]
        wanted = {language: asked for language, asked in whole.items() if teacher.serves(language)}
        said: dict[str, Any] = {"requests": sum(asked.number for asked in wanted.values())}
        if of_all:
            tokens = [_tokens(seen[name].get(language) or of_all, asked) for language, asked in wanted.items()]
            prompt, completion = (round(sum(part)) for part in zip(*tokens, strict=True))
            said |= {"prompt_tokens": prompt, "completion_tokens": completion}
            said["usd"] = usd(teacher.price, prompt, completion)
        else:
            said |= {"prompt_tokens": None, "completion_tokens": None, "usd": None}
        found[name] = said
    return found


def _tokens(sample: list[Used], asked: Requests) -> tuple[float, float]:
    a_character = sum(one.prompt_tokens or 0 for one in sample) / max(1, sum(one.characters for one in sample))
    an_answer = sum(one.completion_tokens or 0 for one in sample) / len(sample)
    return a_character * asked.characters, an_answer * asked.number


def spent(all_of_it: Iterable[Used], who: Mapping[str, Teacher]) -> dict[str, dict[str, Any]]:
    """Return for each of those who were asked the requests, tokens and USD that it took; None where nobody counted."""
    counts = {name: [0, 0, 0, 0] for name in who}
    for one in all_of_it:
        count = counts[one.who]
        count[0] += 1
        count[1] += one.prompt_tokens or 0
        count[2] += one.completion_tokens or 0
        count[3] += one.prompt_tokens is None or one.completion_tokens is None
    return {
        name: {
            "requests": requests,
            "prompt_tokens": prompt if not uncounted else None,
            "completion_tokens": completion if not uncounted else None,
            "usd": usd(who[name].price, prompt, completion) if not uncounted else None,
        }
        for name, (requests, prompt, completion, uncounted) in counts.items()
    }


def sentence(name: str, ahead: Mapping[str, Any]) -> str:
    """Return what to say of one who will be asked."""
    if ahead["prompt_tokens"] is None:
        return f"{name}: {ahead['requests']:,} requests; the server counts no tokens, so nobody knows how many"
    money = "" if ahead["usd"] is None else f", {ahead['usd']:.2f} USD"
    tokens = f"{ahead['prompt_tokens']:,} tokens of prompts and {ahead['completion_tokens']:,} of answers"
    return f"{name}: {ahead['requests']:,} requests, about {tokens}{money}"
