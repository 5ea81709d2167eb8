"""Kappas are those of reference implementations, and none where there is nothing to agree on."""

import pytest
from arbitrage_eval.winrates.agreement import agreement, cohen, fleiss
from arbitrage_eval.winrates.verdicts import outcomes
from winrates.evaluations import of_labels

ONE, OTHER, THIRD = "wwtlwltwwlltwlwtlwwl", "wwtlwwtwllltwlltlwtl", "wttllltwwlwtwlwtlwww"


@pytest.mark.parametrize(
    ("pair", "kappa"),
    # sklearn.metrics.cohen_kappa_score of scikit-learn 1.9.1.
    [((ONE, OTHER), 0.6934865900383141), ((ONE, THIRD), 0.688715953307393), ((OTHER, THIRD), 0.3939393939393939)],
)
def test_cohen_is_that_of_scikit_learn(pair: tuple[str, str], kappa: float) -> None:
    assert cohen(list(zip(*pair, strict=True))) == pytest.approx(kappa, abs=1e-12)


def test_fleiss_is_that_of_statsmodels() -> None:
    # statsmodels.stats.inter_rater.fleiss_kappa of statsmodels 0.15.0.
    assert fleiss(list(zip(ONE, OTHER, THIRD, strict=True))) == pytest.approx(0.5893926432848589, abs=1e-12)


def test_fleiss_of_a_published_table() -> None:
    table = """0 0 0 0 14 | 0 2 6 4 2 | 0 0 3 5 6 | 0 3 9 2 0 | 2 2 8 1 1
               7 7 0 0 0 | 3 2 6 3 0 | 2 5 3 2 2 | 6 5 2 1 0 | 0 2 2 3 7"""
    counts = [[int(n) for n in row.split()] for line in table.splitlines() for row in line.split("|")]
    rows = [[str(label) for label, count in enumerate(row) for _ in range(count)] for row in counts]
    assert fleiss(rows) == pytest.approx(0.20993070442195522, abs=1e-12)


def test_perfect_agreement_is_one_and_the_opposite_is_below_zero() -> None:
    assert cohen([("w", "w"), ("l", "l")]) == 1
    assert cohen([("w", "l"), ("l", "w")]) == -1
    assert fleiss([("w", "w", "w"), ("l", "l", "l")]) == 1


def test_judges_agree_on_what_they_all_read() -> None:
    judges = {name: outcomes(of_labels(labels, name)) for name, labels in (("a", ONE), ("b", OTHER[:12]), ("c", THIRD))}
    found = agreement(judges)
    assert [(two["judges"], two["outcomes"]) for two in found["cohen"]] == [
        (["a", "b"], 12),
        (["a", "c"], 20),
        (["b", "c"], 12),
    ]
    assert found["cohen"][1]["kappa"] == pytest.approx(0.688715953307393)
    assert found["fleiss"]["outcomes"] == 12


def test_what_has_no_kappa_is_named() -> None:
    assert agreement({})["fleiss"] == {"outcomes": 0, "kappa": None, "lacking": "fewer than two judges"}
    ties = {name: outcomes(of_labels("tttt", name)) for name in ("a", "b")}
    same = "every outcome is the same: chance would agree as much"
    assert agreement(ties)["fleiss"] == {"outcomes": 4, "kappa": None, "lacking": same}
    assert agreement(ties)["cohen"] == [{"judges": ["a", "b"], "outcomes": 4, "kappa": None, "lacking": same}]
    apart = {"a": outcomes(of_labels("wl", "a", ("de",))), "b": outcomes(of_labels("wl", "b", ("tr",)))}
    assert agreement(apart)["fleiss"]["lacking"] == "no outcome in common"
