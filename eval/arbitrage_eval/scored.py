"""What rewards say of models' answers: means by language over common prompts, with intervals clustered by source."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from arbitrage_eval.answers.table import Scored
from arbitrage_eval.winrates.measured import macro, mean_of

Rows = defaultdict[tuple[str, str], defaultdict[str, list[tuple[str, float]]]]


def mean_scores(found: Callable[[], Iterator[Scored]]) -> dict[str, Any]:
    """Return by reward and model the mean score in each language and over languages, with 95 % intervals.

    The means of a reward in a language are over the prompts to which it scored an answer of each of its models: others
    would compare easy prompts with hard ones. An answer that it could not score is counted as `unscored`.

    Args:
        found: yields what rewards said, the answers to a prompt together, each time it is called.
    """
    models: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    unscored: Counter[tuple[str, str]] = Counter()
    for one in found():
        for reward, score in one.scores.items():
            if score is None:
                unscored[reward, one.model] += 1
            else:
                models[reward, one.language].add(one.model)
    rows: Rows = defaultdict(lambda: defaultdict(list))
    for (language, _), answers in groupby(found(), key=lambda one: (one.language, one.prompt_id)):
        scores: defaultdict[str, dict[str, tuple[str, float]]] = defaultdict(dict)
        for one in answers:
            for reward, score in one.scores.items():
                if score is not None:
                    scores[reward][one.model] = (one.source_id, score)
        for reward, known in scores.items():
            if known.keys() == models[reward, language]:
                for model, row in known.items():
                    rows[reward, model][language].append(row)
    rewards: dict[str, Any] = {}
    for reward, model in sorted({(reward, model) for (reward, _), those in models.items() for model in those}):
        known_in = [language for (of, language), those in models.items() if of == reward and model in those]
        languages = {language: rows[reward, model][language] for language in known_in}
        means = {language: mean_of(scores) for language, scores in sorted(languages.items())}
        rewards.setdefault(reward, {})[model] = {
            "languages": {
                language: {**mean.as_dict(), "answers": len(languages[language])} for language, mean in means.items()
            },
            "macro": macro(means).as_dict(),
            "unscored": unscored[reward, model],
        }
    return rewards
