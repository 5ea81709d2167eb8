"""Recorded completions of real models, and the files that let doubles of TGI replay them as a pool."""

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plumbing_test_reward
import pyarrow.parquet as pq

COLUMNS = ["dataset", "prompt_id", "language", "prompt", "teacher", "completion", "derived_line_pass"]
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Recordings:
    """What was chosen of a file: some prompts in some languages, each answered by every teacher."""

    languages: Sequence[str]
    teachers: Sequence[str]
    left_out: Sequence[str]
    """Teachers that did not answer in all languages."""
    prompts: dict[tuple[str, str], str]
    """By prompt id and language."""
    completions: dict[tuple[str, str, str], str]
    """By teacher, language and prompt."""
    labels: dict[str, bool]
    """By `plumbing_test_reward.key`."""

    @property
    def steadiest(self) -> str:
        """The teacher with the fewest empty completions."""
        empty = Counter(teacher for (teacher, _, _), text in self.completions.items() if not text.strip())
        return min(self.teachers, key=lambda teacher: (empty[teacher], teacher))


def read(path: Path, languages: Sequence[str], limit: int) -> Recordings:
    """Choose the teachers that answered in every language, and the first prompts that all of them answered.

    A text that is asked twice in these languages is left out: the double finds a recording by the text.
    """
    rows = [row for row in pq.read_table(path, columns=COLUMNS).to_pylist() if row["language"] in languages]
    answered: dict[str, set[str]] = {}
    for row in rows:
        answered.setdefault(row["teacher"], set()).add(row["language"])
    teachers = sorted(teacher for teacher, found in answered.items() if found == set(languages))
    rows = [row for row in rows if row["teacher"] in teachers]
    prompts = {(row["prompt_id"], row["language"]): row["prompt"] for row in rows}
    times = Counter(prompts.values())
    asked = Counter((row["prompt_id"], row["language"]) for row in rows if times[row["prompt"]] == 1)
    whole = {name for name, count in asked.items() if count == len(teachers)}
    ids = [name for name in dict.fromkeys(row["prompt_id"] for row in rows) if {(name, x) for x in languages} <= whole]
    if not ids:
        raise SystemExit(f"{path}: no prompt was answered by the same teachers in each of {', '.join(languages)}")
    chosen = set(ids[:limit])
    rows = [row for row in rows if row["prompt_id"] in chosen]
    labels: dict[str, set[bool]] = {}
    for row in rows:
        if row["derived_line_pass"] is not None:
            name = plumbing_test_reward.key(row["language"], row["prompt"], row["completion"])
            labels.setdefault(name, set()).add(row["derived_line_pass"])
    return Recordings(
        languages=languages,
        teachers=teachers,
        left_out=sorted(set(answered) - set(teachers)),
        prompts={(row["prompt_id"], row["language"]): row["prompt"] for row in rows},
        completions={(row["teacher"], row["language"], row["prompt"]): row["completion"] or "" for row in rows},
        labels={name: found.pop() for name, found in labels.items() if len(found) == 1},
    )


def name_of(teacher: str) -> str:
    """Return a teacher's name in the recipe."""
    return re.sub("[^A-Za-z0-9._-]", "-", teacher)


def write_world(recordings: Recordings, folder: Path) -> Path:
    """Write prompts, reward and labels into `folder`; return the doubles' config."""
    with (folder / "prompts.jsonl").open("w", encoding="utf-8") as lines:
        for (source_id, language), prompt in recordings.prompts.items():
            messages = [{"role": "user", "content": prompt}]
            row = {"source_id": source_id, "language": language, "messages": messages}
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    (folder / "labels.json").write_text(json.dumps(recordings.labels), encoding="utf-8")
    shutil.copy(HERE / "plumbing_test_reward.py", folder)
    config = folder / "doubles.json"
    doubles = [_double(recordings, n, teacher, folder) for n, teacher in enumerate(recordings.teachers)]
    config.write_text(json.dumps(doubles), encoding="utf-8")
    return config


def _double(recordings: Recordings, n: int, teacher: str, folder: Path) -> dict[str, Any]:
    """Return one double's config: each is slower than the one before, and serves fewer at once."""
    path = folder / f"{name_of(teacher)}.jsonl"
    with path.open("w", encoding="utf-8") as lines:
        for (who, _, prompt), completion in recordings.completions.items():
            if who == teacher:
                lines.write(json.dumps({"prompt": prompt, "completion": completion}, ensure_ascii=False) + "\n")
    return {
        "name": name_of(teacher),
        "model_id": f"recorded/{name_of(teacher)}",
        "model_sha": hashlib.sha256(path.read_bytes()).hexdigest()[:40],
        "replay": path.name,
        "latency": 0.002 * 1.5**n,
        "slots": max(2, 32 - 3 * n),
        "limits": {"max_input_tokens": 8192, "max_total_tokens": 8192 + _longest(recordings)},
    }


def _longest(recordings: Recordings) -> int:
    """Return a number of tokens that cuts no completion: the double counts four characters as one."""
    return max(map(len, recordings.completions.values())) // 4 + 2


def recipe_text(recordings: Recordings, ports: dict[str, int]) -> str:
    """Return the recipe that asks the doubles."""
    teachers = [
        f"  {name_of(teacher)}: {{endpoint: 'http://127.0.0.1:{ports[name_of(teacher)]}', api: tgi, "
        f"model: recorded/{name_of(teacher)}, license: 'as recorded'}}"
        for teacher in recordings.teachers
    ]
    single = name_of(recordings.steadiest)
    return "\n".join(
        [
            "name: recorded-pool",
            "license: other",
            f"languages: [{', '.join(recordings.languages)}]",
            "prompts:",
            "  - {path: prompts.jsonl, columns: {messages: messages, language: language, source_id: source_id}}",
            "teachers:",
            *teachers,
            f"sampling: {{temperature: 0, max_tokens: {_longest(recordings)}}}",
            "rewards: {plumbing_test: {python: 'plumbing_test_reward:plumbing_test'}}",
            "arms:",
            f"  {single_arm(recordings)}: {{router: single, teacher: {single}}}",
            "  random: {router: random}",
            "  reward: {router: reward}",
            "tolerate: 1     # some recorded completions are empty, which is no news here",
            "seed: 7",
            "",
        ]
    )


def single_arm(recordings: Recordings) -> str:
    """Return the name of the arm that asks one teacher."""
    return "single_" + re.sub("[^a-z0-9]+", "_", recordings.steadiest.lower())
