"""Who learns from what, and that nobody is asked what anybody was taught."""

from collections import Counter
from random import Random

from arbitrage.miniature.mixture import ASKED, EXAMINED, LEARNED, samples, sources
from arbitrage.miniature.preferences import prompts_of
from arbitrage.miniature.tasks import FOLDS, KINDS, languages

MANY = 8000
TAUGHT = [*samples(Random(1), MANY, languages()), *prompts_of(1, "reward", MANY)]
RECIPE, EXAM = list(sources(1, 1000, exam=False)), list(sources(1, 300, exam=True))


def test_every_fold_has_one_use() -> None:
    assert sorted([*LEARNED, *ASKED, *EXAMINED]) == list(range(FOLDS))
    assert {one.fact.fold for one in TAUGHT} <= set(LEARNED)
    assert {one.fact.fold for one in RECIPE} <= set(ASKED)
    assert {one.fact.fold for one in EXAM} <= set(EXAMINED)
    asked, examined = {one.fact for one in RECIPE}, {one.fact for one in EXAM}
    assert not asked & examined
    assert not {one.fact for one in TAUGHT} & (asked | examined)


def test_the_phrasing_of_examinations_is_in_no_sample_and_no_recipe() -> None:
    examined = {one.phrasing for one in EXAM}
    assert all(phrasing.held_out for phrasing in examined)
    assert not {one.phrasing for one in TAUGHT} & examined
    assert not {one.phrasing for one in RECIPE} & examined
    seen = {one.phrasing for one in TAUGHT}
    assert {phrasing.opening for phrasing in examined} <= {phrasing.opening for phrasing in seen}
    assert {phrasing.wording for phrasing in examined} <= {phrasing.wording for phrasing in seen}


def test_a_mixture_has_its_languages_and_favours_its_tasks() -> None:
    drawn = samples(Random(2), MANY, ["tr", "ar"], ["order", "where"], 6.0)
    assert {one.language for one in drawn} == {"tr", "ar"}
    counts = Counter(one.fact.kind for one in drawn)
    assert set(counts) == set(KINDS)
    for kind in KINDS:
        share = (6 if kind in ("order", "where") else 1) / (2 * 6 + len(KINDS) - 2)
        # Five standard errors.
        assert abs(counts[kind] / MANY - share) < 5 * (share * (1 - share) / MANY) ** 0.5, kind


def test_a_focus_of_one_tells_nobody_apart() -> None:
    plain = samples(Random(2), 200, languages())
    assert samples(Random(2), 200, languages(), ["order"], 1.0) == plain


def test_annotators_see_other_prompts_than_each_other() -> None:
    seen = [{(one.fact, one.language) for one in prompts_of(1, name, 500)} for name in ("reward", "auditor", "judge")]
    for n, one in enumerate(seen):
        for other in seen[n + 1 :]:
            assert len(one & other) < 0.1 * len(one)


def test_where_the_facts_end_other_tasks_go_on() -> None:
    few = Counter(one.fact.kind for one in sources(1, 400, exam=True))
    assert sum(few.values()) == 400
    assert few["add"] < 81 / FOLDS * 2 < few["largest"]
    assert len({one.id for one in EXAM}) == len(EXAM) == 300
