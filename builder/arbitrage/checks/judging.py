"""The language check over a store: every completion is judged once, in blocks that are committed whole."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from arbitrage.checks.language import LanguageCheck, expected_language
from arbitrage.records import Prompt
from arbitrage.store.scores import scorable
from arbitrage.store.store import Store
from arbitrage.store.verdicts import StoredVerdict, put_verdicts, verdicts

Progress = Callable[[int], None]


def judge_all(store: Store, check: LanguageCheck, teachers: Sequence[str], progress: Progress) -> None:
    """Give every completion that is asked for the verdict it lacks.

    Raises:
        CheckError: the recipe's own function misbehaved; earlier blocks stay.
    """
    done = 0
    for page in scorable(store, teachers):
        known = verdicts(store, check.key, [completion_id for completion_id, _, _ in page])
        rows = [
            StoredVerdict(completion_id, language, check.key, *check.judge(text, language, said(prompt)))
            for completion_id, prompt, text in page
            if (completion_id, language := expected_language(prompt)) not in known
        ]
        if rows:
            put_verdicts(store, rows)
            done += len(rows)
            progress(done)


def said(prompt: Prompt) -> str:
    """Return all that a prompt says; an answer may quote any of it."""
    return "\n".join(turn["content"] for turn in prompt.messages)


def judged(store: Store, check: LanguageCheck, teachers: Sequence[str]) -> dict[str, Any]:
    """Return what the manifest says of the check: what made it, and its verdicts by expected language."""
    counts: dict[str, Counter[str]] = {}
    found: dict[str, Counter[str]] = {}
    for page in scorable(store, teachers):
        known = verdicts(store, check.key, [completion_id for completion_id, _, _ in page])
        for completion_id, prompt, _ in page:
            language = expected_language(prompt)
            verdict = known.get((completion_id, language))
            if verdict is None:
                continue
            count = counts.setdefault(language, Counter(right=0, wrong=0, unchecked=0, lines=0, wrong_lines=0))
            count.update({verdict.word: 1, "lines": verdict.lines, "wrong_lines": verdict.wrong})
            if verdict.found is not None:
                found.setdefault(language, Counter())[verdict.found] += 1
    languages = {
        language: {**counts[language], "found": dict(sorted(found.get(language, {}).items()))}
        for language in sorted(counts)
    }
    return {**check.facts, "languages": languages}
