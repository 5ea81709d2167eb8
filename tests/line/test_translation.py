"""English prompts become those of three more languages: checked, and published with who did it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tgi
from line.translated import served, translated_trial, trial
from line.trial import Trial, contents, rows
from servers.tiny_seq2seq import spelled, write_model
from tgi.translation import asked, translated, translator

__all__ = ["served", "trial"]


def _said(trial: Trial) -> Any:
    return json.loads((trial.dataset / "manifest.json").read_bytes())["translation"]


def test_english_prompts_become_four_languages(trial: Trial, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    ran = trial.build()
    assert ran.code == 0
    assert "translating into de: 8 of 8 texts" in ran.err
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


def test_a_model_in_the_process_translates_the_same_way(tmp_path: Path, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    trial = translated_trial(tmp_path, a, nmt)
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
    write_model(tmp_path / "tiny", seed=1)
    assert trial.build().code == 0
    assert trial.query("SELECT count(*) FROM translation") == [(2 * stored[0],)]


def test_doubles_understand_what_a_translator_is_asked() -> None:
    assert asked("What?") is None
