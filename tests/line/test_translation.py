"""English prompts become those of three more languages: translated once, checked, published with who did it."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tgi
from arbitrage.translation.translating import BLOCK
from line.trial import Trial, contents, double, rows, teacher
from servers.tiny_seq2seq import spelled, write_model
from tgi.translation import asked, translated, translator

LANGUAGES = ["ar", "de", "en", "tr"]


@pytest.fixture(scope="module")
def served() -> Iterator[list[tgi.Handle]]:
    with tgi.serve(
        [double("a"), double("nmt", answers=translator()), double("slow", answers=translator(), latency=0.02)]
    ) as handles:
        yield handles


@pytest.fixture
def trial(tmp_path: Path, served: list[tgi.Handle]) -> Iterator[Trial]:
    for handle in served:
        handle.log.clear()
    yield _trial(tmp_path, served[0], served[1])
    for handle in served:
        handle.faults.clear()
        handle.double.answers = translator() if handle is not served[0] else tgi.echo


def _trial(folder: Path, a: tgi.Handle, nmt: tgi.Handle, **settings: Any) -> Trial:
    translate = {"model": nmt.double.model_id, "endpoint": nmt.url, "api": "tgi", "to": "all", **settings}
    return Trial(
        folder,
        {"a": teacher("a", a.url)},
        prompts=rows(8, ["en"]),
        more={"languages": LANGUAGES, "translate": translate, "test": 0.3},
    )


def _said(trial: Trial) -> Any:
    return json.loads((trial.dataset / "manifest.json").read_bytes())["translation"]


def test_english_prompts_become_four_languages(trial: Trial, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    assert trial.build().code == 0
    by = {"model": "org/nmt", "revision": nmt.double.model_sha}
    names = {"ar": "Arabic", "de": "German", "tr": "Turkish"}
    expected = set()
    for row in trial.prompts:
        expected.add(("en", row["id"], row["prompt"]))
        expected |= {(tag, row["id"], translated(row["prompt"], name)) for tag, name in names.items()}
    for table in ("reward", "pool"):
        found = trial.table(table)
        assert {(row["language"], row["source_id"], row["prompt"][0]["content"]) for row in found} == expected
        for row in found:
            assert row["translation"] == (None if row["language"] == "en" else by)
            assert (row["reference"] is None) == (row["language"] != "en")
            assert row["topic"].startswith("topic ")
    said = _said(trial)
    assert {key: said[key] for key in ("model", "revision", "from")} == {**by, "from": "en"}
    assert all(counts["train"] + counts["test"] == 8 and not counts["dropped"] for counts in said["languages"].values())
    card = (trial.dataset / "README.md").read_text()
    assert "translated from en by org/nmt" in card
    assert "Test prompts in ar, de, tr are machine translations by the same model" in card
    recipe = (trial.dataset / "recipe.yaml").read_text()
    assert "${TRANSLATOR_URL}" in recipe and nmt.url not in recipe and str(nmt.double.model_sha) in recipe
    assert len(nmt.log) == 3 * 8
    assert len(a.log) == 4 * 8
    before = contents(trial.dataset)
    assert trial.run("build").code == 0
    assert contents(trial.dataset) == before
    assert (len(nmt.log), len(a.log)) == (3 * 8, 4 * 8)


def test_all_translations_of_a_source_are_in_one_split_and_reproduce_passes(trial: Trial) -> None:
    assert trial.build().code == 0
    splits: dict[str, set[str]] = {}
    for path in trial.dataset.glob("pool/*/*.parquet"):
        import pyarrow.parquet

        for row in pyarrow.parquet.read_table(path).to_pylist():
            splits.setdefault(row["source_id"], set()).add(path.name[:5])
    assert {len(found) for found in splits.values()} == {1}
    assert {split for found in splits.values() for split in found} == {"test-", "train"}
    from commands import arbitrage

    done = arbitrage("reproduce", trial.dataset, folder=trial.folder)
    assert done.returncode == 0, done.stdout


def test_check_translates_nothing_and_plans_a_ceiling(trial: Trial, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    trial.write()
    plan = trial.run("check", "--json").json
    assert not nmt.log and not a.log
    assert plan["translation"]["missing_texts"] == {"ar": 8, "de": 8, "tr": 8}
    assert plan["translation"]["prompts_to_come"] == 24
    assert plan["teachers"]["a"]["requests"] == 32
    assert trial.run("build", "--until", "prompts").code == 0
    assert len(nmt.log) == 24 and not a.log
    exact = trial.run("check", "--json").json
    assert exact["translation"]["prompts_to_come"] == 0
    assert exact["teachers"]["a"]["requests"] == 32
    assert exact["teachers"]["a"]["input_tokens_at_most"] <= plan["teachers"]["a"]["input_tokens_at_most"]
    assert "translated by org/nmt" in trial.run("check").out
    assert trial.status()["translations"] == 24


def test_what_a_source_has_is_not_translated(trial: Trial, served: list[tgi.Handle]) -> None:
    trial.prompts += rows(4, ["de"])
    trial.more["translate"]["to"] = ["de", "tr"]
    assert trial.build().code == 0
    assert len(served[1].log) == 4 + 8
    originals = [row for row in trial.table("reward") if row["translation"] is None]
    assert sorted(row["language"] for row in originals) == ["de"] * 4 + ["en"] * 8


def test_every_turn_is_translated_and_named_columns_too(trial: Trial) -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is this?\n```\ncode\n```"},
        {"role": "assistant", "content": "It is code, see https://example.org."},
        {"role": "user", "content": "Thanks. And what about that?"},
    ]
    trial.prompts = [{"id": "s", "language": "en", "turns": turns, "answer": "It is good.", "topic": ["one", "two"]}]
    trial.columns = {
        "messages": "turns",
        "language": "language",
        "source_id": "id",
        "reference": "answer",
        "topic": "topic",
    }
    trial.more["translate"] |= {"columns": ["reference", "topic"], "to": ["de"]}
    assert trial.build().code == 0
    (row,) = [row for row in trial.table("reward") if row["language"] == "de"]
    assert [turn["role"] for turn in row["prompt"]] == ["system", "user", "assistant", "user"]
    assert row["prompt"][1]["content"] == f"{translated('What is this?', 'German')}\n```\ncode\n```"
    assert row["prompt"][2]["content"] == f"{translated('It is code, see', 'German')} https://example.org."
    assert row["reference"] == translated("It is good.", "German")
    assert row["topic"] == [translated("one", "German"), translated("two", "German")]


def test_a_reference_that_is_a_number_holds_in_every_language(trial: Trial) -> None:
    trial.prompts = [{**row, "answer": "42"} for row in rows(3, ["en"])]
    assert trial.build().code == 0
    assert {row["reference"] for row in trial.table("reward")} == {"42"}


SPOILS: dict[str, Callable[[str, str], str | None]] = {
    "untranslated": lambda text, answer: text,
    "length": lambda text, answer: answer + answer[:9] * 40,
    "language": lambda text, answer: translated(text, "Ukrainian"),
    "numbers": lambda text, answer: "".join(char for char in answer if char not in "0123456789[]"),
    "empty": lambda text, answer: "",
    "line_breaks": lambda text, answer: f"Here you are:\n\n{answer}",
    "duplicate": lambda text, answer: translated("always the same 0 0 1 1 2 4 3 9 4 16 5 25", "German"),
}


@pytest.mark.parametrize("why", SPOILS)
def test_a_failed_translation_is_dropped_named_and_counted(trial: Trial, served: list[tgi.Handle], why: str) -> None:
    served[1].double.answers = translator(
        lambda text, answer: SPOILS[why](text, answer) if "[[" in text or any(c in text for c in "012345") else None
    )
    trial.prompts = rows(6, ["en"])
    trial.more["translate"]["to"] = ["de"]
    ran = trial.build()
    assert ran.code == 1
    lost = 5 if why == "duplicate" else 6
    counts = _said(trial)["languages"]["de"]
    assert counts["dropped"] == {why: lost}
    assert counts["train"] + counts["test"] == 6 - lost
    assert f"translation into de: {lost} of 6 prompts have none ({why}: {lost})" in ran.out
    assert f"{why} {lost}" in (trial.dataset / "README.md").read_text()
    assert (trial.run_folder / "run.log").read_text().count("not translated into de: prompt ") == lost
    assert len([row for row in trial.table("reward") if row["language"] == "de"]) == 6 - lost


def test_code_and_addresses_alone_are_no_prompt_in_another_language(trial: Trial, served: list[tgi.Handle]) -> None:
    texts = [
        "```\nx = 1\n```",
        "https://example.org",
        "x" * 3000,
        "word " * 20_000,
        "\n\nTwo\n\n\nlines\n",
        "1 + 1 = ?",
    ]
    trial.prompts = [
        {"id": str(n), "language": "en", "prompt": text, "answer": "", "topic": ""} for n, text in enumerate(texts)
    ]
    trial.more["translate"]["to"] = ["de"]
    trial.more["tolerate"] = 1
    assert trial.build("--until", "prompts").code == 0
    log = (trial.run_folder / "run.log").read_text()
    assert log.count(": nothing_to_translate") == 3
    assert log.count(": too_long") == 1
    found = [
        json.loads(found)[0]["content"] for (found,) in trial.query("SELECT messages FROM prompt WHERE language = 'de'")
    ]
    assert sorted(found) == sorted([translated(texts[3], "German"), translated(texts[4], "German")])


# What is translated again


def _more(**settings: Any) -> Callable[[Trial], None]:
    return lambda trial: trial.more.update(settings)


def _translate(**settings: Any) -> Callable[[Trial], None]:
    return lambda trial: trial.more["translate"].update(settings)


def _teachers(trial: Trial) -> None:
    trial.teachers["a"]["sampling"] = {"temperature": 0.9}


def _carried(trial: Trial) -> None:
    trial.prompts = [{**row, "topic": "other", "answer": "other"} for row in trial.prompts]


FREE: dict[str, Callable[[Trial], None]] = {
    "nothing": lambda trial: None,
    "seed and split": _more(seed=8, test=0.5),
    "a teacher's sampling": _teachers,
    "carried columns": _carried,
    "license of the translator": _translate(license="mit"),
    "fewer languages": _translate(to=["de"]),
    "revision pinned to what is served": lambda trial: None,
    "fewer prompts": lambda trial: trial.prompts.__delitem__(slice(4)),
    "other source ids": lambda trial: trial.prompts.__setitem__(0, {**trial.prompts[0], "id": "moved"}),
}
COSTS: dict[str, tuple[Callable[[Trial], None], int]] = {
    "a changed prompt": (lambda trial: trial.prompts.__setitem__(0, {**trial.prompts[0], "prompt": "Another one?"}), 3),
    "a new prompt": (lambda trial: trial.prompts.extend(rows(9, ["en"])[8:]), 3),
    "max_length": (_translate(max_length=1000), 24),
    "extra": (_translate(extra={"frequency_penalty": 0.1}), 24),
    "api": (_translate(api="openai"), 24),
    "a column": (_translate(columns=["reference"]), 24),
    "another language": (_more(languages=[*LANGUAGES, "fr"]), 8),
}


@pytest.mark.parametrize("change", FREE.values(), ids=FREE)
def test_what_does_not_change_a_translation_costs_none(
    trial: Trial, served: list[tgi.Handle], change: Callable[[Trial], None]
) -> None:
    assert trial.build("--until", "prompts").code == 0
    served[1].log.clear()
    change(trial)
    assert trial.build("--until", "prompts").code == 0
    assert len(served[1].log) == 0


@pytest.mark.parametrize(("change", "count"), COSTS.values(), ids=COSTS)
def test_what_changes_a_translation_costs_it(
    trial: Trial, served: list[tgi.Handle], change: Callable[[Trial], None], count: int
) -> None:
    assert trial.build("--until", "prompts").code == 0
    served[1].log.clear()
    change(trial)
    assert trial.build("--until", "prompts").code == 0
    assert len(served[1].log) == count
    assert trial.build("--until", "prompts").code == 0
    assert len(served[1].log) == count


def test_another_model_or_revision_translates_anew_and_going_back_costs_nothing(
    trial: Trial, served: list[tgi.Handle]
) -> None:
    _, nmt, slow = served
    assert trial.build().code == 0
    before, settings = contents(trial.dataset), trial.more["translate"]
    trial.more["translate"] = {**settings, "model": "org/slow", "endpoint": slow.url}
    assert trial.build().code == 0
    assert len(slow.log) == 24
    assert {row["translation"]["model"] for row in trial.pool() if row["translation"]} == {"org/slow"}
    trial.more["translate"] = settings
    nmt.faults.set(info_sha="f" * 40)
    assert trial.build().code == 0
    assert len(nmt.log) == 48
    nmt.faults.clear()
    assert trial.build().code == 0
    assert (len(nmt.log), len(slow.log)) == (48, 24)
    assert contents(trial.dataset) == before


def test_a_limit_translates_its_own_sources_and_the_whole_only_the_rest(trial: Trial, served: list[tgi.Handle]) -> None:
    assert trial.build("--limit", "3").code == 0
    assert len(served[1].log) == 9
    assert len(served[0].log) == 12
    assert trial.build().code == 0
    assert len(served[1].log) == 24
    assert len(served[0].log) == 32


# What goes wrong


@pytest.mark.parametrize(("kind", "code"), [("unavailable", 1), ("reset", 1), ("payment", 2)])
def test_a_translator_that_fails_is_one_message_and_the_next_build_goes_on(
    trial: Trial, served: list[tgi.Handle], kind: str, code: int
) -> None:
    a, nmt, _ = served
    nmt.faults.set(by_prompt={kind: 1.0})
    ran = trial.build()
    assert ran.code == code
    assert "arbitrage: translate: " in ran.err
    assert not a.log
    nmt.faults.clear()
    assert trial.build().code == 0
    assert len(trial.table("reward")) == 32


@pytest.mark.parametrize("kind", ["overloaded", "incomplete", "reset", "cut_json"])
def test_troubles_that_pass_cost_no_prompt(trial: Trial, served: list[tgi.Handle], kind: str) -> None:
    served[1].faults.set(shares={kind: 0.2})
    assert trial.build("--until", "prompts").code == 0
    assert trial.query("SELECT count(*) FROM prompt") == [(32,)]


def test_what_the_server_refuses_is_dropped_by_name(trial: Trial, served: list[tgi.Handle]) -> None:
    served[1].faults.set(by_prompt={"validation": 1.0})
    trial.prompts, trial.more["tolerate"] = rows(1, ["en"]), 1
    ran = trial.build()
    assert ran.code == 0
    assert "translation into ar: 1 of 1 prompts have none (refused: 1)" in ran.out


def test_a_translator_that_is_somebody_else_or_lets_nobody_in_is_refused(trial: Trial) -> None:
    trial.more["translate"]["model"] = "org/other"
    ran = trial.build()
    assert ran.code == 2
    assert "translate: http://127.0.0.1" in ran.err and "'org/nmt'" in ran.err


def test_a_token_is_sent_and_written_nowhere(trial: Trial) -> None:
    secret = "hf_s3cr3tS3CR3Ts3cr3t"
    with tgi.serve([double("locked", answers=translator(), api_key=secret)]) as (locked,):
        trial.more["translate"] |= {"model": "org/locked", "endpoint": "${URL}", "token": "${HF}"}
        trial.environ = {"URL": locked.url, "HF": secret}
        assert trial.build().code == 0
        trial.assert_nowhere(secret, trial.run("check"))
        trial.environ["HF"] = "hf_wrong"
        ran = trial.run("check")
        assert ran.code == 2
        assert "translate: " in ran.err
        # Whoever only looks needs neither address nor token.
        trial.environ = {}
        assert trial.run("status").code == 0


KILLED = 300


def test_killed_while_it_translates_it_loses_a_block_at_most(tmp_path: Path, served: list[tgi.Handle]) -> None:
    a, _, slow = served
    calm = _trial(tmp_path / "calm", a, slow, to=["de"])
    calm.prompts = rows(KILLED, ["en"])
    calm.write()
    assert calm.cli("build").code == 0
    expected = contents(calm.dataset)
    whole = sorted(request.key for request in slow.log)
    assert len(set(whole)) == len(whole) == KILLED
    slow.log.clear()

    trial = _trial(tmp_path / "killed", a, slow, to=["de"])
    trial.prompts = rows(KILLED, ["en"])
    trial.write()
    kills = 0
    for stored in (0, BLOCK, 3 * BLOCK):
        with trial.start("build") as process:
            while process.poll() is None:
                if trial.store.exists() and _stored(trial) >= stored and len(slow.log) > stored:
                    break
                time.sleep(0.002)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.communicate(timeout=30)
        time.sleep(0.1)  # the double notices that nobody waits any more
        assert _stored(trial) % BLOCK == 0 or _stored(trial) == KILLED
    assert kills == 3
    assert trial.cli("build").code == 0
    assert contents(trial.dataset) == expected
    asked_for = [request.key for request in slow.log]
    assert set(asked_for) == set(whole)
    assert len(asked_for) - KILLED <= kills * BLOCK


def _stored(trial: Trial) -> int:
    if not trial.query("SELECT 1 FROM sqlite_master WHERE name = 'translation'"):
        return 0
    return int(trial.query("SELECT count(*) FROM translation")[0][0])


# In the process


def test_a_model_in_the_process_translates_the_same_way(tmp_path: Path, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    trial = _trial(tmp_path, a, nmt)
    trial.write()
    write_model(tmp_path / "tiny")
    trial.more["translate"] = {"model": "tiny", "to": ["de", "tr"]}
    assert trial.build().code == 0
    found = {(row["language"], row["prompt"][0]["content"]) for row in trial.table("reward") if row["translation"]}
    assert found == {(tag, spelled(row["prompt"])) for row in trial.prompts for tag in ("de", "tr")}
    (by,) = {tuple(row["translation"].items()) for row in trial.pool() if row["translation"]}
    assert by[0] == ("model", "tiny") and len(dict(by)["revision"]) == 64
    before, (stored,) = contents(trial.dataset), trial.query("SELECT count(*) FROM translation")
    assert trial.build().code == 0
    assert contents(trial.dataset) == before
    trial.more["translate"]["beams"] = 2
    assert trial.build().code == 0
    assert trial.query("SELECT count(*) FROM translation") == [(2 * stored[0],)]
    write_model(tmp_path / "tiny", seed=1)
    assert trial.build().code == 0
    assert trial.query("SELECT count(*) FROM translation") == [(3 * stored[0],)]


def test_doubles_understand_what_a_translator_is_asked() -> None:
    assert asked("What?") is None
