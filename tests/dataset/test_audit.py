"""Agreement of auditors and transfer of gains, against numbers that were come by in another way."""

import json
import math
from contextlib import closing
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from arbitrage.dataset import reproduce
from arbitrage.dataset.audit import MOST, Audit, agreement
from arbitrage.dataset.manifest import Auditor
from arbitrage.errors import DatasetError
from arbitrage.records import Answer, Prompt, Routed
from dataset.tampering import edit_manifest, said
from dataset.test_scores import robust

ARMS = ("random", "reward", "single")
TEACHERS = ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("pairs", "share"),
    [
        ([(1.0, 5.0), (2.0, 6.0)], 1.0),
        ([(1.0, 5.0), (2.0, 4.0)], 0.0),
        ([(1.0, 5.0), (2.0, 5.0)], 0.5),
        ([(1.0, 5.0), (1.0, 6.0)], None),
        ([(1.0, 5.0)], None),
        ([(1.0, 1.0), (2.0, 2.0), (3.0, 0.0)], 1 / 3),
        ([(1.0, 1.0), (1.0, 9.0), (3.0, 5.0)], 0.5),
    ],
)
def test_agreement_is_counted_where_the_routing_reward_sees_a_difference(
    pairs: list[tuple[float, float]], share: float | None
) -> None:
    assert agreement(pairs) == share


def _answer(teacher: str, reward: float | None, other: float | None, **more: Any) -> Answer:
    rewards = (("main", reward), ("other", other))
    return Answer(teacher, 0, "m", "r", f"text of {teacher}", reward=reward, rewards=rewards, **more)


Item = tuple[Routed, dict[str, Answer]]


def world(seed: int) -> list[Item]:
    """Return answers whose scores share a part, with other scales in each language; arms choose as routers would."""
    random, items = Random(seed), []
    for number in range(240):
        language = ("de", "tr")[number % 2]
        scale = {"de": 1.0, "tr": 30.0}[language]
        answers = []
        for teacher in TEACHERS:
            quality = random.gauss(0, 1)
            reward: float | None = scale * (quality + random.gauss(0, 0.7))
            other: float | None = 5 * (quality + random.gauss(0, 0.7)) + 100
            gone = random.random()
            flags = ("truncated",) if gone > 0.95 else ()
            answers.append(
                _answer(teacher, None if gone < 0.05 else reward, None if 0.05 < gone < 0.1 else other, checks=flags)
            )
        prompt = Prompt(f"p{number:03}", language, f"source {random.randrange(50)}", "train", [])
        best = max(
            (a for a in answers if a.unflagged and a.reward is not None), key=lambda a: a.reward or 0.0, default=None
        )
        chosen = {"random": random.choice(answers), "single": answers[0]}
        items.append((Routed(prompt, answers, []), chosen if best is None else {**chosen, "reward": best}))
    return items


def result(items: list[Item]) -> Auditor:
    with closing(Audit("other")) as audit:
        for item in items:
            audit.add(*item)
        return audit.result()


def _pairs(routed: Routed) -> list[tuple[float, float]]:
    found = [(answer, dict(answer.rewards)) for answer in routed.answers if answer.unflagged]
    return [(rewards["main"], rewards["other"]) for _, rewards in found if None not in rewards.values()]  # type: ignore[misc]


def _spread(items: list[Item], language: str, side: int) -> float:
    groups = [[pair[side] for pair in _pairs(routed)] for routed, _ in items if routed.prompt.language == language]
    squares = sum((score - fmean(group)) ** 2 for group in groups if group for score in group)
    return math.sqrt(squares / sum(len(group) - 1 for group in groups if group))


@pytest.mark.parametrize("seed", range(3))
def test_gains_are_paired_and_in_standard_deviations_of_each_language(seed: int) -> None:
    items = world(seed)
    found = result(items)
    kept = [
        (routed.prompt, {arm: (answer.reward, dict(answer.rewards)["other"]) for arm, answer in chosen.items()})
        for routed, chosen in items
        if len(chosen) == 3 and all(None not in dict(answer.rewards).values() for answer in chosen.values())
    ]
    languages = ("de", "tr")
    for language in (*languages, "all"):
        here = [row for row in kept if language in (row[0].language, "all")]
        transfer = found.transfer_overall if language == "all" else found.transfer[language]
        assert transfer is not None
        assert transfer.prompts == len(here)
        groups = [prompt.source_id for prompt, _ in here]
        assert transfer.sources == len(set(groups))
        for side, gains in enumerate((transfer.routing, transfer.auditor)):
            assert set(gains) == {"reward", "single"}
            for arm, estimate in gains.items():
                values = np.array(
                    [(s[arm][side] - s["random"][side]) / _spread(items, p.language, side) for p, s in here]  # type: ignore[operator]
                )
                sizes = {name: sum(p.language == name for p, _ in here) for name in languages}
                count = 1 if language != "all" else 2
                weights = np.array([1 / count / sizes[p.language] for p, _ in here])
                means = {
                    name: fmean(v for v, (p, _) in zip(values, here, strict=True) if p.language == name)
                    for name in languages
                    if sizes[name]
                }
                mean, error = robust(values, weights, groups, np.array([means[p.language] for p, _ in here]))
                assert estimate.mean == pytest.approx(mean, abs=1e-9)
                assert estimate.low is not None
                assert estimate.high is not None
                assert (estimate.high - estimate.low) / error == pytest.approx(2 * 2.0096, rel=0.01)
    reward = found.transfer["tr"]
    assert 0.3 < reward.auditor["reward"].mean < reward.routing["reward"].mean, "the part that both see"


def test_agreement_is_the_mean_over_prompts_clustered_by_source() -> None:
    items = world(5)
    found = result(items)
    shares = [(routed.prompt, agreement(_pairs(routed))) for routed, _ in items if routed.prompt.language == "de"]
    known = [(prompt, share) for prompt, share in shares if share is not None]
    values = np.array([share for _, share in known])
    count = len(values)
    mean, error = robust(
        values, np.full(count, 1 / count), [p.source_id for p, _ in known], np.full(count, values.mean())
    )
    assert (found.agreement["de"].prompts, found.agreement["de"].share.mean) == (count, pytest.approx(mean))
    assert found.agreement["de"].share.high == pytest.approx(mean + 2.0 * error, rel=0.01)
    assert 0.6 < mean < 0.9


def _nine(answers: list[Answer], chosen: dict[str, Answer]) -> list[Item]:
    return [(Routed(Prompt(str(n), "de", str(n), "train", []), answers, []), chosen) for n in range(9)]


def test_an_auditor_that_sees_nothing_says_nothing() -> None:
    one, two = _answer("a", 1.0, None), _answer("b", 2.0, None)
    nothing = Auditor(agreement={}, agreement_overall=None, transfer={}, transfer_overall=None)
    assert result(_nine([one, two], {"random": one, "reward": two})) == nothing
    one, two = _answer("a", 1.0, 5.0), _answer("b", 2.0, 5.0)
    indifferent = _nine([one, two], {"random": one, "reward": two})
    found = result(indifferent)
    assert found.agreement["de"].share.mean == 0.5
    assert found.transfer == {}, "there is no unit to count in"


def test_many_answers_and_large_scores_are_bounded() -> None:
    prompt = Prompt("p", "de", "s", "train", [])
    many = [_answer(f"t{n:05}", float(n), float(n)) for n in range(MOST * 20)]
    assert result([(Routed(prompt, many, []), {})]).agreement["de"].share.mean == 1.0
    with pytest.raises(DatasetError, match="too large to count with"), closing(Audit("other")) as audit:
        audit.add(Routed(prompt, [_answer("a", 1.0, 1e200)], []), {})


def test_reproducing_counts_auditors_anew(folder: Path) -> None:
    audit = json.loads((folder / "manifest.json").read_bytes())["auditors"]["audit"]
    assert audit["agreement"]["de"]["prompts"] > 5
    assert audit["transfer"]["de"]["routing"]["reward"]["low"] is not None

    def better(manifest: dict[str, Any]) -> None:
        manifest["auditors"]["audit"]["agreement"]["de"]["share"]["mean"] += 1e-12

    edit_manifest(folder, better)
    assert "manifest.json, column auditors: is not what pool and routes count" in said(reproduce(folder))


def test_manifests_from_before_auditors_are_still_read(folder: Path) -> None:
    edit_manifest(folder, lambda manifest: manifest.pop("auditors"))
    assert reproduce(folder).same
