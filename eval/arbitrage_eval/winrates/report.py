"""All that verdicts say, ready for JSON: win rates by language and judge, biases and agreement."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from arbitrage_eval.languages import macro_by_class
from arbitrage_eval.winrates.agreement import agreement
from arbitrage_eval.winrates.bias import biases
from arbitrage_eval.winrates.length import controlled
from arbitrage_eval.winrates.measured import Measured, macro, mean_of
from arbitrage_eval.winrates.needed import spread
from arbitrage_eval.winrates.verdicts import Outcome, Verdict, mean, outcomes


def report(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Return win rates in points of 100, by pair of models, with each judge alone and the mean of judges.

    Raises:
        VerdictError: verdicts contradict each other.
    """
    by_judge: defaultdict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_judge[verdict.judge].append(verdict)
    judged = {judge: outcomes(by_judge[judge]) for judge in sorted(by_judge)}
    pairs = sorted({one.item[:2] for found in judged.values() for one in found})
    languages = sorted({one.item.language for found in judged.values() for one in found})
    return {
        "lacking": None if by_judge else "no verdicts",
        "judges": {
            judge: {
                "verdicts": len(by_judge[judge]),
                "unparsable": sum(verdict.verdict is None for verdict in by_judge[judge]),
                **biases(found),
                "languages": {language: biases(part) for language, part in _by_language(found).items()},
            }
            for judge, found in judged.items()
        },
        "agreement": {
            **agreement(judged),
            "languages": {
                language: agreement({judge: _by_language(found).get(language, []) for judge, found in judged.items()})
                for language in languages
            },
        },
        "pairs": [_pair(pair, judged) for pair in pairs],
    }


def _pair(pair: tuple[str, str], judged: Mapping[str, Sequence[Outcome]]) -> dict[str, Any]:
    of_pair = {judge: [one for one in found if one.item[:2] == pair] for judge, found in judged.items()}
    by_judge = {judge: found for judge, found in of_pair.items() if found}
    return {
        "model": pair[0],
        "baseline": pair[1],
        "judges": {judge: rates(found) for judge, found in by_judge.items()},
        "mean": rates(mean(list(by_judge.values()))),
    }


def rates(found: Sequence[Outcome]) -> dict[str, Any]:
    """Return one model's win rates against one baseline: raw and length-controlled, by language and over languages.

    Over all languages, and over those of each resource class that languages.yaml knows.
    """
    languages = _by_language(found)
    raw = {language: win_rate(rows) for language, rows in languages.items()}
    level = {language: controlled(rows) for language, rows in languages.items()}
    level_by_class = macro_by_class(level)
    return {
        "languages": {
            language: {**_rate(raw[language], level[language]), **_counts(rows)} for language, rows in languages.items()
        },
        "macro": {**_rate(macro(raw), macro(level)), **_counts(found)},
        "classes": {
            str(number): _rate(of_class, level_by_class[number]) for number, of_class in macro_by_class(raw).items()
        },
        "spread": spread(found)._asdict(),
    }


def win_rate(found: Sequence[Outcome]) -> Measured:
    """Return the mean outcome, in points."""
    return mean_of((one.source_id, 100 * one.value) for one in found if one.value is not None)


def _rate(raw: Measured, level: Measured) -> dict[str, Any]:
    return {"raw": _with_difference(raw), "length_controlled": _with_difference(level)}


def _with_difference(rate: Measured) -> dict[str, Any]:
    said = rate.as_dict()
    ends = {end: said[end] for end in ("value", "low", "high")}
    return {
        **said,
        "difference": {end: point - 50 if isinstance(point, float) else None for end, point in ends.items()},
    }


def _counts(found: Sequence[Outcome]) -> dict[str, Any]:
    known = [one for one in found if one.value is not None]
    labels = Counter(one.label for one in known)
    return {
        "prompts": len(found),
        "used": len(known),
        "sources": len({one.source_id for one in known}),
        "left_out": dict(sorted(Counter(one.lacking for one in found if one.lacking is not None).items())),
        "without_length": sum(one.longer is None for one in known),
        **{label: labels[label] for label in ("win", "tie", "loss")},
    }


def _by_language(found: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    gathered: defaultdict[str, list[Outcome]] = defaultdict(list)
    for one in found:
        gathered[one.item.language].append(one)
    return {language: gathered[language] for language in sorted(gathered)}
