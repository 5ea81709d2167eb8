"""A small run: prompts, answers and routes as the end of the line sees them."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from arbitrage.dataset import Manifest, write_dataset
from arbitrage.identity import prompt_id
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.published import recipe_yaml
from arbitrage.records import Answer, Ask, Prompt, Route, Routed
from arbitrage.routers import make_routers, settle

HOSTILE = (
    "<script>alert(1)</script> | `x` \n\n# head\n[l](http://evil.example) \u202eevil\u202c \\| "
    "$a$ @me **b** &amp; \x7f\x00 ---"
)
TEXTS = ("مرحبا بالعالم שלום", "😀𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🏳️‍🌈", HOSTILE, "na\u0308ive, 日本語\u2028", "plain")
REWARDS = (1e16, -0.0, 0.1 + 0.2, 5e-324, -3.5, 2.0)
COLUMNS = {
    "reference": pa.string(),
    "score": pa.float64(),
    "facets": pa.list_(pa.struct([("name", pa.string()), ("n", pa.int32())])),
}

PUBLISHED: dict[str, Any] = {
    "name": "small-world",
    "license": "cc-by-nc-4.0",
    "languages": ["de", "no", "ar", "sr-Latn"],
    "prompts": [
        {
            "path": "org/prompts",
            "revision": "c" * 40,
            "language": "de",
            "license": "mit",
            "columns": {"prompt": "prompt"},
        }
    ],
    "teachers": {
        "north": {
            "endpoint": ["http://x:1"],
            "api": "tgi",
            "model": "org/north-8b",
            "license": "llama3.1",
            "group": "عربي",
            "system": {"de": "Antworte knapp.", "ar": HOSTILE},
        },
        "south": {"endpoint": ["http://x:2"], "api": "openai", "model": "org/south|8b", "license": HOSTILE},
        "dead": {"endpoint": ["http://x:3"], "api": "openai", "model": "org/dead"},
        "local": {"endpoint": ["http://x:4"], "api": "tgi", "model": "org/local", "languages": ["de", "no"]},
    },
    "sampling": {"temperature": 0.3, "top_p": 1.0, "max_tokens": 64},
    "rewards": {"main": {"python": "chrf"}, "audit": {"python": "exact_match"}},
    "route_by": "main",
    "arms": {
        "random": {"router": "random"},
        "single_north": {"router": "single", "teacher": "north"},
        "single_dead": {"router": "single", "teacher": "dead"},
        "reward": {"router": "reward"},
    },
    "seed": 7,
}
RECIPE_TEXT = recipe_yaml(PUBLISHED)


def recipe(**changes: Any) -> Recipe:
    return Recipe.model_validate({**PUBLISHED, **changes})


def _digit(*parts: object) -> int:
    return hashlib.sha256(repr(parts).encode()).digest()[0]


def answer(prompt: Prompt, teacher: str, text: str = "") -> Answer:
    digit = _digit(prompt.id, teacher)
    base = {"model": PUBLISHED["teachers"][teacher]["model"], "draw": 0}
    if teacher == "dead" or digit % 11 == 0:
        return Answer(
            teacher,
            revision="unverified",
            completion=None,
            error="timeout" if digit % 2 else "validation",
            checks=("empty",),
            **base,
        )
    completion = "" if digit % 13 == 0 else f"{TEXTS[digit % len(TEXTS)]} {teacher if digit % 3 else ''}{text}"
    reward = None if digit % 7 == 0 else REWARDS[digit % len(REWARDS)]
    return Answer(
        teacher,
        revision="a" * 40,
        completion=completion,
        reasoning=TEXTS[digit % 5] if digit % 4 == 0 else None,
        finish_reason="stop",
        prompt_tokens=digit,
        completion_tokens=digit * 2,
        tokens_from="usage",
        checks=("truncated",) if digit % 5 == 0 else (),
        reward=reward,
        rewards=(("main", reward), ("audit", None if digit % 9 == 0 else digit % 16 / 4)),
        **base,
    )


def prompts(language: str, split: str, count: int, text: str = "") -> list[Prompt]:
    found = []
    for number in range(count):
        messages = [{"role": "user", "content": f"{TEXTS[number % 5]} {language} {split} {number}{text}"}]
        if number % 3 == 0:
            messages = [
                {"role": "system", "content": "be good"},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": ""},
                *messages,
            ]
        columns = {
            "reference": None if number % 2 else HOSTILE,
            "score": (float("nan"), 1.5, None)[number % 3],
            "facets": [{"name": "a", "n": number}, {"name": None, "n": None}] if number % 2 else [],
        }
        source = f"{split}-{number}"
        found.append(Prompt(prompt_id(language, messages), language, source, split, messages, columns))  # type: ignore[arg-type]
    return sorted(found, key=lambda prompt: prompt.id)


@cache
def routers_of(chosen: Recipe | None = None) -> Mapping[str, Any]:
    return make_routers(chosen or recipe(), None)


def route(prompt: Prompt, text: str = "") -> Routed:
    answers: dict[tuple[str, int], Answer] = {}

    def ask(wish: Ask) -> Answer:
        return answers.setdefault((wish.teacher, wish.draw), answer(prompt, wish.teacher, text))

    routes = [settle(arm, router, prompt, ask) for arm, router in routers_of().items()]
    return Routed(
        prompt,
        [answers[key] for key in sorted(answers)],
        [found for found in routes if isinstance(found, Route)],
    )


COUNTS = {
    ("de", "train"): 40,
    ("de", "test"): 7,
    ("no", "train"): 25,
    ("ar", "test"): 9,
    ("sr-Latn", "train"): 3,
}


def items(language: str, split: str) -> Iterator[Routed]:
    for prompt in prompts(language, split, COUNTS.get((language, split), 0)):
        yield route(prompt)


FACTS: dict[str, Any] = {
    "cost_usd": {"north": 1.5, "south": 0.25},
    "failures": {"dead": {"timeout": 3}},
    "prompt_sources": [
        {"read": 100, "unreadable": 1, "other_language": 2, "duplicates": 3, "not_sampled": 10, "kept": 75}
        | {"near_duplicates": 7, "contaminated": 2}
    ],
    "translation": {
        "model": "org/many-languages",
        "revision": "b" * 40,
        "from": "de",
        "languages": {
            "ar": {"train": 0, "test": 9, "dropped": {"untranslated": 2, HOSTILE: 1}},
            "no": {"train": 25, "test": 0, "dropped": {}},
        },
    },
    "contamination": {
        "action": "remove",
        "sets": {
            "xnli": {"items": 2490, "too_short": 12, "prompts": {"de": 3, "ar": 1}},
            HOSTILE: {"items": 5, "too_short": 0, "prompts": {}},
        },
    },
    "language_check": {
        "rules": 1,
        "detector": "lingua",
        "version": "2.1.1",
        "compared": ["ar", "de"],
        "languages": {
            "de": {
                "right": 90,
                "wrong": 3,
                "unchecked": 1,
                "lines": 200,
                "wrong_lines": 5,
                "found": {"en": 2, "nl": 1},
            },
            "no": {"right": 0, "wrong": 0, "unchecked": 50, "lines": 0, "wrong_lines": 0, "found": {}},
        },
    },
    "scoring": {
        "main": {
            "how": "in-process, the model's chat template, raw output",
            "model": "org/reward|4b",
            "revision": "d" * 40,
            "scored": 1201,
            "unscored": {"too_long": 3, HOSTILE: 1},
            "cut": {"prompt_cut": 12},
        },
        "audit": {"how": "a function", "model": HOSTILE, "revision": "exact_match|strip|version:1"},
    },
    "imported": {"north": {"org/older at v1.0.0": 5, HOSTILE: 1}},
}


def build(folder: Path, **changes: Any) -> Manifest:
    arguments: dict[str, Any] = {
        "recipe": recipe(),
        "published": PUBLISHED,
        "recipe_text": RECIPE_TEXT,
        "items": items,
        "column_types": COLUMNS,
        "facts": FACTS,
    }
    return write_dataset(folder, **{**arguments, **changes})
