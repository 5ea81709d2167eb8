"""What is asked again after a change: by the teachers' own logs, exactly what the change made different."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import tgi
from line.trial import Trial, double, keys, rows, teacher


class Pair:
    """A trial with two teachers, and how many requests each has had."""

    def __init__(self, folder: Path, handles: list[tgi.Handle]) -> None:
        self.a, self.b, self.spare, self.second = handles
        self.trial = Trial(
            folder,
            {"a": teacher("a", self.a.url, token="${TOKEN}"), "b": teacher("b", self.b.url)},
            more={"rewards": {"chrf": {"python": "chrf"}, "exact": {"python": "exact_match"}}, "route_by": "chrf"},
            environ={"TOKEN": "hf_first", "NEW": "hf_second"},
        )
        self._seen = [0] * 4

    def build(self, *options: str) -> list[list[str]]:
        """Build, and return the keys of the prompts that each double was asked about since the last build."""
        ran = self.trial.build(*options)
        assert ran.code == 0, ran
        asked = []
        for place, handle in enumerate((self.a, self.b, self.spare, self.second)):
            log = handle.log
            assert all(request.status == 200 for request in log)
            asked.append(sorted(request.key for request in log[self._seen[place] :]))
            self._seen[place] = len(log)
        return asked

    def of(self, language: str) -> list[str]:
        return keys(row for row in self.trial.prompts if row["language"] == language)

    @property
    def all(self) -> list[str]:
        return keys(self.trial.prompts)


@pytest.fixture(scope="module")
def handles() -> Iterator[list[tgi.Handle]]:
    with tgi.serve([double("a"), double("b"), double("spare"), double("a")]) as served:
        yield served


@pytest.fixture
def pair(tmp_path: Path, handles: list[tgi.Handle]) -> Iterator[Pair]:
    for handle in handles:
        handle.log.clear()
    made = Pair(tmp_path, handles)
    first = made.build()
    assert first == [made.all, made.all, [], []]
    yield made
    for handle in handles:
        handle.faults.clear()


def _nothing(pair: Pair) -> None:
    pass


def _served_as(pair: Pair) -> None:
    pair.trial.teachers["a"]["served_as"] = "org/a"


def _nickname(pair: Pair) -> None:
    teachers = pair.trial.teachers
    pair.trial.teachers = {"renamed": teachers["a"], "b": teachers["b"]}


def _moved(pair: Pair) -> None:
    pair.trial.teachers["a"]["endpoint"] = [pair.second.url]


def _second_endpoint(pair: Pair) -> None:
    pair.trial.teachers["a"]["endpoint"].append(pair.second.url)


def _set(**settings: Any) -> Callable[[Pair], None]:
    def change(pair: Pair) -> None:
        pair.trial.teachers["a"].update(settings)

    return change


def _more(**settings: Any) -> Callable[[Pair], None]:
    def change(pair: Pair) -> None:
        pair.trial.more.update(settings)

    return change


def _order(pair: Pair) -> None:
    pair.trial.more["languages"] = ["tr", "de"]
    pair.trial.teachers = dict(reversed(pair.trial.teachers.items()))
    pair.trial.prompts.reverse()


def _carried(pair: Pair) -> None:
    for row in pair.trial.prompts:
        row["topic"] = "another"


def _source_id(pair: Pair) -> None:
    for row in pair.trial.prompts:
        row["id"] = f"other-{row['id']}"


FREE = {
    "nothing": _nothing,
    "served_as": _served_as,
    "nickname": _nickname,
    "endpoint moved": _moved,
    "second endpoint": _second_endpoint,
    "token": _set(token="${NEW}"),
    "concurrency": _set(concurrency=1),
    "price": _set(price={"input": 1, "output": 2}),
    "license": _set(license="apache-2.0"),
    "group": _set(group="monolingual"),
    "deadline": _set(deadline="30s"),
    "languages that are all": _set(languages=["tr", "de"]),
    "languages that are fewer": _set(languages=["tr"]),
    "sampling spelled out": _set(sampling={"temperature": 0.3, "top_p": 1}),
    "revision pinned to what is served": lambda pair: _set(revision=pair.a.double.model_sha)(pair),
    "empty extra and system": _set(extra={}, system={}),
    "seed": _more(seed=8),
    "test share": _more(test=0.5),
    "checks": _more(checks=["empty"]),
    "no checks": _more(checks=[]),
    "patience and tolerance": _more(patience="30m", tolerate=0.5),
    "license of the dataset": _more(license="cc-by-sa-4.0"),
    "looser license with a reason": _more(license="cc0-1.0", license_override="mine"),
    "name": _more(name="trial"),
    "auditor routes": _more(route_by="exact"),
    "one reward less": _more(rewards={"chrf": {"python": "chrf"}}),
    "order of languages, teachers and prompts": _order,
    "carried column": _carried,
    "source id": _source_id,
}


@pytest.mark.parametrize("change", FREE.values(), ids=FREE)
def test_what_does_not_change_the_answer_is_not_asked_again(pair: Pair, change: Callable[[Pair], None]) -> None:
    change(pair)
    assert pair.build() == [[], [], [], []]


COSTS_ONE_TEACHER: dict[str, Callable[[Pair], None]] = {
    "temperature": _set(sampling={"temperature": 0.5}),
    "max_tokens": _set(sampling={"max_tokens": 100}),
    "stop": _set(sampling={"stop": ["\n\n"]}),
    "top_p": _set(sampling={"top_p": 0.9}),
    "extra": _set(extra={"frequency_penalty": 0.1}),
    "format": _set(format="raw"),
    "api": _set(api="openai"),
    "system in both": _set(system={"de": "Kurz.", "tr": "Kısa."}),
    "served revision": lambda pair: pair.a.faults.set(info_sha="f" * 40),
}


@pytest.mark.parametrize("change", COSTS_ONE_TEACHER.values(), ids=COSTS_ONE_TEACHER)
def test_what_changes_a_teachers_answers_costs_that_teacher(pair: Pair, change: Callable[[Pair], None]) -> None:
    before = deepcopy((pair.trial.teachers, pair.trial.more))
    change(pair)
    asked = pair.build()
    assert len(asked[0]) == len(pair.all)
    assert asked[1:] == [[], [], []]
    # Both are paid now: neither going back nor coming again costs anything.
    pair.trial.teachers, pair.trial.more = before
    pair.a.faults.clear()
    assert pair.build() == [[], [], [], []]


def test_sampling_of_all_costs_all(pair: Pair) -> None:
    pair.trial.more["sampling"] = {"temperature": 0.4, "max_tokens": 256}
    assert pair.build() == [pair.all, pair.all, [], []]


def test_a_system_prompt_costs_its_teacher_and_language(pair: Pair) -> None:
    pair.trial.teachers["a"]["system"] = {"tr": "Kısaca yanıtla."}
    assert pair.build() == [pair.of("tr"), [], [], []]
    pair.trial.teachers["a"]["system"] = {"tr": "Uzun uzun yanıtla."}
    assert pair.build() == [pair.of("tr"), [], [], []]


def test_a_system_prompt_costs_nothing_where_the_prompt_has_its_own(pair: Pair) -> None:
    own = [{"role": "system", "content": "Selbst."}, {"role": "user", "content": "Und?"}]
    pair.trial.prompts = [
        {"language": "de", "turns": own, "id": "x", "answer": "Ja.", "topic": "t"},
        {"language": "de", "turns": own[1:], "id": "y", "answer": "Ja.", "topic": "t"},
    ]
    pair.trial.columns = {"messages": "turns", "language": "language", "reference": "answer", "source_id": "id"}
    assert [len(asked) for asked in pair.build()] == [2, 2, 0, 0]
    pair.trial.teachers["a"]["system"] = {"de": "Kurz."}
    assert [len(asked) for asked in pair.build()] == [1, 0, 0, 0]


def test_an_extra_teacher_costs_its_own(pair: Pair) -> None:
    pair.trial.teachers["spare"] = teacher("spare", pair.spare.url, languages=["de"])
    assert pair.build() == [[], [], pair.of("de"), []]


def test_a_second_arm_costs_what_the_first_did_not_pay(pair: Pair, tmp_path: Path) -> None:
    other = Pair(tmp_path / "other", [pair.a, pair.b, pair.spare, pair.second])
    for handle in (pair.a, pair.b):
        handle.log.clear()
    other.trial.arms = {"random": {"router": "random"}}
    first = other.build()
    assert sorted(first[0] + first[1]) == other.all
    assert first[0] and first[1]
    other.trial.arms = {"random": {"router": "random"}, "a": {"router": "single", "teacher": "a"}}
    assert other.build() == [sorted(set(other.all) - set(first[0])), [], [], []]
    other.trial.arms["reward"] = {"router": "reward"}
    assert other.build() == [[], sorted(set(other.all) - set(first[1])), [], []]
    other.trial.more["seed"] = 99
    assert other.build() == [[], [], [], []]


def test_a_changed_prompt_costs_itself(pair: Pair) -> None:
    changed = pair.trial.prompts[3]
    changed["prompt"] += " "
    expected = keys([changed])
    assert pair.build() == [expected, expected, [], []]


def test_more_prompts_cost_themselves(pair: Pair) -> None:
    before = pair.all
    pair.trial.prompts = rows(8)
    fresh = sorted(set(pair.all) - set(before))
    assert pair.build() == [fresh, fresh, [], []]
    pair.trial.prompts = rows(2)
    assert pair.build() == [[], [], [], []]


def test_the_same_text_in_another_language_is_another_prompt(pair: Pair) -> None:
    row = pair.trial.prompts[0]
    pair.trial.prompts = [*pair.trial.prompts, {**row, "language": "tr"}]
    assert pair.build() == [keys([row]), keys([row]), [], []]


def test_a_limit_costs_its_own_and_the_whole_only_the_rest(pair: Pair) -> None:
    pair.trial.prompts = rows(10)
    before = keys(rows(6))
    fresh = sorted(set(pair.all) - set(before))
    first = pair.build("--limit", "9")
    assert first[0] == first[1]
    assert set(first[0]) < set(fresh)
    second = pair.build()
    assert sorted(first[0] + second[0]) == fresh


def _scores(pair: Pair) -> set[tuple[Any, ...]]:
    return set(pair.trial.query("SELECT completion_id, reward FROM score"))


def test_a_changed_reference_scores_its_prompt_anew(pair: Pair) -> None:
    before = _scores(pair)
    assert len(before) == 4 * len(pair.all)
    pair.trial.prompts[5]["answer"] = "another reference"
    assert pair.build() == [[], [], [], []]
    fresh = _scores(pair) - before
    assert len(fresh) == 4
    (prompt,) = pair.trial.query(
        "SELECT DISTINCT c.prompt_id FROM completion c JOIN score s ON s.completion_id = c.id "
        "WHERE s.completion_id || s.reward IN ({})".format(",".join(f"'{a}{b}'" for a, b in fresh))
    )
    changed = next(row for row in pair.trial.pool() if row["prompt_id"] == prompt[0])
    assert changed["prompt"][-1]["content"] == pair.trial.prompts[5]["prompt"]


def test_an_edited_reward_scores_all_anew_and_asks_nobody(pair: Pair) -> None:
    source = pair.trial.folder / "lengths.py"
    source.write_text(
        "def score(prompts, completions, **_):\n    return [float(len(c[0]['content'])) for c in completions]\n"
    )
    pair.trial.more["rewards"] = {"length": {"python": "lengths:score"}}
    pair.trial.more["route_by"] = "length"
    pair.trial.write()
    assert pair.trial.cli("build").code == 0
    before, rewarded = _scores(pair), {row["reward"] for row in pair.trial.pool()}
    source.write_text(source.read_text().replace("float(len", "-float(len"))
    assert pair.trial.cli("build").code == 0
    assert len(_scores(pair) - before) == 2 * len(pair.all)
    assert {row["reward"] for row in pair.trial.pool()} == {-reward for reward in rewarded}
    assert pair.trial.cli("build").code == 0
    assert len(_scores(pair)) - len(before) == 2 * len(pair.all)
    assert len(pair.a.log) == len(pair.b.log) == len(pair.all)


def test_options_of_a_reward_are_part_of_it(pair: Pair) -> None:
    (pair.trial.folder / "scaled.py").write_text(
        "class Scaled:\n"
        "    def __init__(self, by):\n        self.by = by\n"
        "    def __call__(self, prompts, completions, topic, **_):\n        return [self.by * len(t) for t in topic]\n"
    )
    for by in (2, 3):
        pair.trial.more["rewards"] = {"scaled": {"python": "scaled:Scaled", "options": {"by": by}}}
        pair.trial.more["route_by"] = "scaled"
        assert pair.build() == [[], [], [], []]
        assert {row["reward"] for row in pair.trial.pool()} == {by * 7.0}


def test_a_draw_is_another_answer(pair: Pair) -> None:
    (pair.trial.folder / "routers_of_mine.py").write_text(
        "from arbitrage.records import Ask, Choice\n"
        "class Twice:\n"
        "    def __init__(self, setting):\n        self.pool = setting.pool\n"
        "    def decide(self, prompt, answers):\n"
        "        if not answers:\n            return [Ask('a', draw=0), Ask('a', draw=1)]\n"
        "        return Choice((answers[1].teacher, answers[1].draw), 'the second')\n"
    )
    pair.trial.arms["twice"] = {"router": "routers_of_mine:Twice"}
    assert pair.build() == [pair.all, [], [], []]
    seeds = {(request.key, request.seed) for request in pair.a.log}
    assert len(seeds) == 2 * len(pair.all)
    assert {row["draw"] for row in pair.trial.pool() if row["teacher"] == "a"} == {0, 1}
