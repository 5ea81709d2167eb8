"""A plumbing test, not a reward to use: it knows nothing of quality.

It looks up whether a recorded completion was found to be in the right language, and prefers longer text among
those that were. Its labels are in `labels.json` beside this file, by a hash of language, prompt and completion.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

LONG = 1000
"""Characters from which on longer is no better."""


def plumbing_test(prompts, completions, language, **columns):
    """Plumbing test: 1 for a completion labelled as in its language, plus its length; None without a label."""
    scores = []
    for prompt, completion, tag in zip(prompts, completions, language, strict=True):
        text = completion[-1]["content"]
        label = _labels().get(key(tag, prompt[-1]["content"], text))
        scores.append(None if label is None else score(label, text))
    return scores


def score(label: bool, text: str) -> float:
    """Return the score of a labelled text."""
    return float(label) + min(len(text), LONG) / LONG


def key(language: str, prompt: str, completion: str) -> str:
    """Return what a label is found by."""
    return hashlib.sha256(json.dumps([language, prompt, completion]).encode()).hexdigest()


@cache
def _labels():
    return json.loads(Path(__file__).with_name("labels.json").read_text(encoding="utf-8"))
