"""A model's own answers to the prompts of an arm's test split, compared with references."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from arbitrage.records import Message
from arbitrage.rewards.reference import chrf, exact_match, signature

from arbitrage_eval.tasks.preferred import context_of
from arbitrage_eval.winrates.measured import macro, mean_of

MAX_TOKENS = 512
MEASURES = {"chrf": chrf, "exact_match": exact_match}


def answered(lm: Any, documents: Sequence[Mapping[str, Any]], chat: bool) -> dict[str, Any]:
    """Let a model of lm-eval answer every document greedily, and return how near it comes to their references.

    `macro` is the mean over languages. Intervals are clustered by source. Documents without a reference are left out;
    answers without a text score nothing. Both are counted.
    """
    from lm_eval.api.instance import Instance

    kept = [document for document in documents if document["reference"]]
    # A model of transformers must have room for the prompt; behind an endpoint that is the server's to say.
    most = MAX_TOKENS if lm.tokenizer is None else min(MAX_TOKENS, lm.max_length // 2)
    told: dict[str, Any] = {"until": [], "do_sample": False, "temperature": 0.0, "max_gen_toks": most}
    requests = [
        Instance("generate_until", {}, (context_of(lm, document["prompt"], chat), dict(told)), number)
        for number, document in enumerate(kept)
    ]
    said = lm.generate_until(requests) if requests else []
    turns: list[list[Message]] = [[{"role": "assistant", "content": text}] for text in said]
    references = [document["reference"] for document in kept]
    languages: defaultdict[str, list[int]] = defaultdict(list)
    for number, document in enumerate(kept):
        languages[document["language"]].append(number)
    scores = {name: score([[] for _ in turns], turns, references) for name, score in MEASURES.items()}
    by_language = {
        language: {
            name: mean_of(
                (kept[number]["source_id"], score)
                for number in languages[language]
                if (score := found[number]) is not None
            )
            for name, found in scores.items()
        }
        for language in sorted(languages)
    }
    return {
        "n": len(kept),
        "left_out": len(documents) - len(kept),
        "empty": sum(not text.strip() for text in said),
        "max_tokens": most,
        "signatures": {name: signature(name) for name in MEASURES},
        "macro": {
            name: macro({language: found[name] for language, found in by_language.items()}).as_dict()
            for name in MEASURES
        },
        "languages": {
            language: {"n": len(languages[language]), **{name: one.as_dict() for name, one in found.items()}}
            for language, found in by_language.items()
        },
    }
