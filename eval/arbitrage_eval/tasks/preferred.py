"""Which of two answers a model finds likelier: the chosen or the rejected one, by prompt, language and source."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from arbitrage.dataset.intervals import estimate
from arbitrage.rewards.wires import asked_text

from arbitrage_eval.winrates.measured import macro, mean_of

BETWEEN = "\n\n"
"""What stands between a prompt and its answer where there is no chat template."""


SHARES = {"chosen_likelier_per_token": "per_token", "chosen_likelier_in_sum": "log_likelihood"}
"""What answers are compared by."""


class Likely(NamedTuple):
    """How likely a model finds an answer to a prompt."""

    log_likelihood: float
    tokens: int
    bytes: int

    @property
    def per_token(self) -> float:
        """The mean over its tokens."""
        return self.log_likelihood / self.tokens


class Pair(NamedTuple):
    """The two answers to a prompt."""

    language: str
    source_id: str
    chosen: Likely
    rejected: Likely


def preferred(lm: Any, documents: Sequence[Mapping[str, Any]], chat: bool) -> dict[str, Any]:
    """Ask a model of lm-eval how likely it finds both answers of every document, and return the figures.

    Answers are scored as lm-eval scores continuations, without the end of the turn: what is too long for the model
    loses the beginning of its prompt, and where an answer alone is too long, or empty, its pair is left out; both are
    counted.
    """
    from lm_eval.api.instance import Instance

    asked: list[tuple[Mapping[str, Any], list[tuple[str, str]], list[int]]] = []
    left_out = cut = 0
    for document in documents:
        context = context_of(lm, document["prompt"], chat)
        texts = [(context, document[which]) for which in ("chosen", "rejected")]
        if not all(text.strip() for _, text in texts):
            left_out += 1
            continue
        # As loglikelihood itself cuts them into tokens.
        cuts = [lm._encode_pair(*text) for text in texts]
        tokens = [len(answer) for _, answer in cuts]
        if max(tokens) > lm.max_length or not min(tokens):
            left_out += 1
            continue
        # The last token of an answer is only told, never read.
        cut += any(len(prompt) + len(answer) > lm.max_length + 1 for prompt, answer in cuts)
        asked.append((document, texts, tokens))
    requests = [Instance("loglikelihood", {}, text, n) for n, text in enumerate(t for _, two, _ in asked for t in two)]
    said = [float(found[0]) for found in lm.loglikelihood(requests)] if requests else []
    pairs = []
    for number, (document, texts, tokens) in enumerate(asked):
        two = [
            Likely(said[2 * number + place], tokens[place], len(texts[place][1].encode("utf-8"))) for place in (0, 1)
        ]
        pairs.append(Pair(document["language"], document["source_id"], two[0], two[1]))
    return {"left_out": left_out, "cut": cut, **shares(pairs)}


def context_of(lm: Any, prompt: Sequence[Mapping[str, str]], chat: bool) -> Any:
    """Return a prompt as a model reads it: in its chat template, else as plain text."""
    turns = [{"role": turn["role"], "content": turn["content"]} for turn in prompt]
    return lm.apply_chat_template(turns) if chat else asked_text(turns) + BETWEEN


def shares(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return how often the chosen answer is the likelier, and how likely both are, by language and over all.

    `macro` is the mean over languages. Intervals are clustered by source. A pair of equals counts half.
    """
    languages: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        languages[pair.language].append(pair)
    by_language = {
        language: {
            name: mean_of((pair.source_id, _won(pair, by)) for pair in languages[language])
            for name, by in SHARES.items()
        }
        for language in sorted(languages)
    }
    return {
        "n": len(pairs),
        "macro": {
            name: macro({language: found[name] for language, found in by_language.items()}).as_dict() for name in SHARES
        },
        "languages": {
            language: {
                "n": len(languages[language]),
                **{name: one.as_dict() for name, one in found.items()},
                **_likelihoods(languages[language]),
            }
            for language, found in by_language.items()
        },
    }


def _won(pair: Pair, by: str) -> float:
    chosen, rejected = getattr(pair.chosen, by), getattr(pair.rejected, by)
    return 0.5 if chosen == rejected else float(chosen > rejected)


def _likelihoods(pairs: Sequence[Pair]) -> dict[str, Any]:
    return {
        f"log_likelihood_per_{unit}": {which: _ratio(pairs, which, f"{unit}s") for which in ("chosen", "rejected")}
        for unit in ("token", "byte")
    }


def _ratio(pairs: Sequence[Pair], which: str, units: str) -> dict[str, float | None]:
    answers = [(pair.source_id, getattr(pair, which)) for pair in pairs]
    found = estimate((source, likely.log_likelihood, getattr(likely, units)) for source, likely in answers).as_dict()
    return {"value": found["mean"], "low": found["low"], "high": found["high"]}
