"""True accuracy, leads and costs by numbers that are worked out by hand."""

import pytest
from arbitrage.dataset.intervals import quantile
from arbitrage.miniature.accuracy import Arms, Row, mean


def row(n: int, teacher: str, right: bool, split: str = "train", language: str = "de") -> Row:
    return Row(f"p{n}", f"order-{n}", language, split, teacher, right)


def test_a_mean_has_an_interval_over_sources_not_over_rows() -> None:
    found = mean([("a", 0.0), ("a", 0.0), ("b", 100.0), ("b", 100.0), ("c", 0.0), ("d", 100.0)])
    assert found is not None and found.half is not None
    assert (found.value, found.rows) == (50.0, 6)
    # Four sources pull by -100/6, 100/6, -50/6 and 50/6; their spread, with n/(n-1) for few sources.
    spread = ((100 / 6) ** 2 * 2 + (50 / 6) ** 2 * 2) ** 0.5
    assert found.half == pytest.approx(quantile(3) * spread * (4 / 3) ** 0.5)
    assert str(found) == f"50.0 ± {found.half:.1f}"


def test_of_one_source_there_is_no_interval_and_of_nothing_no_mean() -> None:
    assert str(mean([("a", 100.0)])) == "100.0"
    assert mean([]) is None


def test_leads_are_on_the_prompts_that_both_arms_have() -> None:
    arms = Arms({"reward": [row(1, "a", True), row(2, "b", True)], "random": [row(2, "a", False), row(3, "a", True)]})
    lead = arms.lead("reward", "random")
    assert lead is not None and (lead.value, lead.rows) == (100.0, 1)
    assert arms.lead("reward", "random", language="tr") is None


def test_the_best_single_teacher_is_of_those_that_answer_all_and_on_train_sources_alone() -> None:
    arms = Arms(
        {
            "single_a": [row(1, "a", True), row(2, "a", False), row(3, "a", False, "test")],
            "single_b": [row(1, "b", False), row(2, "b", False), row(3, "b", True, "test")],
            "single_mono": [row(1, "mono", True)],
            "reward": [row(1, "b", True)],
        },
        cost={"single_a": (4, 40), "single_b": (4, 40), "single_mono": (1, 10), "reward": (12, 120)},
    )
    assert arms.best_single() == "single_a"
    # Who lacks a row, having said nothing there, is compared all the same.
    del arms.rows["single_a"][1]
    assert arms.best_single() == "single_a"


def test_misled_is_where_a_right_answer_was_there() -> None:
    arms = Arms({"reward": [row(1, "a", False), row(2, "a", True), row(3, "a", False)]})
    arms.pool = [row(1, "b", True), row(2, "a", True), row(3, "a", False)]
    assert arms.misled("reward") == {"order": (1, 2)}
