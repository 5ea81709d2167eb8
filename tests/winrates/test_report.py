"""What a report says of verdicts, down to the least that there can be."""

import json
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from arbitrage.dataset.intervals import estimate
from arbitrage_eval.winrates.report import report
from arbitrage_eval.winrates.verdicts import Verdict, VerdictError, outcomes
from winrates.evaluations import World, judged, of_labels


def one_pair(verdicts: list[Verdict]) -> dict[str, Any]:
    (pair,) = report(verdicts)["pairs"]
    return pair


def orders(*words: str | None) -> list[Verdict]:
    """Return a prompt for each two words: what the judge said with the model first, and second; `-` is not asked."""
    return [
        Verdict(f"p{n // 2}", f"s{n // 2}", "de", "student", "base", "judge", shown_first, word)  # type: ignore[arg-type]
        for n, (word, shown_first) in enumerate(zip(words, ("model", "baseline") * len(words), strict=False))
        if word != "-"
    ]


def leaves(found: Any) -> Iterator[Any]:
    if isinstance(found, dict | list):
        for part in found.values() if isinstance(found, dict) else found:
            yield from leaves(part)
    else:
        yield found


@pytest.mark.parametrize(
    ("first", "second", "value", "label"),
    [
        ("first", "second", 1.0, "win"),
        ("second", "first", 0.0, "loss"),
        ("tie", "tie", 0.5, "tie"),
        ("first", "first", 0.5, "tie"),
        ("second", "second", 0.5, "tie"),
        ("first", "tie", 0.75, "win"),
        ("tie", "first", 0.25, "loss"),
        ("first", None, None, None),
        (None, "second", None, None),
        (None, None, None, None),
        ("-", "second", None, None),
    ],
)
def test_an_outcome_is_the_mean_of_both_orders_and_never_of_one(
    first: str | None, second: str | None, value: float | None, label: str | None
) -> None:
    (found,) = outcomes(orders(first, second))
    assert (found.value, found.label) == (value, label)


def test_what_is_left_out_is_counted_by_reason() -> None:
    found = report(orders("first", "second", None, "second", "-", "second", None, None, "tie", "tie"))
    counts = found["pairs"][0]["judges"]["judge"]["languages"]["de"]
    assert counts["left_out"] == {"no readable order": 1, "one readable order": 2}
    assert [counts[name] for name in ("prompts", "used", "sources", "win", "tie", "loss")] == [5, 2, 2, 1, 1, 0]
    assert counts["raw"]["value"] == 75
    assert (found["judges"]["judge"]["verdicts"], found["judges"]["judge"]["unparsable"]) == (9, 3)


def test_the_interval_is_that_of_a_clustered_mean() -> None:
    verdicts = of_labels("wwltlwwtlwlw", "judge")
    # Two prompts a source.
    verdicts = [replace(one, source_id=f"s{int(one.prompt_id[1:]) // 2}") for one in verdicts]
    found = one_pair(verdicts)["mean"]["languages"]["de"]["raw"]
    other = estimate((one.source_id, 100 * (one.value or 0), 1) for one in outcomes(verdicts)).as_dict()
    assert {name: found[name] for name in ("low", "high")} == pytest.approx({x: other[x] for x in ("low", "high")})
    assert found["difference"]["low"] == pytest.approx(found["low"] - 50)


def test_languages_weigh_the_same_in_the_macro_whatever_their_size() -> None:
    verdicts = of_labels("w" * 30 + "wl", "judge") + [replace(one, language="tr") for one in of_labels("lllw", "judge")]
    macro = one_pair(verdicts)["mean"]["macro"]["raw"]
    assert macro["value"] == pytest.approx((100 * 31 / 32 + 25) / 2)


def test_the_mean_of_judges_is_over_prompts_that_all_of_them_read() -> None:
    verdicts = of_labels("wwll", "strict") + of_labels("wwww", "kind")[:-1]
    pair = one_pair(verdicts)
    assert pair["judges"]["strict"]["languages"]["de"]["raw"]["value"] == 50
    assert pair["judges"]["kind"]["languages"]["de"]["raw"]["value"] == 100
    mean = pair["mean"]["languages"]["de"]
    assert mean["raw"]["value"] == pytest.approx(100 * 2.5 / 3)
    assert (mean["used"], mean["left_out"]) == (3, {"not read by every judge": 1})
    assert (mean["win"], mean["tie"], mean["loss"]) == (2, 1, 0)


def test_a_report_is_the_same_in_whatever_order_verdicts_come() -> None:
    world = World(length=0.5, position=0.4, unparsable=0.05)
    verdicts = [one for judge, seed in (("a", 1), ("b", 2)) for one in judged(world, seed, judge)]
    # Two judges read the same answers.
    verdicts = [replace(one, model_length=100 + int(one.prompt_id[1:]) % 7, baseline_length=103) for one in verdicts]
    text = json.dumps(report(verdicts), allow_nan=False)
    Random(1).shuffle(verdicts)
    assert json.dumps(report(verdicts), allow_nan=False) == text


def test_no_verdicts_at_all() -> None:
    found = report([])
    assert found["lacking"] == "no verdicts"
    assert (found["judges"], found["pairs"]) == ({}, [])
    assert found["agreement"]["fleiss"]["kappa"] is None


def test_nothing_readable_is_none_and_never_zero() -> None:
    found = report(orders(None, None, None, None))
    pair = found["pairs"][0]["mean"]
    for rate in (pair["languages"]["de"]["raw"], pair["macro"]["raw"], pair["languages"]["de"]["length_controlled"]):
        assert (rate["value"], rate["low"], rate["difference"]["value"]) == (None, None, None)
        assert rate["lacking"]
    assert found["judges"]["judge"]["unparsable"] == 4
    assert found["judges"]["judge"]["first_chosen"]["lacking"] == "no outcome"


def test_all_ties_have_a_rate_and_no_interval() -> None:
    rate = one_pair(of_labels("t" * 40, "judge"))["mean"]["languages"]["de"]
    why = "no interval: all sources are alike"
    assert {x: rate["raw"][x] for x in ("value", "low", "lacking")} == {"value": 50, "low": None, "lacking": why}
    assert rate["length_controlled"]["value"] in (None, 50)
    assert (rate["win"], rate["tie"], rate["loss"]) == (0, 40, 0)


def test_one_language_is_its_own_macro() -> None:
    found = one_pair(of_labels("wwltlwwtlwlw" * 4, "judge"))["mean"]
    for rate in ("raw", "length_controlled"):
        assert found["macro"][rate] == found["languages"]["de"][rate]


def test_one_source_has_a_rate_and_no_interval() -> None:
    verdicts = [replace(one, source_id="s") for one in of_labels("wlw", "judge", ("de", "tr"))]
    found = one_pair(verdicts)["mean"]
    assert found["languages"]["de"]["raw"]["lacking"] == "no interval of one source"
    assert found["macro"]["raw"]["value"] == 50
    assert found["macro"]["raw"]["low"] is None
    assert found["macro"]["raw"]["lacking"] == "no interval: a language has one source"


def test_a_language_without_a_rate_leaves_none_to_the_macro() -> None:
    verdicts = of_labels("wlwl", "judge") + [replace(one, language="tr") for one in orders(None, None)]
    macro = one_pair(verdicts)["mean"]["macro"]["raw"]
    assert (macro["value"], macro["lacking"]) == (None, "nothing known of tr")


def test_pairs_of_models_are_kept_apart() -> None:
    verdicts = of_labels("wwl", "judge") + [replace(one, model="other") for one in of_labels("lll", "judge")]
    found = report(verdicts)["pairs"]
    assert [(pair["model"], pair["mean"]["macro"]["raw"]["value"]) for pair in found] == [
        ("other", 0),
        ("student", pytest.approx(200 / 3)),
    ]
    assert all(leaf == leaf for leaf in leaves(found))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"shown_first": "model"}, "one order has two verdicts"),
        ({"source_id": "other"}, "two sources"),
        ({"model_length": 99}, "differ in lengths"),
        ({"judge": "second"}, "other answers"),
    ],
)
def test_verdicts_that_contradict_each_other_are_refused(change: dict, why: str) -> None:
    one, other = of_labels("w", "judge")
    changed = replace(other, **change)
    if "judge" in change:
        changed = replace(changed, model_length=99)
    with pytest.raises(VerdictError, match=why):
        report([one, changed])


def test_a_word_that_is_no_verdict_is_refused() -> None:
    with pytest.raises(VerdictError, match="'A' is no verdict"):
        orders("A", "first")
