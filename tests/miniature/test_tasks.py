"""The grammar against the checker, which share no code: what one writes as right, the other finds right."""

import re
from random import Random

import pytest
from arbitrage.miniature.mixture import rows
from arbitrage.miniature.tasks import FOLDS, KINDS, PHRASINGS, Fact, answer, facts, languages, prompt
from arbitrage.miniature.truth import Truth

TRUTH = Truth()
MANY = 400
"""Facts of each kind, in each language."""


def drawn(kind: str) -> list[Fact]:
    stock = facts(kind, range(FOLDS), Random(3))
    return [next(stock) for _ in range(MANY)]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", KINDS)
def test_the_grammars_answer_is_right_to_the_checker(kind: str, language: str) -> None:
    for fact in drawn(kind):
        assert TRUTH.is_right(f"{fact.id}-00", language, answer(fact, language)), fact


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_to_another_fact_with_another_answer_is_right(kind: str) -> None:
    for language in languages():
        for one, other in zip(found := drawn(kind), found[1:], strict=False):
            given = answer(other, language)
            assert TRUTH.is_right(f"{one.id}-00", language, given) == (given == answer(one, language)), (one, other)


@pytest.mark.parametrize("language", languages())
def test_every_task_is_put_in_four_ways_with_nothing_left_to_fill_in(language: str) -> None:
    for kind in KINDS:
        (fact,) = drawn(kind)[:1]
        texts = {prompt(fact, language, phrasing) for phrasing in PHRASINGS}
        assert len(texts) == len(PHRASINGS) == 4
        assert not [text for text in texts if re.search(r"[{}]", text)]


def test_three_thousand_sources_are_parallel_in_seven_languages_and_no_prompt_comes_twice() -> None:
    found = list(rows(1, 3000, exam=False))
    assert len(languages()) == 7
    assert len(found) == len({row["prompt"] for row in found}) == 7 * 3000
    by_source: dict[str, list[str]] = {}
    for row in found:
        by_source.setdefault(row["id"], []).append(row["language"])
    assert len(by_source) == 3000
    assert all(spoken == languages() for spoken in by_source.values())
    assert {row["task"] for row in found} == set(KINDS)
    assert all(TRUTH.is_right(row["id"], row["language"], row["answer"]) for row in found)


def test_the_same_seed_asks_the_same_and_another_seed_something_else() -> None:
    one, again, other = (list(rows(seed, 40, exam=False)) for seed in (1, 1, 2))
    assert one == again
    assert {row["id"] for row in one} != {row["id"] for row in other}
