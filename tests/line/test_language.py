"""The language check and the filters of prompts in a whole build, up to the card and to `reproduce`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tgi
from arbitrage.dataset.reproduce import reproduce
from line.trial import Trial, double, teacher
from tgi.answers import recorded

GERMAN = "Die Zahl hat viele Teiler, und man kann sie leicht in kleinere Zahlen zerlegen."
ENGLISH = "The number has many divisors, and one can easily take it apart into smaller ones."
FRENCH = "Ce nombre a beaucoup de diviseurs, et on peut facilement le décomposer en nombres plus petits."
QUESTION = "Frage {}: Was weißt du über die Zahl {} und über ihre Teiler?"
PROMPTS: list[dict[str, Any]] = [
    {"id": f"s{n}", "language": "de", "prompt": QUESTION.format(n, n * n), "answer": ENGLISH, "wanted": None}
    for n in range(4)
] + [
    {"id": "x", "language": "de", "prompt": "Antworte auf Französisch: Was ist 12?", "answer": FRENCH, "wanted": "fr"},
    {"id": "h", "language": "ha", "prompt": "Me ka sani game da lambar goma sha biyu?", "answer": "", "wanted": None},
]
COLUMNS = {"prompt": "prompt", "language": "language", "source_id": "id", "reference": "answer"}


@pytest.fixture(scope="module")
def served() -> Iterator[list[tgi.Handle]]:
    def replay(german: str, french: str) -> Any:
        return recorded({tgi.key_of(row["prompt"]): french if row["wanted"] else german for row in PROMPTS})

    # By chrF against the English reference, the answer in English would win.
    with tgi.serve(
        [double("right", answers=replay(GERMAN, FRENCH)), double("wrong", answers=replay(ENGLISH, ENGLISH))]
    ) as handles:
        yield handles


@pytest.fixture
def trial(tmp_path: Path, served: list[tgi.Handle]) -> Trial:
    return Trial(
        tmp_path,
        {name: teacher(name, handle.url) for name, handle in zip(("right", "wrong"), served, strict=True)},
        prompts=PROMPTS,
        columns={**COLUMNS, "answer_language": "wanted"},
        more={"languages": ["de", "ha"], "checks": ["empty", "truncated", "no_answer", "language"]},
    )


def test_answers_in_the_wrong_language_are_flagged_lose_and_are_counted(trial: Trial) -> None:
    assert trial.build().code == 0
    pool = {(row["teacher"], row["source_id"]): row["checks"] for row in trial.pool()}
    for source in ("s0", "s1", "s2", "s3", "x"):
        assert pool["right", source] == []
        assert pool["wrong", source] == ["language"]
    assert pool["right", "h"] == pool["wrong", "h"] == [], "what cannot be told is never flagged"
    assert {row["teacher"] for row in trial.table("reward") if row["language"] == "de"} == {"right"}

    manifest = json.loads((trial.dataset / "manifest.json").read_bytes())
    facts = manifest["language_check"]
    assert (facts["detector"], facts["version"][0]) == ("lingua", "2")
    counts = {"right": 4, "wrong": 4, "unchecked": 0, "lines": 8, "wrong_lines": 4, "found": {"en": 4}}
    assert facts["languages"]["de"] == counts
    assert facts["languages"]["fr"] == {
        **counts,
        "right": 1,
        "wrong": 1,
        "lines": 2,
        "wrong_lines": 1,
        "found": {"en": 1},
    }
    assert facts["languages"]["ha"]["unchecked"] == 2
    assert "## Language of the answers" in (trial.dataset / "README.md").read_text(encoding="utf-8")
    assert reproduce(trial.dataset).same

    assert "flagged: language" in trial.run("show").out
    plan = trial.run("check", "--json").json
    assert plan["languages_unchecked"] == ["ha"]
    assert "cannot tell ha" in trial.run("check").out


def test_verdicts_are_made_once_and_again_when_the_check_is_another(trial: Trial) -> None:
    trial.build().check()
    made = trial.query("SELECT count(*), count(DISTINCT check_key) FROM language_verdict")
    assert made == [(12, 1)]
    trial.build().check()
    assert trial.query("SELECT count(*), count(DISTINCT check_key) FROM language_verdict") == made

    (trial.folder / "own_lid.py").write_text("def detect(text):\n    return 'ha' if 'Zahl' in text else 'en'\n")
    trial.more["language_check"] = "own_lid:detect"
    trial.build().check()
    assert trial.query("SELECT count(*), count(DISTINCT check_key) FROM language_verdict") == [(24, 2)]
    pool = {(row["teacher"], row["source_id"]): row["checks"] for row in trial.pool()}
    assert pool["right", "h"] == []
    assert pool["wrong", "h"] == ["language"]
    facts = json.loads((trial.dataset / "manifest.json").read_bytes())["language_check"]
    assert facts["language_check"] == "own_lid:detect" and len(facts["language_check_revision"]) == 64
    assert reproduce(trial.dataset).same, "and nothing of the recipe's own is imported for that"


def test_a_function_of_the_recipes_own_that_fails_ends_the_build_with_one_message(trial: Trial) -> None:
    (trial.folder / "bad_lid.py").write_text("def detect(text):\n    raise KeyError('model')\n")
    trial.more["language_check"] = "bad_lid:detect"
    ran = trial.build()
    assert ran.code == 2
    assert "language_check: bad_lid:detect raised KeyError" in ran.err


def test_near_duplicates_and_contamination_are_told_by_check_build_manifest_and_card(trial: Trial) -> None:
    planted = "The farmer counted his sheep every evening before he closed the wooden gate"
    (trial.folder / "farm.jsonl").write_text(json.dumps({"text": planted}) + "\n")
    trial.prompts = [*PROMPTS, {**PROMPTS[0], "id": "t", "prompt": f"Übersetze: {planted}."}]
    trial.prompts.append({**PROMPTS[0], "id": "s0b", "prompt": PROMPTS[0]["prompt"] + "!!"})
    trial.more |= {
        "near_duplicates": 0.9,
        "contamination": [{"name": "farm", "path": "farm.jsonl", "columns": ["text"]}],
        "contamination_action": "remove",
    }
    trial.write()
    plan = trial.run("check", "--json").json
    assert (plan["sources"][0]["near_duplicates"], plan["sources"][0]["contaminated"]) == (1, 1)
    assert plan["contamination"]["sets"]["farm"] == {"items": 1, "too_short": 0, "prompts": {"de": 1}}
    said = "evaluation set farm (1 items, 0 too short to look for): prompts that hold one: de 1: removed"
    assert said in trial.run("check").out
    ran = trial.build("--json")
    assert ran.json["contamination"] == plan["contamination"]
    manifest = json.loads((trial.dataset / "manifest.json").read_bytes())
    assert manifest["contamination"] == plan["contamination"]
    assert manifest["prompt_sources"][0]["kept"] == 6
    card = (trial.dataset / "README.md").read_text(encoding="utf-8")
    assert "| farm | 1 | 0 | 1 | de 1 |" in card
    assert reproduce(trial.dataset).same
    log = (trial.run_folder / "run.log").read_text(encoding="utf-8")
    assert "near-duplicate: prompt" in log and "contaminated: prompt" in log
