"""Means, intervals and gains, against numbers that were come by in another way."""

import math
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from random import Random
from statistics import fmean

import numpy as np
import pytest
from arbitrage.dataset.intervals import half_width, quantile
from arbitrage.dataset.scores import Scores
from arbitrage.errors import DatasetError

Row = tuple[str, str, dict[str, float]]


def world(seed: int, prompts: int = 240, sources: int = 60) -> list[Row]:
    """Return rewards that agree within a source, over its translations."""
    random = Random(seed)
    hard = {source: random.gauss(0, 1) for source in range(sources)}
    rows = []
    for number in range(prompts):
        language = ("de", "tr", "zh")[number % 3]
        source = random.randrange(sources if language != "zh" else sources // 2)
        base = hard[source] + random.gauss(0, 0.5)
        rewards = {"random": base, "reward": base + abs(random.gauss(0.3, 0.2)), "single": random.gauss(0, 1)}
        rows.append((language, f"source {source}", rewards))
    return rows


def result(rows: list[Row]):
    with closing(Scores()) as scores:
        for row in rows:
            scores.add(*row)
        return scores.result()


def robust(values: np.ndarray, weights: np.ndarray, groups: list[str], centres: np.ndarray) -> tuple[float, float]:
    """Return a weighted mean and its standard error, from the matrix of which values share a group."""
    same = np.array([[one == other for other in groups] for one in groups])
    apart = weights * (values - centres)
    count = len(set(groups))
    return float(weights @ values), math.sqrt(count / (count - 1) * float(apart @ same @ apart))


def wanted(rows: list[Row], languages: list[str], name: str, base: str | None = None) -> tuple[float, float, int]:
    found = [row for row in rows if row[0] in languages]
    values = np.array([rewards[name] - (rewards[base] if base else 0.0) for _, _, rewards in found])
    sizes = {language: sum(row[0] == language for row in found) for language in languages}
    means = {
        language: fmean(value for value, row in zip(values, found, strict=True) if row[0] == language)
        for language in languages
    }
    weights = np.array([1 / len(languages) / sizes[row[0]] for row in found])
    centres = np.array([means[row[0]] for row in found])
    groups = [row[1] for row in found]
    return (*robust(values, weights, groups, centres), len(set(groups)))


@pytest.mark.parametrize("seed", range(4))
def test_intervals_are_those_of_another_computation(seed: int) -> None:
    rows = world(seed)
    common, overall = result(rows)
    assert overall is not None
    assert sorted(overall.languages) == ["de", "tr", "zh"]
    cases = [(common[language], [language]) for language in common] + [(overall, ["de", "tr", "zh"])]
    for found, languages in cases:
        assert found.prompts == sum(row[0] in languages for row in rows)
        for estimates, base in ((found.reward, None), (found.gain, "random")):
            for name, estimate in estimates.items():
                mean, error, sources = wanted(rows, languages, name, base)
                assert found.sources == sources
                assert estimate.mean == pytest.approx(mean, abs=1e-12)
                assert estimate.high == pytest.approx(mean + quantile(sources - 1) * error, abs=1e-9)
                assert estimate.low == pytest.approx(mean - quantile(sources - 1) * error, abs=1e-9)
        assert set(found.gain) == {"reward", "single"}


def test_intervals_are_as_wide_as_drawing_sources_again_says() -> None:
    rows = world(7, prompts=900, sources=150)
    _, overall = result(rows)
    assert overall is not None
    by_source: dict[str, list[Row]] = {}
    for row in rows:
        by_source.setdefault(row[1], []).append(row)
    names, random, means = sorted(by_source), Random(3), []
    for _ in range(1500):
        drawn = [row for name in random.choices(names, k=len(names)) for row in by_source[name]]
        means.append(
            fmean(
                fmean(r["reward"] - r["random"] for of, _, r in drawn if of == language)
                for language in ("de", "tr", "zh")
            )
        )
    low, high = np.quantile(means, [0.025, 0.975])
    found = overall.gain["reward"]
    assert found.low == pytest.approx(low, abs=0.15 * (high - low))
    assert found.high == pytest.approx(high, abs=0.15 * (high - low))


def test_with_one_prompt_a_source_it_is_the_textbook_interval() -> None:
    # The sleep data of Student, 1908: the extra hours of ten patients. R's t.test gives [0.7001142, 2.4598858].
    extra = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    common, _ = result([("en", str(n), {"random": 0.0, "drug": hours}) for n, hours in enumerate(extra)])
    found = common["en"].gain["drug"]
    assert (found.mean, found.low, found.high) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-7)


@pytest.mark.parametrize(
    ("freedom", "value"),
    [
        (1, 12.7062047),
        (2, 4.3026527),
        (10, 2.2281389),
        (11, 2.2009852),
        (20, 2.0859634),
        (60, 2.0002978),
        (10**7, 1.9599642),
    ],
)
def test_quantiles_are_those_of_the_tables(freedom: int, value: float) -> None:
    assert quantile(freedom) == pytest.approx(value, abs=1e-5)


def test_quantiles_fall_without_a_step() -> None:
    values = [quantile(freedom) for freedom in range(1, 400)]
    assert values == sorted(values, reverse=True)


def test_one_source_has_no_interval() -> None:
    common, overall = result(
        [("de", "a", {"x": 1.0}), ("de", "a", {"x": 3.0}), *([("tr", s, {"x": 1.0}) for s in "ab"])]
    )
    assert (common["de"].reward["x"].mean, common["de"].reward["x"].low) == (2.0, None)
    assert (common["de"].prompts, common["de"].sources) == (2, 1)
    assert common["tr"].reward["x"].low == common["tr"].reward["x"].high == 1.0
    # Else a language without any spread to see would make the whole look surer than it is.
    assert overall is not None
    assert (overall.reward["x"].mean, overall.reward["x"].low) == (1.5, None)
    assert half_width(1.0, 0) is None


def test_only_prompts_of_every_arm_count() -> None:
    rows: list[Row] = [
        ("de", "a", {"x": 5.0}),
        ("de", "b", {"x": 1.0, "y": 2.0}),
        ("de", "c", {"y": 9.0}),
        ("de", "d", {"x": 3.0, "y": 4.0}),
        ("tr", "a", {"x": 5.0}),
        ("zh", "a", {"x": 1.0}),
        ("zh", "b", {"y": 1.0}),
    ]
    common, overall = result(rows)
    assert {name: found.mean for name, found in common["de"].reward.items()} == {"x": 2.0, "y": 3.0}
    assert set(common) == {"de", "tr"}
    assert common["de"].gain == {}
    assert overall is not None
    assert overall.languages == ["de", "tr"]
    assert set(overall.reward) == {"x"}
    assert overall.reward["x"].mean == 3.5
    assert result([]) == ({}, None)
    assert result([("de", "a", {"x": 1.0}), ("tr", "a", {"y": 1.0})])[1] is None


def test_the_order_of_sources_makes_no_difference_but_of_rounding() -> None:
    rows = world(1)
    backwards, forwards = result(rows[::-1]), result(rows)
    assert result(rows) == forwards
    for language, found in forwards[0].items():
        for name, estimate in found.reward.items():
            assert backwards[0][language].reward[name].high == pytest.approx(estimate.high, abs=1e-12)


def test_numbers_at_the_edge() -> None:
    common, _ = result([("de", str(n), {"x": value}) for n, value in enumerate([1e150, -1e150, 5e-324, -0.0])])
    assert math.isfinite(common["de"].reward["x"].high or math.nan)
    with closing(Scores()) as scores, pytest.raises(DatasetError, match="too large to count with"):
        scores.add("de", "a", {"x": 1e151})
    assert result([("de", "\ud800", {"x": 1.0})])[0]["de"].sources == 1


@pytest.mark.long
def test_memory_does_not_grow_with_the_prompts() -> None:
    def rows(count: int) -> Iterator[Row]:
        return (("de", str(number % 5), {"x": float(number), "random": 1.0}) for number in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        with closing(Scores()) as scores:
            for row in rows(count):
                scores.add(*row)
            scores.result()
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(10)
    assert peak(40_000) < peak(4_000) * 1.2 + 2**18
