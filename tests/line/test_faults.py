"""One healthy teacher and one with a fault: what is kept, what is named, and what the next build asks."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import tgi
from arbitrage.teachers import endpoint
from arbitrage.teachers.failure import FINAL, Kind
from line.trial import Ran, Trial, double, keys, rows, teacher

BOUND = 30
"""Seconds in which every build here ends, whatever the fault: patience is one."""


class Ward:
    """A trial with a healthy teacher `good` and a patient `bad` with two endpoints, one of them in use."""

    def __init__(self, folder: Path, good: tgi.Handle, bad: tgi.Handle, twin: tgi.Handle) -> None:
        self.good, self.bad, self.twin = good, bad, twin
        self.trial = Trial(
            folder,
            {"good": teacher("good", good.url), "bad": teacher("bad", bad.url, deadline="0.7s")},
            prompts=rows(10),
            arms={
                "reward": {"router": "reward"},
                "good": {"router": "single", "teacher": "good"},
                "bad": {"router": "single", "teacher": "bad"},
            },
            more={"patience": "1s"},
        )

    @property
    def all(self) -> list[str]:
        return keys(self.trial.prompts)

    def build(self, code: int, *options: str) -> Ran:
        start = monotonic()
        ran = self.trial.build(*options)
        assert monotonic() - start < BOUND
        assert ran.code == code, ran
        return ran

    def check_healthy_teacher_is_whole(self) -> None:
        whole = [row for row in self.trial.pool() if row["teacher"] == "good"]
        assert sorted(tgi.key_of(row["prompt"][-1]["content"]) for row in whole) == self.all
        assert all(row["completion"] and row["error"] is None for row in whole)
        assert len(self.trial.table("good")) == len(self.all)
        assert len(self.trial.table("reward")) == len(self.all)
        assert sorted(request.key for request in self.good.log) == self.all

    def check_missing_is_named(self) -> Counter[str]:
        """Every pair is in the pool, with a completion or a kind, and `status` says the same."""
        patient = [row for row in self.trial.pool() if row["teacher"] == "bad"]
        assert len(patient) == len(self.all)
        errors = Counter[str]()
        for row in patient:
            assert (row["completion"] is None) == (row["error"] is not None), row
            if row["error"] is not None:
                errors[Kind(row["error"])] += 1
        state = self.trial.status()
        named = {failure["kind"]: failure["count"] for failure in state["failures"] if failure["teacher"] == "bad"}
        assert named == errors
        assert all(failure["example"] for failure in state["failures"])
        counts = state["teachers"]["bad"]["languages"].values()
        assert sum(count["pending"] for count in counts) == 0
        assert sum(count["answered"] for count in counts) == len(self.all) - errors.total()
        return errors

    def stored(self) -> set[str]:
        """Return the keys of the prompts for which the patient's outcome is final."""
        return {
            tgi.key_of(row["prompt"][-1]["content"])
            for row in self.trial.pool()
            if row["teacher"] == "bad" and (row["error"] is None or Kind(row["error"]) in FINAL)
        }

    def check_heals(self) -> None:
        """The same command asks exactly what is missing and completes."""
        stored = self.stored()
        self.bad.faults.clear()
        self.bad.log.clear()
        self.build(0)
        assert sorted(request.key for request in self.bad.log) == sorted(set(self.all) - stored)
        self.check_healthy_teacher_is_whole()
        assert not self.check_missing_is_named()
        assert len(self.trial.table("bad")) == len(self.all)


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    with tgi.serve([double("good"), double("bad"), double("bad")]) as handles:
        yield Ward(tmp_path, *handles)


def _all(kind: str, **faults: Any) -> dict[str, Any]:
    return {"shares": {kind: 1.0}, **faults}


HOPELESS: dict[str, tuple[dict[str, Any], Kind]] = {
    "dead port": ({"down": 3600.0}, Kind.CONNECTION),
    "hangs": (_all("hang"), Kind.TIMEOUT),
    "drips": (_all("drip", drip_seconds=20.0), Kind.TIMEOUT),
    "resets": (_all("reset"), Kind.CONNECTION),
    "closes": (_all("closed"), Kind.CONNECTION),
    "HTML of a proxy": (_all("html"), Kind.SERVER),
    "unavailable": (_all("unavailable"), Kind.SERVER),
    "cut JSON": (_all("cut_json"), Kind.PROTOCOL),
    "cut body": (_all("cut_body"), Kind.PROTOCOL),
    "no body": (_all("empty"), Kind.PROTOCOL),
    "invalid UTF-8": (_all("bad_utf8"), Kind.PROTOCOL),
    "no fields": (_all("no_fields"), Kind.PROTOCOL),
    "no choices": (_all("no_choices"), Kind.PROTOCOL),
    "huge": (_all("huge", huge_bytes=3 << 20), Kind.PROTOCOL),
    "failed generation": (_all("generation"), Kind.GENERATION),
    "broken generation": (_all("incomplete"), Kind.INCOMPLETE),
    "always busy": (_all("overloaded"), Kind.OVERLOADED),
    "busy for an hour": (_all("overloaded", retry_after=3600), Kind.OVERLOADED),
    "busy until a date": (_all("overloaded", retry_after="Fri, 31 Dec 2100 23:59:59 GMT"), Kind.OVERLOADED),
    "busy in nonsense": (_all("overloaded", retry_after="soon"), Kind.OVERLOADED),
    "wrong token": (_all("unauthorized"), Kind.AUTH),
    "no credit": (_all("payment"), Kind.PAYMENT),
    "gated": (_all("gated"), Kind.GATED),
}


@pytest.mark.parametrize(("faults", "kind"), HOPELESS.values(), ids=HOPELESS)
def test_a_hopeless_teacher(ward: Ward, monkeypatch: pytest.MonkeyPatch, faults: dict[str, Any], kind: Kind) -> None:
    monkeypatch.setattr(endpoint, "MAX_BODY", 1 << 20)
    ward.bad.faults.set(**faults)
    ran = ward.build(1)
    assert f"teacher bad: {len(ward.all)} of {len(ward.all)} asks have no answer ({kind})" in ran.out
    assert f"arm bad: {len(ward.all)} of {len(ward.all)} prompts have no row" in ran.out
    assert "arm reward:" in ran.out
    ward.check_healthy_teacher_is_whole()
    assert ward.check_missing_is_named() == {kind: len(ward.all)}
    ward.check_heals()


HALF: dict[str, tuple[dict[str, Any], Kind]] = {
    "hangs": ({"by_prompt": {"hang": 0.5}}, Kind.TIMEOUT),
    "resets": ({"by_prompt": {"reset": 0.5}}, Kind.CONNECTION),
    "cut JSON": ({"by_prompt": {"cut_json": 0.5}}, Kind.PROTOCOL),
    "failed generation": ({"by_prompt": {"generation": 0.5}}, Kind.GENERATION),
    "one prompt poisons": ({"by_prompt": {"incomplete": 0.06}, "seed": 3}, Kind.INCOMPLETE),
}


@pytest.mark.parametrize(("faults", "kind"), HALF.values(), ids=HALF)
def test_a_teacher_that_some_prompts_break(ward: Ward, faults: dict[str, Any], kind: Kind) -> None:
    ward.bad.faults.set(**faults)
    ward.build(1)
    ward.check_healthy_teacher_is_whole()
    errors = ward.check_missing_is_named()
    assert set(errors) == {kind}
    assert errors[kind] < len(ward.all)
    ward.check_heals()


def test_a_poisonous_prompt_is_given_up_on_long_before_patience_ends(ward: Ward) -> None:
    ward.trial.more["patience"] = "10m"
    ward.bad.faults.set(by_prompt={"incomplete": 0.06}, seed=3)
    ward.build(1)
    assert ward.check_missing_is_named() == {Kind.INCOMPLETE: 1}


@pytest.mark.parametrize(("fault", "kind"), [("validation", Kind.VALIDATION)])
def test_a_refused_prompt_is_final(ward: Ward, fault: str, kind: Kind) -> None:
    ward.bad.faults.set(by_prompt={fault: 0.5})
    ran = ward.build(1)
    assert "arm bad: " in ran.out
    assert "(no answer: validation: " in ran.out
    ward.check_healthy_teacher_is_whole()
    assert set(ward.check_missing_is_named()) == {kind}
    assert sorted(request.key for request in ward.bad.log) == ward.all
    ward.bad.faults.clear()
    ward.build(1)
    assert sorted(request.key for request in ward.bad.log) == ward.all


@pytest.mark.parametrize("fault", ["bad_type", "extra_choices"])
def test_what_is_odd_but_complete_is_taken(ward: Ward, fault: str) -> None:
    ward.bad.faults.set(shares={fault: 1.0})
    ward.build(0)
    assert not ward.check_missing_is_named()


def test_null_content_is_an_empty_answer(ward: Ward) -> None:
    ward.bad.faults.set(shares={"null_content": 1.0})
    ran = ward.build(1)
    assert "arm bad: 20 of 20 prompts have no row (no answer: empty: 20)" in ran.out
    ward.check_healthy_teacher_is_whole()
    patient = [row for row in ward.trial.pool() if row["teacher"] == "bad"]
    assert {(row["completion"], tuple(row["checks"])) for row in patient} == {("", ("empty",))}


@pytest.mark.parametrize(("fault", "kind"), [("unauthorized", Kind.AUTH), ("payment", Kind.PAYMENT)])
def test_a_door_that_closes_in_mid_run(ward: Ward, fault: str, kind: Kind) -> None:
    ward.trial.teachers["bad"]["concurrency"] = 4
    ward.bad.double.latency = 0.02
    ward.bad.faults.shares = {fault: 1.0}
    ward.bad.faults.next = [""] * 7
    ran = ward.build(1)
    assert f"teacher bad: 13 of 20 asks have no answer ({kind})" in ran.out
    ward.check_healthy_teacher_is_whole()
    assert ward.check_missing_is_named() == {kind: 13}
    assert len(ward.bad.log) <= 7 + 4
    ward.check_heals()


def _after(handle: tgi.Handle, count: int, **faults: Any) -> None:
    """Let faults begin while a double answers its `count`-th request."""
    echo, calls = handle.double.answers, Counter[str]()

    def answers(question: tgi.Question) -> str | None:
        calls["all"] += 1
        if calls["all"] == count:
            handle.faults.set(**faults)
        return echo(question)

    handle.double.answers = answers


def test_a_server_that_dies_and_comes_back(ward: Ward) -> None:
    ward.bad.double.latency = 0.05
    ward.trial.teachers["bad"]["concurrency"] = 4
    ward.trial.more["patience"] = "20s"
    _after(ward.bad, 6, down=0.8)
    ward.build(0)
    ward.check_healthy_teacher_is_whole()
    assert not ward.check_missing_is_named()
    answered = [request.key for request in ward.bad.log if request.status == 200]
    assert sorted(set(answered)) == ward.all
    assert len(answered) <= len(ward.all) + 4


@pytest.mark.parametrize("concurrency", [1, 4])
def test_another_revision_after_a_restart(ward: Ward, concurrency: int) -> None:
    ward.bad.double.latency = 0.05
    ward.trial.teachers["bad"]["concurrency"] = concurrency
    ward.trial.more["patience"] = "20s"
    _after(ward.bad, 6, info_sha="f" * 40, down=0.3)
    ran = ward.build(1)
    assert "(identity)" in ran.out
    assert "ffffffff" in ran.out
    ward.check_healthy_teacher_is_whole()
    errors = ward.check_missing_is_named()
    assert set(errors) == {Kind.IDENTITY}
    before = ward.bad.double.model_sha
    revisions = {row["revision"] for row in ward.trial.pool() if row["teacher"] == "bad" and row["completion"]}
    assert revisions == {before}
    # The next build takes the new revision for what it is: another teacher, asked everything.
    ward.bad.log.clear()
    ward.bad.double.answers = tgi.echo
    ward.build(0)
    assert sorted(request.key for request in ward.bad.log) == ward.all
    assert {row["revision"] for row in ward.trial.pool() if row["teacher"] == "bad"} == {"f" * 40}
    # And the old one, should it return, is not paid twice.
    ward.bad.log.clear()
    ward.bad.faults.clear()
    ward.build(0)
    assert len(ward.bad.log) == errors.total()


@pytest.mark.parametrize("dead", [0, 1])
def test_one_of_two_endpoints_is_dead(ward: Ward, dead: int) -> None:
    handles = [ward.bad, ward.twin]
    ward.trial.teachers["bad"]["endpoint"] = [handle.url for handle in handles]
    handles[dead].faults.set(down=3600.0)
    ward.build(0)
    ward.check_healthy_teacher_is_whole()
    assert not ward.check_missing_is_named()
    assert not handles[dead].log
    assert sorted(request.key for request in handles[1 - dead].log) == ward.all


def test_one_of_two_endpoints_dies(ward: Ward) -> None:
    ward.trial.teachers["bad"]["endpoint"] = [ward.bad.url, ward.twin.url]
    ward.bad.double.latency = ward.twin.double.latency = 0.05
    ward.trial.teachers["bad"]["concurrency"] = 2
    _after(ward.bad, 3, down=3600.0)
    ward.build(0)
    ward.check_healthy_teacher_is_whole()
    assert not ward.check_missing_is_named()


def test_two_endpoints_with_different_revisions(ward: Ward) -> None:
    ward.trial.teachers["bad"]["endpoint"] = [ward.bad.url, ward.twin.url]
    ward.twin.faults.set(info_sha="f" * 40)
    ran = ward.build(2)
    assert "teacher bad: its endpoints serve different revisions of org/bad" in ran.err
    assert not ward.bad.log + ward.twin.log + ward.good.log


def test_a_dead_teacher_that_no_arm_asks_is_not_waited_for(ward: Ward) -> None:
    ward.trial.more["patience"] = "10m"
    del ward.trial.arms["bad"], ward.trial.arms["reward"]
    ward.bad.faults.set(down=3600.0)
    ward.build(0)


def test_sparse_refusals_and_failures_cost_nothing(ward: Ward) -> None:
    ward.trial.prompts = rows(300)
    ward.trial.teachers["bad"] |= {"concurrency": 32, "deadline": "30s"}
    ward.bad.double.latency = 0.05
    ward.bad.faults.set(shares={"overloaded": 0.05, "incomplete": 0.01})
    ward.build(0)
    assert not ward.check_missing_is_named()
    requests = ward.bad.log
    assert sum(request.status == 200 for request in requests) == 600
    assert len(requests) < 720
    # The limit did not collapse: most of the time the server has much to do.
    middle = sorted(request.in_flight for request in requests)[len(requests) // 2]
    assert middle >= 16


def test_a_hard_cap_is_kept_to(ward: Ward) -> None:
    ward.trial.prompts = rows(400)
    ward.bad.double.latency = 0.02
    ward.trial.teachers["bad"] |= {"concurrency": 64, "deadline": "30s"}
    ward.bad.faults.set(refuse_above=12)
    ward.build(0)
    refused = sum(request.status == 429 for request in ward.bad.log)
    # 52 at the start and some knocks; how many depends on how busy the machine is.
    assert refused < 300
    assert not ward.check_missing_is_named()


def test_every_fault_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "MAX_BODY", 1 << 20)
    names = {f"t{n}": (faults, kind) for n, (faults, kind) in enumerate([*HOPELESS.values(), *HALF.values()])}
    with tgi.serve([double(name) for name in ("good", *names)]) as (good, *handles):
        urls = dict(zip(names, handles, strict=True))
        trial = Trial(
            tmp_path,
            {"good": teacher("good", good.url)}
            | {name: teacher(name, handle.url, deadline="3s") for name, handle in urls.items()},
            prompts=rows(10),
            more={"patience": "5s"},
        )
        for name, handle in urls.items():
            handle.faults.set(**names[name][0])
        start = monotonic()
        ran = trial.build()
        assert monotonic() - start < 2 * BOUND
        assert ran.code == 1
        found: dict[str, set[str]] = {}
        for row in trial.pool():
            assert (row["completion"] is None) == (row["error"] is not None)
            found.setdefault(row["teacher"], set()).update([row["error"]] if row["error"] else [])
        assert found == {"good": set()} | {name: {str(kind)} for name, (_, kind) in names.items()}
        assert len(trial.table("reward")) == len(good.log) == len(trial.prompts)
        stored = Counter(row["teacher"] for row in trial.pool() if row["error"] is None)
        for handle in handles:
            handle.faults.clear()
            handle.log.clear()
        assert trial.build().code == 0
        asked = {name: len(handle.log) for name, handle in urls.items()}
        assert asked == {name: len(trial.prompts) - stored[name] for name in names}
        assert len(good.log) == len(trial.prompts)
