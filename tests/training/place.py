"""What students are trained on: a dataset of easy tasks, built and published for real, and a model to begin from."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import hub
import tgi
from arbitrage.miniature.model import BATCH, Lesson, make_tokenizer, new_model, teach
from arbitrage.miniature.tasks import TAUGHT, answer, facts, languages, prompt
from commands import ROOT
from line.trial import Trial, double, teacher
from tgi.answers import Answers, key_of, recorded

SOURCES = 280
STEPS = 200
"""Of the model that students begin from, on other tasks of the same kind."""
COST = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
"""On a CPU most of the time would go into giving memory back to the system."""


@dataclass
class Place:
    """A dataset here and on the Hub, and the model that students begin from."""

    folder: Path
    server: hub.Server
    dataset: Path
    base: Path
    environ: dict[str, str]

    def command(self, script: str, *options: str | Path) -> list[str]:
        return [sys.executable, str(ROOT / "training" / script), *map(str, options)]

    def run(self, script: str, *options: str | Path, code: int = 0) -> str:
        """Run a script, look at how it ended, and return what it printed."""
        ran = subprocess.run(
            self.command(script, *options),
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ran.returncode == code, ran.stdout + ran.stderr
        if code == 2:
            assert "Traceback" not in ran.stderr, ran.stderr
            return ran.stderr.splitlines()[-1]
        return ran.stdout

    def many(self, commands: Sequence[Sequence[str | Path]]) -> list[str | None]:
        """Run what scripts do in one process; return what each was stopped by."""
        ran = subprocess.run(
            [sys.executable, str(ROOT / "tests/training/many.py")],
            input=json.dumps([list(map(str, command)) for command in commands]),
            cwd=self.folder,
            env={**self.environ, "PYTHONPATH": str(ROOT / "training")},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        found: list[str | None] = json.loads(ran.stdout.splitlines()[-1])
        return found


def tasks(seed: int, count: int) -> list[dict[str, Any]]:
    """Return tasks that a tiny model learns in seconds, each in every language."""
    random = Random(seed)
    stock = facts("order", range(4, 10), random)
    found = list(dict.fromkeys(next(stock) for _ in range(20 * count)))[:count]
    return [
        {
            "id": fact.id,
            "language": language,
            "prompt": prompt(fact, language, TAUGHT[0]),
            "answer": answer(fact, language),
            "topic": fact.kind,
        }
        for fact in found
        for language in languages()
    ]


def answers(rows: list[dict[str, Any]], right: float) -> Answers:
    """Return a teacher that knows a share of the answers; elsewhere it says the numbers as they stand."""
    known = {}
    for row in rows:
        knows = Random(f"{right}:{row['prompt']}").random() < right
        known[key_of(row["prompt"])] = row["answer"] if knows else row["answer"][::-1]
    return recorded(known)


def make_place(folder: Path, server: hub.Server) -> Place:
    """Build and publish the dataset, and train the model."""
    rows = tasks(1, SOURCES)
    doubles = [double(name, answers=answers(rows, right)) for name, right in (("good", 0.9), ("poor", 0.5))]
    environ = {
        **os.environ,
        **COST,
        "HF_ENDPOINT": server.url,
        "HF_TOKEN": server.token,
        "HF_HOME": str(folder / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "builder"), str(ROOT / "dataset_cards")]),
    }
    with tgi.serve(doubles) as handles:
        trial = Trial(
            folder / "work",
            {name: teacher(name, handle.url) for name, handle in zip(("good", "poor"), handles, strict=True)},
            prompts=rows,
            arms={"reward": {"router": "reward"}, "random": {"router": "random"}},
            more={
                "publish": {"repo_id": "org/tasks"},
                "languages": languages(),
                "rewards": {"exact": {"python": "exact_match"}},
            },
            environ=environ,
        )
        trial.write()
        for verb in ("build", "publish"):
            ran = trial.cli(verb, timeout=180)
            assert ran.code == 0, ran
    return Place(folder, server, trial.dataset, make_base(folder / "base"), environ)


def make_base(folder: Path) -> Path:
    """Train a model of Aya's architecture, and not for long."""
    random = Random(1)
    learned = [next(facts("order", range(4), random)) for _ in range(STEPS * BATCH)]
    spoken = random.choices(languages(), k=len(learned))
    lessons = [Lesson(prompt(f, name, TAUGHT[0]), answer(f, name)) for f, name in zip(learned, spoken, strict=True)]
    tokenizer = make_tokenizer((f"{one.prompt} {one.answer}" for one in lessons), 1000)
    model = new_model("cohere", tokenizer, 1)
    for _ in teach(model, tokenizer, lessons, STEPS, 1):
        pass
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def exam(place: Place) -> list[dict[str, Any]]:
    """Return the tasks of the test split."""
    import pyarrow.parquet as pq

    files = sorted(place.dataset.glob("reward/*/test-*.parquet"))
    ids = {source for file in files for source in pq.read_table(file)["source_id"].to_pylist()}
    lines = (place.folder / "work/prompts.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for line in lines if (row := json.loads(line))["id"] in ids]
