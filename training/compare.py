# /// script
# requires-python = ">=3.11"
# dependencies = ["datasets>=4.7,<6", "peft>=0.18", "scipy>=1.14", "torch>=2.9", "transformers>=5.16,<6",
#   "trl>=1.16,<2"]
# ///
"""The same student on several arms: the same settings, seeds and budget for all, and a table out of it.

    python compare.py --config recipes/miniature.yaml --arms reward fixed random --seeds 1 2 3 --examples 20000 \
        --exam exam.jsonl --output_dir students

It needs sft.py beside it, and hands what it does not know itself on to it. No arm is shown more than `--examples`, nor
more tokens than the arm with the shortest of them; where an arm has fewer rows they come again. An exam is a JSONL
file with `prompt`, `answer` and, where there are any, `id` (of the source) and `language`; an answer is right when it
is the same but for case, blanks and the marks at its end. The same command goes on after an interruption.
"""

import argparse
import json
import math
import shlex
import subprocess
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import sft  # noqa: E402
import torch  # noqa: E402
from scipy.stats import t as student  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed  # noqa: E402
from trl import SFTConfig  # noqa: E402

BASE = "before training"
ENDS = " \t\n.。؟?!"
BATCH = 64
NEW_TOKENS = 64


class Item(NamedTuple):
    """A question of the exam."""

    prompt: str
    answer: str
    source: str
    language: str


def main() -> None:
    """Read the command line, train, examine, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="settings of sft.py")
    parser.add_argument("--arms", nargs="+", required=True, help="the first is what the others are compared with")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--examples", type=int, required=True, help="shown to each student at most")
    parser.add_argument("--exam", type=Path, required=True)
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--launch", default=sys.executable, help="what runs sft.py, such as accelerate launch")
    options, rest = parser.parse_known_args()
    exam = read_exam(options.exam)
    given = ["--config", options.config, *rest]
    tokens = fewest_tokens(given, options.arms, options.seeds, options.examples)
    sft.tell(f"each student is shown {options.examples:,} examples and {tokens:,} tokens at most")
    _, args, model = settings(given, options.arms[0], options.seeds[0], options.examples)
    tokenizer = sft.load_tokenizer(model, args.chat_template_path)
    base = answers_of(model.model_name_or_path, tokenizer, [item.prompt for item in exam], model.model_revision)
    right: dict[str, list[list[bool]]] = {BASE: [marked(exam, base)]}
    states: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for seed in options.seeds:
        for arm in options.arms:
            folder = options.output_dir / arm / f"seed-{seed}"
            budget = ["--examples", str(options.examples), "--tokens", str(tokens), "--num_train_epochs", "1"]
            command = [*shlex.split(options.launch), str(HERE / "sft.py"), *given, *budget]
            command += ["--dataset_config", arm, "--seed", str(seed), "--output_dir", str(folder)]
            if code := subprocess.run(command).returncode:
                sys.exit(code)
            states[arm].append(json.loads((folder / sft.STATE).read_text(encoding="utf-8")))
            right.setdefault(arm, []).append(examined(folder, exam))
            sft.tell(f"{arm}, seed {seed}: {100 * sum(right[arm][-1]) / len(exam):.1f} right in 100")
    found = results(exam, right, states, options.arms)
    (options.output_dir / "compare.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    text = "\n".join(table(found))
    (options.output_dir / "compare.md").write_text(text + "\n", encoding="utf-8")
    sft.tell(text)


def settings(given: Sequence[str], arm: str, seed: int, examples: int) -> tuple[Any, Any, Any]:
    """Return what sft.py makes of the settings."""
    sys.argv = ["sft.py", *given, "--dataset_config", arm, "--seed", str(seed), "--examples", str(examples)]
    return sft.read_settings(sft.Shown, SFTConfig, completion_only_loss=True)


def fewest_tokens(given: Sequence[str], arms: Sequence[str], seeds: Sequence[int], examples: int) -> int:
    """Return how many tokens the examples of an arm have, of the arm and seed where they are fewest."""
    found = []
    for arm in arms:
        data, args, model = settings(given, arm, seeds[0], examples)
        rows, _ = sft.load_rows(data, sft.pinned(data), "completion")
        whole = sft.examples_of(rows, sft.load_tokenizer(model, args.chat_template_path), args.dataset_num_proc)
        found += [sum(sft.shown(whole, data, seed)["length"]) for seed in seeds]
    return min(found)


def read_exam(path: Path) -> list[Item]:
    """Read an exam."""
    with sft.explained(str(path)):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        if not rows or any(not isinstance(row.get(key), str) for row in rows for key in ("prompt", "answer")):
            raise sft.Stop(f"{path}: every line needs a prompt and an answer, and there has to be one")
        return [Item(r["prompt"], r["answer"], r.get("id", str(n)), r.get("language", "-")) for n, r in enumerate(rows)]


def examined(model: Path, exam: Sequence[Item]) -> list[bool]:
    """Return which questions a student answers rightly; its answers are kept, so that nobody asks twice."""
    kept = model / "answers.json"
    old = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    if old.get("exam") != list(map(list, exam)):
        answers = answers_of(str(model), AutoTokenizer.from_pretrained(model), [item.prompt for item in exam])
        old = {"exam": exam, "answers": answers}
        kept.with_suffix(".new").write_text(json.dumps(old, ensure_ascii=False), encoding="utf-8")
        kept.with_suffix(".new").replace(kept)
    return marked(exam, old["answers"])


def marked(exam: Sequence[Item], answers: Sequence[str]) -> list[bool]:
    """Return which answers are right."""
    return [same(item.answer, answer) for item, answer in zip(exam, answers, strict=True)]


def answers_of(name: str, tokenizer: Any, prompts: Sequence[str], revision: str | None = None) -> list[str]:
    """Return a model's likeliest answers; prompts of one length go together, so that nothing is padded."""
    set_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(name, revision=revision).to(device).eval()
    by_length: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
    for n, prompt in enumerate(prompts):
        turns = [{"role": "user", "content": prompt}]
        ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]
        by_length[len(ids)].append((n, ids))
    found = [""] * len(prompts)
    for length, rows in sorted(by_length.items()):
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            ids = torch.tensor([ids for _, ids in part], device=device)
            with torch.inference_mode():
                out = model.generate(
                    ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW_TOKENS
                )
            for (n, _), row in zip(part, out, strict=True):
                found[n] = tokenizer.decode(row[length:], skip_special_tokens=True)
    return found


def same(expected: str, answer: str) -> bool:
    """Say whether an answer is the expected one, but for case, blanks and the marks at its end."""
    one, other = (" ".join(unicodedata.normalize("NFC", text).casefold().split()) for text in (expected, answer))
    return one.strip(ENDS) == other.strip(ENDS)


def interval(values: Iterable[tuple[str, float]]) -> tuple[float, float | None]:
    """Return a mean of values, and half of its 95 % interval, clustered by source; None of one source alone."""
    sums: dict[str, list[float]] = defaultdict(list)
    for source, value in values:
        sums[source].append(value)
    count = sum(map(len, sums.values()))
    mean = math.fsum(value for some in sums.values() for value in some) / count
    if len(sums) < 2:
        return mean, None
    errors = math.fsum(math.fsum(value - mean for value in some) ** 2 for some in sums.values())
    deviation = math.sqrt(errors * len(sums) / (len(sums) - 1)) / count
    return mean, float(student.ppf(0.975, len(sums) - 1)) * deviation


def results(
    exam: Sequence[Item],
    right: Mapping[str, Sequence[Sequence[bool]]],
    states: Mapping[str, Sequence[Mapping[str, Any]]],
    arms: Sequence[str],
) -> dict[str, Any]:
    """Return what each arm's students were shown, how much they get right, and by how much they trail the first."""
    means = {
        name: [sum(runs[n] for runs in found) / len(found) for n in range(len(exam))] for name, found in right.items()
    }
    languages = sorted({item.language for item in exam})
    rows = {}
    for name, found in means.items():
        behind = [(item.source, 100 * (a - b)) for item, a, b in zip(exam, found, means[arms[0]], strict=True)]
        each = [100 * sum(run) / len(run) for run in right[name]]
        rows[name] = {
            "right": interval((item.source, 100 * value) for item, value in zip(exam, found, strict=True)),
            "by_seed": each,
            "above_first": None if name == arms[0] else interval(behind),
            "by_language": {
                one: interval(
                    (item.source, 100 * v) for item, v in zip(exam, found, strict=True) if item.language == one
                )
                for one in languages
            },
            **{key: [state[key] for state in states.get(name, ())] for key in ("examples", "tokens", "steps")},
        }
    return {"first": arms[0], "questions": len(exam), "sources": len({item.source for item in exam}), "arms": rows}


def table(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of two tables: over all, and by language."""
    yield f"Right answers in 100, of {found['questions']:,} questions of {found['sources']:,} sources; means of seeds,"
    yield "95 % intervals clustered by source. The seeds' own range shows what chance in training does.\n"
    yield f"| arm | examples | tokens | steps | right | seeds | above {found['first']} |\n|---|---|---|---|---|---|---|"
    for name, row in found["arms"].items():
        seeds = f"{min(row['by_seed']):.1f} to {max(row['by_seed']):.1f}"
        shown = [
            " to ".join(f"{n:,}" for n in sorted({min(row[k]), max(row[k])})) if row[k] else "-"
            for k in ("examples", "tokens", "steps")
        ]
        above = "-" if row["above_first"] is None else cell(row["above_first"])
        yield f"| {name} | {' | '.join(shown)} | {cell(row['right'])} | {seeds} | {above} |"
    languages = list(next(iter(found["arms"].values()))["by_language"])
    yield f"\n| arm | {' | '.join(languages)} |\n|---|{'---|' * len(languages)}"
    for name, row in found["arms"].items():
        yield f"| {name} | {' | '.join(cell(value) for value in row['by_language'].values())} |"


def cell(value: Sequence[float | None]) -> str:
    """Return a mean with half of its interval."""
    mean, half = value
    return f"{mean:.1f}" + (f" ± {half:.1f}" if half is not None else "")


if __name__ == "__main__":
    sft.main(main)
