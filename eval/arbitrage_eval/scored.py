"""What rewards say of models' answers: means by language, with intervals clustered by source."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from arbitrage_eval.answers.table import Scored
from arbitrage_eval.winrates.measured import macro, mean_of


def mean_scores(found: Iterable[Scored]) -> dict[str, Any]:
    """Return by reward and model the mean score in each language and over languages, with 95 % intervals.

    An answer that a reward could not score is counted as `unscored`, and in no mean.
    """
    rows: defaultdict[tuple[str, str], defaultdict[str, list[tuple[str, float]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    unscored: defaultdict[tuple[str, str], int] = defaultdict(int)
    for one in found:
        for reward, score in one.scores.items():
            of_language = rows[reward, one.model][one.language]
            if score is None:
                unscored[reward, one.model] += 1
            else:
                of_language.append((one.source_id, score))
    rewards: dict[str, Any] = {}
    for (reward, model), languages in sorted(rows.items()):
        means = {language: mean_of(scores) for language, scores in sorted(languages.items())}
        rewards.setdefault(reward, {})[model] = {
            "languages": {
                language: {**mean.as_dict(), "answers": len(languages[language])} for language, mean in means.items()
            },
            "macro": macro(means).as_dict(),
            "unscored": unscored[reward, model],
        }
    return rewards
